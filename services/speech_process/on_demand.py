"""Starts a speech process on its first use; it ends some seconds after its last user."""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from ..shared.config import EngineConfig
from .__main__ import config_json
from .engines import RemoteEngines
from .frames import VERSION
from .socket import SocketError, check_length, prepare_folder

logger = logging.getLogger("services.speech_process")

LINGER_SECONDS = 30.0
"""A job that ends is often followed by another one, which should not load the models again."""
_START_SECONDS = 30.0
_POLL_SECONDS = 0.02


def engines(config: EngineConfig) -> RemoteEngines:
    """Return engines in a process that is started unless it runs, and again if it is lost.

    Does not wait for it; the first request does. Raises SocketError where it can have no socket.
    """
    remote = RemoteEngines(config, socket_path(config), revive=lambda: start(config))
    remote.link.start()
    return remote


def socket_path(config: EngineConfig, *, folder: Path | None = None) -> Path:
    """Return the socket of the process that serves `config`, whether or not it runs.

    `folder` is as for `start`. Raises SocketError.
    """
    folder = folder or _own_folder()
    prepare_folder(folder)
    # Models may be given by paths that are relative.
    identity = f"{VERSION} {__package__} {Path.cwd()} {config_json(config)}"
    path = folder / f"{hashlib.sha256(identity.encode()).hexdigest()[:16]}.sock"
    check_length(path)
    return path


def start(
    config: EngineConfig, *, folder: Path | None = None, linger_seconds: float = LINGER_SECONDS
) -> Path:
    """Return the socket of a process that serves `config`, started unless it runs; blocks shortly.

    Any number of processes and threads may call it at once: there is one server for each user and
    configuration. It loads its models when a client asks for them, and ends `linger_seconds` after
    its last client. Its log goes to a file beside the socket. `folder` is by default one of this
    user in XDG_RUNTIME_DIR or else in the folder for temporary files. Raises SocketError.
    """
    path = socket_path(config, folder=folder)
    with path.with_suffix(".start").open("w") as starting:
        # One at a time: the second finds the server of the first.
        fcntl.flock(starting, fcntl.LOCK_EX)
        if not _answers(path):
            _start(path, config_json(config), linger_seconds)
    return path


def _start(path: Path, settings: str, linger_seconds: float) -> None:
    command = [sys.executable, "-m", f"{__package__}", str(path), "--config", settings]
    command += ["--linger-seconds", f"{linger_seconds:g}"]
    log = path.with_suffix(".log")
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            # Neither Ctrl-C nor the end of the one who starts it is for the others' server.
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
    # So that it does not stay as a zombie.
    threading.Thread(target=process.wait, name="speech-process-end", daemon=True).start()
    logger.info("speech process started", extra={"socket": str(path), "child": process.pid})
    until = time.monotonic() + _START_SECONDS
    while not _answers(path):
        if process.poll() is not None or time.monotonic() > until:
            raise SocketError(f"the speech process does not start: see {log}")
        time.sleep(_POLL_SECONDS)


def _answers(path: Path) -> bool:
    """Whether a server listens there."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        try:
            connection.connect(str(path))
        except OSError:
            return False
        return True


def _own_folder() -> Path:
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime and Path(runtime).is_dir():
        return Path(runtime) / "local-voice-agent"
    return Path(tempfile.gettempdir()) / f"local-voice-agent-{os.getuid()}"
