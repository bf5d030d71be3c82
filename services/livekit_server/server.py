"""A LiveKit server as a child process: started on loopback, kept running, ended with us."""

import asyncio
import contextlib
import logging
import os
import secrets
import sys
import time
from http import HTTPStatus
from pathlib import Path

import aiohttp
from livekit import api

from .credentials import LiveKitCredentials
from .log import LONGEST_LINE_BYTES, LogRelay
from .ports import Ports, any_busy, choose_ports, read_config
from .program import LiveKitServerError, find_program

logger = logging.getLogger("services.livekit_server")

_GUARD = Path(__file__).with_name("guard.py")
_READY_SECONDS = 20.0
_STOP_SECONDS = 2.7
_PORT_TRIES = 3
_FIRST_RESTART_SECONDS = 0.2
_LONGEST_RESTART_SECONDS = 10.0
_STEADY_SECONDS = 60.0
"""After running this long the server is restarted with the shortest wait again."""

_PASSED_ON = ("PATH", "HOME", "TMPDIR", "LANG", "GOMAXPROCS", "GOMEMLIMIT", "GODEBUG")
"""Variables of this process that the server gets. Its own (NODE_IP, REDIS_HOST, LIVEKIT_CONFIG, …)
are not among them: it has its file."""


class LiveKitServer:
    """A `livekit-server` child process that is restarted when it dies and ended with us.

    All methods belong to one event loop. The server keeps its ports and key pair over restarts, so
    that clients reconnect. It ends within 3 s of `stop`, and also when this process is killed.
    """

    def __init__(self, config: Path, *, program: str = "") -> None:
        """Prepare a server with the YAML file `config`.

        `program` is the path of the executable; empty: `livekit-server` on PATH or beside Python.
        """
        self._config = config
        self._program_path = program
        self._api_key = f"local{secrets.token_hex(8)}"
        # A letter in front keeps YAML from reading the secret as a number.
        self._api_secret = f"s{secrets.token_hex(32)}"
        self._command: list[str] = []
        self._host = "127.0.0.1"
        self.ports = Ports(0, None)
        """Ports in use, those of the configuration unless they were busy."""
        self._guard: asyncio.subprocess.Process | None = None
        self._log_task: asyncio.Task[None] | None = None
        self._supervisor: asyncio.Task[None] | None = None
        self._log = LogRelay()
        self.process_id: int | None = None
        """Process id of the running server."""
        self.restarts = 0
        """How often the server was started again."""

    @property
    def address(self) -> LiveKitCredentials:
        """Where the server answers, and its key pair; valid after `start`."""
        return LiveKitCredentials(
            f"ws://{_in_url(self._host)}:{self.ports.signal}", self._api_key, self._api_secret
        )

    async def start(self) -> LiveKitCredentials:
        """Start the server and wait until it answers.

        Raises:
            LiveKitServerError: it cannot be started.
        """
        if self._supervisor is not None:
            raise RuntimeError("the LiveKit server was started already")
        program = find_program(self._program_path)
        config = read_config(self._config)
        addresses = config.get("bind_addresses") or ["127.0.0.1"]
        self._host = _reachable(str(addresses[0]))
        self._command = [program, "--config", str(self._config.resolve())]
        if not config.get("bind_addresses"):
            self._command += ["--bind", "127.0.0.1"]
        for remaining in reversed(range(_PORT_TRIES)):
            self.ports = choose_ports(config, self._host)
            try:
                await self._launch()
                break
            except LiveKitServerError:
                # Another program may have taken a port after it was found free.
                if not remaining or not any_busy(self.ports, self._host):
                    raise
        self._supervisor = asyncio.create_task(self._supervise(), name="livekit-server supervisor")
        logger.info(
            "livekit-server started",
            extra={"url": self.address.url, "process_id": self.process_id},
        )
        return self.address

    async def stop(self) -> None:
        """End the server. Idempotent."""
        supervisor, self._supervisor = self._supervisor, None
        if supervisor is not None:
            supervisor.cancel()
            await asyncio.wait([supervisor])
        await self._end()

    async def __aenter__(self) -> LiveKitCredentials:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def _supervise(self) -> None:
        wait_seconds = _FIRST_RESTART_SECONDS
        while True:
            guard = self._guard
            started = time.monotonic()
            code = await guard.wait() if guard is not None else 1
            ran_seconds = time.monotonic() - started
            if guard is not None:
                logger.error(
                    "livekit-server died",
                    extra={"exit_code": code, "ran_seconds": round(ran_seconds, 1)},
                )
            if ran_seconds >= _STEADY_SECONDS:
                wait_seconds = _FIRST_RESTART_SECONDS
            await self._end()
            await asyncio.sleep(wait_seconds)
            wait_seconds = min(2 * wait_seconds, _LONGEST_RESTART_SECONDS)
            try:
                await self._launch()
            except (LiveKitServerError, OSError) as error:
                logger.error("livekit-server cannot be restarted", extra={"error": str(error)})
                continue
            self.restarts += 1
            logger.warning(
                "livekit-server restarted",
                extra={"process_id": self.process_id, "restarts": self.restarts},
            )

    async def _launch(self) -> None:
        """Start the guard with the server and wait until the server accepts our key."""
        self._log = LogRelay()
        command = [*self._command, "--logging.json=true", "--port", str(self.ports.signal)]
        if self.ports.media is not None:
            command += ["--udp-port", str(self.ports.media)]
        environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        environment["LIVEKIT_KEYS"] = f"{self._api_key}: {self._api_secret}"
        # A session of its own, so that Ctrl-C in a terminal reaches this process alone, which then
        # ends the server in order.
        self._guard = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", str(_GUARD), *command),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environment,
            start_new_session=True,
            limit=LONGEST_LINE_BYTES,
        )
        try:
            assert self._guard.stdout is not None
            assert self._guard.stderr is not None
            self._log_task = asyncio.create_task(
                self._log.relay(self._guard.stderr), name="livekit-server log"
            )
            line = await self._guard.stdout.readline()
            self.process_id = int(line) if line.strip() else None
            await self._wait_until_ready(self._guard)
        except BaseException:
            await self._end()
            raise

    async def _wait_until_ready(self, guard: asyncio.subprocess.Process) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        url = f"http://{_in_url(self._host)}:{self.ports.signal}"
        timeout = aiohttp.ClientTimeout(total=2)
        async with api.LiveKitAPI(url, self._api_key, self._api_secret, timeout=timeout) as livekit:
            while time.monotonic() < deadline:
                if guard.returncode is not None:
                    if self._log_task is not None:
                        await asyncio.wait([self._log_task], timeout=1)
                    raise LiveKitServerError(
                        f"livekit-server ended at once with exit code {guard.returncode}; "
                        f"it said: {self._log.last_lines or 'nothing'}"
                    )
                try:
                    await livekit.room.list_rooms(api.ListRoomsRequest())
                    return
                except api.TwirpError as error:
                    if error.status == HTTPStatus.UNAUTHORIZED:
                        raise LiveKitServerError(
                            f"another LiveKit server answers on port {self.ports.signal}: "
                            f"change `port` in {self._config}"
                        ) from None
                except (aiohttp.ClientError, TimeoutError):
                    pass
                await asyncio.sleep(0.05)
        raise LiveKitServerError(f"livekit-server did not answer within {_READY_SECONDS:g} s")

    async def _end(self) -> None:
        """End the guard and with it the server, and read the log to its end."""
        guard, self._guard = self._guard, None
        log_task, self._log_task = self._log_task, None
        self.process_id = None
        if guard is not None:
            assert guard.stdin is not None
            guard.stdin.close()
            try:
                await asyncio.wait_for(guard.wait(), _STOP_SECONDS)
            except TimeoutError:
                logger.warning("livekit-server had to be killed")
                with contextlib.suppress(ProcessLookupError):
                    guard.kill()
                await guard.wait()
        if log_task is not None:
            _, pending = await asyncio.wait([log_task], timeout=0.2)
            for task in pending:
                task.cancel()


def _reachable(bound: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(bound, bound)


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host
