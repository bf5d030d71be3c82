"""The memory as the admin routes show it: the monitor, temporary files and reloads."""

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
    """Can be used from any event loop without blocking it."""

    def __init__(
        self,
        monitor: MemoryMonitor,
        *,
        temp_files: TempFiles,
        reload: ModelReload,
        more: Callable[[], dict[str, Any]] = dict,
    ) -> None:
        """`more` returns additional entries; it is called in a thread."""
        self._monitor = monitor
        self._temp_files = temp_files
        self._reload = reload
        self._more = more

    async def look(self, moments: int) -> dict[str, Any]:
        """Return the memory now, with the last `moments` of its history."""
        return await asyncio.wrap_future(
            run_in_daemon("memory-view", lambda: self.look_blocking(moments))
        )

    async def clean(self) -> dict[str, Any]:
        """Clean, and return what each step freed."""
        cleaning = asyncio.wrap_future(self._monitor.clean("requested"))
        return {"cleanup": cleaning_json(await asyncio.shield(cleaning))}

    def look_blocking(self, moments: int = 0) -> dict[str, Any]:
        """Like `look`, for a thread without an event loop; blocks some milliseconds."""
        found = self._monitor.look().as_json(moments=moments)
        files = self._temp_files.stats()
        found["temp_files"] = {"count": files.count, "size_mb": round(files.bytes / MB, 2)}
        found["model"] = {"reload_count": self._reload.count, "last_reload": self._reload.last}
        return {**found, **self._more()}
