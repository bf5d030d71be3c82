"""Reads an agent that its owner wrote in Python, as the framework's users do."""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from livekit.agents import Agent, AgentTask

from agent.definitions.keys_file import read_text
from agent.definitions.problems import DefinitionError, Problem, unknown, wrong
from agent.definitions.tool_files import describe, run_file
from services.livekit_local import LocalSTT, LocalTTS, LocalVAD

_SPEECH = ("stt", "tts", "vad")


def read_python(file: Path) -> tuple[Callable[[], Agent], Callable[[], Any] | None]:
    """Return what makes the agent of a conversation, and what makes the session's `userdata`.

    The file is run, and an agent is made once to try it. Which one answers, of several, is the
    one that the file starts a session with, or that it names as `agent`.

    Raises:
        DefinitionError: the file raises, or defines no agent that can be used here.
    """
    source = read_text(file)
    module = run_file(file)
    make = _maker(file, source, module)
    _try_out(file, source, make)
    userdata = getattr(module, "userdata", None)
    return make, userdata if callable(userdata) else None


def _maker(file: Path, source: str, module: ModuleType) -> Callable[[], Agent]:
    named = getattr(module, "agent", None)
    if isinstance(named, Agent):
        raise wrong(
            file, "`agent` is an agent already: let it be the class, as each call needs its own"
        )
    if inspect.isfunction(named) or (isinstance(named, type) and issubclass(named, Agent)):
        return named
    classes = {
        name: found
        for name, found in vars(module).items()
        if isinstance(found, type)
        and issubclass(found, Agent)
        and not issubclass(found, AgentTask)
        and found.__module__ == module.__name__
    }
    if not classes:
        raise wrong(file, "it defines no class of livekit.agents.Agent")
    if len(classes) == 1:
        return next(iter(classes.values()))
    started = _started(source)
    if started in classes:
        return classes[started]
    if started:
        raise wrong(file, unknown(started, classes, "agent of this file"))
    first = next(iter(classes))
    raise wrong(file, f"it defines several agents: say which one answers, as `agent = {first}`")


def _started(source: str) -> str:
    """Return the class with which the file starts a session; empty where it starts none."""
    for node in ast.walk(ast.parse(source)):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        if node.func.attr != "start":
            continue
        given = [keyword.value for keyword in node.keywords if keyword.arg == "agent"]
        for value in (*given, *node.args[:1]):
            if isinstance(value, ast.Call) and isinstance(value.func, ast.Name):
                return value.func.id
    return ""


def _try_out(file: Path, source: str, make: Callable[[], Agent]) -> None:
    """Make an agent as a conversation does, within an event loop."""

    async def attempt() -> Agent:
        return make()

    try:
        agent = asyncio.run(attempt())
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        hint = ""
        if re.search(r"\b(stt|tts)\s*=", source):
            hint = "; delete its stt= and tts= lines, as speech comes from this worker"
        raise wrong(file, f"{describe(file, error)}{hint}") from error
    if not isinstance(agent, Agent):
        raise wrong(file, f"`agent` makes {type(agent).__name__}, which is no agent")
    own = (LocalSTT, LocalTTS, LocalVAD)
    given = [
        name for name in _SPEECH if (part := getattr(agent, name)) and not isinstance(part, own)
    ]
    if given:
        raise DefinitionError(
            Problem(file.name, f"it sets {name}=: delete that, as speech comes from this worker")
            for name in given
        )
