"""Several workers at one LiveKit server: they share the rooms, come and go while calls go on."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from services.livekit_server.credentials import LiveKitCredentials
from tests.room.processes import ROOT, AgentProcess
from tests.room.workers import call_the_worker, metric, start
from tests.support.caller import Caller

pytestmark = pytest.mark.timeout(240)

ROOMS_EACH = 2
AGENT = "one-of-many"
VARIABLES = {
    "AGENT_NAME": AGENT,
    "AGENT_DISPATCH": "explicit",
    "MAX_ROOMS": str(ROOMS_EACH),
    # So many processes make two cores late, and that is not what these tests are about.
    "LOOP_LAG_LIMIT_SECONDS": "60",
}

SLOW_WEBRTC = """
import time
from livekit.rtc._ffi_client import FfiClient

make = FfiClient.__init__

def make_slowly(self):
    time.sleep(1.0)
    make(self)

FfiClient.__init__ = make_slowly
"""
SELDOM_TOLD = """
import livekit.agents.worker

livekit.agents.worker.UPDATE_STATUS_INTERVAL = 3600.0
"""
WITHOUT_PRELOADS = {
    "LIVEKIT_AGENTS_PRELOAD_LOCAL_INFERENCE": "0",
    "LIVEKIT_AGENTS_LOOP_BLOCK_WARN_MS": "0",
}
"""As the product itself has it, where the framework is imported before the product."""

StartWorker = Callable[..., Awaitable[AgentProcess]]
Join = Callable[[], Awaitable[Caller]]

_numbers = itertools.count(1)


@pytest_asyncio.fixture(loop_scope="session")
async def start_worker(livekit: LiveKitCredentials, tmp_path: Path) -> AsyncIterator[StartWorker]:
    """Start one more worker, with other settings where given, and wait until it is ready."""
    async with AsyncExitStack() as stack:

        async def one_more(**variables: str) -> AgentProcess:
            folder = tmp_path / str(next(_numbers))
            folder.mkdir()
            worker = await stack.enter_async_context(
                start(livekit, folder, {**VARIABLES, **variables})
            )
            await worker.wait_for_log("worker ready")
            return worker

        yield one_more


@pytest_asyncio.fixture(loop_scope="session")
async def join(livekit: LiveKitCredentials) -> AsyncIterator[Join]:
    """Join a new room and be greeted."""
    async with AsyncExitStack() as stack:

        async def one_more() -> Caller:
            room = f"{AGENT}-{next(_numbers)}"
            return await stack.enter_async_context(call_the_worker(livekit, room, AGENT))

        yield one_more


async def rooms_of(*workers: AgentProcess) -> list[float]:
    return [await metric(worker, "voice_agent_rooms") for worker in workers]


async def test_workers_share_the_rooms_by_load_and_one_that_is_added_takes_more_at_once(
    start_worker: StartWorker, join: Join
) -> None:
    first, second = await asyncio.gather(start_worker(), start_worker())
    await asyncio.gather(*(join() for _ in range(2 * ROOMS_EACH)))
    assert await rooms_of(first, second) == [ROOMS_EACH, ROOMS_EACH]
    third = await start_worker()
    callers = await asyncio.gather(*(join() for _ in range(ROOMS_EACH)))
    assert await rooms_of(first, second, third) == [ROOMS_EACH] * 3
    await callers[0].send_text("what is two plus three")
    assert "five" in (await callers[0].wait_for_transcript(2, of_agent=True))[1]


async def join_at_last(join: Join) -> Caller:
    """Call again until an agent comes."""
    async with asyncio.timeout(150):
        while True:
            with contextlib.suppress(TimeoutError):
                return await join()


def patched(folder: Path, code: str) -> dict[str, str]:
    """Settings with which a process runs `code` before anything else."""
    (folder / "patched").mkdir()
    (folder / "patched" / "sitecustomize.py").write_text(code)
    return {"PYTHONPATH": f"{folder / 'patched'}:{ROOT}"}


async def test_every_place_is_given_up_to_the_last_and_again_as_soon_as_it_is_free(
    start_worker: StartWorker, join: Join, tmp_path: Path
) -> None:
    places = 5
    # The framework would tell LiveKit the load each 2.5 s, and so hide that nobody else does.
    variables = {**patched(tmp_path, SELDOM_TOLD), **WITHOUT_PRELOADS, "MAX_ROOMS": str(places)}
    worker = await start_worker(**variables)
    for _ in range(places - 1):
        await join_at_last(join)
    # LiveKit offers nothing to a load of 0.7, which four of five rooms would be.
    last = await join_at_last(join)
    await last.leave()
    while await rooms_of(worker) == [places]:
        await asyncio.sleep(0.02)
    await join_at_last(join)


async def test_the_first_rooms_of_a_worker_may_come_at_once(
    start_worker: StartWorker, join: Join, tmp_path: Path
) -> None:
    # What every room needs of WebRTC is made so slowly that the second asks before it is there.
    await start_worker(**patched(tmp_path, SLOW_WEBRTC))
    await asyncio.gather(*(join() for _ in range(ROOMS_EACH)))


async def test_a_drained_worker_finishes_its_rooms_while_others_take_the_new_ones(
    start_worker: StartWorker, join: Join
) -> None:
    leaving = await start_worker()
    caller = await join()
    staying = await start_worker()
    leaving.send(signal.SIGTERM)
    await leaving.wait_for_log("draining")
    await asyncio.gather(*(join() for _ in range(ROOMS_EACH)))
    assert await rooms_of(leaving, staying) == [1, ROOMS_EACH]
    await caller.send_text("what is two plus three")
    assert "five" in (await caller.wait_for_transcript(2, of_agent=True))[1]
    await caller.leave()
    assert await leaving.ended() == 0
    assert await rooms_of(staying) == [ROOMS_EACH]
