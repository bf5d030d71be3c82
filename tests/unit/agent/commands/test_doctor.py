"""Each check of `doctor` tells what is wrong and what to do."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from agent.doctor import machine, services
from agent.doctor.findings import Finding, Status
from agent.settings import Settings
from services.host.cgroup import MemoryLimit

Ask = Callable[[Settings], AsyncIterator[Finding]]


async def findings(check: Ask, groups: dict[str, dict[str, Any]]) -> list[Finding]:
    return [finding async for finding in check(Settings.model_validate(groups))]


async def one(check: Ask, groups: dict[str, dict[str, Any]]) -> Finding:
    (finding,) = await findings(check, groups)
    return finding


@contextmanager
def serving(status: int, body: str) -> Iterator[tuple[str, list[str]]]:
    """An HTTP server that answers everything so; its address, and what it was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(f"{self.path} {self.headers.get('Authorization', '')}".strip())
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), name="test-http")
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def llm(address: str, model: str = "llama3.2") -> dict[str, dict[str, Any]]:
    return {"llm": {"base_url": f"http://{address}/v1", "model": model, "api_key": "a-key-1234"}}


def livekit(address: str) -> dict[str, dict[str, Any]]:
    return {"livekit": {"url": f"ws://{address}", "api_key": "key", "api_secret": "s" * 32}}


def closed_address() -> str:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return f"127.0.0.1:{probe.getsockname()[1]}"


async def test_no_llm_is_fine() -> None:
    assert (await one(services.check_llm, {})).status is Status.OK


async def test_llm_that_lists_the_model_is_fine() -> None:
    with serving(200, '{"data": [{"id": "other"}, {"id": "llama3.2:latest"}]}') as (address, asked):
        assert (await one(services.check_llm, llm(address))).status is Status.OK
    assert asked == ["/v1/models Bearer a-key-1234"]


async def test_llm_that_has_other_models_names_them() -> None:
    with serving(200, '{"data": [{"id": "qwen3"}]}') as (address, _):
        finding = await one(services.check_llm, llm(address))
    assert finding.status is Status.WARN
    assert "qwen3" in finding.cure


@pytest.mark.parametrize(
    ("status", "body", "expected", "word"),
    [
        (401, "", Status.FAIL, "LLM_API_KEY"),
        (404, "", Status.WARN, "/v1"),
        (500, "", Status.FAIL, "log"),
        (200, "no json", Status.FAIL, "LLM_BASE_URL"),
        (200, "[1]", Status.WARN, "LLM_MODEL"),
    ],
)
async def test_llm_that_answers_otherwise_has_a_cure(
    status: int, body: str, expected: Status, word: str
) -> None:
    with serving(status, body) as (address, _):
        finding = await one(services.check_llm, llm(address))
    assert finding.status is expected
    assert word in finding.cure


async def test_a_password_in_an_address_is_not_shown() -> None:
    for status, body in ((401, ""), (404, ""), (500, ""), (200, "no json"), (200, "[1]")):
        with serving(status, body) as (address, _):
            secret = address.replace("://", "://me:correct-horse@")
            assert "correct-horse" not in f"{await one(services.check_llm, llm(secret))}"
    gone = closed_address().replace("://", "://me:correct-horse@")
    assert "correct-horse" not in f"{await one(services.check_llm, llm(gone))}"
    assert "correct-horse" not in f"{await one(services.check_livekit, livekit(gone))}"


async def test_llm_that_is_not_there_fails() -> None:
    finding = await one(services.check_llm, llm(closed_address()))
    assert finding.status is Status.FAIL
    assert "refused" in finding.text


async def test_livekit_that_is_not_there_fails() -> None:
    finding = await one(services.check_livekit, livekit(closed_address()))
    assert finding.status is Status.FAIL
    assert "LIVEKIT_URL" in finding.cure


