"""Spoken conversations in real rooms: server, worker, recogniser and voice are the real ones."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tests.room.conftest import JoinRoom
from tests.support.caller import Caller, room_token
from tests.support.word_errors import without_numbers

if TYPE_CHECKING:
    from agent.runtime.worker import Worker
    from services.livekit_server.credentials import LiveKitCredentials


async def test_a_spoken_request_is_understood_and_answered(join_room: JoinRoom) -> None:
    call = await join_room()
    await call.say_file("pause_01_500ms.wav")
    heard = await call.caller.wait_for_transcript(1, of_agent=False)
    replies = await call.caller.wait_for_transcript(2, of_agent=True)
    assert without_numbers(heard[0]) == without_numbers("what is forty two plus seventeen")
    assert "plus" in replies[1].lower()


async def test_a_pause_within_a_request_does_not_cut_it(join_room: JoinRoom) -> None:
    call = await join_room()
    await call.say_file("pause_00_350ms.wav")
    heard = await call.caller.wait_for_transcript(1, of_agent=False)
    assert without_numbers(heard[0]) == without_numbers("set a timer for twenty minutes")


async def test_noise_and_music_are_nobodys_words(join_room: JoinRoom) -> None:
    call = await join_room()
    for noise in ("nonspeech_hiss.wav", "nonspeech_chords.wav"):
        await call.say_file(noise)
    await call.say_file("pause_01_500ms.wav")
    heard = await call.caller.wait_for_transcript(1, of_agent=False)
    assert without_numbers(heard[0]) == without_numbers("what is forty two plus seventeen")
    assert call.caller.notices == []


async def test_a_typed_request_is_answered_by_voice(join_room: JoinRoom) -> None:
    call = await join_room()
    call.caller.sound_started.clear()
    await call.caller.send_text("what is two plus three")
    replies = await call.caller.wait_for_transcript(2, of_agent=True)
    assert "five" in replies[1].lower()
    await asyncio.wait_for(call.caller.sound_started.wait(), 10)


async def test_what_is_typed_as_soon_as_the_agent_is_there_is_answered(
    livekit: LiveKitCredentials, worker: Worker
) -> None:
    async with Caller() as caller:
        present = asyncio.Event()
        caller.room.on("participant_active", lambda _: present.set())
        token = room_token(
            livekit.api_key,
            livekit.api_secret,
            "typed-at-once",
            caller.identity,
            agent_name="agent-under-test",
        )
        await caller.join(livekit.url, token)
        await asyncio.wait_for(present.wait(), 20)
        await caller.send_text("what is two plus three")
        await caller.wait_for_words("five")


async def test_two_rooms_share_the_models_and_never_hear_each_other(join_room: JoinRoom) -> None:
    first, second = await asyncio.gather(join_room(), join_room())
    await asyncio.gather(first.say_file("pause_01_500ms.wav"), second.say_file("turn_15_kal16.wav"))
    heard_first, heard_second = await asyncio.gather(
        first.caller.wait_for_transcript(1, of_agent=False),
        second.caller.wait_for_transcript(1, of_agent=False),
    )
    replies_first, replies_second = await asyncio.gather(
        first.caller.wait_for_transcript(2, of_agent=True),
        second.caller.wait_for_transcript(2, of_agent=True),
    )
    assert without_numbers(heard_first[0]) == without_numbers("what is forty two plus seventeen")
    assert without_numbers(heard_second[0]) == without_numbers(
        "remind me in forty two minutes to close the book"
    )
    assert "plus" in replies_first[1].lower()
    assert "minutes" in replies_second[1].lower()
    for call in (first, second):
        assert len(call.caller.transcripts(of_agent=False)) == 1
        assert len(call.caller.transcripts(of_agent=True)) == 2
