"""The MCP servers of one conversation: connected beside the call, and again whenever they fail."""

from __future__ import annotations

import asyncio
import importlib
import logging
import random
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any, Final, NoReturn, Self

from livekit.agents import ToolError, function_tool, llm
from livekit.agents.llm import RawFunctionTool

from agent.mcp.definition import LostError, MCPServerDefinition
from agent.mcp.offer import Offered, offer
from services.host.cancellation import uninterrupted

if TYPE_CHECKING:
    from agent.mcp.connection import Connection

logger = logging.getLogger("agent.mcp")

FIRST_RETRY_SECONDS: Final = 1.0
LONGEST_RETRY_SECONDS: Final = 60.0
STEADY_SECONDS: Final = 60.0
"""A server that served for so long is tried again at once when it fails."""
PROBE_SECONDS: Final = 30.0
"""Between two looks at a server that nobody uses, which shows whether it is there still."""


class MCPTools(llm.Toolset):
    """The tools of all servers of an agent; the framework starts and ends it with the agent.

    Its tools are those of the servers that are connected at the moment, so that a server that is
    down, slow or broken costs its own tools and nothing else. Lives on one event loop.
    """

    def __init__(
        self,
        definitions: Sequence[MCPServerDefinition],
        *,
        taken: Callable[[], Collection[str]],
        on_down: Callable[[], None] | None = None,
    ) -> None:
        """Connect to nothing yet.

        Args:
            definitions: of the servers; of two tools with one name the first server's is used.
            taken: returns the names of the agent's other tools, which come first.
            on_down: called once, when a server cannot be used for the first time.
        """
        super().__init__(id="mcp")
        self._taken = taken
        self._on_down = on_down
        self._servers = [_Server(definition, self._down) for definition in definitions]
        self._hidden: set[str] = set()

    @property
    def tools(self) -> Sequence[llm.Tool | llm.Toolset]:
        """Those that can be called now."""
        names = set(self._taken())
        found: list[llm.Tool] = []
        for server in self._servers:
            for tool in server.tools:
                if tool.info.name not in names:
                    names.add(tool.info.name)
                    found.append(tool)
                elif tool.info.name not in self._hidden:
                    self._hidden.add(tool.info.name)
                    extra = {"server": server.name, "tool": tool.info.name}
                    logger.warning("MCP tool has the name of another tool", extra=extra)
        return found

    async def setup(self) -> Self:
        """Begin to connect, and return at once: no call waits for a server. Idempotent."""
        for server in self._servers:
            server.start()
        return self

    async def settled(self) -> None:
        """Wait until each server was connected to, or failed, once."""
        await asyncio.gather(*(server.tried.wait() for server in self._servers))

    async def aclose(self) -> None:
        """Begin to end all connections and the servers that are programs; idempotent.

        Returns at once, since the framework calls it while callers wait for the next agent;
        `wait_closed` waits.
        """
        for server in self._servers:
            server.end()

    async def wait_closed(self) -> None:
        """End everything and wait for that, some seconds where a program hangs; idempotent."""
        await self.aclose()
        ending = [task for server in self._servers for task in server.ending]
        if ending:
            await uninterrupted(asyncio.wait(ending))

    def _down(self) -> None:
        on_down, self._on_down = self._on_down, None
        if on_down is not None:
            on_down()


