import subprocess
import sys
from pathlib import Path

import psutil
import pytest

GUARD = Path(__file__).parents[4] / "services" / "livekit_server" / "guard.py"
SHELL = "/bin/sh"


def guarded(*command: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-I", "-S", str(GUARD), *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(guard: subprocess.Popen[str]) -> tuple[str, str]:
    """Output and errors of a guard that ends by itself; `communicate` would cut its lifeline."""
    guard.wait(timeout=10)
    return guard.communicate()


def test_exit_code_and_output_are_the_programs() -> None:
    guard = guarded(SHELL, "-c", "echo said; echo warned >&2; exit 7")
    output, errors = ended(guard)
    assert guard.returncode == 7
    assert output.strip().isdecimal()
    assert errors == "said\nwarned\n"


def test_a_signal_is_reported_as_shells_do() -> None:
    guard = guarded(SHELL, "-c", "kill -9 $$")
    ended(guard)
    assert guard.returncode == 128 + 9


@pytest.mark.parametrize("trap", ["", "trap '' TERM INT;"])
def test_the_program_ends_when_the_lifeline_closes(trap: str) -> None:
    guard = guarded(SHELL, "-c", f"{trap} echo ready; while :; do sleep 0.1; done")
    assert guard.stdout is not None
    assert guard.stdin is not None
    assert guard.stderr is not None
    program = psutil.Process(int(guard.stdout.readline()))
    assert guard.stderr.readline() == "ready\n"
    guard.stdin.close()
    guard.wait(timeout=10)
    assert not program.is_running()
    guard.stdout.close()
    guard.stderr.close()


def test_asking_the_guard_to_end_ends_the_program() -> None:
    guard = guarded(SHELL, "-c", "while :; do sleep 0.1; done")
    assert guard.stdout is not None
    program = psutil.Process(int(guard.stdout.readline()))
    guard.terminate()
    ended(guard)
    assert not program.is_running()


def test_a_missing_program_is_said() -> None:
    guard = guarded("/nowhere/program")
    _, errors = ended(guard)
    assert guard.returncode == 127
    assert errors == "/nowhere/program cannot be started: No such file or directory\n"
