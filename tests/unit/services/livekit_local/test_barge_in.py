"""What of a voice over the agent's reaches the session."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import pytest

from services.asr.events import ASREvent, ASREventKind
from services.audio.samples import SAMPLE_RATE, Samples
from services.endpointing.overlap import Meaning
from services.livekit_local import LocalSTT, LocalVAD
from services.livekit_local.barge_in import BargeIn
from services.vad.silero import WINDOW_SAMPLES, WINDOW_SECONDS, Activity, ActivityKind

STARTED, WINDOW, ENDED = ActivityKind.STARTED, ActivityKind.WINDOW, ActivityKind.ENDED
INTERIM, PREFLIGHT, FINAL = ASREventKind.INTERIM, ASREventKind.PREFLIGHT, ASREventKind.FINAL


class Speech:
    """What the agent says, as a test has it."""

    def __init__(self) -> None:
        self.audible = True
        self.words = self.latest = "one two three four"

    def was_audible(self, moment: float) -> bool:
        assert abs(moment - time.monotonic()) < 60
        return self.audible

    def words_around(self, before_seconds: float, ahead_seconds: float) -> str:
        return self.words

    def latest_words_around(self, before_seconds: float, ahead_seconds: float) -> str:
        return self.latest

    def sound_before(self, seconds: float) -> tuple[Samples, int]:
        level = 0.1 if self.audible else 0.0
        return np.full(round(seconds * SAMPLE_RATE), level, dtype=np.float32), SAMPLE_RATE


class Room:
    """A voice that comes window by window, and what the session makes of it."""

    def __init__(self) -> None:
        self.speech = Speech()
        vad = LocalVAD()
        self.barge_in = BargeIn(vad, LocalSTT(vad=vad), assent=["roger"])
        self.barge_in.agent = self.speech
        self.went_on = 0
        self.dropped: list[tuple[Meaning, str]] = []
        self.barge_in.on_go_on = self._go_on
        self.barge_in.on_dropped = lambda meaning, text: self.dropped.append((meaning, text))
        self.probability = 0.9
        self._windows = 0
        self._spoken = 0

    def _go_on(self) -> None:
        self.went_on += 1

    def voice(self, seconds: float, level: float = 0.1) -> list[Activity]:
        """Voice; the first of it begins an utterance."""
        seen: list[Activity] = []
        for _ in range(round(seconds / WINDOW_SECONDS)):
            self._spoken += 1
            self.barge_in.push(np.full(WINDOW_SAMPLES, level, dtype=np.float32))
            if self._spoken == 2:
                self.hear(ASREventKind.SPEECH_STARTED)
            seen += self._step(WINDOW, speaking=self._spoken >= 2, voiced=True)
            if self._spoken == 2:
                seen += self._step(STARTED, speaking=True, voiced=True, again=True)
        return seen

    def silence(self, seconds: float = 0.25) -> list[Activity]:
        """Silence that ends the voice."""
        seen: list[Activity] = []
        for _ in range(round(seconds / WINDOW_SECONDS)):
            self.barge_in.push(np.zeros(WINDOW_SAMPLES, dtype=np.float32))
            seen += self._step(WINDOW, speaking=True, voiced=False)
        seen += self._step(ENDED, speaking=False, voiced=False, again=True)
        self._spoken = 0
        return seen

    def listen(self, seconds: float) -> None:
        """Nobody's voice, while the agent speaks or is silent."""
        for _ in range(round(seconds / WINDOW_SECONDS)):
            self.barge_in.push(np.zeros(WINDOW_SAMPLES, dtype=np.float32))
            assert not [a for a in self._step(WINDOW, speaking=False, voiced=False) if a.speaking]

    def hear(self, kind: ASREventKind, text: str = "", doubt: float = -0.4) -> list[ASREvent]:
        """An event of the recogniser; returns what of it the session has."""
        start = self._windows * WINDOW_SECONDS
        event = ASREvent(kind, text, mean_log_probability=doubt, start_seconds=start)
        return list(self.barge_in.screen(event))

    def _step(
        self, kind: ActivityKind, *, speaking: bool, voiced: bool, again: bool = False
    ) -> Iterator[Activity]:
        self._windows += not again
        spoken = self._spoken * WINDOW_SECONDS
        yield from self.barge_in.weigh(
            Activity(
                kind=kind,
                position=self._windows * WINDOW_SAMPLES,
                probability=self.probability,
                speaking=speaking,
                speech_seconds=spoken if speaking else 0.0,
                voiced_seconds=spoken if voiced else 0.0,
                silent_seconds=0.0 if voiced else WINDOW_SECONDS,
            )
        )


