"""A service on an event loop in a thread of its own, so that busy rooms cannot delay it."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import logging
import threading
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, Generic, TypeVar

logger = logging.getLogger("services.host")

START_TIMEOUT_SECONDS: Final = 10.0
STOP_TIMEOUT_SECONDS: Final = 5.0

Started = TypeVar("Started")
Result = TypeVar("Result")


class StartError(Exception):
    """A service could not start; the text says why, and what to change where that helps."""


class LoopThread(Generic[Started]):
    """Runs one service once, from `start` to `stop`; every method is safe from any thread.

    The service is an asynchronous context manager. It is entered on the loop to start, left on the
    loop to stop, and what it is entered as is the result of `start`. Its own tasks belong in a
    `TaskGroup` around its `yield`: the failure of one then ends the service, and is logged. All
    other tasks of the loop are cancelled once the service has been left.
    """

    def __init__(
        self,
        service: Callable[[], AbstractAsyncContextManager[Started]],
        *,
        name: str,
        called: str,
    ) -> None:
        """Start nothing yet.

        Args:
            service: makes the context manager, in the thread.
            name: of the thread.
            called: the service in sentences and in the log, such as `the web server`.
        """
        self._service = service
        self._name = name
        self._called = called
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._closed = False
        """Nothing more is taken for the loop."""
        self._started: concurrent.futures.Future[Started] = concurrent.futures.Future()
        self._stopping = asyncio.Event()
        self._starting: asyncio.Task[Any] | None = None

    @property
    def begun(self) -> bool:
        """Whether the thread was ever started."""
        return self._thread is not None

    def start(self, *, timeout_seconds: float = START_TIMEOUT_SECONDS) -> Started:
        """Start the service unless that was done, and return its result once it has started.

        Raises:
            StartError: it took too long, or was stopped meanwhile or before.
            Exception: whatever the service raised.
        """
        if not self.begun:
            self.begin()
        try:
            concurrent.futures.wait([self._started], timeout_seconds)
            if not self._started.done():
                raise StartError(f"{self._sentence} did not start within {timeout_seconds:g} s.")
            started = self._started.result()
            if self._closed:
                raise StartError(f"{self._sentence} has been stopped.")
            return started
        except BaseException:
            self.stop()
            raise

    def begin(self) -> None:
        """Start the service unless that was done, and return at once.

        Raises:
            StartError: it was stopped, or has ended by itself.
        """
        with self._lock:
            if self._closed:
                raise StartError(f"{self._sentence} has been stopped.")
            if self._thread is not None:
                return
            loop = asyncio.new_event_loop()
            thread = threading.Thread(target=self._run, args=(loop,), name=self._name, daemon=True)
            try:
                thread.start()
            except BaseException:
                loop.close()
                raise
            self._loop, self._thread = loop, thread

    def submit(self, work: Coroutine[Any, Any, Result]) -> concurrent.futures.Future[Result]:
        """Run `work` on the loop; the future gets its result, and cancelling it cancels the work.

        Raises:
            StartError: the thread does not run; `work` is closed.
        """
        with self._lock:
            # Under the lock, so that the end of the loop comes after whatever it has taken.
            if self._loop is not None and not self._closed:
                return asyncio.run_coroutine_threadsafe(work, self._loop)
        work.close()
        raise StartError(f"{self._sentence} does not run.")

    def post(self, function: Callable[[], object]) -> None:
        """Call `function` on the loop soon; do nothing where the thread does not run."""
        with self._lock:
            if self._loop is not None and not self._closed:
                self._loop.call_soon_threadsafe(function)

    def stop(self, *, timeout_seconds: float = STOP_TIMEOUT_SECONDS) -> None:
        """End the service and wait for the thread; one that has not begun never will.

        One that is still starting is cancelled. A thread that does not end in time is logged and
        left behind. On the loop itself this returns at once. Idempotent.
        """
        with self._lock:
            self._closed = True
            loop, thread = self._loop, self._thread
        if loop is None or thread is None:
            return
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(self._end)
        if thread is threading.current_thread():
            return
        thread.join(timeout_seconds)
        if thread.is_alive():
            logger.error(
                "service did not stop", extra={"service": self._name, "seconds": timeout_seconds}
            )

    @property
    def _sentence(self) -> str:
        """The beginning of a sentence about the service."""
        return self._called[:1].upper() + self._called[1:]

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        problem: BaseException | None = None
        try:
            with asyncio.Runner(loop_factory=lambda: loop) as runner:
                runner.run(self._serve())
        except BaseException as error:
            problem = error
        if not self._started.done():
            if problem is None or isinstance(problem, asyncio.CancelledError):
                problem = StartError(f"{self._sentence} was stopped before it had started.")
            self._started.set_exception(problem)
        elif problem is not None:
            logger.error("service ended", extra={"service": self._name}, exc_info=problem)

    async def _serve(self) -> None:
        try:
            if self._stopping.is_set():
                return
            self._starting = asyncio.current_task()
            async with self._service() as started:
                self._starting = None
                self._started.set_result(started)
                await self._stopping.wait()
        finally:
            with self._lock:
                self._closed = True
            # Work that was taken before begins, so that the runner can cancel it.
            await asyncio.sleep(0)

    def _end(self) -> None:
        """Stop the service; on the loop."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        if self._starting is not None:
            self._starting.cancel()
