"""The product as an operator runs it: `python -m agent …` in a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import psutil

ROOT = Path(__file__).parents[2]
START_SECONDS = 60.0
"""Longest time to be ready; loading the models takes a few seconds on an idle machine."""
END_SECONDS = 5.0
"""The promise: nothing is left so long after Ctrl-C."""

_PASSED_ON = ("PATH", "LANG", "TMPDIR")
_ADDRESS = re.compile(r"http://\S+")
_CRASHES = (-signal.SIGSEGV, -signal.SIGABRT, -signal.SIGBUS, -signal.SIGILL, -signal.SIGFPE)
_NOISE = ("Traceback (most recent call last)", "Deprecat", "deprecat", "never awaited", "was never")


@dataclass(frozen=True)
class Token:
    """What the page gets when somebody joins."""

    url: str
    token: str
    room: str


class AgentProcess:
    """A role of the product and everything it starts."""

    def __init__(self, process: asyncio.subprocess.Process, home: Path) -> None:
        """Watch a process whose standard output and error are pipes, and whose HOME is `home`."""
        self._process = process
        self._home = home
        self._ps = psutil.Process(process.pid)
        self.output: list[str] = []
        """Lines on standard output so far."""
        self.log: list[str] = []
        """Lines on standard error so far."""
        assert process.stdout is not None
        assert process.stderr is not None
        self._readers = [
            asyncio.create_task(_collect(process.stdout, self.output), name="read-output"),
            asyncio.create_task(_collect(process.stderr, self.log), name="read-log"),
        ]

    @property
    def process_id(self) -> int:
        """Of the process itself."""
        return self._process.pid

    @property
    def address(self) -> str:
        """Where its page is."""
        (found,) = [match[0] for line in self.output if (match := _ADDRESS.search(line))]
        return found

    def assert_running(self) -> None:
        """Fail with all it wrote where it has ended."""
        written = "\n".join([*self.output, *self.log])
        assert self._process.returncode is None, f"it ended:\n{written}"

    def assert_not_crashed(self) -> None:
        """Fail with all it wrote where native code ended it."""
        if self._process.returncode in _CRASHES:
            self.assert_running()

    async def wait_until_ready(self) -> None:
        """Until `dev` has said where its page is."""
        await self._until(lambda: any(_ADDRESS.search(line) for line in self.output))

    async def wait_for_log(self, text: str) -> None:
        """Until a line of the log holds `text`."""
        await self._until(lambda: any(text in line for line in self.log))

    async def wait_for_output(self, text: str) -> None:
        """Until a line of standard output holds `text`."""
        await self._until(lambda: any(text in line for line in self.output))

    async def wait_for_livekit(self) -> psutil.Process:
        """Until its LiveKit server runs."""
        await self._until(lambda: self._livekit() is not None)
        server = self._livekit()
        assert server is not None
        return server

    def all(self) -> list[psutil.Process]:
        """The process and whatever it started that is still there, whoever its parent is now."""
        return [process for process in psutil.process_iter() if _home_of(process) == self._home]

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process alone."""
        self._process.send_signal(number)

    async def ended(self, within_seconds: float = START_SECONDS) -> int:
        """Until it has ended and all it wrote is read; returns its exit status."""
        async with asyncio.timeout(within_seconds):
            status = await self._process.wait()
            await asyncio.gather(*self._readers)
        return status

    async def end(self, number: signal.Signals = signal.SIGINT) -> int:
        """Send a signal and hold it to its promise; returns the exit status."""
        ports = listening_ports(self.all())
        self.send(number)
        status = await self.ended(END_SECONDS)
        assert not (left := self.all()), f"still running: {left}"
        assert not (taken := [port for port in ports if not _is_free(port)]), f"open: {taken}"
        return status

    async def nothing_left(self, within_seconds: float = END_SECONDS) -> None:
        """Until whatever it started has ended."""
        async with asyncio.timeout(within_seconds):
            while self.all():
                await asyncio.sleep(0.02)

    async def kill(self) -> None:
        """End the process and whatever it started without asking."""
        for process in self.all():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        await self.ended()

    def assert_quiet_log(self) -> None:
        """Fail where the log holds a traceback, a deprecation or a forgotten coroutine."""
        noise = [line for line in self.log if any(word in line for word in _NOISE)]
        assert not noise, "\n".join(self.log)

    def _livekit(self) -> psutil.Process | None:
        for process in self.all():
            with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
                # Afresh: psutil remembers for good what a process ran before it began to run this.
                if Path(psutil.Process(process.pid).exe()).name == "livekit-server":
                    return process
        return None

    async def _until(self, true: Callable[[], bool]) -> None:
        end = asyncio.get_running_loop().time() + START_SECONDS
        while not true():
            written = "\n".join([*self.output, *self.log])
            self.assert_running()
            assert asyncio.get_running_loop().time() < end, f"nothing came:\n{written}"
            await asyncio.sleep(0.02)


@asynccontextmanager
async def running(
    role: str,
    folder: Path,
    variables: dict[str, str] | None = None,
    *,
    through: tuple[str, ...] = (),
    module: str = "agent",
    program: Path | None = None,
    words: tuple[str, ...] = (),
) -> AsyncIterator[AgentProcess]:
    """`python -m agent ROLE` with the demo models and nothing else of this environment.

    `folder`, one for each, is where it runs and its home, so that no `.env` and no cache is read.
    `through` is a command that runs the one after it in its own place, such as `nice`; `module`
    is what is run where it is not the product itself, `program` the script of an installation, and
    `words` come after the role.
    What is left of it at the end is killed; a test that passed fails where its log was not quiet.
    """
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    command: tuple[str | Path, ...] = (sys.executable, "-m", module)
    checkout = {"PYTHONPATH": str(ROOT), "LIVEKIT_SERVER_CONFIG": str(ROOT / "livekit.yaml")}
    if program is not None:
        command, checkout = (program,), {}
    process = await asyncio.create_subprocess_exec(
        *(*through, *command, role, *words),
        cwd=folder,
        env={
            **environment,
            "HOME": str(folder),
            **checkout,
            "MODELS": "demo",
            "WEB_PORT": str(free_port()),
            "WORKER_PORT": str(free_port()),
            "ROOM_EMPTY_SECONDS": "0.2",
            **(variables or {}),
        },
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    agent = AgentProcess(process, folder)
    try:
        yield agent
        agent.assert_quiet_log()
    finally:
        try:
            agent.assert_not_crashed()
        finally:
            await agent.kill()


async def token(address: str) -> Token:
    """What the page at `address` gets for a new caller."""
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{address}/api/token", json={}) as response,
    ):
        assert response.status == 200, await response.text()
        issued = await response.json()
        return Token(issued["url"], issued["token"], issued["room"])


async def status(address: str) -> dict[str, object]:
    """What the page at `address` is told about the agent."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{address}/api/status") as response,
    ):
        found: dict[str, object] = await response.json()
        return found


def free_port() -> int:
    """A TCP port of loopback that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def listening_ports(processes: list[psutil.Process]) -> set[int]:
    """TCP ports on which one of them accepts connections."""
    return {
        connection.laddr.port
        for process in processes
        for connection in process.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    }


def _home_of(process: psutil.Process) -> Path | None:
    """Where a process that runs has its home; every process that ours starts has the same."""
    try:
        home = process.environ().get("HOME")
        ended = process.status() == psutil.STATUS_ZOMBIE
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return None
    return Path(home) if home and not ended else None


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


async def _collect(stream: asyncio.StreamReader, lines: list[str]) -> None:
    async for line in stream:
        lines.append(line.decode(errors="replace").rstrip("\n"))
