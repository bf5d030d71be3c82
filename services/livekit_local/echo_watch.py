"""Follows whether the caller's voice is the agent's own, from a loudspeaker."""

from __future__ import annotations

from collections import deque
from typing import Protocol

import numpy as np

from ..audio.samples import SAMPLE_RATE, Samples
from ..endpointing.echo import (
    ECHO_ANYWHERE_LIKENESS,
    ECHO_LIKENESS,
    STEPS_PER_SECOND,
    Spectrum,
    likeness,
    spectrum,
)
from ..vad.silero import WINDOW_SECONDS

_FIRST_COMPARED_SECONDS = 0.3
"""Voice before it is compared with the agent's: less is like too much speech somewhere."""
_FIRST_COMPARED_AT_DELAY_SECONDS = 0.15
"""The same once the delay of the call's echo is known: before a voice may pause the agent."""
_COMPARED_AGAIN_SECONDS = 0.12
_COMPARED_SECONDS = 0.5
_LONGEST_DELAY_SECONDS = 1.2
"""Of an echo: the way to the caller and back, with the buffers at both ends."""
_DELAY_TOLERANCE_SECONDS = 0.15
"""By how much the delay of a call's echo changes in the call."""
_SAME_DELAY_SECONDS = 0.04
"""By how much it changes from one voice to the next."""
_CERTAIN_SECONDS = 0.42
"""Length from which two comparisons of different voices prove an echo. Of 0.3 s of people's voices
over the agent's 5 in 100 are as like it as an echo, a "yes" more often; of 0.45 s 1 in 100."""
_GUESS = 0.5
_GUESSED_LIKENESS = 0.8
"""Of any comparison, from which an echo is a guess: of 118 windows of 0.3 s in which people spoke
over the agent one in nine reached it, of 202 with an echo alone four in five."""
_GUESSED_FOR_SECONDS = 0.8
"""Voice for which a guess keeps it from pausing the agent: what goes on can be compared again, and
of an agent that stops at once only pieces of words come back."""
_FORGOTTEN_AFTER = 2
"""Voices in a row without any of the agent's, from which the call has no echo after all."""
_ANOTHER_VOICE = 2
"""Comparisons in a row that find another voice where there is one: an echo alone fails one now and
then, where it is soft."""

_UNECHOED_SECONDS = 4.0
"""Of the agent's voice, with none at the microphone, from which the call has no echo: more than a
greeting, after which some callers put the telephone down."""
_LISTENED_SECONDS = 0.5
"""Between two looks at what the agent played."""
_AUDIBLE_LEVEL = 0.01
"""Root mean square from which the agent's sound is a voice: -40 dB."""


class PlayedSound(Protocol):
    """What the agent plays."""

    def sound_before(self, seconds: float) -> tuple[Samples, int]:
        """The last audio played up to now, mono in [-1, 1], and its sample rate."""


