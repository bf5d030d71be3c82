"""Several people in one room, whoever came first and with whatever client: all are heard."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest
import pytest_asyncio
from livekit import rtc
from livekit.rtc._ffi_client import FfiClient

from tests.room.conftest import serving
from tests.support.caller import Caller, room_token
from tests.support.word_errors import without_numbers

if TYPE_CHECKING:
    from agent.settings import Settings
    from services.livekit_server.credentials import LiveKitCredentials
    from services.shared.engines import SharedEngines

AGENT = "agent-for-all"
SPEECH = Path(__file__).parents[1] / "speech"
SUM = ("pause_01_500ms.wav", "what is forty two plus seventeen")
REMINDER = ("turn_15_kal16.wav", "remind me in forty two minutes to close the book")
TIMER = ("pause_00_350ms.wav", "set a timer for twenty minutes")
TIME = ("turn_21_rms.wav", "what is the time now")
ATTEMPTS = 3
MICROPHONE = rtc.TrackSource.SOURCE_MICROPHONE

_rooms = itertools.count(1)

Found = TypeVar("Found")
Join = Callable[..., AbstractAsyncContextManager[Caller]]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def join(
    livekit: LiveKitCredentials, shared: SharedEngines, settings: Settings
) -> AsyncIterator[Join]:
    """`async with join(room, identity)`: a caller in a room of a patient agent."""
    limits = settings.limits.model_copy(update={"room_empty_seconds": 20.0})
    named = settings.agent.model_copy(update={"name": AGENT})

    @asynccontextmanager
    async def enter(
        room: str,
        identity: str = "first",
        *,
        microphone: rtc.TrackSource.ValueType | None = MICROPHONE,
    ) -> AsyncIterator[Caller]:
        async with Caller(identity) as caller:
            token = room_token(
                livekit.api_key, livekit.api_secret, room, identity, agent_name=AGENT
            )
            await caller.join(livekit.url, token, microphone=microphone)
            await caller.wait_for_agent()
            yield caller

    patient = settings.model_copy(update={"limits": limits, "agent": named})
    async with serving(patient, livekit, shared):
        yield enter


@pytest.fixture
def room() -> str:
    """The name of a room of its own."""
    return f"callers-{next(_rooms)}"


async def heard(caller: Caller, recording: tuple[str, str], *, by: Caller | None = None) -> None:
    """Speak, and fail where the words are not shown as the caller's and answered.

    The network may lose a packet, and then the demo recogniser a word, so they may say it again.
    """
    file, words = recording
    seen_by = by or caller
    misheard: list[str] = []
    while len(misheard) < ATTEMPTS:
        shown = await say(caller, file, seen_by)
        if without_numbers(shown) == without_numbers(words):
            return
        misheard.append(shown)
    pytest.fail(f"{words!r} was heard as {misheard}")


async def say(caller: Caller, file: str, seen_by: Caller) -> str:
    """Speak, and wait for the answer; what is shown as the caller's words."""
    before = len(seen_by.words_of(caller.identity))
    answers = len(seen_by.transcripts(of_agent=True))
    await caller.wait_for_silence()
    await caller.say_file(SPEECH / file)
    shown = await until(lambda: seen_by.words_of(caller.identity)[before:])
    await until(lambda: seen_by.transcripts(of_agent=True)[answers:])
    return shown[0]


async def answered(caller: Caller) -> None:
    """Type, and fail where no answer comes."""
    await caller.send_text("what is two plus three")
    await caller.wait_for_words("five")


async def until(look: Callable[[], Found], timeout_seconds: float = 20.0) -> Found:
    """What `look` finds, once it is something."""
    async with asyncio.timeout(timeout_seconds):
        while not (found := look()):
            await asyncio.sleep(0.02)
    return found


async def test_who_rejoins_under_another_name_is_heard(join: Join, room: str) -> None:
    async with join(room, "before") as caller:
        await caller.wait_for_greeting()
        await heard(caller, SUM)
    async with join(room, "after") as caller:
        await heard(caller, TIMER)
        await answered(caller)


async def test_a_listener_without_a_microphone_binds_nothing(join: Join, room: str) -> None:
    async with join(room, "listener", microphone=None) as listener:
        await listener.wait_for_greeting()
        async with join(room, "caller") as caller:
            await heard(caller, SUM)
            await answered(caller)


async def test_who_stays_is_heard_when_the_first_has_gone(join: Join, room: str) -> None:
    async with join(room, "second") as second:
        # Who comes amid the greeting is not sent its words.
        await second.wait_for_greeting()
        async with join(room, "first") as first:
            await heard(first, SUM)
        await heard(second, TIMER)
        await answered(second)


