"""Whether the models that agents ask for are on this machine."""

from __future__ import annotations

from collections.abc import Iterator

from agent.definitions.definition import AgentDefinition
from agent.definitions.folder import Agents
from agent.definitions.problems import Problem
from agent.settings import Settings
from services.models import ModelError, resolve_asr, resolve_first_voice


def model_problems(agents: Agents, settings: Settings) -> list[Problem]:
    """Return a problem for each model that is missing or unusable; reads model files."""
    return [
        Problem(agent.files[0].name, problem)
        for agent in agents.by_name.values()
        for problem in _problems(agent, settings)
    ]


def _problems(agent: AgentDefinition, settings: Settings) -> Iterator[str]:
    cache = settings.models.cache
    recogniser = agent.recogniser(settings)
    if recogniser is not None:
        try:
            resolve_asr(recogniser, cache=cache)
        except ModelError as error:
            yield f"recogniser.model: {error}"
    voices = agent.voices(settings)
    if voices is None:
        return
    try:
        voice = resolve_first_voice(voices, cache=cache)
    except ModelError as error:
        yield f"voice.name: {error}"
        return
    if agent.speaker is not None and agent.speaker >= voice.speakers:
        yield (
            f"voice.speaker = {agent.speaker} is not allowed: {voice.name} has the speakers 0 to "
            f"{voice.speakers - 1}"
        )
