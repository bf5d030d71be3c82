"""A client's link to a speech process that is not there."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from services.inference import EngineLost
from services.speech_process.link import SpeechLink

pytestmark = pytest.mark.unit


async def test_everything_in_flight_fails_when_the_link_is_closed(
    tmp_path: Path, no_leaks: None
) -> None:
    link = SpeechLink(tmp_path / "nobody.sock")
    failures: list[str] = []
    asked = threading.Semaphore(0)

    def ask() -> None:
        asked.release()
        try:
            link.request_blocking({"type": "ping"}, wait_seconds=600.0)
        except EngineLost as error:
            failures.append(str(error))

    asking = [threading.Thread(target=ask) for _ in range(8)]
    for thread in asking:
        thread.start()
    for _ in asking:
        asked.acquire()
    link.close()
    for thread in asking:
        thread.join()
    assert len(failures) == len(asking)
    assert all("has been closed" in failure for failure in failures)
    with pytest.raises(EngineLost, match="has been closed"):
        link.start()


async def test_a_link_that_nobody_used_has_nothing_to_close(tmp_path: Path) -> None:
    link = SpeechLink(tmp_path / "nobody.sock")
    link.close()
    assert not link.started
    with pytest.raises(EngineLost, match="has been closed"):
        await link.request({"type": "ping"})
