"""A LiveKit server of our own: found, started on loopback, kept running, ended with us."""

import asyncio
import contextlib
import json
import logging
import os
import secrets
import shutil
import socket
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import aiohttp
import yaml
from livekit import api

from .credentials import LiveKitCredentials

logger = logging.getLogger("services.livekit_server")

PROGRAM = "livekit-server"
_GUARD = Path(__file__).with_name("guard.py")
_DEFAULT_PORT = 7880
_READY_SECONDS = 20.0
_STOP_SECONDS = 2.7
_PORT_TRIES = 3
_FIRST_RESTART_SECONDS = 0.2
_LONGEST_RESTART_SECONDS = 10.0
_STEADY_SECONDS = 60.0
"""A server that ran this long starts the waits between restarts afresh."""

_LOG_LINE_BYTES = 1 << 20
_LEVELS = {"debug": logging.DEBUG, "info": logging.DEBUG, "warn": logging.DEBUG}
"""The server warns each time a caller leaves."""

_NOISE_FIELDS = ("level", "ts", "logger", "caller", "msg", "stacktrace")
_PASSED_ON = ("PATH", "HOME", "TMPDIR", "LANG", "GOMAXPROCS", "GOMEMLIMIT", "GODEBUG")
"""The server's own variables (NODE_IP, REDIS_HOST, LIVEKIT_CONFIG, …) stay out: it has its file."""


class LiveKitServerError(Exception):
    """The server cannot be started; the text says why and what helps."""


@dataclass(frozen=True)
class Ports:
    signal: int
    """TCP, signalling and API."""

    media: int | None
    """UDP; None where the configuration has a range instead."""