async def test_livekit_that_refuses_the_key_fails_without_showing_the_secret() -> None:
    with serving(401, "{}") as (address, _):
        finding = await one(services.check_livekit, livekit(address))
    assert finding.status is Status.FAIL
    assert "LIVEKIT_API_SECRET" in finding.cure
    assert "s" * 32 not in f"{finding}"


async def test_server_that_is_no_livekit_fails() -> None:
    with serving(404, "") as (address, _):
        finding = await one(services.check_livekit, livekit(address))
    assert finding.status is Status.FAIL
    assert "404" in finding.text


async def test_missing_livekit_program_names_the_ways_to_get_it(tmp_path: Path) -> None:
    finding = await one(services.check_livekit, {"livekit": {"server": str(tmp_path / "none")}})
    assert finding.status is Status.FAIL
    assert "LIVEKIT_SERVER" in finding.text


async def test_program_that_is_something_else_fails(tmp_path: Path) -> None:
    program = tmp_path / "livekit-server"
    program.write_text("#!/bin/sh\nexit 3\n")
    program.chmod(0o755)
    finding = await one(services.check_livekit, {"livekit": {"server": str(program)}})
    assert finding.status is Status.FAIL
    assert "not a livekit-server" in finding.text


async def test_taken_port_and_foreign_address_are_told_apart() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        groups = {"web": {"port": port, "worker_host": "192.0.2.1"}}
        page, worker = await findings(services.check_ports, groups)
    assert (page.status, worker.status) == (Status.WARN, Status.FAIL)
    assert "WEB_PORT" in page.cure
    assert "WORKER_HOST" in worker.cure
    page, _ = await asyncio.wait_for(findings(services.check_ports, {"web": {"port": port}}), 10)
    assert page.status is Status.OK


async def test_a_door_without_a_key_is_told_where_others_reach_it() -> None:
    with socket.create_server(("0.0.0.0", 0)) as taken:
        door = {"port": taken.getsockname()[1], "host": "0.0.0.0"}
        _, _, port, open_ = await findings(services.check_ports, {"wyoming": door})
    assert (port.status, open_.status) == (Status.WARN, Status.WARN)
    assert "WYOMING_PORT" in port.cure
    assert "WYOMING_ALLOWED" in open_.cure
    for closed in ({"allowed": "192.168.1.20"}, {"host": "127.0.0.1"}):
        found = await findings(services.check_ports, {"wyoming": door | closed})
        assert len(found) == 3


def test_packages_of_this_environment_fit() -> None:
    (finding,) = machine.check_packages(Settings())
    assert finding.status is Status.OK, finding.text


def test_packages_that_are_missing_or_old_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = ["no-such-package>=1", "numpy>=99", 'absent; python_version < "3"']
    monkeypatch.setattr(machine, "_requirements", lambda: wanted)
    (finding,) = machine.check_packages(Settings())
    assert finding.status is Status.FAIL
    assert "no-such-package is not installed" in finding.text
    assert "does not fit >=99" in finding.text
    assert "absent" not in finding.text


def test_settings_that_are_made_are_named_but_not_shown(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LLM_API_KEY", "secret-of-mine")
    (finding,) = machine.check_settings(Settings())
    assert "LLM_API_KEY" in finding.text
    assert "secret-of-mine" not in finding.text


def test_a_container_with_too_little_memory_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    limit = MemoryLimit(100 * 2**20, "cgroup v2", used_bytes=0)
    monkeypatch.setattr("services.host.cgroup.memory_limit", lambda: limit)
    memory = [f for f in machine.check_machine(Settings()) if f.subject == "memory"]
    assert [finding.status for finding in memory] == [Status.FAIL]
    assert "of 100 MB (limit of the container or service)" in memory[0].text


def test_wanted_gpu_that_is_missing_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctranslate2.get_cuda_device_count", lambda: 0)
    (finding,) = machine.check_gpu(Settings.model_validate({"asr": {"device": "cuda"}}))
    assert finding.status is Status.FAIL
    assert "ASR_DEVICE" in finding.cure
