"""LiveKit server, agent and web server of a test, each startable and killable on its own."""

from __future__ import annotations

import asyncio
import os
import secrets
import subprocess
import sys
import threading
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from services.livekit_server import LiveKitAddress, LiveKitServer
from services.web.app import LiveKitAccess, web_server
from services.web.server import WebServer
from services.web.status import AgentStatus
from tests.browser.stand_in_agent import READY_LINE

ROOT = Path(__file__).parents[2]
SHARED_AGENT = "stand-in"
"""Name of the agent that most tests share."""
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


class Agent:
    """The stand-in agent's process."""

    def __init__(self, livekit: LiveKitAddress, name: str, *, capacity: int = 100) -> None:
        command = [
            *(sys.executable, "-m", "tests.browser.stand_in_agent", "--name", name),
            *("--url", livekit.url, "--key", livekit.api_key, "--secret", livekit.api_secret),
            *("--capacity", str(capacity)),
        ]
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )

    def wait_until_registered(self) -> None:
        """Block until LiveKit offers rooms to it."""
        timer = threading.Timer(START_SECONDS, self._process.kill)
        timer.start()
        try:
            assert self._process.stdout is not None
            for line in self._process.stdout:
                if READY_LINE in line:
                    return
        finally:
            timer.cancel()
        raise RuntimeError("the stand-in agent did not register")

    def kill(self) -> None:
        """End it without a chance to say goodbye."""
        self._process.kill()
        self._process.wait(STOP_SECONDS)
        if self._process.stdout is not None:
            self._process.stdout.close()


@dataclass
class Deployment:
    """Everything behind a page."""

    livekit: LiveKitAddress
    agent_name: str = field(default_factory=lambda: f"agent-{secrets.token_hex(4)}")
    """Only agents of this name come into its rooms."""
    status: AgentStatus = field(default_factory=AgentStatus)
    """What the page is told; tests replace it."""

    web: WebServer = field(init=False)
    agents: list[Agent] = field(default_factory=list)

    def start_agent(self, *, capacity: int = 100) -> Agent:
        """Start one more agent and wait until LiveKit knows it."""
        agent = Agent(self.livekit, self.agent_name, capacity=capacity)
        self.agents.append(agent)
        agent.wait_until_registered()
        return agent

    def close(self) -> None:
        """End what was started here; the LiveKit server is not ours."""
        for agent in self.agents:
            agent.kill()
        self.web.stop()

    def start_web(self, **options: Any) -> str:
        """Start a web server with other options than the defaults; returns the page's address."""
        access = LiveKitAccess(
            self.livekit.url, self.livekit.api_key, self.livekit.api_secret, self.agent_name
        )
        options = {"port": 0, "tokens_per_minute": 600.0, "title": "the stand-in", **options}
        self.web = web_server(access, lambda: self.status, **options)
        self.web.start()
        return self.web.address


def livekit_server() -> LiveKitServer:
    """The real server with the project's configuration, on free ports."""
    return LiveKitServer(ROOT / "livekit.yaml", program=os.environ.get("LIVEKIT_SERVER_BIN", ""))
