"""Makes the agent of one conversation from its definition: in a room, aloud or in text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from livekit.agents import Agent, llm

from agent.definitions.definition import AgentDefinition
from agent.mcp.toolset import MCPTools
from agent.session.assistant import Assistant
from agent.session.attendant import Attendant
from agent.session.conversation_language import ConversationLanguage
from agent.session.framework import LongLivedSession
from agent.session.slow_tools import ToolLimits
from agent.settings import Settings
from agent.tools import Toolbox


@dataclass(frozen=True, slots=True)
class ConversationAgent:
    """The agent with which a conversation starts, and what attends it."""

    agent: Agent
    attendant: Attendant | None
    """None for an agent that attends itself."""
    servers: MCPTools | None = None
    """Its MCP servers, where it has any."""

    async def stop_tools(self) -> None:
        """Have calls of MCP tools end; a session that closes waits for them."""
        if self.servers is not None:
            await self.servers.aclose()

    async def tools_tried(self) -> None:
        """Wait until each MCP server of a started session was connected to, or failed."""
        if self.servers is not None:
            await self.servers.settled()

    async def aclose(self) -> None:
        """End the tools' timers, announcements and MCP servers. Idempotent."""
        if self.attendant is not None:
            await self.attendant.aclose()
        if self.servers is not None:
            await self.servers.wait_closed()


async def make_agent(
    definition: AgentDefinition,
    settings: Settings,
    toolbox: Toolbox,
    session: LongLivedSession,
    language: ConversationLanguage,
    *,
    earlier: llm.ChatContext | None = None,
    greeting: str | None = None,
    before_greeting: Callable[[], None] | None = None,
    on_llm_failure: Callable[[str], None] | None = None,
    on_end_call: Callable[[], None] | None = None,
    on_tools_down: Callable[[], None] | None = None,
) -> ConversationAgent:
    """Make the agent, for a session that is not started yet; raises what an owner's code raises.

    Args:
        definition: whose agent it is.
        settings: of its conversations.
        toolbox: its tools.
        session: the one that it will be started in.
        language: what the caller speaks, and the agent.
        earlier: the conversation so far, where it continues one; it then says that it is back.
        greeting: said instead of its own.
        before_greeting: called once the session has its outputs.
        on_llm_failure: called with the apology that replaces a failed reply.
        on_end_call: called when the caller has asked to end the call.
        on_tools_down: called once, when tools of an MCP server cannot be used.
    """
    limits = ToolLimits(settings.llm.max_tool_characters, settings.llm.slow_tool_seconds)
    continues = earlier is not None and bool(earlier.items)
    if continues:
        greeting = language.phrases.back
    if definition.make is None:
        own = settings.agent.spoken_greeting(language.phrases.greeting) or ""
        assistant = Assistant(
            toolbox=toolbox,
            language=language,
            instructions=settings.agent.instructions or None,
            greeting=own if greeting is None else greeting,
            earlier=earlier,
            max_history_items=settings.limits.chat_history_items,
            limits=limits,
            before_greeting=before_greeting,
            on_llm_failure=on_llm_failure,
            on_end_call=on_end_call,
        )
        servers = await _give_servers(assistant, definition, on_tools_down)
        return ConversationAgent(assistant, None, servers)
    attendant = Attendant(
        toolbox.state,
        language,
        max_history_items=settings.limits.chat_history_items,
        tools=limits,
        before_greeting=before_greeting,
        on_llm_failure=on_llm_failure,
        on_end_call=on_end_call,
    )
    if definition.make_userdata is not None:
        session.userdata = definition.make_userdata()
    agent = definition.make()
    if toolbox.function_tools:
        await agent.update_tools([*agent.tools, *toolbox.function_tools])
    if earlier is not None and continues:
        await agent.update_chat_ctx(earlier)
    attendant.equip(agent, instead_of_entering=greeting or "")
    session.on_agent = partial(attendant.equip)
    servers = await _give_servers(agent, definition, on_tools_down)
    return ConversationAgent(agent, attendant, servers)


async def _give_servers(
    agent: Agent, definition: AgentDefinition, on_down: Callable[[], None] | None
) -> MCPTools | None:
    """Give an agent that is not started yet the tools of its MCP servers."""
    if not definition.servers:
        return None
    others = agent.tools
    servers = MCPTools(
        definition.servers,
        taken=lambda: llm.ToolContext(others).function_tools.keys(),
        on_down=on_down,
    )
    await agent.update_tools([*others, servers])
    return servers
