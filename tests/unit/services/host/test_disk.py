import os
from pathlib import Path

import pytest

from services.host.disk import DiskWatch, disk_use


def test_use_is_that_of_the_nearest_existing_folder(tmp_path: Path) -> None:
    use = disk_use(tmp_path / "not" / "there" / "yet")
    free = os.statvfs(tmp_path).f_bavail * os.statvfs(tmp_path).f_frsize
    assert 0.0 <= use.used_percent <= 100.0
    assert use.free_bytes == pytest.approx(free, rel=0.05)


def test_one_line_when_it_fills_and_one_when_it_empties(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "services.host.disk")
    used = disk_use(tmp_path).used_percent
    watch = DiskWatch(tmp_path, warning_percent=used / 2)
    for _ in range(3):
        watch.check()
    watch = DiskWatch(tmp_path, warning_percent=100.1)
    watch.check()
    assert [r.getMessage() for r in caplog.records] == ["disk nearly full"]
