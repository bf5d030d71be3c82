"""Timing of silence: when to ask silent callers whether they are there, and when to leave."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

LONGEST_TIMER_SECONDS: Final = 3600.0
"""How long after a caller's last word a running timer keeps the call open."""


@dataclass(frozen=True, slots=True)
class SilenceLimits:
    """The longest silences; 0 for no limit."""

    first_word_seconds: float
    """Before anybody in the room has said or typed anything."""
    silence_seconds: float
    """Within a conversation."""
    silence_answer_seconds: float
    """After the question whether anybody is there."""


class SilenceWatch:
    """Times the silence in one room; belongs to its event loop.

    Spoken and typed words end a silence; noise does not. While the agent speaks there is none.
    """

    def __init__(
        self,
        limits: SilenceLimits,
        *,
        ask: Callable[[], None],
        leave: Callable[[], None],
        awaited: Callable[[], bool],
    ) -> None:
        """Time nothing before `begin`.

        Args:
            limits: the longest silences.
            ask: asks the callers whether they are there.
            leave: says goodbye, and ends the call if `leaving` still holds then.
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
        # The loop keeps a cancelled timer until its time has come, and with it the context that
        # it was created in: that of a reply, with everything the reply held.
        self._context = contextvars.copy_context()
        self._closed = True

    @property
    def leaving(self) -> bool:
        """Whether `leave` was called and nobody has said anything since."""
        return self._leaving

    def begin(self) -> None:
        """Start timing: the first caller is there."""
        if self._closed:
            self._closed = False
            self._last_word = asyncio.get_running_loop().time()
            self._restart()

    def caller_spoke(self) -> None:
        """Note that a caller said or typed something."""
        self._spoken, self._asked, self._leaving = True, False, False
        self._last_word = asyncio.get_running_loop().time()
        self._restart()

    def agent_speaks(self) -> None:
        """Note that the agent began to speak."""
        self._agent_speaks = True
        self._restart()

    def agent_spoke(self) -> None:
        """Note that the agent stopped speaking."""
        self._agent_speaks = False
        self._restart()

    def close(self) -> None:
        """Stop timing. Idempotent."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()

    def _restart(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._closed or self._agent_speaks or self._leaving:
            return
        limits = self._limits
        seconds = limits.silence_seconds if self._spoken else limits.first_word_seconds
        if self._asked:
            seconds = limits.silence_answer_seconds
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
