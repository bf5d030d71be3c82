"""Whether the folders that agents want their records in can be written to."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from agent.definitions.folder import Agents
from agent.definitions.problems import Problem
from agent.settings import Settings


def record_problems(agents: Agents, settings: Settings) -> list[Problem]:
    """Return a problem for each folder that cannot be made or written to; makes none."""
    problems = [
        Problem(agent.files[0].name, f"records.folder: {problem}")
        for agent in agents.by_name.values()
        if "folder" in agent.overrides.get("records", {})
        for problem in _problems(agent.settings(settings).records.folder)
    ]
    problems += [
        Problem("RECORDS_FOLDER", problem) for problem in _problems(settings.records.folder)
    ]
    if settings.records.wanted or any(
        agent.settings(settings).records.wanted for agent in agents.by_name.values()
    ):
        spool = settings.records.spool
        problems += [Problem("RECORDS_SPOOL", problem) for problem in _problems(spool)]
    return problems


def _problems(folder: str) -> Iterator[str]:
    if not folder:
        return
    place = Path(folder).absolute()
    while not os.path.lexists(place) and place != place.parent:
        place = place.parent
    if not place.is_dir():
        yield f"{place} is no folder"
    elif not os.access(place, os.W_OK | os.X_OK):
        yield f"{place} cannot be written to"
