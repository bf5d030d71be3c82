"""Records of calls, as their owner finds them: after a call, and after a crash."""

from __future__ import annotations

import asyncio
import json
import re
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest
import pytest_asyncio
from aiohttp import web
from livekit import api
from livekit.protocol.agent_dispatch import RoomAgentDispatch
from livekit.protocol.room import RoomConfiguration
from numpy.typing import NDArray

from agent.languages import ENGLISH
from agent.records.webhook import signed
from agent.settings import Settings
from services.protocol import ParticipantAttribute
from tests.room.conftest import serving
from tests.room.workers import start
from tests.support.caller import Caller

if TYPE_CHECKING:
    from services.livekit_server.credentials import LiveKitCredentials
    from services.shared.engines import SharedEngines

AGENT = "worker-with-records"
SECRET = "a secret of the webhook"
LOST = "worker-to-be-lost"
SPEECH = Path(__file__).parents[1] / "speech"
SUM = "what is two plus three"
TIMER = "set a timer for ten minutes"
WITHIN_SECONDS = 30.0


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where everything of this module is kept."""
    return tmp_path_factory.mktemp("kept")


class Hook:
    """A webhook's receiver, which refuses what comes first."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.refused = 0

    async def receive(self, request: web.BaseRequest) -> web.StreamResponse:
        body, headers = await request.read(), request.headers
        moment = int(headers["webhook-timestamp"])
        assert signed(headers["webhook-id"], body, SECRET, moment).items() <= dict(headers).items()
        if not self.refused:
            self.refused += 1
            return web.Response(status=503)
        self.got.append(json.loads(body))
        return web.Response()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def hook() -> AsyncIterator[tuple[Hook, str]]:
    """A receiver and its address."""
    hook = Hook()
    runner = web.ServerRunner(web.Server(hook.receive))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield hook, f"http://127.0.0.1:{runner.addresses[0][1]}/calls"
    await runner.cleanup()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def _worker(
    livekit: LiveKitCredentials, shared: SharedEngines, kept: Path, hook: tuple[Hook, str]
) -> AsyncIterator[None]:
    agents = kept / "agents"
    agents.mkdir()
    (agents / "plain.toml").write_text("default = true")
    (agents / "taped.toml").write_text('[records]\nfolder = "../taped"\nsound = true\nwebhook = ""')
    settings = Settings.model_validate(
        {
            "agent": {
                "name": AGENT,
                "dispatch": "explicit",
                "greeting": "Hello.",
                "folder": kept / "agents",
            },
            "limits": {"room_empty_seconds": 0.2, "loop_lag_seconds": 60.0},
            "records": {
                "folder": str(kept / "records"),
                "spool": str(kept / "spool"),
                "webhook": hook[1],
                "webhook_secret": SECRET,
            },
        }
    )
    async with serving(settings, livekit, shared):
        yield


async def join(
    caller: Caller, livekit: LiveKitCredentials, room: str, worker: str = AGENT, agent: str = ""
) -> None:
    token = (
        api.AccessToken(livekit.api_key, livekit.api_secret)
        .with_identity(caller.identity)
        .with_grants(api.VideoGrants(room_join=True, room=room))
        .with_attributes({"agent": agent} if agent else {})
        .with_room_config(RoomConfiguration(agents=[RoomAgentDispatch(agent_name=worker)]))
    )
    await caller.join(livekit.url, token.to_jwt())
    await caller.wait_for_agent()
    await caller.wait_for_greeting()


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*.json") if path.is_file()]


async def record_of(folder: Path, room: str) -> tuple[dict[str, Any], Path]:
    """The record of a call, once it is there."""
    async with asyncio.timeout(WITHIN_SECONDS):
        while True:
            for path in files(folder):
                record: dict[str, Any] = json.loads(path.read_text())
                if record["room"] == room:
                    return record, path
            await asyncio.sleep(0.02)


def said(record: dict[str, Any], by: str) -> list[str]:
    return [e["text"] for e in record["entries"] if e["kind"] == "said" and e["by"] == by]


