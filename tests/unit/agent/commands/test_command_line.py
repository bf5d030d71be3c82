"""Commands end cleanly: one line for an error, whole files, secrets unseen, stopped in time."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.commands.command_line import CommandError, finish, until_stopped
from agent.commands.output_file import check_writable, output_file
from agent.runtime.application import Role, set_up_logging
from agent.settings import Settings
from agent.settings.environment import BoundVariable, variables_of
from tests.support.commands import logging_restored

SECRET = "a-secret-of-some-length"


def write_half(target: Path) -> None:
    with output_file(target) as file:
        file.write(b"half")
        raise ValueError("broken")


@pytest.fixture(autouse=True)
def _logging() -> Iterator[None]:
    with logging_restored():
        yield


def raising(error: BaseException) -> int:
    raise error


def test_error_becomes_one_line_and_a_status(capsys: pytest.CaptureFixture[str]) -> None:
    status = finish("say", Settings(), lambda: raising(CommandError("first\nsecond", status=2)))
    assert status == 2
    assert capsys.readouterr() == ("", "say: first second\n")


def test_interruption_is_no_error_message(capsys: pytest.CaptureFixture[str]) -> None:
    assert finish("say", Settings(), lambda: raising(KeyboardInterrupt())) == 130
    assert capsys.readouterr() == ("", "")


def test_a_model_thread_that_is_about_to_end_does_not_end_the_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ended: list[int] = []
    monkeypatch.setattr("os._exit", ended.append)
    awaited = threading.Event()

    class EndsWhenAwaited(threading.Thread):
        def join(self, timeout: float | None = None) -> None:
            awaited.set()
            super().join(timeout)

    thread = EndsWhenAwaited(target=awaited.wait, name="inference", daemon=True)

    def work() -> int:
        thread.start()
        return 0

    assert finish("say", Settings(), work) == 0
    assert ended == []


@pytest.mark.parametrize(
    "secret", [v for v in variables_of(Settings) if v.secret], ids=lambda v: v.name
)
def test_every_secret_is_masked_in_the_logs_of_commands_and_workers(
    secret: BoundVariable, capsys: pytest.CaptureFixture[str]
) -> None:
    whole_group = {"livekit": {"url": "ws://127.0.0.1:7880", "api_key": "key"}}
    values = {**whole_group.get(secret.group, {}), secret.field: SECRET}
    settings = Settings.model_validate({secret.group: values})

    def log() -> int:
        logging.getLogger("agent.test").error("said %s", SECRET, extra={"also": SECRET})
        return 0

    finish("say", settings, log)
    for role in Role:
        set_up_logging(settings, role)
        log()
    logged = "".join(capsys.readouterr())
    assert logged.count("said") == 1 + len(Role)
    assert SECRET not in logged


async def test_signal_ends_the_work_and_lets_it_clean_up() -> None:
    steps = []

    async def work() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        try:
            await asyncio.Event().wait()
        finally:
            steps.append("cleaned up")

    await until_stopped(work(), end_seconds=10.0)
    assert steps == ["cleaned up"]


async def test_error_of_the_work_is_passed_on() -> None:
    async def work() -> None:
        raise CommandError("no")

    with pytest.raises(CommandError, match="no"):
        await until_stopped(work(), end_seconds=10.0)


def test_failed_output_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "out.txt"
    target.write_text("old")
    with pytest.raises(ValueError, match="broken"):
        write_half(target)
    assert target.read_text() == "old"
    with output_file(target) as file:
        file.write(b"new")
    assert target.read_text() == "new"
    assert list(tmp_path.iterdir()) == [target]


def test_output_through_a_link_keeps_the_link(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_text("old")
    link.symlink_to(real)
    with output_file(link) as file:
        file.write(b"new")
    assert link.is_symlink()
    assert real.read_text() == "new"


def test_output_to_a_device_leaves_it_a_device() -> None:
    null = Path(os.devnull)
    check_writable(null)
    with output_file(null) as file:
        file.write(b"nothing")
    assert stat.S_ISCHR(null.stat().st_mode)


def test_place_that_cannot_be_written_to_is_known_before(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="does not exist"):
        check_writable(tmp_path / "none" / "file")
    with pytest.raises(CommandError, match="is a folder"):
        check_writable(tmp_path)
