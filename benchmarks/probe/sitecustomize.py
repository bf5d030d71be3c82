"""Looks into a program, or changes it, without a line of its own: by variables of its environment.

Python imports a module of this name by itself when its folder is on PYTHONPATH, so that products
and peers are measured alike and unchanged.

LOOP_LAG_FILE: how late each event loop is goes into that file.
TASK_COUNT_FILE: how many tasks all event loops have goes into that file, twice a second.
ONNXRUNTIME_DEFAULTS: nobody can switch off onnxruntime's arena and memory pattern.
"""

import asyncio
import importlib.abc
import importlib.machinery
import importlib.util
import os
import struct
import sys
import threading
import time
import types
import weakref
from collections.abc import Callable, Sequence
from typing import Any

_PERIOD_SECONDS = 0.05
_COUNT_SECONDS = 0.5
_ONNXRUNTIME = "onnxruntime"
_FORCED_ON = ("enable_cpu_mem_arena", "enable_mem_pattern")


class LagProbe:
    """A timer on one loop; writes its thread, when it ran (monotonic) and how late, as doubles."""

    def __init__(self, loop: asyncio.AbstractEventLoop, file: int) -> None:
        self._loop = loop
        self._file = file
        self._due = loop.time() + _PERIOD_SECONDS
        loop.call_at(self._due, self._run)

    def _run(self) -> None:
        late = self._loop.time() - self._due
        os.write(self._file, struct.pack("ddd", threading.get_native_id(), time.monotonic(), late))
        self._due = self._loop.time() + _PERIOD_SECONDS
        self._loop.call_at(self._due, self._run)


class TaskProbe:
    """A thread that counts the unfinished tasks of all loops, closed ones included; a double."""

    def __init__(self, file: int) -> None:
        self._file = file
        self._loops = weakref.WeakSet[asyncio.AbstractEventLoop]()
        threading.Thread(target=self._run, name="task-probe", daemon=True).start()

    def watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Count the tasks of this loop too."""
        self._loops.add(loop)

    def _run(self) -> None:
        while True:
            count = sum(len(asyncio.all_tasks(loop)) for loop in list(self._loops))
            os.pwrite(self._file, struct.pack("d", count), 0)
            time.sleep(_COUNT_SECONDS)


class DefaultsOfOnnxruntime(importlib.abc.MetaPathFinder):
    """Once onnxruntime is imported, its options can no longer be switched off."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: types.ModuleType | None = None,
    ) -> importlib.machinery.ModuleSpec | None:
        """Let the others find it, and change what they have loaded."""
        if fullname != _ONNXRUNTIME:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is None or spec.loader is None:
            return spec
        # The loader is this module's own, made for it alone.
        loader: Any = spec.loader
        load = loader.exec_module

        def load_and_change(module: Any) -> None:
            load(module)
            given = module.SessionOptions

            def set_attribute(options: object, name: str, value: object) -> None:
                given.__setattr__(options, name, True if name in _FORCED_ON else value)

            module.SessionOptions = type("SessionOptions", (given,), {"__setattr__": set_attribute})

        loader.exec_module = load_and_change
        return spec


def _watch_new_loops(watch: Callable[[asyncio.AbstractEventLoop], object]) -> None:
    new_event_loop = asyncio.new_event_loop

    def probed() -> asyncio.AbstractEventLoop:
        loop = new_event_loop()
        watch(loop)
        return loop

    asyncio.events.new_event_loop = probed
    asyncio.new_event_loop = probed


def _opened(path: str, more: int) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | more, 0o644)


if _lag_file := os.environ.get("LOOP_LAG_FILE"):
    _lag = _opened(_lag_file, os.O_APPEND)
    _watch_new_loops(lambda loop: LagProbe(loop, _lag))
if _task_file := os.environ.get("TASK_COUNT_FILE"):
    _watch_new_loops(TaskProbe(_opened(_task_file, 0)).watch)
if os.environ.get("ONNXRUNTIME_DEFAULTS"):
    sys.meta_path.insert(0, DefaultsOfOnnxruntime())