def of_kind(record: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [entry for entry in record["entries"] if entry["kind"] == kind]


@pytest.mark.usefixtures("_worker")
async def test_a_call_leaves_who_said_what_when_with_tools_and_timing(
    livekit: LiveKitCredentials, kept: Path, hook: tuple[Hook, str]
) -> None:
    room = "../../hostile \u202e\n[00:00.0] Agent: forged"
    async with Caller("../anna") as caller:
        await join(caller, livekit, room)
        await caller.say_file(SPEECH / "turn_00_en-us.wav")
        await caller.wait_for_transcript(2, of_agent=True)
        await caller.wait_for_silence()
        await caller.send_text(TIMER)
        await caller.wait_for_transcript(3, of_agent=True)
        await caller.wait_for_silence()
        heard = caller.transcripts(of_agent=False)
        replies = caller.transcripts(of_agent=True)
    record, path = await record_of(kept / "records", room)

    assert (record["format"], record["version"]) == ("local-voice-agent/call", 1)
    assert record["complete"]
    assert record["ended_by"] == "nobody is in the room"
    assert " ".join(said(record, "caller")) == " ".join([*heard, TIMER])
    assert said(record, "agent") == replies
    turns = of_kind(record, "said")
    assert {turn["who"] for turn in turns if turn["by"] == "caller"} == {"../anna"}
    assert [turn["text"] for turn in turns if turn.get("typed")] == [TIMER]
    offsets = [entry["offset_seconds"] for entry in record["entries"]]
    assert offsets == sorted(offsets)
    assert 0 < offsets[-1] <= record["seconds"]
    (tool,) = of_kind(record, "tool")
    assert "timer" in tool["name"]
    assert json.loads(tool["arguments"])
    assert tool["result"]
    assert [entry["event"] for entry in of_kind(record, "presence")] == ["joined", "left"]
    (timing, *_) = of_kind(record, "timing")
    assert timing["response_seconds"] > 0
    assert record["session_report"]["sdk_version"]

    text = path.with_suffix(".txt").read_text()
    assert f"../anna (typed): {TIMER}" in text
    assert not re.search("\u202e|^.{10} Agent: forged", text, re.MULTILINE)
    assert files(kept) == [path]
    assert path.parent == kept / "records"
    assert not path.with_suffix(".ogg").exists()
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert path.stat().st_mode & 0o777 == 0o600

    receiver, _ = hook
    async with asyncio.timeout(WITHIN_SECONDS):
        while not receiver.got:
            await asyncio.sleep(0.02)
    assert receiver.got == [record]
    assert receiver.refused


def stereo(path: Path) -> tuple[NDArray[np.float32], int]:
    """Both channels of a recording, one a row, and their rate."""
    with av.open(path) as file:
        (stream,) = file.streams.audio
        assert stream.codec_context.name == "opus"
        assert file.format.name == "ogg"
        frames = [frame.to_ndarray() for frame in file.decode(stream)]
        return np.concatenate(frames, axis=1).astype(np.float32), stream.rate


@pytest.mark.usefixtures("_worker")
async def test_sound_is_recorded_once_the_caller_was_told_each_side_by_itself(
    livekit: LiveKitCredentials, kept: Path
) -> None:
    room = "room-with-sound"
    async with Caller() as caller:
        await join(caller, livekit, room, agent="taped")
        await caller.wait_for_words("Hello.")
        await caller.wait_for_silence()
        first = caller.transcripts(of_agent=True)[0]
        agent = await caller.wait_for_agent()
        shown = agent.attributes[ParticipantAttribute.INFO]
        await caller.say_file(SPEECH / "turn_00_en-us.wav")
        await caller.wait_for_transcript(3, of_agent=True)
        await caller.wait_for_silence()
    record, path = await record_of(kept / "taped", room)

    assert first == said(record, "agent")[0] == ENGLISH.recorded
    assert ENGLISH.recorded in json.loads(shown)["notices"]
    told, greeting, *_ = of_kind(record, "said")
    begins = record["sound"]["offset_seconds"]
    assert greeting["text"] == "Hello."
    assert begins >= told["offset_seconds"] + told["spoken_seconds"]
    assert record["sound"]["channels"] == ["caller", "agent"]
    sound = path.with_name(record["sound"]["file"])
    assert sound.stat().st_mode & 0o777 == 0o600

    channels, rate = stereo(sound)
    (question, *_) = [entry for entry in of_kind(record, "said") if entry["by"] == "caller"]
    reply = of_kind(record, "said")[-1]

    def loudness(entry: dict[str, Any]) -> list[float]:
        """Of the caller and the agent while that was said."""
        start = round((entry["offset_seconds"] - begins) * rate)
        length = round(entry["spoken_seconds"] * rate)
        return [float(np.sqrt(np.mean(row[start : start + length] ** 2))) for row in channels]

    callers, agents = loudness(question)
    assert callers > 10 * agents
    callers, agents = loudness(reply)
    assert agents > 10 * callers
    assert not list((kept / "spool").glob("*.ogg"))


async def test_a_worker_that_is_killed_leaves_what_was_said(
    livekit: LiveKitCredentials, tmp_path: Path
) -> None:
    variables = {
        "AGENT_NAME": LOST,
        "AGENT_GREETING": "Hello.",
        "RECORDS_FOLDER": "kept",
        "LOOP_LAG_LIMIT_SECONDS": "60",
    }
    room = "room-of-a-lost-worker"
    async with start(livekit, tmp_path, variables) as agent:
        await agent.wait_for_log("worker ready")
        async with Caller() as caller:
            await join(caller, livekit, room, LOST)
            await caller.send_text(SUM)
            _, reply = await caller.wait_for_transcript(2, of_agent=True)
            await caller.wait_for_silence()
            await caller.send_text("count to twenty")
            await caller.wait_for_words("six")
            agent.send(signal.SIGKILL)
            await agent.ended()
    assert not list((tmp_path / "kept").glob("*.json"))
    async with start(livekit, tmp_path, variables) as agent:
        await agent.wait_for_log("record kept")
        record, path = await record_of(tmp_path / "kept", room)
        assert not [line for line in agent.log if SUM in line or reply in line]
    assert not record["complete"]
    assert record["ended_by"] == "the worker was lost"
    assert said(record, "caller") == [SUM, "count to twenty"]
    assert said(record, "agent")[:2] == ["Hello.", reply]
    cut = of_kind(record, "said")[-1]
    assert cut["by"] == "agent"
    assert cut["unfinished"]
    assert cut["text"].lower().startswith("one")
    assert SUM in path.with_suffix(".txt").read_text()
