"""Synthesises what an agent always says ahead of its first call."""

from __future__ import annotations

import asyncio
import logging

from agent.languages import SOURCE_LANGUAGE, phrases_in
from agent.phrases import FIXED_PHRASES
from agent.runtime.agent_choice import Chosen
from agent.session.pipeline import conversation_language, language_voices
from services.shared.engines import SharedEngines
from services.tts.types import Delivery

logger = logging.getLogger("agent.runtime.phrases_ahead")


class PhrasesAhead:
    """Owns the work of synthesising greetings and other fixed sentences; on the worker's loop."""

    def __init__(self, speech: SharedEngines) -> None:
        """Begin nothing yet; `speech` provides the voices, which remember what they have said."""
        self._speech = speech
        self._begun: set[object] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, chosen: Chosen) -> None:
        """Synthesise the sentences of an agent's calls, unless that was done; returns at once."""
        definition = chosen.definition
        delivery = Delivery(definition.speaker, definition.speed)
        settings = chosen.settings
        what = (
            chosen.voice.request,
            delivery,
            settings.agent.greeting,
            settings.records.sound,
        )
        if what in self._begun:
            return
        self._begun.add(what)
        task = asyncio.create_task(self._keep(chosen, delivery, what), name="keep-phrases")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def aclose(self) -> None:
        """Give up what is in progress. Idempotent."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep(self, chosen: Chosen, delivery: Delivery, what: object) -> None:
        try:
            await self._synthesise(chosen, delivery)
        except Exception as error:
            # The next call of the agent has another try.
            self._begun.discard(what)
            logger.warning("phrases not kept", extra={"error": str(error)})

    async def _synthesise(self, chosen: Chosen, delivery: Delivery) -> None:
        settings, definition = chosen.settings, chosen.definition
        await chosen.recogniser.get()
        voice = await chosen.voice.get()
        phrases = conversation_language(settings, self._speech, definition).phrases
        greeting = settings.agent.spoken_greeting(phrases.greeting)
        own = [greeting] if greeting and definition.make is None else []
        if settings.records.sound:
            own.append(phrases.recorded)
        fixed = FIXED_PHRASES if voice.language == SOURCE_LANGUAGE else ()
        await voice.remember([*own, *phrases.spoken, *fixed], delivery=delivery)
        for name in language_voices(settings).values():
            other = await self._speech.voice((name,)).get()
            if other is not voice:
                await other.remember(phrases_in(other.language).spoken, delivery=delivery)
