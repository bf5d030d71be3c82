"""Decides how much silence ends a turn, given the speech so far."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

from .. import defaults
from .completeness import Completeness, judge_completeness
from .verdict import Verdict, WaitReason

_SURE = 0.8
"""At this probability the shortest wait is enough."""
_UNSURE_LOG_PROBABILITY = -0.35
"""A less certain decode, per token, is often one of a word broken off."""
_CAUTION = 0.75
"""Exponent of the doubt: below 1, half a doubt gets more than half of the time. Of 480 requests
with a pause (`benchmarks.turn_taking`, seeds 20 and 22) 5 % are cut off, against 7 % with 1, for
9 ms more of mean wait."""
_LEARNED_MARGIN_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class TurnTiming:
    """Silence after the last voice that ends a turn."""

    complete_seconds: float = defaults.TURN_MIN_DELAY_SECONDS
    """After a request that is certainly complete."""
    incomplete_seconds: float = defaults.TURN_MAX_DELAY_SECONDS
    """After one that certainly is not, or that has not been recognised yet."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known during a pause."""

    text: str
    """The turn so far; empty if nothing has been recognised yet."""
    mean_log_probability: float = 0.0
    """Of the decoder, per token."""
    language: str = "en"
    """Of the text, ISO 639-1."""
    acoustic_probability: float | None = None
    """That the voice sounds finished, by Smart Turn, if it has judged."""
    second_probability: float | None = None
    """The same by LiveKit's model, if it has judged."""

    @property
    def completeness(self) -> Completeness:
        """Whether the text is complete, by its words alone."""
        return judge_completeness(self.text, self.language)


class EndpointingPolicy:
    """Decides for one caller; belongs to one event loop.

    It learns how the caller pauses: a caller who continues after sentences that seemed complete
    gets a little more time than those pauses took, until turns end as expected again.
    """

    def __init__(self, timing: TurnTiming | None = None) -> None:
        self._timing = timing or TurnTiming()
        self._inner_pauses: deque[float] = deque(maxlen=4)

    @property
    def longest_wait_seconds(self) -> float:
        """The longest wait in any pause."""
        return max(self._timing.incomplete_seconds, self._timing.complete_seconds)

    def judge(self, evidence: Evidence) -> Verdict:
        """Return the silence after which the turn is over, and why it is that long."""
        timing = self._timing
        shortest = min(timing.incomplete_seconds, self._shortest_wait())
        if not evidence.text:
            return Verdict(timing.incomplete_seconds, WaitReason.NOTHING_HEARD, 0.0)
        words = evidence.completeness
        probability = words.probability
        if evidence.acoustic_probability is not None:
            probability = _combine(probability, evidence.acoustic_probability)
        if evidence.mean_log_probability < _UNSURE_LOG_PROBABILITY:
            probability = min(probability, 0.7)
        doubt = math.pow(max(0.0, 1.0 - probability / _SURE), _CAUTION)
        reason = WaitReason.COMPLETE if doubt == 0.0 else words.amid or WaitReason.UNSURE
        wait = shortest + doubt * (timing.incomplete_seconds - shortest)
        return Verdict(wait, reason, probability)

    def note_inner_pause(self, seconds: float, evidence: Evidence) -> None:
        """Record that the caller continued after that much silence.

        A break in the middle of a sentence says nothing about pauses at its end.
        """
        if evidence.text and evidence.completeness.probability >= _SURE:
            self._inner_pauses.append(seconds)

    def note_turn(self) -> None:
        """Record that a turn ended as expected: earlier pauses count for less."""
        if self._inner_pauses:
            self._inner_pauses.popleft()

    def _shortest_wait(self) -> float:
        complete = self._timing.complete_seconds
        if len(self._inner_pauses) < 2:
            return complete
        usual = sorted(self._inner_pauses)[len(self._inner_pauses) // 2]
        return max(complete, min(usual + _LEARNED_MARGIN_SECONDS, 2 * complete))


def _combine(one: float, other: float) -> float:
    """Combine two probabilities of the same event as independent odds."""
    odds = _log_odds(one) + _log_odds(other)
    return 1.0 / (1.0 + math.exp(-odds))


def _log_odds(probability: float) -> float:
    probability = min(0.99, max(0.01, probability))
    return math.log(probability / (1.0 - probability))
