"""A network that is lost for ten seconds in the middle of a conversation."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import yaml

from benchmarks.processes import Program
from benchmarks.remote import Remote
from services.livekit_server.credentials import LiveKitCredentials
from services.livekit_server.server import LiveKitServer
from tests.faults.wire import HERE, Wire, wire
from tests.room.processes import ROOT, free_port
from tests.room.workers import access_to, call_the_worker, start
from tests.support.caller import Caller
from tests.support.recordings import recording
from tests.support.word_errors import word_errors

CUT_SECONDS = 10.0
QUESTION = recording("turn_31")
ANSWER = "fourteen"


@pytest.fixture
def network() -> Iterator[Wire]:
    with wire() as network:
        yield network


@asynccontextmanager
async def caller_at_the_other_end(network: Wire, folder: Path) -> AsyncIterator[Remote]:
    """A process of callers that nothing but the wire connects."""
    program = await Program.start(
        "callers",
        [*network.through, sys.executable, "-m", "benchmarks.callers"],
        log=folder / "callers.log",
        folder=ROOT,
    )
    try:
        remote = Remote(program)
        await remote.wait_until_ready()
        yield remote
    finally:
        await program.stop()


@asynccontextmanager
async def livekit_on_the_wire(folder: Path) -> AsyncIterator[LiveKitCredentials]:
    """A LiveKit server at this end of the wire, that carries sound over UDP and TCP."""
    config = yaml.safe_load((ROOT / "livekit.yaml").read_text())
    config["bind_addresses"] = [HERE]
    config["rtc"] |= {
        "node_ip": HERE,
        "tcp_port": free_port(),
        "ips": {"includes": [f"{HERE}/32"]},
        "stun_servers": [f"{HERE}:3478"],
    }
    path = folder / "livekit.yaml"
    path.write_text(yaml.safe_dump(config))
    async with LiveKitServer(path) as address:
        yield address


async def ask(caller: Caller, *, heard: int) -> None:
    """Ask aloud until it is answered; `heard` is how often the caller has been understood."""
    said = len(caller.transcripts(of_agent=True))
    await caller.say_file(QUESTION.path)
    words = await caller.wait_for_transcript(heard + 1, of_agent=False)
    assert word_errors(words[heard], QUESTION.text) <= 1
    answer = (await caller.wait_for_transcript(said + 1, of_agent=True))[said]
    assert ANSWER in answer.lower()
    await caller.wait_for_silence()


async def test_a_conversation_goes_on_after_the_worker_was_cut_off_for_ten_seconds(
    network: Wire, tmp_path: Path
) -> None:
    async with (
        livekit_on_the_wire(tmp_path) as livekit,
        start(livekit, tmp_path, through=network.through) as worker,
    ):
        await worker.wait_for_log("worker ready")
        async with call_the_worker(livekit, "cut") as caller:
            await ask(caller, heard=0)
            network.cut()
            mend_at = time.monotonic() + CUT_SECONDS
            await caller.say_file(QUESTION.path)
            await asyncio.sleep(mend_at - time.monotonic())
            assert len(caller.transcripts(of_agent=False)) == 1
            network.mend()
            await ask(caller, heard=1)
        async with call_the_worker(livekit, "next") as caller:
            assert caller.transcripts(of_agent=True) == ["Hello, how can I help you?"]


async def test_a_conversation_goes_on_after_the_caller_was_cut_off_for_ten_seconds(
    network: Wire, tmp_path: Path
) -> None:
    async with (
        livekit_on_the_wire(tmp_path) as livekit,
        start(livekit, tmp_path) as worker,
        caller_at_the_other_end(network, tmp_path) as callers,
    ):
        await worker.wait_for_log("worker ready")
        question = str(QUESTION.path)
        await callers.call("join", url=livekit.url, token=access_to(livekit, "cut"), room="cut")
        assert await callers.call("ask", room="cut", recording=question)
        network.cut()
        await asyncio.sleep(CUT_SECONDS)
        network.mend()
        assert await callers.call("ask", room="cut", recording=question)
        await callers.call("leave")
