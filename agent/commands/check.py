"""`python -m agent check`: whether the agents of the folder can be used."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from agent.commands.command_line import EXIT_FAILED, finish
from agent.observability.masking import Mask
from agent.settings import Settings

if TYPE_CHECKING:
    from agent.definitions.folder import Agents
    from agent.definitions.problems import Problem


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The folder, where it is not that of the settings."""
    parser.add_argument(
        "folder", nargs="?", type=Path, metavar="FOLDER", help="instead of AGENTS_DIR"
    )
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = (
        "Runs the Python files among them, and starts or reaches their MCP servers. Prints one\n"
        "line for each problem, and ends with status 1 if there is one."
    )


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Read every agent; print what is wrong, or who there is."""
    return finish("check", settings, lambda: _check(settings, arguments.folder))


def _check(settings: Settings, folder: Path | None) -> int:
    from agent.definitions.folder import AgentFolder
    from agent.definitions.models import model_problems
    from agent.definitions.records import record_problems
    from agent.settings.environment import read_variables

    if folder is not None:
        changed = settings.agent.model_copy(update={"folder": folder})
        settings = settings.model_copy(update={"agent": changed})
    if settings.models.socket is not None:
        print(f"workers use the models of the speech process at {settings.models.socket}")
    shown = settings.agent.folder
    agents = AgentFolder(settings, read_variables(Path(".env"))).read()
    problems = [
        *agents.problems,
        *model_problems(agents, settings),
        *_server_problems(agents),
        *record_problems(agents, settings),
    ]
    # A server's last words may have its secrets.
    mask = Mask(settings.secrets)
    for problem in problems:
        print(mask(str(problem)), file=sys.stderr)
    if not shown.is_dir():
        print(f"{shown}: there is no such folder, so the built-in assistant answers")
        return 0 if folder is None and not problems else EXIT_FAILED
    for agent in agents.by_name.values():
        marks = [mark for mark in ("default", "public", "prewarm") if getattr(agent, mark)]
        if agent.default is False and agent is agents.default:
            marks.insert(0, "default")
        note = f" ({', '.join(marks)})" if marks else ""
        print(f"{agent.name}{note}")
    if not agents.by_name and not problems:
        print(f"{shown}: no agents, so the built-in assistant answers")
    return EXIT_FAILED if problems else 0


def _server_problems(agents: Agents) -> list[Problem]:
    """Try the MCP servers of all agents."""
    named = [
        (agent.files[0].name, server)
        for agent in agents.by_name.values()
        for server in agent.servers
    ]
    if not named:
        return []
    from agent.definitions.problems import Problem
    from agent.mcp.probe import all_problems

    found = asyncio.run(all_problems(server for _, server in named))
    return [
        Problem(file, f"mcp.{server.name}: {text}")
        for (file, server), texts in zip(named, found, strict=True)
        for text in texts
    ]
