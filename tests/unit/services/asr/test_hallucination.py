"""Text that goes round in circles is told from text in which people repeat themselves."""

from dataclasses import replace

import pytest

from services.asr.hallucination import (
    better_of,
    is_phantom,
    is_repetition,
    is_runaway,
    without_repetition,
)
from services.asr.transcription import Transcription


def heard(text: str, *, log_probability: float = -0.2, beyond: str = "") -> Transcription:
    return Transcription(
        text,
        mean_log_probability=log_probability,
        beyond=beyond,
        tokens=2 * len(text.split()),
        audio_seconds=20.0,
    )


@pytest.mark.parametrize(
    "text",
    [
        "what time is it? What time is it?",
        "8, 8, 8, 8,",
        "7-3-0-0-0-0-0-0-0-0",
        "Alexa Alexa Alexa Alexa",
        "I am of the, of the, of the",
        "Book a room, book a room, book a room",
        "AHHHHHHHHH!",
        "Hahahahahahahahaha.",
        "请稍等请稍等请稍等请稍等请稍等请稍等请稍等请稍等请稍等请稍等",
    ],
)
def test_text_that_ends_in_a_circle_is_doubted(text: str) -> None:
    assert is_runaway(heard(text))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Yes.",
        "Aaaaah!",
        "10000000000",
        "no, no, no",
        "My number is five five five",
        "my number is 555 555 12",
        "One, two, one, two",
        "What time is it? Tell me what time it is.",
        "the cat and the dog and the bird",
    ],
)
def test_what_people_say_is_not(text: str) -> None:
    assert not is_runaway(heard(text))


def test_text_behind_the_end_of_the_audio_is_doubted() -> None:
    assert is_runaway(heard("Yes.", beyond="Thank you."))


def test_more_tokens_than_can_be_said_are_doubted() -> None:
    assert is_runaway(Transcription("a b c", tokens=36, audio_seconds=1.0))


@pytest.mark.parametrize(
    ("text", "tokens", "doubted"),
    [
        ("10, 1, 2, 3, 4, 5, 6, 7, 10, 1, 2, 3,", 25, True),
        ("Can we get a large cappuccino with sugar?", 14, False),
        ("今日は天気がとても良いですね", 25, False),
    ],
)
def test_more_tokens_than_anybody_says_in_that_time_are_doubted(
    text: str, tokens: int, doubted: bool
) -> None:
    assert is_runaway(Transcription(text, tokens=tokens, audio_seconds=1.56)) is doubted


def test_a_mere_guess_has_not_lost_its_way() -> None:
    assert not is_runaway(heard("one of those", log_probability=-1.5))


@pytest.mark.parametrize(
    ("text", "log_probability", "no_speech", "phantom"),
    [
        ("Thank you.", -1.07, 0.71, True),
        ("I'm sorry.", -2.16, 0.3, True),
        ("you", -0.6, 0.95, True),
        ("ah ah ah ah ah ah", -0.3, 0.5, True),
        ("No.", -1.7, 0.33, False),
        ("AHHHHHHHHHH!", -0.2, 0.1, True),
        ("Fifty.", -0.8, 0.6, False),
        ("zero zero zero zero", -0.3, 0.2, False),
        ("", 0.0, 0.9, False),
    ],
)
def test_what_is_made_up_for_noise_is_told_from_short_words(
    text: str, log_probability: float, no_speech: float, phantom: bool
) -> None:
    guess = replace(heard(text, log_probability=log_probability), no_speech_probability=no_speech)
    assert is_phantom(guess) is phantom


def test_of_two_hearings_one_without_repetition_is_the_better_and_then_the_surer() -> None:
    circle = heard("no way no way no way", log_probability=-0.01)
    guess = heard("no way", log_probability=-1.5)
    sure = heard("in no way", log_probability=-0.5)
    assert better_of(circle, guess) is guess
    assert better_of(guess, sure) is sure


@pytest.mark.parametrize(
    ("text", "of", "same"),
    [
        ("What time is it? What ti", "What time is it?", True),
        ("time is it", "What time is it?", True),
        ("it it it", "What time is it?", True),
        ("...", "What time is it?", True),
        ("Thank you.", "What time is it?", False),
        ("What time was it?", "What time is it?", False),
        ("What time is it?", "", False),
    ],
)
def test_it_is_known_whether_a_text_only_says_again_what_was_said(
    text: str, of: str, same: bool
) -> None:
    assert is_repetition(text, of) is same


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("hello " + "tell me a joke " * 10, "hello tell me a joke"),
        ("7-3-0-0-0-0-0-0-0-0-0", "7-3-0"),
        ("8, 8, 8, 8, 8, 8, 8, 8,", "8"),
        ("the ummmmmmmmmmmmm train", "the um train"),
        ("no no no no no", "no no no no no"),
        ("one two one two one two", "one two one two one two"),
    ],
)
def test_a_long_circle_is_said_once(text: str, kept: str) -> None:
    assert without_repetition(text) == kept
