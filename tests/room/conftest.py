"""A real LiveKit server and a worker in this process, shared by all room tests."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from agent.settings import Settings
from services.livekit_local.ffi_routing import install_ffi_routing
from services.livekit_server.credentials import LiveKitCredentials
from services.livekit_server.server import LiveKitServer
from tests.room.processes import AgentProcess
from tests.room.workers import call_the_worker, start
from tests.support.caller import Caller, Utterance, room_token

if TYPE_CHECKING:
    from agent.runtime.worker import Worker
    from services.shared.engines import SharedEngines

_CONFIG = Path(__file__).parents[2] / "livekit.yaml"
_SPEECH = Path(__file__).parents[1] / "speech"

_numbers = itertools.count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All room tests run on one loop, that of the server and the worker they share."""
    for item in items:
        of_a_room = item.path.parent == Path(__file__).parent
        if of_a_room and inspect.iscoroutinefunction(getattr(item, "function", None)):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@asynccontextmanager
async def serving(
    settings: Settings, livekit: LiveKitCredentials, speech: SharedEngines
) -> AsyncIterator[Worker]:
    """A worker that is ready, and ends with the block."""
    from agent.runtime.supervisor import Supervisor
    from agent.runtime.worker import Worker
    from services.metrics import Metrics

    supervisor = Supervisor(settings, speech, Metrics(), drain=None)
    worker = Worker(settings, livekit, speech, supervisor)
    await worker.start()
    try:
        yield worker
    finally:
        # Left open it would take the rooms of the tests after one that failed.
        await worker.aclose()
        supervisor.close()


@dataclass
class Call:
    """One caller in one room with the agent."""

    caller: Caller
    room: str

    async def say_file(self, name: str) -> Utterance:
        """Speak a recording of `tests/speech`."""
        return await self.caller.say_file(_SPEECH / name)


JoinRoom = Callable[..., Awaitable[Call]]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def livekit() -> AsyncIterator[LiveKitCredentials]:
    """A LiveKit server on loopback."""
    install_ffi_routing()
    server = LiveKitServer(_CONFIG)
    yield await server.start()
    await server.stop()


@pytest.fixture(scope="session")
def settings() -> Settings:
    """The defaults; rooms end soon after their last caller."""
    return Settings.model_validate(
        {
            # A busy machine makes loops late, and that is not what these tests are about.
            "limits": {
                "room_empty_seconds": 0.2,
                "loop_lag_seconds": 60.0,
                "circuit_open_seconds": 10.0,
            },
            "voice": {"timeout_seconds": 2.0},
            "agent": {
                "name": "agent-under-test",
                # Several workers share the server, and each serves its own rooms.
                "dispatch": "explicit",
                "greeting": "Hello.",
            },
        }
    )


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def worker(
    livekit: LiveKitCredentials, shared: SharedEngines, settings: Settings
) -> AsyncIterator[Worker]:
    """A worker that serves rooms of that server with the session's shared models."""
    async with serving(settings, livekit, shared) as worker:
        yield worker


@pytest_asyncio.fixture(loop_scope="session")
async def join_room(livekit: LiveKitCredentials, worker: Worker) -> AsyncIterator[JoinRoom]:
    """`await join_room()` joins a new room and waits until the agent has greeted."""
    async with AsyncExitStack() as stack:

        async def join(*, agent_name: str = "agent-under-test", greeted: bool = True) -> Call:
            room = f"room-{next(_numbers)}"
            caller = await stack.enter_async_context(Caller())
            token = room_token(
                livekit.api_key, livekit.api_secret, room, caller.identity, agent_name=agent_name
            )
            await caller.join(livekit.url, token)
            await caller.wait_for_agent()
            if greeted:
                await caller.wait_for_greeting()
            return Call(caller, room)

        yield join


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def worker_process(
    livekit: LiveKitCredentials, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[AgentProcess]:
    """A worker as an operator starts it."""
    folder = tmp_path_factory.mktemp("attacked")
    async with start(livekit, folder, {"LOOP_LAG_LIMIT_SECONDS": "60"}) as agent:
        await agent.wait_for_log("worker ready")
        # The first room of a process takes what every later one finds.
        async with call_the_worker(livekit, "attacked-warm"):
            pass
        yield agent