class _Server:
    def __init__(self, definition: MCPServerDefinition, on_down: Callable[[], None]) -> None:
        self.name = definition.name
        self.tools: tuple[RawFunctionTool[..., Any], ...] = ()
        self.tried = asyncio.Event()
        self.ending: set[asyncio.Task[None]] = set()
        self._definition = definition
        self._on_down = on_down
        self._task: asyncio.Task[None] | None = None
        self._calls = 0
        self._offered: tuple[Offered, ...] = ()
        self._doubted = asyncio.Event()
        """A call failed, which may be the server's fault."""

    def start(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._serve(), name=f"mcp-{self.name}")

    def end(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self.ending.add(self._task)
            self._task.add_done_callback(self.ending.discard)
            self._task = None

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        retry_seconds = FIRST_RETRY_SECONDS
        told = False
        while True:
            connected = 0.0
            # The client's modules take most of a second to import, the first time.
            module = await asyncio.to_thread(importlib.import_module, "agent.mcp.connection")
            connection: Connection = module.Connection(self._definition)
            try:
                self._take(await connection.connect())
                connected = loop.time()
                logger.info(
                    "MCP server is back" if told else "MCP server connected",
                    extra={"server": self.name, "tools": len(self.tools)},
                )
                told = False
                self.tried.set()
                await self._watch(connection)
            except Exception as error:
                if not told:
                    told = True
                    extra = {"server": self.name, "reason": connection.reason(error)}
                    logger.warning("MCP server is down", extra=extra)
                    self._on_down()
                self.tried.set()
            finally:
                self.tools, self._offered = (), ()
                await connection.aclose()
            if connected and loop.time() - connected > STEADY_SECONDS:
                retry_seconds = FIRST_RETRY_SECONDS
            await asyncio.sleep(retry_seconds * random.uniform(0.75, 1.25))
            retry_seconds = min(2 * retry_seconds, LONGEST_RETRY_SECONDS)

    async def _watch(self, connection: Connection) -> NoReturn:
        """Keep an eye on a connected server; raises why it is lost."""
        while True:
            self._doubted.clear()
            doubt = asyncio.create_task(self._doubted.wait(), name="mcp-doubt")
            try:
                waited: list[asyncio.Future[Any]] = [connection.ended, doubt]
                await asyncio.wait(
                    waited, timeout=PROBE_SECONDS, return_when=asyncio.FIRST_COMPLETED
                )
            finally:
                doubt.cancel()
            if connection.ended.done():
                raise LostError(connection.ended.result())
            if self._calls and not self._doubted.is_set():
                # A server that does one thing at a time would not answer now.
                continue
            self._take(await connection.list_tools())

    def _take(self, listed: list[RawFunctionTool[..., Any]]) -> None:
        """Take the tools that the server has now."""
        found = offer(listed, self._definition.tools)
        if [one.schema for one in found.tools] == [one.schema for one in self._offered]:
            return
        self._offered = found.tools
        # Another tool object is another tool to the framework, which prepares a reply anew.
        self.tools = tuple(self._bound(one) for one in found.tools)
        if found.left_out:
            extra = {"server": self.name, **_counted(found.left_out)}
            logger.warning("MCP tools left out", extra=extra)

    def _bound(self, offered: Offered) -> RawFunctionTool[..., Any]:
        """Return the tool with its time limit, and with failures that the model is told."""
        name, seconds = offered.schema["name"], self._definition.call_seconds

        async def call(raw_arguments: dict[str, object]) -> str:
            self._calls += 1
            try:
                async with asyncio.timeout(seconds):
                    return str(await offered.tool(raw_arguments=raw_arguments))
            except ToolError:
                raise
            except TimeoutError:
                self._failed(name, "gave no answer")
                raise ToolError(f"{name} gave no answer within {seconds:g} s") from None
            except Exception as error:
                self._failed(name, type(error).__name__)
                # A refusal in the server's words, which the model may use to ask again.
                words = getattr(error, "message", "")
                raise ToolError(f"{name} failed: {words}" if words else f"{name} failed") from None
            finally:
                self._calls -= 1

        return function_tool(call, raw_schema=offered.schema)

    def _failed(self, tool: str, kind: str) -> None:
        self._doubted.set()
        logger.warning("MCP tool failed", extra={"server": self.name, "tool": tool, "kind": kind})


def _counted(left_out: dict[str, list[str]]) -> dict[str, object]:
    """Return fields for the log: how many for each reason, and the first ones by name."""
    return {
        "reasons": {reason: len(names) for reason, names in left_out.items()},
        "names": [name for names in left_out.values() for name in names][:5],
    }