class LiveKitServer:
    """A `livekit-server` child process that is restarted when it dies and ended with us.

    All methods belong to one event loop. The server keeps its ports and key pair over restarts, so
    that clients come back by themselves. It ends at the latest 3 s after `stop`, and also when this
    process is killed.
    """

    def __init__(
        self,
        config: Path,
        *,
        program: str = "",
        on_exit: Callable[[int], None] | None = None,
    ) -> None:
        """Prepare a server with the YAML file `config`.

        `program` is the path of the executable; empty: `livekit-server` on PATH or beside Python.
        `on_exit` is called on the loop with the exit code each time the server dies unasked.
        """
        self._config = config
        self._program_path = program
        self._on_exit = on_exit
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
        self._last_lines: deque[str] = deque(maxlen=3)
        self.process_id: int | None = None
        """Process id of the running server."""
        self.restarts = 0
        """How often the server was started again."""

    @property
    def address(self) -> LiveKitCredentials:
        """Where the server answers; valid after `start`."""
        return LiveKitCredentials(
            f"ws://{_in_url(self._host)}:{self.ports.signal}", self._api_key, self._api_secret
        )

    async def start(self) -> LiveKitCredentials:
        """Start the server and wait until it answers; raises LiveKitServerError."""
        if self._supervisor is not None:
            raise RuntimeError("the LiveKit server was started already")
        program = find_program(self._program_path)
        config = _read_config(self._config)
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
                # Somebody may have taken a port between our look and the server's.
                if not remaining or not _any_busy(self.ports, self._host):
                    raise
        self._supervisor = asyncio.create_task(self._supervise(), name="livekit-server supervisor")
        logger.info(
            "livekit-server started",
            extra={"url": self.address.url, "process_id": self.process_id},
        )
        return self.address

    async def stop(self) -> None:
        """End the server and all that belongs to it; safe to call at any time, also twice."""
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
                self._report(code)
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

    def _report(self, code: int) -> None:
        if self._on_exit is None:
            return
        try:
            self._on_exit(code)
        except Exception:
            logger.exception("callback for the end of livekit-server failed")

    async def _launch(self) -> None:
        """Start the guard with the server and wait until the server answers to our key."""
        self._last_lines.clear()
        command = [*self._command, "--logging.json=true", "--port", str(self.ports.signal)]
        if self.ports.media is not None:
            command += ["--udp-port", str(self.ports.media)]
        environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        environment["LIVEKIT_KEYS"] = f"{self._api_key}: {self._api_secret}"
        # A session of its own: Ctrl-C in a terminal is for us, who end the server in order.
        self._guard = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", str(_GUARD), *command),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environment,
            start_new_session=True,
            limit=_LOG_LINE_BYTES,
        )
        try:
            assert self._guard.stdout is not None
            assert self._guard.stderr is not None
            self._log_task = asyncio.create_task(
                self._pass_on_log(self._guard.stderr), name="livekit-server log"
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
                    said = "; ".join(self._last_lines) or "nothing"
                    raise LiveKitServerError(
                        f"livekit-server ended at once with exit code {guard.returncode}; "
                        f"it said: {said}"
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
        """End the guard, with it the server, and read the log to its end."""
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

    async def _pass_on_log(self, stream: asyncio.StreamReader) -> None:
        while True:
            try:
                line = await stream.readline()
            except ValueError:
                continue
            if not line:
                return
            self._pass_on_line(line.decode(errors="replace").strip())

    def _pass_on_line(self, line: str) -> None:
        try:
            entry = json.loads(line)
        except json.JSONDecodeError:
            entry = None
        if not isinstance(entry, dict):
            if line:
                self._last_lines.append(line)
                logger.debug("livekit-server wrote", extra={"line": line})
            return
        level = _LEVELS.get(str(entry.get("level")), logging.WARNING)
        fields = {name: value for name, value in entry.items() if name not in _NOISE_FIELDS}
        if entry.get("level") not in ("debug", "info"):
            self._last_lines.append(" ".join([str(entry.get("msg")), *map(str, fields.values())]))
        logger.log(
            level,
            "livekit-server: %s",
            entry.get("msg"),
            extra={"fields": fields} if fields else {},
        )


def find_program(path: str = "") -> str:
    """The absolute path of the `livekit-server` executable; raises LiveKitServerError.

    Looked for at `path` where given, else on PATH, else beside this Python (a virtual environment).
    """
    if path:
        found = shutil.which(path)
        if found is None:
            raise LiveKitServerError(f"LIVEKIT_SERVER={path} is no program that can be run")
        return str(Path(found).resolve())
    found = shutil.which(PROGRAM) or shutil.which(PROGRAM, path=str(Path(sys.prefix) / "bin"))
    if found is None:
        raise LiveKitServerError(
            "livekit-server is not installed: run `make setup` (builds it with Go), "
            "or `brew install livekit` (macOS), "
            "or `curl -sSL https://get.livekit.io | bash` (Linux); "
            "or set LIVEKIT_URL to use a server that runs elsewhere"
        )
    return str(Path(found).resolve())


def _read_config(path: Path) -> dict[str, Any]:
    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise LiveKitServerError(
            f"{path} is not there: start in the folder that has it, or set LIVEKIT_SERVER_CONFIG"
        ) from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise LiveKitServerError(f"{path} cannot be read: {reason}") from None
    if not isinstance(config, dict):
        raise LiveKitServerError(f"{path} has no settings of a LiveKit server")
    return config


def choose_ports(config: dict[str, Any], host: str) -> Ports:
    """The configured ports, each replaced by a free one where it is busy."""
    signal = config.get("port", _DEFAULT_PORT)
    if not isinstance(signal, int) or not 0 < signal < 65_536:
        raise LiveKitServerError(f"port: {signal} is not allowed: a number from 1 to 65535")
    rtc = config.get("rtc")
    media = rtc.get("udp_port") if isinstance(rtc, dict) else None
    return Ports(
        signal=_free_port(signal, host, socket.SOCK_STREAM),
        media=_free_port(media, host, socket.SOCK_DGRAM) if isinstance(media, int) else None,
    )


def _free_port(wanted: int, host: str, kind: socket.SocketKind) -> int:
    if not _busy(wanted, host, kind):
        return wanted
    with socket.socket(_family(host), kind) as probe:
        probe.bind((host, 0))
        chosen: int = probe.getsockname()[1]
    logger.info("port is busy, another is used", extra={"port": wanted, "used": chosen})
    return chosen


def _any_busy(ports: Ports, host: str) -> bool:
    return _busy(ports.signal, host, socket.SOCK_STREAM) or (
        ports.media is not None and _busy(ports.media, host, socket.SOCK_DGRAM)
    )


def _busy(port: int, host: str, kind: socket.SocketKind) -> bool:
    with socket.socket(_family(host), kind) as probe:
        if kind == socket.SOCK_STREAM:
            # As the server does: a port with connections in TIME_WAIT can be listened on.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return True
    return False


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _reachable(bound: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(bound, bound)


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host
