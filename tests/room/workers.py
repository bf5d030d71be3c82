"""Workers of a LiveKit server as an operator starts them, and callers in their rooms."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from services.livekit_server.credentials import LiveKitCredentials
from tests.room.processes import AgentProcess, running
from tests.support.caller import Caller, room_token

AGENT = "worker-under-test"


def account(livekit: LiveKitCredentials, agent_name: str = AGENT) -> dict[str, str]:
    """The settings that make a role belong to a LiveKit server."""
    return {
        "LIVEKIT_URL": livekit.url,
        "LIVEKIT_API_KEY": livekit.api_key,
        "LIVEKIT_API_SECRET": livekit.api_secret,
        "AGENT_NAME": agent_name,
        "AGENT_DISPATCH": "explicit",
    }


@asynccontextmanager
async def start(
    livekit: LiveKitCredentials,
    folder: Path,
    variables: dict[str, str] | None = None,
    *,
    through: tuple[str, ...] = (),
    module: str = "agent",
    words: tuple[str, ...] = (),
) -> AsyncIterator[AgentProcess]:
    """`python -m agent start` at a LiveKit server; `folder` is its own."""
    variables = {**account(livekit), **(variables or {})}
    async with running(
        "start", folder, variables, through=through, module=module, words=words
    ) as agent:
        yield agent
    assert not [line for line in agent.log if livekit.api_secret in line]
    assert not agent.output


@asynccontextmanager
async def call(url: str, access: str) -> AsyncIterator[Caller]:
    """A caller who is in a room and was greeted."""
    async with Caller() as caller:
        await caller.join(url, access)
        await caller.wait_for_agent()
        await caller.wait_for_greeting()
        yield caller


@asynccontextmanager
async def call_the_worker(
    livekit: LiveKitCredentials, room: str, agent_name: str = AGENT
) -> AsyncIterator[Caller]:
    """A caller who was greeted in a room that a worker has taken."""
    async with call(livekit.url, access_to(livekit, room, agent_name)) as caller:
        yield caller


def access_to(livekit: LiveKitCredentials, room: str, agent_name: str = AGENT) -> str:
    """A token for a room, which has a worker sent there."""
    return room_token(livekit.api_key, livekit.api_secret, room, "caller", agent_name=agent_name)


def health_address(agent: AgentProcess) -> str:
    """Where a worker or a speech process that is ready tells of itself."""
    ready = ('"worker ready"', '"speech process ready"')
    (line,) = [line for line in agent.log if any(event in line for event in ready)]
    address: str = json.loads(line)["health"]
    return address


async def metric(agent: AgentProcess, name: str) -> float:
    """The value of a metric without labels, of a worker that is ready."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{health_address(agent)}/metrics") as response,
    ):
        lines = (await response.text()).splitlines()
    (value,) = [line.split()[1] for line in lines if line.split()[0] == name]
    return float(value)
