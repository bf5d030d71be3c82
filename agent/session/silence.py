"""Callers who say nothing: asked once whether they are there, then let go."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

LONGEST_TIMER_SECONDS: Final = 3600.0
"""So long after a caller's last word a timer of theirs keeps the call open."""


@dataclass(frozen=True, slots=True)
class SilenceLimits:
    """How long nobody need say anything; 0 is without end."""

    first_word_seconds: float
    """Where no caller of the room has said or typed anything yet."""
    word_seconds: float
    """Between two words of a conversation."""
    answer_seconds: float
    """After the end of the question whether anybody is there."""


class SilenceWatch:
    """Watches one room; belongs to its event loop, and `close` ends its timer.

    Words count, spoken or typed; noise does not. While the agent speaks there is no silence.
    """

    def __init__(
        self,
        limits: SilenceLimits,
        *,
        ask: Callable[[], None],
        leave: Callable[[], None],
        awaited: Callable[[], bool],
    ) -> None:
        """Nothing is watched before `begin`.

        Args:
            limits: how long.
            ask: asks the callers whether they are there.
            leave: says goodbye, and ends the call if they are still `leaving` then.
            awaited: whether the callers are waiting for the agent, such as for a timer.
        """
        self._limits = limits
        self._ask = ask
        self._leave = leave
        self._awaited = awaited
        self._spoken = False
        self._asked = False
        self._leaving = False
        self._agent_speaks = False
        self._last_word = 0.0
        self._timer: asyncio.TimerHandle | None = None
        # The loop keeps a cancelled timer until its time has come, and with it the context in
        # which it was made: that of a reply, and all that the reply held.
        self._context = contextvars.copy_context()
        self._closed = True

    @property
    def leaving(self) -> bool:
        """Whether the callers are being let go, and have still said nothing."""
        return self._leaving

    def begin(self) -> None:
        """Somebody has come: from now on a word is waited for."""
        if self._closed:
            self._closed = False
            self._last_word = asyncio.get_running_loop().time()
            self._restart()

    def caller_spoke(self) -> None:
        """A caller has said or typed something."""
        self._spoken, self._asked, self._leaving = True, False, False
        self._last_word = asyncio.get_running_loop().time()
        self._restart()

    def agent_speaks(self) -> None:
        """The agent has begun to say something; whoever listens to it need not say anything."""
        self._agent_speaks = True
        self._restart()

    def agent_spoke(self) -> None:
        """The agent has come to an end of what it says."""
        self._agent_speaks = False
        self._restart()

    def close(self) -> None:
        """Watch nothing any more. Idempotent."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()

    def _restart(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._closed or self._agent_speaks or self._leaving:
            return
        limits = self._limits
        seconds = limits.word_seconds if self._spoken else limits.first_word_seconds
        if self._asked:
            seconds = limits.answer_seconds
        if seconds > 0:
            self._timer = asyncio.get_running_loop().call_later(
                seconds, self._on_silence, context=self._context
            )

    def _on_silence(self) -> None:
        now = asyncio.get_running_loop().time()
        if self._awaited() and now < self._last_word + LONGEST_TIMER_SECONDS:
            self._restart()
        elif self._asked:
            self._leaving = True
            self._leave()
        else:
            self._asked = True
            self._restart()
            self._ask()
