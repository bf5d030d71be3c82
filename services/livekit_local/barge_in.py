"""Which of the caller's voice and words reach the session, while the agent speaks above all."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Protocol

from ..asr.events import ASREvent, ASREventKind
from ..audio.samples import SAMPLE_RATE, Samples
from ..endpointing.loudness import Loudness, UsualLevel
from ..endpointing.overlap import Meaning, Overlap, judge_overlap
from ..vad.silero import WINDOW_SECONDS, Activity, ActivityKind
from .echo_watch import EchoWatch, PlayedSound
from .stt import LocalSTT
from .vad import LocalVAD

logger = logging.getLogger("services.livekit_local")

_AGENT_WORDS_BEFORE_SECONDS = 2.0
"""Words of the agent from so long before the caller's voice may be heard in it as an echo."""
_AGENT_WORDS_AHEAD_SECONDS = 0.5
_QUESTION_AHEAD_SECONDS = 1.0
"""Callers answer a question before its last word."""
_QUESTION_BEFORE_SECONDS = 2.5
_QUESTION_MARKS = "?？؟"
_LEARNED_SECONDS = 0.4
"""Voice from which the level of an utterance says how loud the caller is."""
_OF_ITS_OWN_SECONDS = 1.5
"""Silence before a voice that is no part of a talk in the background."""
_TELEVISION_SECONDS = 10.0
"""Since a voice in the background, in which another one as soft is in the background too."""
_NOISE_SECONDS = 0.8
"""Voice without a word that is no cough, but a sound that may last: music, a baby that cries."""
_NOISY_SECONDS = 5.0
"""Since such a sound, in which a voice pauses the agent by its words alone."""
_MOST_SPEAKERS = 32
_CERTAIN_PROBABILITY = 0.85
_CERTAIN_WEIGHT = 3.0
"""How often a window counts that is certainly voice, towards a pause of the agent, where it cannot
be the agent's own: the less is left of an echo, the less it says. The median of 34 recordings of
people, at four offsets each, pauses it after 0.13 s instead of 0.24; of 40 tries with noise 5 do,
instead of 10."""
_WORDS = (ASREventKind.INTERIM, ASREventKind.PREFLIGHT, ASREventKind.FINAL)


class AgentVoice(PlayedSound, Protocol):
    """What is known of the agent's own speech."""

    def was_audible(self, moment: float) -> bool:
        """Whether the agent was speaking then (monotonic), a pause for the caller included."""

    def words_around(self, before_seconds: float, ahead_seconds: float) -> str:
        """The words of the agent's speech from so long before now to so long after."""

    def latest_words_around(self, before_seconds: float, ahead_seconds: float) -> str:
        """The same without the reply before the latest."""


