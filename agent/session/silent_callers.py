"""Asks silent callers whether they are there, and ends the call of those who do not answer."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

from livekit.agents import AgentSession
from livekit.agents.voice import AgentStateChangedEvent

from agent.languages import Phrases
from agent.session.attendant import END_OF_CALL_SECONDS
from agent.session.silence import SilenceLimits, SilenceWatch


class SilentCallers:
    """Follows the silence in one room; belongs to its event loop."""

    def __init__(
        self,
        session: AgentSession[Any],
        limits: SilenceLimits,
        *,
        phrases: Callable[[], Phrases],
        awaited: Callable[[], bool],
        end_call: Callable[[], None],
    ) -> None:
        """Nothing is watched before `watch.begin`.

        Args:
            session: speaks to the callers.
            limits: how long they may be silent.
            phrases: what the agent says by itself, in the language of the moment.
            awaited: whether they are waiting for the agent, such as for a timer.
            end_call: called once they have heard the goodbye.
        """
        self.watch = SilenceWatch(limits, ask=self._ask, leave=self._let_go, awaited=awaited)
        self._session = session
        self._phrases = phrases
        self._end_call = end_call
        self._goodbye: asyncio.Task[None] | None = None
        session.on("agent_state_changed", self._on_agent_state)

    def close(self) -> None:
        """Stop watching. Idempotent."""
        self.watch.close()
        if self._goodbye is not None:
            self._goodbye.cancel()

    def _on_agent_state(self, event: AgentStateChangedEvent) -> None:
        if event.new_state == "speaking":
            self.watch.agent_speaks()
        elif event.old_state == "speaking":
            self.watch.agent_spoke()

    def _ask(self) -> None:
        with contextlib.suppress(RuntimeError):
            self._session.say(self._phrases().still_there)

    def _let_go(self) -> None:
        self._goodbye = asyncio.create_task(self._say_goodbye(), name="say-goodbye")

    async def _say_goodbye(self) -> None:
        with contextlib.suppress(RuntimeError, TimeoutError):
            async with asyncio.timeout(END_OF_CALL_SECONDS):
                speech = self._session.say(self._phrases().nobody_answers)
                await speech.wait_for_playout()
                if speech.interrupted:
                    # Somebody speaks after all; the words follow.
                    self.watch.caller_spoke()
        if self.watch.leaving:
            self._end_call()
