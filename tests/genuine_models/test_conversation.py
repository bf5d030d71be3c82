"""People talk with the product in real rooms, and it answers what is right, aloud."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable

import numpy as np

from services.audio.samples import SAMPLE_RATE
from services.endpointing.completeness import judge_completeness
from services.livekit_local import LocalTTS
from services.protocol import WaitReason
from services.tts.engine import StreamingTTS
from tests.genuine_models.conftest import Exchange, Join, Talk
from tests.support.frames import samples_of
from tests.support.people import PersonRecording, people, person
from tests.support.provided_engines import ProvidedEngines
from tests.support.recordings import Recording, Samples, recordings, silence
from tests.support.word_errors import normal_words, word_error_rate, word_errors

_GAP = silence(1.5)
_SOME_BROWN_SECONDS = 3.475
"""Of an order that ends in "some brown sugar": up to the last word."""
_VOICES = "nonspeech_babble"
"""A crowd that talks: whoever writes down a word of it makes nothing up."""
_LOST_IN_TRANSIT = 1
"""Words: the network may conceal a lost packet."""
WRONG_WORDS = 0.10
"""Of what people say, each of whom is understood without a room between."""
WRONG_WORDS_WITH_PAUSES = 0.30
"""Half a request that is lost would be 0.5; the word beside a pause may be taken for another."""


def assert_says(exchange: Exchange, answer: str) -> None:
    """Fail unless the answer is written, and spoken as it is written, by the recogniser's ear."""
    assert f" {' '.join(normal_words(answer))} " in f" {' '.join(normal_words(exchange.written))} "
    assert word_errors(exchange.spoken, exchange.written) <= _LOST_IN_TRANSIT


async def test_people_are_answered_aloud_with_what_is_right(join: Join) -> None:
    talk = await join()
    weather = await talk.say(person("weather_question").samples)
    assert_says(weather, "cannot see the weather from here")
    thanks = await talk.say(person("accent_2061").samples)
    assert_says(thanks, "you are welcome")
    assert_says(await talk.type("set a timer"), "how much time")
    timer = await talk.say(person("req_half_an_hour").samples)
    assert_says(timer, "thirty minutes")
    for exchange, said in (
        (weather, "what is the weather in paris"),
        (thanks, "thank you for the assist"),
        (timer, "half an hour"),
    ):
        assert word_errors(exchange.heard, said) <= 1


async def test_a_dictated_number_is_waited_for_and_the_page_is_told_why(join: Join) -> None:
    talk = await join()
    question = await talk.say(person("weather_question").samples)
    numbers = await talk.say(person("digits_numbers").samples)
    assert word_errors(numbers.heard, "thirty three four six ninety two") <= 2
    done, dictated = await talk.turns(2)
    assert done.wait_reason is WaitReason.COMPLETE, question
    assert dictated.wait_reason is WaitReason.DICTATING, numbers


async def test_an_order_that_breaks_off_is_given_more_time_than_the_whole_one(join: Join) -> None:
    """What was heard of it reads like a whole one: the voice tells."""
    talk = await join()
    order = person("coffee_15_3").samples
    whole = await talk.say(order)
    broken_off = await talk.say(order[: round(_SOME_BROWN_SECONDS * SAMPLE_RATE)])
    assert whole.heard.endswith("sugar.")
    assert judge_completeness(broken_off.heard).probability > 0.8, broken_off
    first, second = await talk.turns(2)
    assert first.wait_reason is WaitReason.COMPLETE, whole
    assert second.wait_reason is WaitReason.UNSURE, broken_off


async def test_sums_and_the_time_are_right(join: Join, genuine_tts: StreamingTTS) -> None:
    talk = await join()
    sum_of_both = await talk.say(await spoken_by(genuine_tts, "What is twelve plus seventeen?"))
    assert_says(sum_of_both, "twenty nine")
    hours = {time.localtime().tm_hour % 12 or 12}
    clock = await talk.say(await spoken_by(genuine_tts, "What time is it?"))
    hours.add(time.localtime().tm_hour % 12 or 12)
    for text in (clock.written, clock.spoken):
        assert any(" ".join(str(hour)) in " ".join(normal_words(text)) for hour in hours), text
    assert word_errors(clock.spoken, clock.written) <= 2


async def spoken_by(voice: StreamingTTS, text: str) -> Samples:
    """Somebody with that voice at a microphone, who is silent before and after."""
    sound = samples_of(
        await LocalTTS(engines=ProvidedEngines(tts=voice)).synthesize(text).collect()
    )
    return np.concatenate((silence(0.2), sound, silence(0.5)))


async def test_a_request_with_a_pause_is_heard_on_both_sides_of_it(join: Join) -> None:
    talk = await join()
    pairs = await _recite(talk, people("pause")[:3])
    assert word_error_rate(pairs) <= WRONG_WORDS_WITH_PAUSES, pairs


async def test_what_people_say_in_rooms_is_written_down(join: Join) -> None:
    first = map(person, ("coffee_01_1", "coffee_06_1", "coffee_10_1", "coffee_14_1"))
    second = map(person, ("phone_04", "accent_2450", "noisy_01", "coffee_15_3"))
    talks = await asyncio.gather(join(), join())
    pairs = await asyncio.gather(_recite(talks[0], first), _recite(talks[1], second))
    assert word_error_rate(pairs[0] + pairs[1]) <= WRONG_WORDS, pairs


async def _recite(talk: Talk, spoken: Iterable[PersonRecording]) -> list[tuple[str, str]]:
    """Say one after another; what was heard of each, and what was said."""
    return [((await talk.say(one.samples)).heard, one.text) for one in spoken]


async def test_what_is_no_speech_gets_neither_words_nor_an_answer(join: Join) -> None:
    sounds: list[PersonRecording | Recording] = [
        sound for sound in people("nonspeech") if str(sound) != _VOICES
    ]
    sounds += recordings("nonspeech")
    assert len(sounds) == 15
    talks = await asyncio.gather(*(join() for _ in range(3)))
    made_up = await asyncio.gather(
        *(_make_noise(talk, sounds[place :: len(talks)]) for place, talk in enumerate(talks))
    )
    assert not [heard for of_room in made_up for heard in of_room]
    for talk in talks:
        assert len(talk.caller.transcripts(of_agent=True)) == 1
        # The room still hears.
        assert_says(await talk.say(person("weather_question").samples), "cannot see the weather")


async def _make_noise(
    talk: Talk, sounds: Iterable[PersonRecording | Recording]
) -> list[tuple[str, str]]:
    """What the agent wrote down while each was played, finally or for a moment."""
    heard: list[tuple[str, str]] = []
    for sound in sounds:
        began = time.monotonic()
        await talk.caller.say(np.concatenate((sound.samples, _GAP)))
        heard += [
            (str(sound), segment.text)
            for segment in talk.caller.segments.values()
            if segment.created > began and segment.identity == talk.caller.identity
        ]
    return heard
