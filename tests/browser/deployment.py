"""LiveKit server, agent and web server of a test, each startable and killable on its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Coroutine
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from services.livekit_server.credentials import LiveKitCredentials
from services.livekit_server.server import LiveKitServer
from services.web.app import web_server
from services.web.http.server import WebServer
from services.web.routes.status import AgentStatus
from tests.browser.stand_in_agent import REGISTERED, Order

ROOT = Path(__file__).parents[2]
START_SECONDS = 30.0
STOP_SECONDS = 5.0

T = TypeVar("T")


class LoopThread:
    """An event loop in a thread, for asynchronous parts of synchronous tests."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="test-loop")
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T], *, timeout_seconds: float = START_SECONDS) -> T:
        """Run `work` on the loop and return its result."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout_seconds)

    def close(self) -> None:
        """End the loop and its thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(STOP_SECONDS)
        self._loop.close()


class AgentNursery:
    """The process from which stand-in agents are forked."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.browser.stand_in_agent"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def start_agent(
        self,
        livekit: LiveKitCredentials,
        name: str,
        *,
        capacity: int = 100,
        empty_seconds: float = 20.0,
    ) -> Agent:
        """Start an agent and wait until LiveKit offers rooms to it."""
        order = Order(
            livekit.url, livekit.api_key, livekit.api_secret, name, capacity, empty_seconds
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asdict(order)) + "\n")
        self._process.stdin.flush()
        patience = threading.Timer(START_SECONDS, self._process.kill)
        patience.start()
        try:
            for line in self._process.stdout:
                if line.startswith(REGISTERED):
                    return Agent(int(line.split()[1]))
        finally:
            patience.cancel()
        raise RuntimeError("the stand-in agent did not register")

    def close(self) -> None:
        """End the process and all its agents."""
        self._process.communicate(timeout=STOP_SECONDS)


@dataclass(frozen=True)
class Agent:
    """A stand-in agent."""

    process_id: int

    def kill(self) -> None:
        """End it without a chance to say goodbye."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.process_id, signal.SIGKILL)


@dataclass
class Deployment:
    """Everything behind a page."""

    livekit: LiveKitCredentials
    nursery: AgentNursery
    agent_name: str = field(default_factory=lambda: f"agent-{secrets.token_hex(4)}")
    """Only agents of this name come into its rooms."""
    status: AgentStatus = field(default_factory=AgentStatus)
    """What the page is told; tests replace it."""

    web: WebServer | None = None
    agents: list[Agent] = field(default_factory=list)

    def start_agent(self, *, capacity: int = 100) -> Agent:
        """Start one more agent and wait until LiveKit knows it."""
        agent = self.nursery.start_agent(self.livekit, self.agent_name, capacity=capacity)
        self.agents.append(agent)
        return agent

    def close(self) -> None:
        """End what was started here; the LiveKit server is not ours."""
        for agent in self.agents:
            agent.kill()
        if self.web is not None:
            self.web.stop()

    def start_web(self, **options: Any) -> str:
        """Start a web server with other options than the defaults; returns the page's address."""
        options = {
            "port": 0,
            "tokens_per_minute": 600.0,
            "rooms_per_address": 0,
            "title": "the stand-in",
            **options,
        }
        self.web = web_server(
            self.livekit, lambda: self.status, agent_name=self.agent_name, **options
        )
        self.web.start()
        return self.web.address

    def stop_web(self) -> int:
        """Stop the web server; returns its port."""
        assert self.web is not None
        port = self.web.port
        self.web.stop()
        return port


def livekit_server() -> LiveKitServer:
    """The real server with the project's configuration, on free ports."""
    return LiveKitServer(ROOT / "livekit.yaml", program=os.environ.get("LIVEKIT_SERVER_BIN", ""))
