"""What a voice over the agent's means, by its words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.endpointing.overlap import Meaning, Overlap, judge_overlap
from services.endpointing.overlap.phrases import LANGUAGES, phrases_for

COUNTING = "five, six, seven, eight, nine, ten, eleven"


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Mm-hmm."),
        ("en", "MMHNM"),
        ("en", "Uh-huh"),
        ("en", "Yeah, yeah."),
        ("en", "Oh, okay, right."),
        ("en", "I see."),
        ("en", "No problem."),
        ("en", "That makes sense."),
        ("en", "Ha ha ha!"),
        ("de", "Ja, genau."),
        ("de", "Ach so."),
        ("fr", "Oui, d'accord."),
        ("fr", "D’accord."),
        ("es", "Sí, claro."),
        ("it", "Ho capito."),
        ("nl", "Oké, ja."),
        ("pl", "No tak."),
        ("ru", "Ага, понятно."),
        ("ja", "はい、はい。"),
        ("ja", "なるほど"),
        ("zh", "嗯嗯，好的。"),
        ("ko", "네, 그렇군요."),
        ("sl", "Okay."),
    ],
)
def test_short_assent_lets_the_agent_go_on(language: str, text: str) -> None:
    assert judge_overlap(Overlap(text, language, 0.6, -0.6)) is Meaning.BACKCHANNEL


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Stop."),
        ("en", "Wait"),
        ("en", "No."),
        ("en", "Okay, stop."),
        ("en", "Oh no."),
        ("en", "Yeah, but"),
        ("en", "Hold on."),
        ("en", "What?"),
        ("en", "Louder!"),
        ("en", "Okay, what about Tuesday?"),
        ("en", "Yeah, tell me the time."),
        ("de", "Stopp!"),
        ("de", "Nein."),
        ("de", "Ja, aber"),
        ("de", "Warte mal."),
        ("fr", "Attendez."),
        ("es", "No."),
        ("pl", "Nie."),
        ("ru", "Нет, подождите."),
        ("ja", "ちょっと待って"),
        ("zh", "等一下"),
        ("ko", "아니요"),
        ("sl", "Stop."),
    ],
)
def test_real_speech_interrupts_however_short(language: str, text: str) -> None:
    assert judge_overlap(Overlap(text, language, 0.6, -0.6)) is Meaning.INTERRUPTION


@pytest.mark.parametrize("text", ["[laughter]", "(coughs)", "♪", "...", "* sneezes *"])
def test_sounds_that_a_recogniser_describes_are_noise(text: str) -> None:
    assert judge_overlap(Overlap(text, voiced_seconds=0.4)) is Meaning.NOISE


def test_words_made_up_for_a_cough_are_noise_and_certain_words_are_not() -> None:
    def heard(text: str, log_probability: float, seconds: float = 0.4) -> Meaning:
        return judge_overlap(Overlap(text, "en", seconds, log_probability))

    assert heard("Emichem.", -1.1) is Meaning.NOISE
    assert heard("Let's go.", -1.1) is Meaning.NOISE
    assert heard("Let's go.", -0.4) is Meaning.INTERRUPTION
    # What was spoken for long, or with many words, was spoken.
    assert heard("Emichem.", -1.1, seconds=2.0) is Meaning.INTERRUPTION
    assert heard("I want a large coffee", -1.3) is Meaning.INTERRUPTION
    # To stop is never doubted.
    assert heard("Stop.", -1.4) is Meaning.INTERRUPTION


def test_an_answer_to_a_question_takes_the_turn() -> None:
    for text in ("Yes.", "Okay", "Sure", "Mm-hmm."):
        assert judge_overlap(Overlap(text, agent_asked=True)) is Meaning.INTERRUPTION
    assert judge_overlap(Overlap("I see.", agent_asked=True)) is Meaning.BACKCHANNEL


def test_the_agents_own_words_are_an_echo_unless_the_caller_adds_to_them() -> None:
    def heard(text: str) -> Meaning:
        return judge_overlap(Overlap(text, agent_words=COUNTING))

    assert heard("six seven eight nine") is Meaning.ECHO
    assert heard("six, seven, ate, nine") is Meaning.ECHO
    assert heard("Seven?") is Meaning.INTERRUPTION
    assert heard("did you say seven eight") is Meaning.INTERRUPTION
    assert heard("Stop, seven eight nine.") is Meaning.INTERRUPTION


def test_a_voice_that_sounds_as_the_agent_needs_fewer_words_to_be_its_echo() -> None:
    def heard(text: str, share: float) -> Meaning:
        said = "Sorry, I did not understand that."
        return judge_overlap(Overlap(text, agent_words=said, echo_share=share))

    assert heard("Sorry.", 0.5) is Meaning.ECHO
    assert heard("Sorry.", 0.0) is Meaning.INTERRUPTION
    assert heard("Sorry, I did hot.", 0.5) is Meaning.ECHO
    assert heard("Stop, I did not", 0.5) is Meaning.INTERRUPTION
    assert heard("1, 2, 3", 0.5) is Meaning.ECHO
    assert heard("anything at all", 0.5) is Meaning.INTERRUPTION
    assert heard("anything at all", 1.0) is Meaning.ECHO


def test_assent_that_may_go_on_is_open_until_the_caller_pauses() -> None:
    assert judge_overlap(Overlap("Yeah", complete=False)) is Meaning.OPEN
    assert judge_overlap(Overlap("", complete=True)) is Meaning.OPEN
    assert judge_overlap(Overlap("Stop", complete=False)) is Meaning.INTERRUPTION


def test_who_speaks_into_a_long_echo_is_heard() -> None:
    said = "one two three four five six seven eight nine ten eleven twelve"
    both = f"{said} can I get an Americano please"
    for share in (0.0, 0.5, 0.7):
        echo = Overlap(said, agent_words=said, echo_share=share, complete=False)
        assert judge_overlap(echo) is Meaning.ECHO
        mixed = Overlap(both, agent_words=said, echo_share=share, complete=False)
        assert judge_overlap(mixed) is Meaning.INTERRUPTION


def test_a_word_that_comes_back_at_once_is_an_echo_until_that_is_ruled_out() -> None:
    def heard(text: str, *, possible: bool = True, asked: bool = False) -> Meaning:
        overlap = Overlap(
            text, agent_words="One, two, sorry", echo_possible=possible, agent_asked=asked
        )
        return judge_overlap(overlap)

    assert heard("One.") is heard("One, two.") is heard("Sorry.") is Meaning.ECHO
    assert heard("One.", possible=False) is heard("Two?", asked=True) is Meaning.INTERRUPTION
    misheard = Overlap("Want to do.", agent_words="One, two,", echo_share=0.5, echo_possible=True)
    assert judge_overlap(replace(misheard, mean_log_probability=-1.1)) is Meaning.ECHO
    assert judge_overlap(replace(misheard, mean_log_probability=-0.5)) is Meaning.INTERRUPTION
    assert heard("Two one.") is heard("Twenty.") is heard("Stop.") is Meaning.INTERRUPTION


def test_what_may_be_an_echo_is_open_until_more_is_heard() -> None:
    first = Overlap("One.", agent_words="One, two,", complete=False)
    assert judge_overlap(first) is Meaning.OPEN
    misheard = Overlap("What?", agent_words="One, two,", echo_share=0.5, complete=False)
    assert judge_overlap(misheard) is Meaning.OPEN
    # Somebody may have said so, and who wants the agent to stop is not kept waiting.
    stop = Overlap("Stop", agent_words="One, two,", echo_share=0.5, complete=False)
    assert judge_overlap(stop) is Meaning.INTERRUPTION
    asked = Overlap("What?", agent_words="One, two,", echo_share=0.5)
    assert judge_overlap(asked) is Meaning.INTERRUPTION


def test_a_long_voice_or_many_words_are_no_backchannel() -> None:
    assert judge_overlap(Overlap("Okay.", voiced_seconds=4.0)) is Meaning.INTERRUPTION
    many = "yeah okay right yeah sure okay right"
    assert judge_overlap(Overlap(many, voiced_seconds=2.0)) is Meaning.INTERRUPTION


def test_an_operators_own_phrases_count_in_every_language() -> None:
    assert judge_overlap(Overlap("Roger that.", "en")) is Meaning.INTERRUPTION
    assert judge_overlap(Overlap("Roger that.", "en"), ["roger that"]) is Meaning.BACKCHANNEL
    assert judge_overlap(Overlap("Roger that, stop.", "en"), ["roger that"]) is Meaning.INTERRUPTION
    # Even one that stops by default.
    assert judge_overlap(Overlap("Nope", "de"), ["Nope"]) is Meaning.BACKCHANNEL


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_no_phrase_of_a_language_means_both(language: str) -> None:
    phrases = phrases_for(language)
    assert not phrases.assent & phrases.stops
    for phrase in phrases.stops:
        assert judge_overlap(Overlap(" ".join(phrase), language)) is Meaning.INTERRUPTION
