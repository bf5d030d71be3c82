import io
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from rich.console import Console

from agent.commands.memory_view import (
    MemoryViewError,
    Series,
    fetch_memory,
    show_memory,
    sparkline,
)
from services.host.temp_files import TempFiles
from services.memory.cleaning import CleaningStep
from services.memory.config import MemoryConfig
from services.memory.monitor import MemoryMonitor
from services.memory.reading import MemoryMeter
from services.memory.reload import ModelReload
from services.memory.view import MemoryView
from services.web.http.guard import Guard
from services.web.http.server import WebServer
from services.web.routes.admin import CLEANINGS_BURST, REQUESTS_BURST, AdminAccess, MemoryRoutes

TOKEN = "correct horse battery staple"
MB = 2**20


@pytest.fixture
def view(tmp_path: Path) -> Iterator[MemoryView]:
    files = TempFiles(tmp_path)
    reload = ModelReload(
        lambda both_fit: None,
        model_bytes=lambda: 0,
        fragmentation_bytes=0,
        headroom_bytes=lambda: 1,
        ready_bytes=lambda: 0,
    )
    monitor = MemoryMonitor(
        MemoryConfig(),
        MemoryMeter(rooms=lambda: 2),
        steps=[CleaningStep("phrases", lambda: None), CleaningStep("reload", reload)],
    )
    monitor.components.add("phrase cache", lambda: 3 * MB)
    monitor.components.add("rooms", lambda: MB, member="kitchen")
    (files.folder / "some.wav").write_bytes(b"x" * MB)
    yield MemoryView(monitor, temp_files=files, reload=reload)
    files.close()


@pytest.fixture
def server(view: MemoryView) -> Iterator[str]:
    yield from serving(MemoryRoutes(AdminAccess(TOKEN, Guard()), view.look, view.clean))


def serving(routes: MemoryRoutes) -> Iterator[str]:
    server = WebServer("127.0.0.1", 0, [routes])
    server.start()
    yield f"http://127.0.0.1:{server.port}"
    server.stop()


async def ask(
    address: str, *, token: str | None = TOKEN, method: str = "GET"
) -> tuple[int, Mapping[str, Any]]:
    headers = {"X-Admin-Token": token} if token is not None else {}
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, address, headers=headers) as response,
    ):
        assert response.headers["Cache-Control"] == "no-store"
        return response.status, await response.json()


async def test_memory_is_told(server: str) -> None:
    status, told = await ask(f"{server}/admin/memory")
    assert status == 200
    assert told["memory"].keys() >= {"process_mb", "system_percent", "gpu_mb", "gpu_percent"}
    assert told["memory"]["rooms"] == 2
    assert told["temp_files"] == {"count": 1, "size_mb": 1.0}
    assert told["model"] == {"reload_count": 0, "last_reload": None}
    assert told["breakdown_mb"]["phrase cache"] == 3.0
    assert told["members_mb"] == {"kitchen": 1.0}
    assert told["history"] == []


async def test_a_cleanup_tells_what_each_step_did(server: str) -> None:
    status, told = await ask(f"{server}/admin/memory/cleanup", method="POST")
    assert status == 200
    assert told["cleanup"]["reason"] == "requested"
    steps = told["cleanup"]["steps"]
    assert [step["step"] for step in steps] == ["phrases", "reload"]
    assert steps[0].keys() == {"step", "freed_mb", "seconds"}
    _, after = await ask(f"{server}/admin/memory")
    assert after["last_cleaning"] == told["cleanup"]
    assert after["model"]["reload_count"] == 1
    assert after["model"]["last_reload"] > 1_700_000_000


@pytest.mark.parametrize("token", [None, "", "wrong", TOKEN + "x", TOKEN[:-1], "\udcff\u00e9"])
@pytest.mark.parametrize(("path", "method"), [("", "GET"), ("/cleanup", "POST")])
async def test_without_the_token_nothing_is_told_or_done(
    server: str, token: str | None, path: str, method: str
) -> None:
    status, told = await ask(f"{server}/admin/memory{path}", token=token, method=method)
    assert status == 401
    assert told.keys() == {"error"}
    assert TOKEN not in str(told)
    _, memory = await ask(f"{server}/admin/memory")
    assert memory["last_cleaning"] is None


