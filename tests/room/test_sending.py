"""What is sent to the callers comes, though LiveKit's native library leaves a call unanswered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from livekit import rtc

from services.livekit_local import sending
from services.livekit_local.caller_transcript import CallerTranscript
from services.livekit_local.callers import Speaker
from services.livekit_server.credentials import LiveKitCredentials
from services.protocol import Topic
from tests.room.conftest import JoinRoom
from tests.support.caller import Caller, room_token

SHORT_SECONDS = 0.5


@dataclass
class Unanswered:
    """Calls of the native library that are not answered."""

    left: int
    lost: int = 0


@pytest.fixture
def leave_unanswered(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Unanswered]:
    """`leave_unanswered(method, calls)`: of a method of our own participant, the first calls."""

    def leave(method: str, calls: int, **matching: str) -> Unanswered:
        unanswered = Unanswered(calls)
        real = getattr(rtc.LocalParticipant, method)

        async def call(self: rtc.LocalParticipant, *values: Any, **named: Any) -> Any:
            matches = all(named.get(name) == value for name, value in matching.items())
            if matches and unanswered.left:
                unanswered.left -= 1
                unanswered.lost += 1
                await asyncio.Event().wait()
            return await real(self, *values, **named)

        monkeypatch.setattr(sending, "SENDING_SECONDS", SHORT_SECONDS)
        monkeypatch.setattr(rtc.LocalParticipant, method, call)
        return unanswered

    return leave


@pytest_asyncio.fixture(loop_scope="session")
async def caller(livekit: LiveKitCredentials) -> AsyncIterator[Caller]:
    """A caller in a room without an agent."""
    async with Caller() as caller:
        token = room_token(
            livekit.api_key, livekit.api_secret, "sending", caller.identity, agent_name=None
        )
        await caller.join(livekit.url, token)
        yield caller


@pytest_asyncio.fixture(loop_scope="session")
async def transcript(
    livekit: LiveKitCredentials, caller: Caller
) -> AsyncIterator[CallerTranscript]:
    """Publishes to that caller."""
    room = rtc.Room()
    token = room_token(livekit.api_key, livekit.api_secret, "sending", "agent", agent_name=None)
    await room.connect(livekit.url, token)
    transcript = CallerTranscript(room)
    yield transcript
    await transcript.aclose()
    await room.disconnect()


def speaker_of(caller: Caller) -> Speaker:
    return Speaker(caller.identity, next(iter(caller.room.local_participant.track_publications)))


def events(caplog: pytest.LogCaptureFixture) -> int:
    return caplog.messages.count("sending was not answered")


@pytest.mark.parametrize("method", ["stream_text", "publish_transcription"])
async def test_a_final_transcript_that_is_not_answered_is_sent_again(
    caller: Caller,
    transcript: CallerTranscript,
    leave_unanswered: Callable[..., Unanswered],
    caplog: pytest.LogCaptureFixture,
    method: str,
) -> None:
    unanswered = leave_unanswered(method, 1)
    transcript.show(speaker_of(caller), "what time is it", final=True)
    assert await caller.wait_for_transcript(1, of_agent=False) == ["what time is it"]
    transcript.show(speaker_of(caller), "thank you", final=True)
    assert await caller.wait_for_transcript(2, of_agent=False) == ["what time is it", "thank you"]
    assert unanswered.lost == 1
    assert events(caplog) >= 1


async def test_later_transcripts_come_where_one_is_lost_for_good(
    caller: Caller,
    transcript: CallerTranscript,
    leave_unanswered: Callable[..., Unanswered],
    caplog: pytest.LogCaptureFixture,
) -> None:
    unanswered = leave_unanswered("stream_text", 3)
    speaker = speaker_of(caller)
    transcript.show(speaker, "what", final=False)
    async with asyncio.timeout(20.0):
        while unanswered.lost == 0:
            await asyncio.sleep(0.01)
    transcript.show(speaker, "what time is it", final=True)
    transcript.show(speaker, "thank you", final=True)
    assert await caller.wait_for_transcript(1, of_agent=False) == ["thank you"]
    assert unanswered.lost == 3
    assert events(caplog) >= 3


async def test_an_agent_joins_and_speaks_though_its_calls_are_not_answered(
    join_room: JoinRoom, leave_unanswered: Callable[..., Unanswered]
) -> None:
    attributes = leave_unanswered("set_attributes", 1)
    words = leave_unanswered("stream_text", 1, topic=Topic.TRANSCRIPTION)
    call = await join_room(greeted=False)
    async with asyncio.timeout(20.0):
        while words.lost == 0:
            await asyncio.sleep(0.01)
    # Its greeting of one word is not shown.
    await call.caller.send_text("what is two plus three")
    assert "five" in (await call.caller.wait_for_transcript(1, of_agent=True))[0].lower()
    assert attributes.lost == 1
