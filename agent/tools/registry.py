"""The registry that makes a plain function a tool of the LLM as well as an answer without one."""

from __future__ import annotations

import asyncio
import inspect
import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Any, TypeVar, get_type_hints

from livekit.agents import FunctionTool, ToolError, function_tool

from agent.tools.room_state import RoomState
from agent.tools.spoken.numbers import parse_number
from services.host.threads import run_in_daemon

logger = logging.getLogger("agent.tools")

DEADLINE_SECONDS = 20.0
"""A tool that takes longer is given up, and the caller hears so."""

MOST_THREADS = 8
"""Plain functions of an owner's tools that run at once in one room; a hung one keeps its thread."""

Function = TypeVar("Function", bound=Callable[..., Any])


class NotUnderstoodError(Exception):
    """A function without an effect cannot use the words it was given."""


@dataclass(frozen=True)
class Tool:
    """A function and how it is used; its name and docstring are those of the LLM's tool."""

    name: str
    function: Callable[..., Any]
    effect: bool
    """Whether it changes anything: then it runs only once the caller's turn is confirmed."""
    phrases: tuple[re.Pattern[str], ...]
    """Requests that it answers where no LLM is set up, as normalised words."""
    takes_state: bool
    parameters: Mapping[str, type]
    """Type of each parameter, without the state."""
    accepts: Callable[[dict[str, Any]], bool]
    """Whether the arguments taken from a phrase make sense; else the phrase does not fit."""
    blocks: bool = False
    """Whether it may take long without letting anything else run: an owner's plain function."""


REGISTRY: dict[str, Tool] = {}
"""Every built-in tool by name, in module order."""

_target: ContextVar[dict[str, Tool]] = ContextVar("tools that are being read", default=REGISTRY)


@contextmanager
def registering() -> Iterator[dict[str, Tool]]:
    """Collect the tools that are made within the block, instead of adding them to the built-in."""
    found: dict[str, Tool] = {}
    token = _target.set(found)
    try:
        yield found
    finally:
        _target.reset(token)


def tool(
    *phrases: str,
    effect: bool = False,
    accepts: Callable[[dict[str, Any]], bool] = lambda arguments: True,
    registry: dict[str, Tool] | None = None,
) -> Callable[[Function], Function]:
    """Make a function a tool: of the LLM, and of the built-in replies for these phrases.

        @tool("(?:what is )?my lucky number", "lucky number for (?P<name>.+)")
        def lucky_number(name: str = "you") -> str:
            \"\"\"Say a person's lucky number.\"\"\"
            return f"The lucky number for {name} is seven."

    A phrase is a regular expression that must match the whole request (lower case, without
    punctuation); its named groups are the arguments, as str, or int for an int parameter.
    A first parameter annotated `RoomState` receives the room's state. The function returns what
    the agent says; it may be a coroutine. An owner's plain function without the state runs in a
    thread, as it may block. Pass `effect=True` if it changes or starts anything: it
    then waits until the caller's turn is confirmed, and `accepts` checks beforehand whether a
    phrase's arguments make sense. Without an effect, raise `NotUnderstoodError` if they do not.
    """

    def register(function: Function) -> Function:
        hints = get_type_hints(function)
        hints.pop("return", None)
        takes_state = next(iter(hints.values()), None) is RoomState
        entry = Tool(
            name=function.__name__,
            function=function,
            effect=effect,
            phrases=tuple(re.compile(phrase) for phrase in phrases),
            takes_state=takes_state,
            parameters={name: kind for name, kind in hints.items() if kind is not RoomState},
            accepts=accepts,
            blocks=_target.get() is not REGISTRY
            and not takes_state
            and not inspect.iscoroutinefunction(function),
        )
        known = _target.get() if registry is None else registry
        if entry.name in known:
            raise ValueError(f"there are two tools named {entry.name!r}; rename one of them")
        known[entry.name] = entry
        return function

    return register


@dataclass(frozen=True)
class Match:
    """A request that a tool answers."""

    tool: Tool
    arguments: dict[str, Any]


