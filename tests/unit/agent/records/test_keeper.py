"""Records are kept whatever the disk does, and whatever a crash has left."""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from agent.records.entries import Ended, Said
from agent.records.journal import Journal
from agent.records.keeper import Bounds, OpenRecord, RecordKeeper
from agent.records.record import Header
from agent.settings.records import RecordSettings

WORDS = "words that only the two of them know"


def settings(place: Path) -> RecordSettings:
    return RecordSettings(folder=str(place / "kept"), spool=str(place / "spool"))


def begin(keeper: RecordKeeper, place: Path) -> OpenRecord:
    record = keeper.begin(settings(place), agent="reception", room="room", job="job")
    record.add(Said(at=time.time(), by="caller", text=WORDS))
    return record


def finish(record: OpenRecord) -> None:
    record.add(Ended(at=time.time(), reason="done"))
    record.finish()


def records(place: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in sorted((place / "kept").glob("*.json"))]


def assert_said_once(caplog: pytest.LogCaptureFixture, event: str) -> None:
    (line,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert line.message == event
    assert WORDS not in str(vars(line))


def test_a_call_is_kept_and_its_journal_removed(tmp_path: Path) -> None:
    keeper = RecordKeeper(settings(tmp_path))
    finish(begin(keeper, tmp_path))
    keeper.close()
    (record,) = records(tmp_path)
    assert [entry["text"] for entry in record["entries"]] == [WORDS]
    assert record["complete"]
    assert list((tmp_path / "spool").iterdir()) == []


def test_nothing_is_started_or_made_where_nothing_is_kept(tmp_path: Path) -> None:
    keeper = RecordKeeper(RecordSettings(spool=str(tmp_path / "spool")))
    keeper.start()
    keeper.close()
    assert list(tmp_path.iterdir()) == []
    assert "records" not in {thread.name for thread in threading.enumerate()}


def test_what_a_lost_process_has_left_is_kept_at_the_next_start(tmp_path: Path) -> None:
    lost = RecordKeeper(settings(tmp_path))
    begin(lost, tmp_path)
    lost.close()
    # The crash came amid a line.
    (journal,) = (tmp_path / "spool").iterdir()
    with journal.open("ab") as file:
        file.write(b'{"kind": "said", "at": 17')
    assert records(tmp_path) == []
    keeper = RecordKeeper(settings(tmp_path))
    keeper.start()
    keeper.close()
    (record,) = records(tmp_path)
    assert [entry["text"] for entry in record["entries"]] == [WORDS]
    assert not record["complete"]


def test_a_call_in_progress_is_left_to_its_own_worker(tmp_path: Path) -> None:
    first, second = RecordKeeper(settings(tmp_path)), RecordKeeper(settings(tmp_path))
    record = begin(first, tmp_path)
    while not list((tmp_path / "spool").glob("*.call")):
        time.sleep(0.001)
    second.start()
    second.close()
    assert records(tmp_path) == []
    finish(record)
    first.close()
    assert len(records(tmp_path)) == 1


def test_a_file_that_is_no_journal_costs_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lost = RecordKeeper(settings(tmp_path))
    begin(lost, tmp_path)
    lost.close()
    (tmp_path / "spool" / "0.call").write_bytes(b"\xff\n")
    keeper = RecordKeeper(settings(tmp_path))
    keeper.start()
    keeper.close()
    assert len(records(tmp_path)) == 1
    assert_said_once(caplog, "record cannot be read")


def test_a_journal_that_makes_no_record_costs_nothing_else_and_is_left_to_others(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lost = RecordKeeper(settings(tmp_path))
    begin(lost, tmp_path)
    lost.close()
    spool = tmp_path / "spool"
    strange = Journal.create(spool, Header(id="0", agent="a", room="r", started=0.0))
    strange.append([{"kind": "said", "at": "of another version"}])
    strange.close()
    keeper = RecordKeeper(settings(tmp_path))
    keeper.start()
    keeper.close()
    assert len(records(tmp_path)) == 1
    assert_said_once(caplog, "record cannot be read")
    left = Journal.take_over(spool / "0.call")
    assert left is not None
    left.close()


def test_a_slow_disk_costs_entries_and_no_record(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.records.keeper.MOST_WAITING", 3)
    (tmp_path / "spool").mkdir()
    goes_on = threading.Event()

    def folders() -> list[Bounds]:
        goes_on.wait()
        return []

    keeper = RecordKeeper(settings(tmp_path), folders=folders)
    keeper.start()
    calls = [begin(keeper, tmp_path) for _ in range(5)]
    for call in calls:
        finish(call)
    goes_on.set()
    keeper.close()
    found = records(tmp_path)
    assert [record["complete"] for record in found] == [True] * 5
    assert sum(len(record["entries"]) for record in found) < 5
    assert_said_once(caplog, "entries of records left out")
    assert list((tmp_path / "spool").iterdir()) == []


def test_what_a_crash_left_unfinished_is_removed_after_a_day(tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    spool.mkdir()
    (spool / f"{1:016x}.new").touch()
    (spool / f".{1:016x}.000000000000.out.17.new").touch()
    for path in spool.iterdir():
        os.utime(path, (0, 0))
    (spool / f"{2:016x}.new").touch()
    keeper = RecordKeeper(settings(tmp_path))
    keeper.start()
    keeper.close()
    assert [path.name for path in spool.iterdir()] == [f"{2:016x}.new"]


def test_without_a_place_for_journals_the_record_is_kept_at_the_end(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "spool").write_text("no folder")
    keeper = RecordKeeper(settings(tmp_path))
    for _ in range(3):
        finish(begin(keeper, tmp_path))
    keeper.close()
    assert [record["entries"][0]["text"] for record in records(tmp_path)] == [WORDS] * 3
    assert_said_once(caplog, "record cannot be written down")


def test_a_folder_that_cannot_be_written_to_delays_records_and_is_logged_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "kept").write_text("no folder")
    keeper = RecordKeeper(settings(tmp_path))
    for _ in range(3):
        finish(begin(keeper, tmp_path))
    keeper.close()
    assert_said_once(caplog, "record not kept yet")
    (tmp_path / "kept").unlink()
    keeper = RecordKeeper(settings(tmp_path))
    keeper.start()
    keeper.close()
    assert len(records(tmp_path)) == 3
    assert all(record["complete"] for record in records(tmp_path))


def test_a_journal_on_a_full_disk_goes_on_with_whole_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal.create(tmp_path, Header(id="0", agent="a", room="r", started=0.0))
    entries = [{"kind": "said", "at": float(number)} for number in range(3)]
    journal.append(entries[:1])
    write = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda file, data, at: write(file, data[:5], at))
    with pytest.raises(OSError, match="No space left"):
        journal.append(entries[1:2])
    monkeypatch.undo()
    journal.append(entries[2:])
    assert list(journal.entries()) == entries
    journal.close()
    again = Journal.take_over(journal.path)
    assert again is not None
    assert list(again.entries()) == entries
    again.remove()
    assert list(tmp_path.iterdir()) == []