async def test_each_is_shown_under_their_own_name(join: Join, room: str) -> None:
    async with join(room, "anna") as anna, join(room, "ben") as ben:
        await anna.wait_for_silence()
        await heard(anna, SUM, by=ben)
        await heard(ben, REMINDER, by=anna)
        await heard(anna, TIMER, by=ben)
        await until(lambda: anna.words_of("anna") == ben.words_of("anna"))
        await until(lambda: anna.words_of("ben") == ben.words_of("ben"))
        assert not any("book" in words for words in anna.words_of("anna"))
        assert all("minutes" in words for words in anna.words_of("ben"))


async def test_of_two_at_once_the_first_is_heard_to_the_end(join: Join, room: str) -> None:
    async with join(room, "anna") as anna, join(room, "ben") as ben:
        await anna.wait_for_greeting()
        speaking = asyncio.create_task(anna.say_file(SPEECH / REMINDER[0]))
        await asyncio.sleep(0.8)
        await ben.say_file(SPEECH / TIME[0])
        await speaking
        shown = await until(lambda: anna.words_of("anna"))
        assert without_numbers(shown[0]) == without_numbers(REMINDER[1])
        await heard(ben, TIMER)


async def test_a_track_without_a_source_is_heard(join: Join, room: str) -> None:
    async with join(room, microphone=rtc.TrackSource.SOURCE_UNKNOWN) as caller:
        await caller.wait_for_greeting()
        await heard(caller, SUM)


async def test_a_second_silent_track_takes_no_words(join: Join, room: str) -> None:
    async with join(room) as caller, quiet_track(caller):
        await caller.wait_for_greeting()
        await heard(caller, SUM)


async def test_a_microphone_that_comes_after_a_silent_track_is_heard(join: Join, room: str) -> None:
    async with join(room, microphone=None) as caller, quiet_track(caller):
        await caller.wait_for_greeting()
        await caller.publish(MICROPHONE)
        await heard(caller, SUM)


async def test_a_microphone_that_is_changed_in_the_call_is_heard(join: Join, room: str) -> None:
    async with join(room, microphone=None) as caller:
        await caller.wait_for_greeting()
        first = await caller.publish(MICROPHONE)
        await heard(caller, SUM)
        await caller.room.local_participant.unpublish_track(first.sid)
        await caller.publish(MICROPHONE)
        await heard(caller, TIMER)


@pytest.mark.parametrize("way", ["muted", "unpublished"])
async def test_who_closes_the_microphone_after_the_last_word_is_answered(
    join: Join, room: str, way: str
) -> None:
    async with join(room, microphone=None) as caller:
        await caller.wait_for_greeting()
        publication = await caller.publish(MICROPHONE)
        await caller.say_file(SPEECH / SUM[0])
        if way == "muted":
            assert publication.track is not None
            publication.track.mute()
        else:
            await caller.room.local_participant.unpublish_track(publication.sid)
        await caller.wait_for_words("plus")


async def test_who_joins_twice_is_heard_in_the_second_place(join: Join, room: str) -> None:
    async with join(room, "twice") as first:
        await first.wait_for_greeting()
        async with join(room, "twice") as second:
            await heard(second, SUM)


async def test_the_sound_of_a_shared_screen_is_not_heard(join: Join, room: str) -> None:
    async with join(room, microphone=rtc.TrackSource.SOURCE_SCREENSHARE_AUDIO) as caller:
        await caller.wait_for_greeting()
        await caller.say_file(SPEECH / SUM[0])
        await answered(caller)
        assert not caller.words_of(caller.identity)


async def test_what_guests_send_leaves_nothing_open(join: Join, room: str) -> None:
    async with join(room, "first") as first, join(room, "guest") as guest:
        await first.wait_for_greeting()
        await answered(guest)
        await guest.wait_for_silence()
        subscribers = len(FfiClient.instance.queue._subscribers)
        for _ in range(20):
            await guest.send_text("hello")
        await until(lambda: len(FfiClient.instance.queue._subscribers) <= subscribers)


@asynccontextmanager
async def quiet_track(caller: Caller) -> AsyncIterator[None]:
    """One more track of the caller, without a sound."""
    source = rtc.AudioSource(48_000, 1)
    track = rtc.LocalAudioTrack.create_audio_track("quiet", source)
    publication = await caller.room.local_participant.publish_track(
        track, rtc.TrackPublishOptions(source=MICROPHONE)
    )

    async def hum() -> None:
        while True:
            await source.capture_frame(rtc.AudioFrame(bytes(960), 48_000, 1, 480))

    sending = asyncio.create_task(hum(), name="quiet-track")
    try:
        yield
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        await caller.room.local_participant.unpublish_track(publication.sid)
        await source.aclose()
