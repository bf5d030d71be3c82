"""From the settings to the language models of a worker's agents."""

from __future__ import annotations

import threading

from agent.llm.language_models import LanguageModels
from agent.llm.stream import LLMLimits
from agent.session.assistant import instructions_for
from agent.session.conversation_language import written_language
from agent.settings import Settings
from agent.settings.conversation import LLMSettings


class AgentLanguageModels:
    """Owns the language models of a worker: agents with the same settings share one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._models: dict[LLMSettings, LanguageModels] = {}

    def of(self, settings: Settings) -> LanguageModels:
        """Return the language models of an agent; from any thread. Raises ValueError."""
        with self._lock:
            models = self._models.get(settings.llm)
            if models is None:
                models = self._models[settings.llm] = language_models(settings)
            return models

    def wake(self, settings: Settings) -> None:
        """Have the endpoint of an agent load its model, once; on the worker's loop."""
        models = self.of(settings)
        if not models.woken:
            wake_language_model(models, settings)

    async def aclose(self) -> None:
        """Cancel the requests that have models loaded; on the worker's loop."""
        with self._lock:
            models = list(self._models.values())
        for each in models:
            await each.aclose()


def language_models(settings: Settings) -> LanguageModels:
    """Return the language models that the settings ask for. Raises ValueError."""
    wanted = settings.llm
    return LanguageModels(
        base_url=wanted.base_url or None,
        model=wanted.model or None,
        api_key=wanted.api_key.get_secret_value(),
        limits=LLMLimits(
            idle_seconds=wanted.timeout_seconds,
            load_seconds=max(wanted.load_seconds, wanted.timeout_seconds),
            reply_seconds=wanted.reply_seconds,
            reply_characters=wanted.max_reply_characters,
        ),
        temperature=wanted.temperature,
    )


def wake_language_model(models: LanguageModels, settings: Settings) -> None:
    """Start to load the model with the beginning of every conversation, without waiting for it."""
    language = written_language(settings)
    models.wake(
        instructions=instructions_for("", settings.agent.instructions, language),
        greeting=settings.agent.spoken_greeting(language.phrases.greeting),
    )