class EchoWatch:
    """Compares one voice after the other with what the agent played; belongs to one loop."""

    def __init__(self) -> None:
        self._recent: deque[Samples] = deque(maxlen=round(_COMPARED_SECONDS / WINDOW_SECONDS))
        self._delay_seconds: float | None = None
        """Of the call's echo, once it is certain that there is one."""
        self._latest_seconds: float | None = None
        """Delay at which the agent's voice was found last, in this voice or the one before."""
        self._independent_from = 0.0
        """Voice of this utterance from which a comparison says more than the one that found it."""
        self._compared = self._alike = 0
        self._without = 0
        """Voices in a row in which the agent's was not found."""
        self._silent_seconds = self._unechoed_seconds = 0.0
        """Since the last voice: silence not yet looked at, and the agent's voice in the rest."""
        self.is_ruled_out = False
        """Whether the agent was heard to speak without an echo, and no echo was found since."""
        self.begin()

    def begin(self) -> None:
        """Begin with a new voice."""
        if self._compared:
            self._without = 0 if self._alike else self._without + 1
        if self._without >= _FORGOTTEN_AFTER:
            self._delay_seconds = self._latest_seconds = None
        self._next = _FIRST_COMPARED_SECONDS
        if self._delay_seconds is not None:
            self._next = _FIRST_COMPARED_AT_DELAY_SECONDS
        self._compared = self._alike = 0
        self._found = False
        self._voiced_seconds = 0.0
        """Up to the latest comparison."""
        self._independent_from = 0.0
        self._best = 0.0
        """Likeness of the likest comparison."""
        self._best_delay = 0.0
        self._others = self._most_others = 0
        """Comparisons in a row, now and at most, that found another voice."""

    @property
    def is_due(self) -> bool:
        """Whether the call has an echo, and the voice is still to be compared with it."""
        return self._delay_seconds is not None and not self._compared

    @property
    def is_open(self) -> bool:
        """Whether the voice may well turn out to be the first echo of the call."""
        if self.is_ruled_out or self._delay_seconds is not None:
            return False
        guessed = self._best >= _GUESSED_LIKENESS and self._voiced_seconds < _GUESSED_FOR_SECONDS
        return guessed or not self._compared

    @property
    def hears_agent(self) -> bool:
        """Whether the latest part of the voice is the agent's, and no other beside it."""
        if self._delay_seconds is None or not self._alike:
            return False
        return self._others < _ANOTHER_VOICE

    @property
    def share(self) -> float:
        """How much of the voice is the agent's, from 0 to 1.

        1 where no other voice was found for long enough to be one. As long as it is not certain
        that the call has an echo, it is at most a guess, 0.5.
        """
        if self._delay_seconds is None:
            return _GUESS if self._best >= _GUESSED_LIKENESS else 0.0
        share = self._alike / self._compared if self._compared else 0.0
        return 1.0 if share >= _GUESS and self._most_others < _ANOTHER_VOICE else min(share, 0.7)

    def push(self, window: Samples) -> None:
        """Take the next window of the microphone, with voice or without."""
        self._recent.append(window)

    def observe(self, agent: PlayedSound, *, voice: bool, over_agent: bool) -> None:
        """Note whether there is a voice in the latest window, to rule out an echo.

        `over_agent`: the latest voice began while the agent spoke.
        """
        if self.is_ruled_out:
            return
        if voice:
            self._silent_seconds = 0.0
            if over_agent:
                self._unechoed_seconds = 0.0
            return
        self._silent_seconds += WINDOW_SECONDS
        if self._silent_seconds < _LISTENED_SECONDS:
            return
        played, _ = agent.sound_before(self._silent_seconds)
        if len(played) and float(np.sqrt(np.mean(np.square(played)))) >= _AUDIBLE_LEVEL:
            self._unechoed_seconds += self._silent_seconds
        self._silent_seconds = 0.0
        self.is_ruled_out = self._unechoed_seconds >= _UNECHOED_SECONDS

    def consider(self, voiced_seconds: float, agent: PlayedSound, *, ended: bool = False) -> None:
        """Compare, if that much voice is worth another comparison; takes some milliseconds.

        `ended` says that the voice ended with the window before the latest.
        """
        since = voiced_seconds - self._next
        if since < (-_COMPARED_AGAIN_SECONDS / 2 if ended else 0.0):
            return
        self._next = voiced_seconds + _COMPARED_AGAIN_SECONDS
        length = min(voiced_seconds, _COMPARED_SECONDS)
        windows = [*self._recent][-round(length / WINDOW_SECONDS) :]
        heard = spectrum(np.concatenate(windows), SAMPLE_RATE)
        alike, delay, needed = self._find(heard, length, agent)
        self._compared += 1
        self._voiced_seconds = voiced_seconds
        self._found = alike >= needed
        if alike > self._best:
            self._best, self._best_delay = alike, delay
        self._others = 0 if self._found else self._others + 1
        self._most_others = max(self._most_others, self._others)
        if not self._found:
            return
        self.is_ruled_out = False
        self._alike += 1
        if self._delay_seconds is not None:
            self._delay_seconds = delay
        elif length >= _CERTAIN_SECONDS and voiced_seconds >= self._independent_from:
            before, self._latest_seconds = self._latest_seconds, delay
            self._independent_from = voiced_seconds + length
            # Two voices are alike by chance now and then, but not twice at the same delay.
            if before is not None and abs(before - delay) <= _SAME_DELAY_SECONDS:
                self._delay_seconds = delay

    def _find(
        self, heard: Spectrum, length: float, agent: PlayedSound
    ) -> tuple[float, float, float]:
        """How much what is heard is like something played, its delay, and what is needed."""
        earliest = _LONGEST_DELAY_SECONDS
        played = spectrum(*agent.sound_before(length + earliest))
        if self._delay_seconds is not None:
            latest = len(played) - len(heard)
            place = latest - round(self._delay_seconds * STEPS_PER_SECOND)
            tolerance = round(_DELAY_TOLERANCE_SECONDS * STEPS_PER_SECOND)
            first = max(0, place - tolerance)
            found, best = likeness(heard, played[first : place + tolerance + len(heard)])
            if found >= ECHO_LIKENESS or length < _FIRST_COMPARED_SECONDS:
                return found, (latest - first - best) / STEPS_PER_SECOND, ECHO_LIKENESS
        # A voice that is synthesised late shifts what follows.
        found, best = likeness(heard, played)
        delay = (len(played) - len(heard) - best) / STEPS_PER_SECOND
        return found, delay, ECHO_ANYWHERE_LIKENESS

    def confirm(self) -> None:
        """Note that the voice was the agent's, by its words."""
        self.is_ruled_out = False
        if self._delay_seconds is None and self._best >= _GUESSED_LIKENESS:
            self._delay_seconds = self._best_delay
            self._alike = self._compared
            self._others = self._most_others = 0
