"""Decides how much silence ends a turn, given the speech so far."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from .. import defaults
from .evidence import Evidence
from .odds import log_odds_of_end
from .verdict import Verdict, WaitReason

_LITTLE_DOUBT = 0.16
"""Up to this share of the longest wait beyond the shortest, a turn counts as complete."""
_DOUBT = ((0.45, 1.0), (0.6, _LITTLE_DOUBT), (0.9, 0.0))
"""By probability of the end, where the voice was judged: the share of the longest wait beyond the
shortest. Chosen on people's recordings (docs/turn-taking.md): of the ends of requests nine in ten
are above the second value, so that they are waited for less than half a second."""
_SURE = 0.8
"""At this probability by words alone the shortest wait is enough."""
_UNSURE_LOG_PROBABILITY = -0.35
"""A less certain decode, per token, is often one of a word broken off."""
_CAUTION = 0.75
"""Exponent of the doubt by words alone: below 1, half a doubt gets more than half of the time. Of
480 requests with a pause (`benchmarks.turn_taking.synthetic`, seeds 20 and 22) 5 % are cut off,
against 7 % with 1, for 9 ms more of mean wait."""
_LEARNED_MARGIN_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class TurnTiming:
    """Silence after the last voice that ends a turn."""

    complete_seconds: float = defaults.TURN_MIN_DELAY_SECONDS
    """After a request that is certainly complete."""
    incomplete_seconds: float = defaults.TURN_MAX_DELAY_SECONDS
    """After one that certainly is not, or that has not been recognised yet."""


class EndpointingPolicy:
    """Decides for one caller; belongs to one event loop.

    It learns how the caller pauses: a caller who continues after sentences that seemed complete
    gets a little more time than those pauses took, until turns end as expected again.
    """

    def __init__(
        self,
        timing: TurnTiming | None = None,
        *,
        log_odds: Callable[[Evidence], float] = log_odds_of_end,
    ) -> None:
        """`log_odds` weighs evidence that has an acoustic probability."""
        self._timing = timing or TurnTiming()
        self._log_odds = log_odds
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
        if evidence.acoustic_probability is None:
            probability = words.probability
            if evidence.mean_log_probability < _UNSURE_LOG_PROBABILITY:
                probability = min(probability, 0.7)
            doubt = math.pow(max(0.0, 1.0 - probability / _SURE), _CAUTION)
        else:
            probability = 1.0 / (1.0 + math.exp(-self._log_odds(evidence)))
            if words.amid is not None:
                # Groups of digits sound finished one by one.
                probability = min(probability, words.probability)
            doubt = _doubt(probability)
        sure = doubt <= _LITTLE_DOUBT
        reason = WaitReason.COMPLETE if sure else words.amid or WaitReason.UNSURE
        wait = shortest + doubt * (timing.incomplete_seconds - shortest)
        return Verdict(wait, reason, probability)

    def note_inner_pause(self, seconds: float, evidence: Evidence) -> None:
        """Record that the caller continued after that much silence.

        A break in the middle of a sentence says nothing about pauses at its end.
        """
        if self.judge(evidence).reason is WaitReason.COMPLETE:
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


def _doubt(probability: float) -> float:
    """Return which share of the longest wait to add, by the fitted probability."""
    for (lower, more), (upper, less) in pairwise(_DOUBT):
        if probability < upper:
            inside = max(0.0, (probability - lower) / (upper - lower))
            return more + inside * (less - more)
    return 0.0
