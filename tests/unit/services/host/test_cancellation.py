from __future__ import annotations

import asyncio
import contextlib
import threading

import pytest

from services.host.cancellation import in_thread

PATIENCE_SECONDS = 60.0


class Steps:
    """What happened, in order: a thread uses something, and its owner frees it."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self._owner: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.began = asyncio.Event()

    async def own(self) -> None:
        self._owner, self._loop = asyncio.current_task(), asyncio.get_running_loop()
        try:
            await in_thread(self._use)
        finally:
            self.events.append("freed")

    def _use(self) -> None:
        assert self._loop is not None
        assert self._owner is not None
        self._loop.call_soon_threadsafe(self.began.set)
        while not self._owner.cancelling():
            self._turn()
        # Whatever its owner does about it is done after these.
        for _ in range(20):
            self._turn()
        self.events.append("used")

    def _turn(self) -> None:
        assert self._loop is not None
        turn = threading.Event()
        self._loop.call_soon_threadsafe(turn.set)
        assert turn.wait(PATIENCE_SECONDS)


@pytest.mark.parametrize("times", [1, 2])
def test_an_owner_that_is_cancelled_waits_for_its_thread(times: int) -> None:
    steps = Steps()

    async def main() -> None:
        owner = asyncio.create_task(steps.own())
        await steps.began.wait()
        for _ in range(times):
            owner.cancel()
            await asyncio.sleep(0)
        with contextlib.suppress(asyncio.CancelledError):
            await owner
        assert owner.cancelled()

    asyncio.run(main())
    assert steps.events == ["used", "freed"]


def test_an_owner_that_the_end_of_the_loop_cancels_waits_for_its_thread() -> None:
    steps = Steps()
    owners: list[asyncio.Task[None]] = []

    async def main() -> None:
        owners.append(asyncio.create_task(steps.own()))
        await steps.began.wait()

    asyncio.run(main())
    assert steps.events == ["used", "freed"]
    assert owners[0].cancelled()


def test_a_thread_gives_its_result_and_its_error() -> None:
    async def main() -> int:
        with pytest.raises(ZeroDivisionError):
            await in_thread(divmod, 1, 0)
        return await in_thread(max, 1, 2)

    assert asyncio.run(main()) == 2