async def test_guessing_is_slowed_down(server: str) -> None:
    statuses = []
    async with aiohttp.ClientSession() as session:
        for i in range(200):
            headers = {"X-Admin-Token": f"guess {i}"}
            async with session.get(f"{server}/admin/memory", headers=headers) as response:
                statuses.append(response.status)
    assert statuses[:REQUESTS_BURST] == [401] * REQUESTS_BURST
    assert set(statuses) == {401, 429}


async def test_cleaning_is_not_a_way_to_keep_the_worker_busy(server: str) -> None:
    answers = [
        await ask(f"{server}/admin/memory/cleanup", method="POST")
        for _ in range(CLEANINGS_BURST + 1)
    ]
    assert [status for status, _ in answers] == [200] * CLEANINGS_BURST + [429]
    assert answers[-1][1]["error"]["retry_after_seconds"] > 0


@pytest.mark.parametrize("token", [None, ""])
async def test_without_a_token_set_the_routes_are_off(view: MemoryView, token: str | None) -> None:
    for address in serving(MemoryRoutes(AdminAccess(token, Guard()), view.look, view.clean)):
        status, told = await ask(f"{address}/admin/memory", token="")
        assert status == 404
        assert "ADMIN_TOKEN" in told["error"]["message"]


def test_a_token_that_is_no_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="16 characters"):
        AdminAccess("short", Guard())


@pytest.mark.parametrize(
    "history", ["-1", "x", "99999999999999999999", "", "000000001999", "0" * 9 + "1" * 5000]
)
async def test_a_wrong_history_is_refused(server: str, history: str) -> None:
    status, told = await ask(f"{server}/admin/memory?history={history}")
    assert (status, told["error"]["code"]) == (400, "history")


async def test_a_history_may_be_written_with_zeros_before_it(server: str) -> None:
    status, _ = await ask(f"{server}/admin/memory?history=0000000000010")
    assert status == 200


async def test_a_failure_is_told_without_its_details(caplog: pytest.LogCaptureFixture) -> None:
    async def fail(_: int) -> Mapping[str, Any]:
        raise RuntimeError("the secret is 1234")

    async def clean() -> Mapping[str, Any]:
        return {}

    caplog.set_level(logging.CRITICAL, "services.web")
    for address in serving(MemoryRoutes(AdminAccess(TOKEN, Guard()), fail, clean)):
        status, told = await ask(f"{address}/admin/memory")
        assert status == 500
        assert "1234" not in str(told)


def test_the_terminal_view_shows_every_part(server: str) -> None:
    output = io.StringIO()
    show_memory(server, TOKEN, console=Console(file=output, width=120))
    shown = output.getvalue()
    for part in ("process", "libraries", "phrase cache", "kitchen", "unaccounted", "rooms 2"):
        assert part in shown
    assert "temp files 1 (1.0 MB)" in shown


def test_the_terminal_view_says_why_there_is_nothing_to_see(server: str) -> None:
    with pytest.raises(MemoryViewError, match=r"refuses \(401\).*ADMIN_TOKEN"):
        fetch_memory(server, "wrong", moments=0)
    with pytest.raises(MemoryViewError, match="ADMIN_TOKEN is not set"):
        fetch_memory(server, "", moments=0)
    with pytest.raises(MemoryViewError, match="is it running"):
        fetch_memory("http://127.0.0.1:1", TOKEN, moments=0)
    with pytest.raises(MemoryViewError, match="no worker answers at nonsense"):
        fetch_memory("nonsense", TOKEN, moments=0)


def test_a_series_begins_with_the_history_and_stays_bounded() -> None:
    def answer(size: float, history: list[float]) -> dict[str, Any]:
        return {
            "memory": {"process_mb": size},
            "breakdown_mb": {"rooms": size / 2},
            "history": [{"process_mb": s, "breakdown_mb": {"rooms": s / 2}} for s in history],
        }

    series = Series(answer(3.0, [1.0, 2.0]))
    assert series.of("process") == [1.0, 2.0, 3.0]
    assert series.of("rooms") == [0.5, 1.0, 1.5]
    assert series.of("new part") == [0.0, 0.0, 0.0]
    for _ in range(100):
        series.add(answer(4.0, []))
    assert len(series.of("process")) == 40


def test_a_sparkline_has_a_bar_for_each_value() -> None:
    assert sparkline([]) == ""
    assert sparkline([100.0, 100.1]) == "▁▂"
    assert sparkline([0.0, 50.0, 100.0]) == "▁▅█"
