"""What the admin routes show of the memory: the monitor, temp files and reloads together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from ..host.temp_files import TempFiles
from ..host.threads import run_in_daemon
from .config import MB
from .monitor import MemoryMonitor
from .reload import ModelReload
from .report import cleaning_json


class MemoryView:
    """Answers from any event loop, without blocking it."""

    def __init__(
        self,
        monitor: MemoryMonitor,
        *,
        temp_files: TempFiles | None = None,
        reload: ModelReload | None = None,
        more: Callable[[], dict[str, Any]] | None = None,
    ) -> None:
        """`more` adds entries of its owner's; it is called in a thread."""
        self._monitor = monitor
        self._temp_files = temp_files
        self._reload = reload
        self._more = more

    async def look(self, moments: int) -> dict[str, Any]:
        """The memory now, with the last `moments` of its history."""
        return await asyncio.wrap_future(
            run_in_daemon("memory-view", lambda: self.look_blocking(moments))
        )

    async def clean(self) -> dict[str, Any]:
        """Clean, and tell what each step did."""
        cleaning = asyncio.wrap_future(self._monitor.clean("asked for"))
        return {"cleanup": cleaning_json(await asyncio.shield(cleaning))}

    def look_blocking(self, moments: int = 0) -> dict[str, Any]:
        """Like `look`, for a thread without an event loop; takes some milliseconds."""
        found = self._monitor.look().as_json(moments=moments)
        files = self._temp_files.stats() if self._temp_files is not None else None
        found["temp_files"] = {
            "count": files.count if files else 0,
            "size_mb": round(files.bytes / MB, 2) if files else 0.0,
        }
        found["model"] = {
            "reload_count": self._reload.count if self._reload is not None else 0,
            "last_reload": self._reload.last if self._reload is not None else None,
        }
        if self._more is not None:
            found.update(self._more())
        return found
