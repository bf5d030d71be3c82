import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from pathlib import Path

import pytest

from services.host.temp_files import TempFiles, TempFilesError

HOLD = """
    import sys, time
    from pathlib import Path
    from services.host.temp_files import TempFiles

    files = TempFiles(Path(sys.argv[1]))
    with files.file(".wav") as path:
        path.write_bytes(b"x" * 1000)
        print(files.folder, flush=True)
        time.sleep(60)
"""


def age(path: Path, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(path, (then, then))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_gone_when_its_block_ends(tmp_path: Path) -> None:
    with TempFiles(tmp_path) as files:
        with contextlib.suppress(RuntimeError), files.file(".wav") as path:
            path.write_bytes(b"sound")
            assert path.suffix == ".wav"
            assert path.stat().st_mode & 0o077 == 0
            assert files.stats().count == 1
            assert files.stats().bytes == 5
            raise RuntimeError
        assert not path.exists()
        assert files.stats().count == 0


def test_a_block_may_remove_its_file_itself(tmp_path: Path) -> None:
    with TempFiles(tmp_path) as files, files.file() as path:
        path.unlink()


def test_closing_leaves_nothing(tmp_path: Path) -> None:
    files = TempFiles(tmp_path)
    (files.folder / "left.bin").write_bytes(b"x")
    files.close()
    files.close()
    assert names(tmp_path) == []


def test_processes_that_begin_and_end_at_once_do_not_disturb_each_other(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    failures: list[BaseException] = []

    def begin_and_end() -> None:
        try:
            for _ in range(100):
                with TempFiles(tmp_path) as files, files.file() as path:
                    path.write_bytes(b"x")
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=begin_and_end) for _ in range(4)]
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(usual)
    assert failures == []
    assert caplog.messages == []
    assert names(tmp_path) == []


def test_old_files_are_swept_sooner_under_pressure(tmp_path: Path) -> None:
    with TempFiles(tmp_path, max_age_seconds=300, pressure_age_seconds=60) as files:
        for name, seconds in (("new", 10), ("older", 100), ("old", 400)):
            (files.folder / name).write_bytes(b"x" * 10)
            age(files.folder / name, seconds)
        swept = files.sweep()
        assert (swept.count, swept.bytes) == (1, 10)
        assert names(files.folder) == ["new", "older"]
        assert files.sweep(pressure=True).count == 1
        assert names(files.folder) == ["new"]


def test_what_is_in_use_is_not_swept(tmp_path: Path) -> None:
    with TempFiles(tmp_path) as files, files.file() as used:
        opened = files.folder / "opened"
        with opened.open("w"):
            for path in (used, opened):
                age(path, 1000)
            assert files.sweep().count == 0
        assert files.sweep().count == 1
        assert not opened.exists()


def test_files_of_libraries_come_to_the_same_folder(tmp_path: Path) -> None:
    before = tempfile.gettempdir(), os.environ["TMPDIR"]
    files = TempFiles(tmp_path)
    files.adopt_default()
    with tempfile.NamedTemporaryFile() as made:
        assert Path(made.name).parent == files.folder
    made_by_a_program = subprocess.check_output(["mktemp"], text=True).strip()
    assert Path(made_by_a_program).parent == files.folder
    files.close()
    assert (tempfile.gettempdir(), os.environ["TMPDIR"]) == before


def test_what_a_killed_process_left_is_removed_at_the_next_start(tmp_path: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(HOLD), str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    folder = Path(child.stdout.readline().strip())
    assert len(list(folder.glob("*.wav"))) == 1
    with TempFiles(tmp_path) as beside:
        assert beside.survivors == 0
        assert folder.exists()
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    assert folder.exists()
    with TempFiles(tmp_path) as files:
        assert files.survivors == 1
        assert not folder.exists()


def test_a_folder_whose_process_died_before_its_lock_is_removed(tmp_path: Path) -> None:
    (tmp_path / f"local-voice-agent-{os.getuid()}-died").mkdir()
    with TempFiles(tmp_path) as files:
        assert files.survivors == 1
        assert names(tmp_path) == [files.folder.name]


def test_a_link_in_place_of_a_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / f"local-voice-agent-{os.getuid()}-link"
    link.symlink_to(tmp_path / "elsewhere")
    with TempFiles(tmp_path) as files:
        assert files.survivors == 0
    assert names(tmp_path) == ["elsewhere", link.name]


def test_a_place_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TempFilesError, match="set TMPDIR"):
        TempFiles(tmp_path / "file")


def test_a_suffix_leads_nowhere_else(tmp_path: Path) -> None:
    with (
        TempFiles(tmp_path) as files,
        pytest.raises(ValueError, match="not the end of a file name"),
        files.file("/../../x"),
    ):
        pass