@pytest.fixture
def room() -> Room:
    return Room()


def test_assent_goes_no_farther_and_the_reply_goes_on(room: Room) -> None:
    seen = room.voice(0.48)
    assert [a.kind for a in seen if a.kind is not WINDOW] == [STARTED]
    # It paused the agent, as every voice does.
    assert seen[-1].speech_seconds > 0.4
    assert room.hear(INTERIM, "Yeah.") == []
    assert room.went_on == 0
    assert room.hear(PREFLIGHT, "Yeah.") == []
    assert room.went_on == 1
    assert [a.kind for a in room.silence() if a.kind is not WINDOW] == [ENDED]
    (final,) = room.hear(FINAL, "Yeah.")
    assert (final.kind, final.text) == (FINAL, "")
    assert room.dropped == [(Meaning.BACKCHANNEL, "Yeah.")]


def test_after_assent_a_new_voice_pauses_the_agent_again(room: Room) -> None:
    room.voice(0.48)
    room.hear(PREFLIGHT, "Yeah.")
    again = room.voice(0.32)
    assert again[0].speech_seconds < 0.1
    assert 0.25 < again[-1].speech_seconds < 0.4
    assert len(room.hear(PREFLIGHT, "Yeah, but what is next?")) == 1
    assert room.hear(FINAL, "Yeah, but what is next?")[0].text == "Yeah, but what is next?"
    assert room.dropped == []


@pytest.mark.parametrize("text", ["Stop.", "What time is it?"])
def test_an_interruption_reaches_the_session_as_it_is(room: Room, text: str) -> None:
    room.voice(0.48)
    for kind in (INTERIM, PREFLIGHT, FINAL):
        (event,) = room.hear(kind, text)
        assert (event.kind, event.text) == (kind, text)
    assert room.went_on == 0


def test_the_same_words_in_silence_are_a_turn(room: Room) -> None:
    room.speech.audible = False
    room.voice(0.48)
    for kind in (INTERIM, PREFLIGHT, FINAL):
        assert room.hear(kind, "Yeah.")[0].text == "Yeah."
    assert room.dropped == []


def test_assent_after_a_question_that_was_answered_is_assent(room: Room) -> None:
    room.speech.words, room.speech.latest = "How can I help? One two", "One two"
    room.voice(0.48)
    assert room.hear(FINAL, "Yes.")[0].text == ""


def test_an_answer_to_the_agents_question_is_a_turn(room: Room) -> None:
    room.speech.latest = "shall I set the timer?"
    room.voice(0.48)
    assert room.hear(FINAL, "Yes.")[0].text == "Yes."


def test_nothing_is_kept_back_before_the_agents_speech_is_known(room: Room) -> None:
    room.barge_in.agent = None
    room.voice(0.48)
    assert room.hear(FINAL, "Yeah.")[0].text == "Yeah."


def test_words_that_turn_out_to_be_none_are_taken_back(room: Room) -> None:
    room.voice(0.48)
    assert room.hear(PREFLIGHT, "Go home.")[0].text == "Go home."
    cleared, final = room.hear(FINAL, "Roger.")
    assert (cleared.kind, cleared.text) == (INTERIM, "")
    assert (final.kind, final.text) == (FINAL, "")


def test_a_sound_without_words_lets_the_reply_go_on_before_its_final(room: Room) -> None:
    room.voice(0.48)
    assert room.hear(ASREventKind.WORDLESS) == []
    assert room.went_on == 1
    assert room.voice(0.1)[-1].speech_seconds < 0.15
    assert room.hear(FINAL)[0].text == ""
    assert room.dropped == []


