"""An agent that was read from its file, and the settings of its conversations."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from livekit.agents import Agent

from agent.mcp.definition import MCPServerDefinition
from agent.settings import Settings
from agent.tools import REGISTRY, Tool


@dataclass(frozen=True, slots=True)
class AgentDefinition:
    """One agent; immutable, and shared by its conversations."""

    name: str
    """By which a call asks for it; empty for the built-in assistant."""
    title: str = ""
    """What the page calls it."""
    public: bool = False
    """Whether the page offers it."""
    default: bool = False
    """Whether it answers where a call asks for no agent."""
    rooms: tuple[str, ...] = ()
    """Patterns of the names of rooms that it answers."""
    prewarm: bool = False
    """Whether its models are loaded when the worker starts."""
    overrides: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Settings that differ for this agent, by group and field."""
    tools: tuple[Tool, ...] = tuple(REGISTRY.values())
    servers: tuple[MCPServerDefinition, ...] = ()
    """MCP servers whose tools it has besides."""
    make: Callable[[], Agent] | None = None
    """Makes the agent of one conversation, where the owner has written it in Python."""
    make_userdata: Callable[[], Any] | None = None
    """Makes the `userdata` of the session of one conversation."""
    files: tuple[Path, ...] = ()
    """The files that it was read from."""

    def settings(self, process: Settings) -> Settings:
        """Return the settings of its conversations, those of the process elsewhere."""
        changed = {
            group: getattr(process, group).model_copy(update=dict(fields))
            for group, fields in self.overrides.items()
        }
        return process.model_copy(update=changed)

    def voices(self, process: Settings) -> tuple[str, ...] | None:
        """Return the voice that it asks for; None for that of the process."""
        voices: tuple[str, ...] | None = self._override("voice", "voices")
        other = process.voice.by_language.get(self.language or "")
        if voices is None and other is not None:
            voices = (other, *process.voice.voices)
        return None if process.models.choice == "demo" else voices

    def recogniser(self, process: Settings) -> str | None:
        """Return the recogniser that it asks for; None for that of the process."""
        model: str | None = self._override("asr", "model")
        return None if process.models.choice == "demo" else model

    @property
    def language(self) -> str | None:
        """The language of the callers as the agent's file has it, or "auto"; None: not there."""
        language: str | None = self._override("asr", "language")
        return language

    @property
    def speaker(self) -> int | None:
        """Who of the voice speaks; None: not in the agent's file."""
        speaker: int | None = self._override("voice", "speaker")
        return speaker

    @property
    def speed(self) -> float | None:
        """The speed of speech; None: not in the agent's file."""
        speed: float | None = self._override("voice", "speed")
        return speed

    def answers(self, room: str) -> bool:
        """Whether one of its patterns fits the name of a room."""
        return any(fnmatch.fnmatchcase(room, pattern) for pattern in self.rooms)

    def _override(self, group: str, name: str) -> Any:
        return self.overrides.get(group, {}).get(name)


BUILT_IN = AgentDefinition("")
"""The assistant of the settings, without a file."""
