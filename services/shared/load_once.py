"""Loads something expensive exactly once, for callers on any event loop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from typing import Generic, TypeVar

logger = logging.getLogger("services.shared.load_once")

T = TypeVar("T")


class LoadOnce(Generic[T]):
    """Runs `load` in a thread of its own on the first request, and keeps its result.

    Requests from any event loop or thread share that one load; cancelling one does not affect the
    others. A failed load is reported to every waiting request and not kept: the next request tries
    again.

    An `asyncio.Lock` cannot do this: it belongs to the loop that first contends for it.
    """

    def __init__(
        self, name: str, load: Callable[[], T], *, discard: Callable[[T], object] = lambda _: None
    ) -> None:
        """`discard` receives a loaded value for which `put` has provided a replacement."""
        self._name = name
        self._load = load
        self._discard = discard
        self._lock = threading.Lock()
        self._future: Future[T] | None = None
        self._loads = 0

    @property
    def loads(self) -> int:
        """How often `load` has been started."""
        return self._loads

    async def get(self) -> T:
        """Return the value, loading it if necessary; raises whatever `load` raises."""
        return await asyncio.shield(asyncio.wrap_future(self.start()))

    def get_blocking(self) -> T:
        """Like `get`, for threads without an event loop."""
        return self.start().result()

    def peek(self) -> T | None:
        """Return the value, or None while it is not loaded."""
        future = self._future
        if future is None or not future.done() or future.exception() is not None:
            return None
        return future.result()

    def take(self) -> T | None:
        """Forget the value and return it, for the caller to close."""
        with self._lock:
            loaded = self.peek()
            if loaded is not None:
                self._future = None
            return loaded

    def put(self, value: T) -> T | None:
        """Replace the value and return the one before, for the caller to close.

        Requests that wait for a load get `value` at once; the result of that load is discarded.
        """
        with self._lock:
            if self._future is not None:
                with contextlib.suppress(InvalidStateError):
                    self._future.set_result(value)
                    return None
            before = self.peek()
            self._future = Future()
            self._future.set_result(value)
            return before

    def start(self) -> Future[T]:
        """Begin loading unless that has happened, and return at once."""
        with self._lock:
            if self._future is None:
                self._future = Future()
                self._loads += 1
                threading.Thread(
                    target=self._run, args=(self._future,), name=f"load-{self._name}", daemon=True
                ).start()
            return self._future

    def _run(self, future: Future[T]) -> None:
        started = time.monotonic()
        try:
            loaded = self._load()
        except BaseException as error:
            with self._lock:
                if self._future is future and not future.done():
                    self._future = None
            logger.warning("load failed", extra={"what": self._name, "error": str(error)})
            with contextlib.suppress(InvalidStateError):
                future.set_exception(error)
        else:
            logger.debug(
                "loaded",
                extra={"what": self._name, "seconds": round(time.monotonic() - started, 2)},
            )
            try:
                future.set_result(loaded)
            except InvalidStateError:
                self._discard(loaded)