def test_a_voice_in_the_background_is_silence_for_the_session(room: Room) -> None:
    room.speech.audible = False
    room.voice(0.6)
    room.hear(FINAL, "What time is it?")
    room.silence()
    for audible in (True, False):
        room.speech.audible = audible
        seen = room.voice(1.0, level=0.02) + room.silence()
        assert {a.kind for a in seen} == {WINDOW}
        assert not any(a.speaking or a.speech_seconds or a.voiced_seconds for a in seen)
        assert room.hear(PREFLIGHT, "the weather tomorrow") == []
        assert room.hear(FINAL, "the weather tomorrow")[0].text == ""
    # The caller is heard over it.
    seen = room.voice(0.6)
    assert [a.kind for a in seen if a.kind is not WINDOW] == [STARTED]
    assert room.hear(FINAL, "Thank you, goodbye.")[0].text == "Thank you, goodbye."


def test_a_television_that_begins_while_the_agent_speaks_is_no_caller_who_tries_again(
    room: Room,
) -> None:
    room.speech.audible = False
    room.voice(0.6)
    room.hear(FINAL, "What time is it?")
    room.silence()
    room.speech.audible = True
    for level in (0.02, 0.036):
        room.barge_in._ended = time.monotonic() - 5.0
        room.voice(1.0, level=level)
        assert room.hear(FINAL, "the weather tomorrow")[0].text == ""
        room.silence()


def test_a_caller_who_speaks_softly_for_once_is_answered(room: Room) -> None:
    room.speech.audible = False
    room.voice(0.6)
    room.hear(FINAL, "What time is it?")
    room.silence()
    seen = room.voice(0.6, level=0.02)
    assert [a.kind for a in seen if a.kind is not WINDOW] == [STARTED]
    assert room.hear(FINAL, "And what day?")[0].text == "And what day?"
    room.silence()
    # Over the agent's voice it would be a television, and so it would be right after that.
    for audible in (True, False):
        room.speech.audible = audible
        room.voice(0.6, level=0.02)
        assert room.hear(FINAL, "the weather tomorrow")[0].text == ""
        room.silence()


def test_each_caller_has_a_level_of_their_own(room: Room) -> None:
    room.speech.audible = False
    room.barge_in.heard_from("loud")
    room.voice(0.6, level=0.2)
    room.hear(FINAL, "What time is it?")
    room.silence()
    room.barge_in.heard_from("soft")
    room.voice(0.6, level=0.02)
    assert room.hear(FINAL, "And what day?")[0].text == "And what day?"


def test_a_certain_voice_pauses_the_agent_earlier_than_a_doubtful_one(room: Room) -> None:
    room.listen(4.5)
    certain = room.voice(0.16)
    assert certain[-1].speech_seconds > 0.2
    room.silence()
    room.hear(FINAL, "Mm-hmm.")
    room.probability = 0.6
    doubtful = room.voice(0.16)
    assert doubtful[-1].speech_seconds <= 0.16


@pytest.mark.parametrize(("audible", "seconds"), [(True, 0.0), (True, 3.0), (False, 10.0)], ids=str)
def test_a_voice_that_may_be_an_echo_does_not_pause_the_agent_early(
    room: Room, audible: bool, seconds: float
) -> None:
    room.speech.audible = audible
    room.listen(seconds)
    room.speech.audible = True
    assert room.voice(0.16)[-1].speech_seconds <= 0.16


def test_a_sound_that_lasts_without_a_word_lets_the_reply_go_on_until_there_is_one(
    room: Room,
) -> None:
    assert room.voice(0.96)[-1].speech_seconds > 0.9
    assert room.hear(ASREventKind.WORDLESS) == []
    assert room.went_on == 1
    # Neither what follows of it nor the next such sound pauses the agent.
    assert room.voice(1.0)[-1].speech_seconds == 0.0
    room.silence()
    room.hear(FINAL, "")
    assert room.voice(0.96)[-1].speech_seconds == 0.0
    # Who speaks does, by the first words.
    assert len(room.hear(INTERIM, "What time is it?")) == 1
    assert room.voice(0.1)[-1].speech_seconds > 0.9
