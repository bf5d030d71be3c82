"""The folder of records: what it is called, who may read it, what is removed from it."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from agent.records.entries import Ended
from agent.records.folder import bound, keep, stem_of
from agent.records.record import Header, assemble

DAY = 86_400.0


def header(folder: Path, number: int, *, age_days: float = 0.0, room: str = "room") -> Header:
    started = time.time() - age_days * DAY
    return Header(
        id=f"{number:016x}",
        agent="reception",
        room=room,
        started=started,
        folder=str(folder),
        max_mb=1,
        max_days=10,
    )


def write(call: Header, *, bytes_of_sound: int = 0) -> None:
    sound = None
    if bytes_of_sound:
        sound = Path(call.folder).parent.parent / "sound-in-progress"
        sound.write_bytes(bytes(bytes_of_sound))
    record = assemble(call, [Ended(at=call.started, reason="done").as_json()])
    keep(record, call, sound)


def calls(folder: Path) -> set[int]:
    return {int(path.stem.rpartition("_")[2], 16) for path in folder.iterdir()}


@pytest.mark.parametrize(
    "room",
    ["../../etc/passwd", "a/b", "", ".", "..", "\0\n", "x" * 5000, "Zimmer ä", "-rf", "a_b__c"],
)
def test_no_room_leads_out_of_the_folder_or_hides_a_record(tmp_path: Path, room: str) -> None:
    folder = tmp_path / "kept"
    write(header(folder, 1, room=room))
    names = sorted(path.name for path in folder.iterdir())
    assert [Path(name).suffix for name in names] == [".json", ".txt"]
    assert all(len(name) < 150 and not name.startswith((".", "-")) for name in names)
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    (text, _) = (folder / name for name in names)
    assert json.loads(text.read_text())["room"] == room
    # A name that is not recognised is never removed.
    assert bound(folder, max_mb=1, max_days=1) == 0
    assert bound(folder, max_mb=1, max_days=0) == 1


def test_only_their_owner_may_read_them(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        write(header(tmp_path / "kept", 1), bytes_of_sound=10)
    finally:
        os.umask(before)
    folder = tmp_path / "kept"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert [path.stat().st_mode & 0o777 for path in folder.iterdir()] == [0o600] * 3


def test_the_oldest_go_first_when_the_folder_is_too_large(tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    for number in range(4):
        write(header(folder, number, age_days=4 - number), bytes_of_sound=400_000)
    assert calls(folder) == {2, 3}
    write(header(folder, 9, age_days=0), bytes_of_sound=3_000_000)
    # The newest stays, even if it alone is too large.
    assert calls(folder) == {9}


def test_old_ones_go_whatever_their_files_times_are(tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    write(header(folder, 1, age_days=11))
    write(header(folder, 2, age_days=9))
    assert calls(folder) == {2}
    for path in folder.iterdir():
        os.utime(path, (0, 0))
    assert bound(folder, max_mb=1, max_days=10) == 0
    assert bound(folder, max_mb=1, max_days=8) == 1


def test_other_files_stay_and_count_for_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    folder.mkdir()
    mine = folder / "notes.txt"
    mine.write_bytes(bytes(5_000_000))
    outside = tmp_path / "outside.json"
    outside.write_text("{}")
    link = folder / f"{stem_of(header(folder, 7, age_days=99))}.json"
    link.symlink_to(outside)
    write(header(folder, 1))
    assert mine.exists()
    assert outside.exists()
    assert link.is_symlink()
    assert len(list(folder.iterdir())) == 4


def test_what_a_crash_left_unfinished_is_removed_after_a_day(tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    folder.mkdir()
    stem = stem_of(header(folder, 1))
    for name in (f".{stem}.json.17.new", f".{stem}.ogg.new", ".notes.txt.17.new", "notes.new"):
        (folder / name).touch()
        os.utime(folder / name, (0, 0))
    (folder / f".{stem}.txt.17.new").touch()
    assert bound(folder, max_mb=1, max_days=1) == 0
    left = {path.name for path in folder.iterdir()}
    assert left == {f".{stem}.txt.17.new", ".notes.txt.17.new", "notes.new"}


def test_writing_it_again_replaces_it(tmp_path: Path) -> None:
    call = header(tmp_path / "kept", 1)
    write(call, bytes_of_sound=10)
    write(call)
    assert len(list((tmp_path / "kept").iterdir())) == 3
