"""Starts under conditions that do not allow one, or that few think of: a sentence, no traceback."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from services.host.open_files import FEWEST_OPEN_FILES

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[4]
WAIT_SECONDS = 60.0


def environment(folder: Path, **variables: str) -> dict[str, str]:
    """Of a role that is started in `folder`, at a LiveKit server that is not there."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PYTHONPATH": str(ROOT),
        "MODELS": "demo",
        "LIVEKIT_URL": "ws://127.0.0.1:9",
        "LIVEKIT_API_KEY": "key",
        "LIVEKIT_API_SECRET": "s" * 40,
        "WORKER_PORT": str(free_port()),
        **variables,
    }


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def started(
    folder: Path, role: str, *, shell: str = "", **variables: str
) -> subprocess.CompletedProcess[str]:
    """What a role says that ends by itself."""
    command = [sys.executable, "-m", "agent", *role.split()]
    return subprocess.run(
        ["sh", "-c", f'{shell} exec "$@"', "sh", *command],
        cwd=folder,
        env=environment(folder, **variables),
        capture_output=True,
        text=True,
        timeout=WAIT_SECONDS,
    )


def assert_one_sentence(ended: subprocess.CompletedProcess[str], words: str) -> None:
    assert ended.returncode == 1
    assert words in ended.stderr
    assert "Traceback" not in ended.stderr
    sentences = [line for line in ended.stderr.splitlines() if not line.startswith("{")]
    assert len(sentences) == 1, ended.stderr


@pytest.mark.parametrize("role", ["web", "start", "connect --room=r"])
def test_too_few_open_files_are_told(tmp_path: Path, role: str) -> None:
    ended = started(tmp_path, role, shell=f"ulimit -n {FEWEST_OPEN_FILES - 1};")
    assert_one_sentence(ended, "ulimit -n")


def test_a_busy_port_of_the_wyoming_server_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = started(tmp_path, "start", WYOMING_PORT=port)
    assert_one_sentence(ended, port)
    assert "WYOMING_PORT" in ended.stderr


def test_no_place_for_temporary_files_is_told(tmp_path: Path) -> None:
    ended = started(tmp_path, "start", shell="ulimit -f 0;")
    assert_one_sentence(ended, "set TMPDIR")


@pytest.mark.parametrize("streams", ["closed", "read by nobody"])
def test_without_anybody_to_tell_the_page_is_served_all_the_same(
    tmp_path: Path, streams: str
) -> None:
    port = free_port()
    closed = ">&- 2>&-" if streams == "closed" else "2>&1"
    process = subprocess.Popen(
        ["sh", "-c", f'exec "$@" {closed}', "sh", sys.executable, "-m", "agent", "web"],
        cwd=tmp_path,
        env=environment(tmp_path, WEB_PORT=str(port)),
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.close()
    try:
        end = time.monotonic() + WAIT_SECONDS
        while True:
            assert process.poll() is None
            assert time.monotonic() < end
            with contextlib.suppress(OSError):
                address = f"http://127.0.0.1:{port}/healthz"
                with urllib.request.urlopen(address, timeout=5) as answer:
                    assert answer.status == 200
                    break
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_SECONDS) == 0
    finally:
        process.kill()
        process.wait()
