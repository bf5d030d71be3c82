"""How far a reply has been played, by the clock and by what the output reports."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

_REMEMBERED_PAUSES = 4


class Pause(NamedTuple):
    """A silence within a reply."""

    place: float
    seconds: float


class Playhead:
    """The place in one reply that is being played, in seconds of its audio.

    All times are monotonic. Belongs to one event loop.
    """

    def __init__(self) -> None:
        self.started: float | None = None
        """When playback began."""
        self.pauses: deque[Pause] = deque(maxlen=_REMEMBERED_PAUSES)
        """The latest ones that are over."""
        self.held_since: float | None = None
        """When the pause began that lasts."""
        self.ended: float | None = None
        """When playback ended."""
        self._anchor = (0.0, 0.0)
        """A place and its time."""
        self._held_at = 0.0

    def place(self, now: float) -> float | None:
        """Seconds that were played; None before it has begun."""
        if self.started is None:
            return None
        if self.held_since is not None or self.ended is not None:
            return self._held_at
        place, time = self._anchor
        return place + now - time

    def start(self, moment: float) -> None:
        """Record that playback began."""
        self.started = moment
        self._anchor = (0.0, moment)

    def hold(self, now: float) -> None:
        """Pause."""
        if self.held_since is None:
            self._held_at = self.place(now) or 0.0
            self.held_since = now

    def go_on(self, now: float) -> None:
        """End the pause."""
        if self.held_since is None:
            return
        if self.started is not None:
            lasted = now - max(self.held_since, self.started)
            self.pauses.append(Pause(self._held_at, lasted))
            self._anchor = (self._held_at, now)
        self.held_since = None

    def end(self, now: float) -> None:
        """Record that no more will be played."""
        if self.ended is not None:
            return
        place = self.place(now) or 0.0
        if self.held_since is not None:
            if self.started is not None:
                lasted = now - max(self.held_since, self.started)
                self.pauses.append(Pause(place, lasted))
            self.held_since = None
        self._held_at = place
        self.ended = now

    def report(self, last: float, now: float) -> None:
        """Take account of the place up to which the output says that it has played.

        It says so when it stops, or goes on after it had run out of audio.
        """
        if self.held_since is not None:
            self._held_at = last
        else:
            self._anchor = (last, now)
