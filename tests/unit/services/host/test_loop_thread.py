"""A service in a thread of its own: how it starts, fails and ends."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import logging
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from services.host.loop_thread import LoopThread, StartError

pytestmark = pytest.mark.unit

PATIENCE_SECONDS = 30.0
"""Only a test that fails waits for so long."""


class Service:
    """Tells what happens to it, and can be made to hang or fail."""

    def __init__(
        self,
        *,
        start: Callable[[], Any] | None = None,
        end: Callable[[], Any] | None = None,
        work: Callable[[], Any] | None = None,
    ) -> None:
        """Each returns an awaitable: for the start, for the end, and what runs in between."""
        self._start = start
        self._end = end
        self._work = work
        self.entered = threading.Event()
        self.left = threading.Event()
        self.thread = LoopThread(self._serving, name="under-test", called="the service")

    @contextlib.asynccontextmanager
    async def _serving(self) -> AsyncIterator[str]:
        self.entered.set()
        try:
            if self._start is not None:
                await self._start()
            async with asyncio.TaskGroup() as tasks:
                if self._work is not None:
                    tasks.create_task(self._work())
                yield threading.current_thread().name
        finally:
            if self._end is not None:
                await self._end()
            self.left.set()


def running() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "under-test"]


async def forever() -> None:
    await asyncio.Event().wait()


async def test_a_service_runs_in_its_thread_until_it_is_stopped(no_leaks: None) -> None:
    service = Service()
    assert not service.thread.begun
    assert service.thread.start() == "under-test"
    assert service.thread.begun
    assert running()
    assert not service.left.is_set()
    service.thread.stop()
    service.thread.stop()
    assert service.left.is_set()
    assert not running()
    with pytest.raises(StartError, match="has been stopped"):
        service.thread.start()


async def test_what_the_start_raises_is_raised_once_the_thread_has_ended(no_leaks: None) -> None:
    async def refuse() -> None:
        raise TimeoutError("no such port")

    service = Service(start=refuse)
    for _ in range(2):
        with pytest.raises(TimeoutError, match="no such port"):
            service.thread.start()
        assert not running()
    assert service.left.is_set()


async def test_a_start_that_takes_too_long_is_given_up(no_leaks: None) -> None:
    service = Service(start=forever)
    with pytest.raises(StartError, match=r"The service did not start within 0\.05 s"):
        service.thread.start(timeout_seconds=0.05)
    assert service.left.is_set()
    assert not running()


async def test_a_stop_during_the_start_ends_both(no_leaks: None) -> None:
    service = Service(start=forever)

    def stop() -> None:
        assert service.entered.wait(PATIENCE_SECONDS)
        service.thread.stop(timeout_seconds=PATIENCE_SECONDS)

    stopping = threading.Thread(target=stop)
    stopping.start()
    with pytest.raises(StartError, match="stopped before it had started"):
        service.thread.start(timeout_seconds=PATIENCE_SECONDS)
    stopping.join()
    assert service.left.is_set()
    assert not running()


async def test_a_stop_that_comes_first_keeps_the_service_from_starting(no_leaks: None) -> None:
    service = Service()
    service.thread.stop()
    with pytest.raises(StartError, match="has been stopped"):
        service.thread.start()
    assert not service.entered.is_set()


async def test_a_stop_right_after_the_thread_has_begun_is_not_lost(no_leaks: None) -> None:
    for _ in range(50):
        service = Service()
        service.thread.begin()
        service.thread.stop(timeout_seconds=PATIENCE_SECONDS)
        assert not running()


async def test_several_threads_may_start_it_and_several_stop_it(no_leaks: None) -> None:
    slow = threading.Event()

    async def linger() -> None:
        await asyncio.get_running_loop().run_in_executor(None, slow.wait)

    service = Service(end=linger)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        assert {
            each.result() for each in [pool.submit(service.thread.start) for _ in range(4)]
        } == {"under-test"}
        stops = [
            pool.submit(service.thread.stop, timeout_seconds=PATIENCE_SECONDS) for _ in range(4)
        ]
        slow.set()
        for stop in stops:
            stop.result()
    service.thread.stop()
    assert service.left.is_set()
    assert not running()


async def test_the_service_may_stop_itself(no_leaks: None) -> None:
    service = Service()
    service.thread.start()
    service.thread.post(service.thread.stop)
    assert await asyncio.to_thread(service.left.wait, PATIENCE_SECONDS)
    service.thread.stop(timeout_seconds=PATIENCE_SECONDS)
    assert not running()


async def test_a_service_that_does_not_end_in_time_is_left_and_logged(
    caplog: pytest.LogCaptureFixture, no_leaks: None
) -> None:
    held = threading.Event()

    async def block() -> None:
        held.wait(PATIENCE_SECONDS)

    service = Service(end=block)
    service.thread.start()
    with caplog.at_level(logging.ERROR, logger="services.host"):
        service.thread.stop(timeout_seconds=0.05)
    assert [record.message for record in caplog.records] == ["service did not stop"]
    assert running()
    held.set()
    service.thread.stop(timeout_seconds=PATIENCE_SECONDS)
    assert not running()


async def test_a_service_that_fails_later_ends_and_is_logged(
    caplog: pytest.LogCaptureFixture, no_leaks: None
) -> None:
    failing = asyncio.Event()

    async def fail() -> None:
        await failing.wait()
        raise ValueError("no more files")

    service = Service(work=fail)
    with caplog.at_level(logging.ERROR, logger="services.host"):
        service.thread.start()
        service.thread.post(failing.set)
        assert await asyncio.to_thread(service.left.wait, PATIENCE_SECONDS)
        service.thread.stop(timeout_seconds=PATIENCE_SECONDS)
    assert [record.message for record in caplog.records] == ["service ended"]
    assert "no more files" in caplog.text


async def test_work_runs_on_the_loop_and_none_is_forgotten_at_the_end(no_leaks: None) -> None:
    service = Service()

    async def where() -> str:
        return threading.current_thread().name

    with pytest.raises(StartError, match="does not run"):
        service.thread.submit(where())
    service.thread.start()
    assert service.thread.submit(where()).result(PATIENCE_SECONDS) == "under-test"

    results: list[concurrent.futures.Future[None]] = []

    def submit() -> None:
        with contextlib.suppress(StartError):
            while True:
                results.append(service.thread.submit(forever()))

    submitting = [threading.Thread(target=submit) for _ in range(2)]
    for thread in submitting:
        thread.start()
    service.thread.stop(timeout_seconds=PATIENCE_SECONDS)
    for thread in submitting:
        thread.join()
    _, unanswered = concurrent.futures.wait(results, timeout=0)
    assert not unanswered
    service.thread.post(lambda: pytest.fail("called after the end"))