class Toolbox:
    """The tools of one room, bound to its state. Used from the room's event loop only.

    Without `tools` these are the built-in ones.
    """

    def __init__(self, state: RoomState, tools: Iterable[Tool] | None = None) -> None:
        self.state = state
        offered = REGISTRY.values() if tools is None else tools
        self._tools = {entry.name: entry for entry in offered}
        self._threads: list[Future[Any]] = []
        self._function_tools = [self._bind(entry) for entry in self._tools.values()]

    @property
    def function_tools(self) -> list[FunctionTool[..., Any]]:
        """The tools as the framework's agents and LLMs take them; the same objects each time."""
        return list(self._function_tools)

    def matches(self, words: str) -> Iterable[Match]:
        """Yield every tool whose phrases match the request `words` (normalised), best first."""
        for entry in self._tools.values():
            for phrase in entry.phrases:
                found = phrase.fullmatch(words)
                arguments = found and _arguments(entry, found.groupdict())
                if arguments is not None and entry.accepts(arguments):
                    yield Match(entry, arguments)
                    break

    async def call(self, name: str, arguments: Mapping[str, Any]) -> str:
        """Run a tool and return what the agent says.

        Raises:
            NotUnderstoodError: a tool without an effect cannot use these arguments.
            ToolError: it took longer than `DEADLINE_SECONDS`.
        """
        entry = self._tools[name]
        state = (self.state,) if entry.takes_state else ()
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                if entry.blocks:
                    result = await self._in_thread(entry, arguments)
                else:
                    result = entry.function(*state, **arguments)
                if inspect.isawaitable(result):
                    result = await result
        except TimeoutError:
            logger.warning("tool gave no answer", extra={"tool": name, "seconds": DEADLINE_SECONDS})
            raise ToolError(f"{name} gave no answer within {DEADLINE_SECONDS:.0f} s") from None
        return str(result)

    async def _in_thread(self, entry: Tool, arguments: Mapping[str, Any]) -> Any:
        """Run a function that may block in a thread, which outlives its deadline at worst."""
        if sum(not thread.done() for thread in self._threads) >= MOST_THREADS:
            raise ToolError(f"{entry.name} is still busy")
        function = partial(entry.function, **arguments)
        running = run_in_daemon(f"tool-{entry.name}", partial(copy_context().run, function))
        self._threads = [thread for thread in self._threads if not thread.done()] + [running]
        return await asyncio.wrap_future(running)

    def _bind(self, entry: Tool) -> FunctionTool[..., Any]:
        async def run(**arguments: Any) -> str:
            try:
                return await self.call(entry.name, arguments)
            except NotUnderstoodError as error:
                raise ToolError(str(error)) from None

        signature = inspect.signature(entry.function)
        parameters = [
            parameter.replace(
                kind=inspect.Parameter.KEYWORD_ONLY, annotation=entry.parameters[name]
            )
            for name, parameter in signature.parameters.items()
            if name in entry.parameters
        ]
        # The framework reads name, text, parameters and types from the function it is given.
        run.__name__ = run.__qualname__ = entry.name
        run.__doc__ = entry.function.__doc__
        run.__annotations__ = {**entry.parameters, "return": str}
        run.__dict__["__signature__"] = signature.replace(
            parameters=parameters, return_annotation=str
        )
        description, _, _ = inspect.cleandoc(run.__doc__ or "").partition("\n\nArgs:")
        return function_tool(run, description=description)


def _arguments(entry: Tool, groups: dict[str, str | None]) -> dict[str, Any] | None:
    """Return a phrase's groups as arguments; None if one is not the number it has to be."""
    arguments: dict[str, Any] = {}
    for name, words in groups.items():
        if words is None:
            continue
        if entry.parameters.get(name) is not int:
            arguments[name] = words
            continue
        number: Fraction | None = parse_number(words)
        if number is None or number.denominator != 1:
            return None
        arguments[name] = int(number)
    return arguments