class BargeIn:
    """Decides for one room which voice is the caller's, and whether it interrupts the agent.

    Speech over the agent's pauses it at once, by its voice. Its words then decide: of an
    interruption they go to the session, which ends the reply and answers. Of anything else the
    session learns nothing, and the reply goes on. Words that may be either are held back until the
    caller pauses. What sounds as the agent did a moment before does not even pause it, nor does a
    voice far softer than the caller usually is, after which such a voice is not answered either.

    Belongs to the room's event loop. It is in effect once `agent` is set.
    """

    def __init__(self, vad: LocalVAD, stt: LocalSTT, *, assent: Sequence[str] = ()) -> None:
        """Take its place between the room's detector, its recogniser and the session.

        `assent` are further phrases that mean "go on".
        """
        self.agent: AgentVoice | None = None
        """The agent's own speech; nothing is held back before it is known."""
        self.on_go_on: Callable[[], None] = lambda: None
        """Called when a reply that may be paused is to go on."""
        self.on_dropped: Callable[[Meaning, str], None] = lambda meaning, text: None
        """Called with what the session does not learn of, once it is certain."""
        self._stt = stt
        self._assent = tuple(assent)
        self._position = 0
        self._voiced_seconds = 0.0
        self._weight_seconds = 0.0
        """Voice of this utterance, that which is certain counted several times."""
        self._overlaps = False
        self._asked = False
        self._meaning = Meaning.OPEN
        self._voice_since = 0.0
        """Voice since the meaning was found."""
        self._onset = 0.0
        self._passed = False
        """Whether the session has words of this utterance."""
        self._shown = False
        """Whether the session knows of the voice."""
        self._echo = EchoWatch()
        self._loudness = Loudness()
        self._usual = UsualLevel()
        self._speakers: dict[str, UsualLevel] = {}
        self._ended = float("-inf")
        """Monotonic time at which the last voice ended."""
        self._silent_before = 0.0
        """Silence before this utterance."""
        self._background = float("-inf")
        """Monotonic time at which a voice in the background was heard last."""
        self._noisy_until = float("-inf")
        """Monotonic time up to which a voice may well be a noise that lasts."""
        self._window: Samples | None = None
        vad.subscribe(self)
        vad.gate = self.weigh
        stt.screen = self.screen

    def heard_from(self, identity: str) -> None:
        """Note who speaks from now on: each caller has a usual level of their own."""
        if len(self._speakers) >= _MOST_SPEAKERS:
            self._speakers.clear()
        self._usual = self._speakers.setdefault(identity, UsualLevel())

    def push(self, samples: Samples) -> None:
        """Take a window of the microphone."""
        self._window = samples
        self._echo.push(samples)

    def observe(self, activity: Activity) -> None:
        """Do nothing: `weigh` follows."""

    def weigh(self, activity: Activity) -> Iterator[Activity]:
        """Yield the voice activity as the session shall see it."""
        self._position = activity.position
        if activity.kind is ActivityKind.ENDED:
            yield from self._fall_silent(activity)
            return
        self._follow(activity)
        if self._is_background and self._shown:
            # It was loud for a moment, and has turned out to be none of the caller's.
            self._shown = False
            yield replace(_without_voice(activity), kind=ActivityKind.ENDED)
            self.on_go_on()
        seen = activity
        unknown = self.agent is not None and self._usual.is_known and self._loudness.level is None
        if self._is_background or unknown:
            seen = _without_voice(activity)
        elif self._holds_back:
            # As long as nothing of weight follows, this speech does not pause the agent again.
            no_voice = self._echo.hears_agent or self._is_noisy
            since = 0.0 if no_voice else self._voice_since
            seen = replace(activity, speech_seconds=min(activity.speech_seconds, since))
        elif self._overlaps and self._echo.is_open:
            seen = replace(activity, speech_seconds=0.0)
        elif self._overlaps and not self._echo.is_due:
            # A doubtful voice, such as many a noise, pauses the agent later than a certain one.
            seen = replace(activity, speech_seconds=self._weight_seconds)
        if not self._shown and seen.speaking:
            self._shown = True
            yield replace(seen, kind=ActivityKind.WINDOW)
            yield replace(seen, kind=ActivityKind.STARTED)
        elif seen.kind is ActivityKind.WINDOW:
            yield seen if self._shown else _without_voice(seen)

    def screen(self, heard: ASREvent) -> Iterator[ASREvent]:
        """Yield the events that the session shall have in place of this one."""
        if heard.kind is ASREventKind.SPEECH_STARTED:
            self._begin(heard.start_seconds)
        if heard.kind is ASREventKind.WORDLESS and self._overlaps:
            self._meaning = Meaning.NOISE
            self._voice_since = 0.0
            if self._voiced_seconds >= _NOISE_SECONDS:
                self._noisy_until = time.monotonic() + _NOISY_SECONDS
            self.on_go_on()
        elif heard.kind not in _WORDS or not (self._overlaps or self._is_background):
            if heard.kind is ASREventKind.FINAL:
                self._learn(heard.text)
            yield heard
        elif heard.kind is ASREventKind.FINAL:
            yield from self._end(heard)
        else:
            self._judge(heard)
            if self._meaning is Meaning.INTERRUPTION:
                self._passed = True
                yield heard
            elif self._meaning.lets_speech_go_on:
                self.on_go_on()

    @property
    def _holds_back(self) -> bool:
        if not self._overlaps or self._meaning is Meaning.INTERRUPTION:
            return False
        return self._meaning.lets_speech_go_on or self._echo.hears_agent or self._is_noisy

    @property
    def _is_noisy(self) -> bool:
        return time.monotonic() < self._noisy_until

    @property
    def _is_background(self) -> bool:
        """Whether the voice is none of the caller's.

        In silence a caller is expected, who may speak softly, unless there was another voice.
        """
        level = self._loudness.level
        if self.agent is None or level is None or not self._usual.is_background(level):
            return False
        return self._overlaps or time.monotonic() - self._background < _TELEVISION_SECONDS

    def _follow(self, activity: Activity) -> None:
        """Take account of a window's voice."""
        if activity.kind is not ActivityKind.WINDOW:
            return
        if self.agent is not None:
            voice = activity.speaking or activity.voiced_seconds > 0
            self._echo.observe(self.agent, voice=voice, over_agent=self._overlaps)
        if not activity.speaking:
            return
        if activity.voiced_seconds <= 0:
            ended = activity.silent_seconds < 1.5 * WINDOW_SECONDS
            if ended and self._overlaps and self.agent is not None:
                self._echo.consider(self._voiced_seconds, self.agent, ended=True)
            return
        self._voiced_seconds += WINDOW_SECONDS
        self._voice_since += WINDOW_SECONDS
        certain = activity.probability >= _CERTAIN_PROBABILITY and self._echo.is_ruled_out
        self._weight_seconds += WINDOW_SECONDS * (_CERTAIN_WEIGHT if certain else 1.0)
        if self._window is not None:
            self._loudness.push(self._window)
        if self._overlaps and self.agent is not None:
            self._echo.consider(self._voiced_seconds, self.agent)
            if self._echo.hears_agent and self._meaning is not Meaning.INTERRUPTION:
                self.on_go_on()

    def _fall_silent(self, activity: Activity) -> Iterator[Activity]:
        """The voice has ended."""
        if self._shown:
            self._shown = False
            yield activity
        else:
            # The session, which does not know of it, does not end the utterance.
            self._stt.finish_utterance()
        self._ended = time.monotonic()

    def _begin(self, start_seconds: float) -> None:
        self._onset = time.monotonic() - (self._position / SAMPLE_RATE - start_seconds)
        self._silent_before = self._onset - self._ended
        self._meaning = Meaning.OPEN
        self._voiced_seconds = self._voice_since = self._weight_seconds = 0.0
        self._passed = False
        self._loudness = Loudness()
        self._echo.begin()
        agent = self.agent
        self._overlaps = agent is not None and agent.was_audible(self._onset)
        self._asked = False
        if self._overlaps and agent is not None:
            # What an earlier reply asked was answered, or else there would be no later one.
            words = agent.latest_words_around(_QUESTION_BEFORE_SECONDS, _QUESTION_AHEAD_SECONDS)
            self._asked = any(mark in words for mark in _QUESTION_MARKS)

    def _judge(self, heard: ASREvent) -> None:
        assert self.agent is not None
        if self._is_background:
            self._meaning = Meaning.NOISE
            return
        since = time.monotonic() - self._onset
        self._meaning = judge_overlap(
            Overlap(
                text=heard.text,
                language=heard.language,
                voiced_seconds=self._voiced_seconds,
                mean_log_probability=heard.mean_log_probability,
                agent_words=self.agent.words_around(
                    since + _AGENT_WORDS_BEFORE_SECONDS, _AGENT_WORDS_AHEAD_SECONDS
                ),
                agent_asked=self._asked,
                echo_share=self._echo.share,
                echo_possible=not self._echo.is_ruled_out,
                complete=heard.kind is not ASREventKind.INTERIM,
            ),
            self._assent,
        )
        if self._meaning is Meaning.ECHO:
            self._echo.confirm()
        self._voice_since = 0.0
        level = self._loudness.level
        logger.debug(
            "voice over the agent",
            extra={
                "meaning": self._meaning.value,
                "text": heard.text,
                "echo": round(self._echo.share, 2),
                "log_probability": round(heard.mean_log_probability, 2),
                "decibels": level if level is None else round(level, 1),
            },
        )

    def _end(self, heard: ASREvent) -> Iterator[ASREvent]:
        self._judge(heard)
        meaning, passed = self._meaning, self._passed
        if meaning is Meaning.INTERRUPTION:
            self._overlaps = False
            self._learn(heard.text)
            yield heard
            return
        if self._is_background and heard.text:
            self._background = time.monotonic()
            if not self._overlaps and self._silent_before >= _OF_ITS_OWN_SECONDS:
                # A caller who waits for an answer, and speaks more softly than before, tries again.
                self._usual.lower()
        self._overlaps = False
        if passed:
            # The session has had other words, which turned out to be none.
            yield replace(heard, kind=ASREventKind.INTERIM, text="", words=())
        yield replace(heard, text="", words=(), confidence=0.0)
        self.on_go_on()
        if heard.text:
            self.on_dropped(meaning, heard.text)
            logger.info(
                "voice passed over",
                extra={"meaning": meaning.value, "seconds": round(self._voiced_seconds, 2)},
            )

    def _learn(self, text: str) -> None:
        level = self._loudness.level
        if not text or level is None or self._voiced_seconds < _LEARNED_SECONDS:
            return
        if self._usual.is_background(level):
            self._usual.lower()
        else:
            self._usual.learn(level)


def _without_voice(activity: Activity) -> Activity:
    return replace(
        activity,
        kind=ActivityKind.WINDOW,
        speaking=False,
        probability=0.0,
        speech_seconds=0.0,
        voiced_seconds=0.0,
    )
