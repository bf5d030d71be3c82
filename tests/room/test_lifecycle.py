"""The product starts in any order, says so in one line, survives its server and ends in time."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
import pytest_asyncio
import yaml

from agent.settings import Settings
from services.livekit_server.credentials import LiveKitCredentials
from services.livekit_server.server import LiveKitServer
from tests.room.conftest import serving
from tests.room.processes import (
    ROOT,
    AgentProcess,
    free_port,
    running,
    status,
    token,
)
from tests.room.workers import access_to, account, call, call_the_worker, start
from tests.support.caller import Caller
from tests.support.recordings import recording

if TYPE_CHECKING:
    from services.shared.engines import SharedEngines

LONG_ANSWER = "count to twelve"
LAST_WORD = "twelve"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def dev(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[AgentProcess]:
    """`python -m agent dev`, ready."""
    async with running("dev", tmp_path_factory.mktemp("dev")) as agent:
        await agent.wait_until_ready()
        yield agent


@asynccontextmanager
async def call_from_page(address: str) -> AsyncIterator[Caller]:
    """A caller with a token of the page."""
    issued = await token(address)
    async with call(issued.url, issued.token) as caller:
        yield caller


async def until_ready(address: str, ready: bool) -> None:
    async with asyncio.timeout(30):
        while (await status(address))["ready"] is not ready:
            await asyncio.sleep(0.02)


async def test_one_line_tells_the_address_once_a_caller_would_be_served(dev: AgentProcess) -> None:
    assert len([line for line in dev.output if "://" in line]) == 1
    assert dev.address in dev.output[-1]
    assert (await status(dev.address))["ready"] is True


async def test_a_caller_with_the_pages_token_is_greeted_and_answered(dev: AgentProcess) -> None:
    async with call_from_page(dev.address) as caller:
        assert caller.transcripts(of_agent=True) == ["Hello, how can I help you?"]
        await caller.say_file(recording("pause_01").path)
        assert await caller.wait_for_transcript(1, of_agent=False) == [recording("pause_01").text]
        assert "fifty nine" in (await caller.wait_for_transcript(2, of_agent=True))[1].lower()


async def test_the_log_holds_neither_words_nor_secrets(dev: AgentProcess) -> None:
    issued = await token(dev.address)
    async with call(issued.url, issued.token) as caller:
        await caller.say_file(recording("pause_06").path)
        await caller.wait_for_transcript(1, of_agent=False)
        await caller.wait_for_transcript(2, of_agent=True)
    await dev.wait_for_log("conversation ended")
    server = await dev.wait_for_livekit()
    secret = server.environ()["LIVEKIT_KEYS"].partition(": ")[2]
    log = "\n".join([*dev.log, *dev.output]).lower()
    assert issued.room in log
    for hidden in ("coffee", "how can i help", issued.token.lower(), secret.lower()):
        assert hidden
        assert hidden not in log


async def test_every_port_is_bound_to_loopback(dev: AgentProcess) -> None:
    await until_all_on_loopback(dev)
    async with call_from_page(dev.address):
        during = bound_beyond_loopback(dev)
    await until_all_on_loopback(dev)
    # WebRTC in the worker opens one UDP socket on each address of the machine for each call, and
    # offers no way to leave any out. It takes nothing there but what is encrypted for this call.
    assert {(kind, owner) for kind, owner, _ in during} <= {("udp", dev.process_id)}
    assert len(during) <= addresses_of_this_machine()


async def until_all_on_loopback(agent: AgentProcess) -> None:
    """Until the sockets of earlier calls are closed."""
    async with asyncio.timeout(10):
        while bound_beyond_loopback(agent):
            await asyncio.sleep(0.02)


def bound_beyond_loopback(agent: AgentProcess) -> set[tuple[str, int, tuple[str, int]]]:
    """Kind, process and address of each socket that another machine could reach."""
    found = set()
    for process in agent.all():
        for connection in process.net_connections("inet"):
            kind = "tcp" if connection.type == socket.SOCK_STREAM else "udp"
            host, port = connection.laddr
            if host not in ("127.0.0.1", "::1", "::ffff:127.0.0.1"):
                found.add((kind, process.pid, (host, port)))
    return found


def addresses_of_this_machine() -> int:
    families = (socket.AF_INET, socket.AF_INET6)
    return sum(a.family in families for all_ in psutil.net_if_addrs().values() for a in all_)


async def test_a_killed_livekit_server_comes_back_and_rooms_are_served_again(
    dev: AgentProcess,
) -> None:
    server = await dev.wait_for_livekit()
    server.kill()
    await until_ready(dev.address, False)
    await until_ready(dev.address, True)
    assert (await dev.wait_for_livekit()).pid != server.pid
    async with call_from_page(dev.address) as caller:
        assert caller.transcripts(of_agent=True) == ["Hello, how can I help you?"]


async def test_ctrl_c_ends_everything_in_the_middle_of_a_call(tmp_path: Path) -> None:
    async with running("dev", tmp_path) as agent:
        await agent.wait_until_ready()
        async with call_from_page(agent.address) as caller:
            caller.sound_started.clear()
            await caller.send_text(LONG_ANSWER)
            await asyncio.wait_for(caller.sound_started.wait(), 20)
            assert await agent.end(signal.SIGINT) == 0


async def test_ctrl_c_ends_everything_while_the_models_load(tmp_path: Path) -> None:
    async with running("dev", tmp_path) as agent:
        await agent.wait_for_livekit()
        assert await agent.end(signal.SIGINT) == 0
        assert not agent.output


async def test_the_livekit_server_ends_with_a_killed_product(tmp_path: Path) -> None:
    async with running("dev", tmp_path) as agent:
        await agent.wait_until_ready()
        await agent.wait_for_livekit()
        agent.send(signal.SIGKILL)
        assert await agent.ended() == -signal.SIGKILL
        await agent.nothing_left()


async def test_a_busy_port_is_one_line_and_leaves_nothing_running(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        async with running("dev", tmp_path, {"WEB_PORT": str(port)}) as agent:
            assert await agent.ended() == 1
            await agent.nothing_left()
    (line,) = [line for line in agent.log if str(port) in line]
    assert "WEB_PORT" in line
    assert not agent.output


@pytest.mark.parametrize(
    ("role", "variables", "words", "exit_status"),
    [
        ("dev", {"MAX_ROOMS": "many"}, ("MAX_ROOMS", "many", "whole number"), 2),
        ("dev", {"LIVEKIT_SERVER": "/nowhere"}, ("LIVEKIT_SERVER", "/nowhere"), 1),
        ("start", {}, ("LIVEKIT_URL", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET"), 2),
        ("web", {}, ("LIVEKIT_URL", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET"), 2),
    ],
)
async def test_a_wrong_setting_is_one_line(
    role: str,
    variables: dict[str, str],
    words: tuple[str, ...],
    exit_status: int,
    tmp_path: Path,
) -> None:
    async with running(role, tmp_path, {"LOG_LEVEL": "warning", **variables}) as agent:
        assert await agent.ended() == exit_status
    assert not agent.output
    (line,) = agent.log
    assert all(word in line for word in words)


async def test_the_page_is_served_apart_from_any_worker(
    livekit: LiveKitCredentials, tmp_path: Path
) -> None:
    async with running("web", tmp_path, account(livekit)) as web:
        await web.wait_until_ready()
        assert (await token(web.address)).url == livekit.url
        assert await web.end(signal.SIGTERM) == 0


async def test_a_crash_in_native_code_says_where_it_was(
    livekit: LiveKitCredentials, tmp_path: Path
) -> None:
    async def crash() -> None:
        async with running("web", tmp_path, account(livekit)) as web:
            await web.wait_until_ready()
            web.send(signal.SIGSEGV)
            await web.ended()

    with pytest.raises(AssertionError, match=r"Fatal Python error: Segm(.|\n)*commands/web.py"):
        await crash()


async def test_sigterm_lets_the_call_finish_and_takes_no_new_one(
    livekit: LiveKitCredentials, tmp_path: Path
) -> None:
    async with start(livekit, tmp_path) as agent:
        await agent.wait_for_log("worker ready")
        async with call_the_worker(livekit, "drained") as caller, Caller("late") as late:
            caller.sound_started.clear()
            await caller.send_text(LONG_ANSWER)
            await asyncio.wait_for(caller.sound_started.wait(), 20)
            agent.send(signal.SIGTERM)
            await agent.wait_for_log("draining")
            await late.join(livekit.url, access_to(livekit, "late"))
            assert LAST_WORD in (await caller.wait_for_transcript(2, of_agent=True))[1]
            await caller.wait_for_silence()
            await caller.send_text("what is two plus three")
            assert "five" in (await caller.wait_for_transcript(3, of_agent=True))[2]
            assert not late.room.remote_participants
        assert await agent.ended() == 0


async def test_a_second_sigterm_ends_at_once(livekit: LiveKitCredentials, tmp_path: Path) -> None:
    async with start(livekit, tmp_path) as agent:
        await agent.wait_for_log("worker ready")
        async with call_the_worker(livekit, "ended") as caller:
            await caller.send_text(LONG_ANSWER)
            agent.send(signal.SIGTERM)
            await agent.wait_for_log("draining")
            assert await agent.end(signal.SIGTERM) == 0


async def test_a_drain_ends_at_its_deadline(livekit: LiveKitCredentials, tmp_path: Path) -> None:
    async with start(livekit, tmp_path, {"DRAIN_SECONDS": "0.5"}) as agent:
        await agent.wait_for_log("worker ready")
        async with call_the_worker(livekit, "cut"):
            assert await agent.end(signal.SIGTERM) == 0
    assert [line for line in agent.log if "did not finish in time" in line]


async def test_a_worker_waits_for_its_livekit_server(tmp_path: Path) -> None:
    server, later = await server_to_come(tmp_path)
    async with start(later, tmp_path) as agent:
        await agent.wait_for_log("failed to connect to livekit")
        await server.start()
        try:
            await agent.wait_for_log("worker ready")
            async with call_the_worker(later, "late") as caller:
                assert caller.transcripts(of_agent=True) == ["Hello, how can I help you?"]
            assert await agent.end(signal.SIGTERM) == 0
        finally:
            await server.stop()


async def test_a_worker_never_gives_its_livekit_server_up(
    settings: Settings,
    shared: SharedEngines,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    # The framework ends a worker after 16 attempts, with pauses of up to 10 s between them.
    monkeypatch.setattr("livekit.agents.worker.min", lambda *_: 0.01, raising=False)
    caplog.set_level("WARNING", "livekit.agents")
    server, later = await server_to_come(tmp_path)

    async def come_at_last() -> None:
        while sum("failed to connect" in message for message in caplog.messages) < 40:
            await asyncio.sleep(0.02)
        await server.start()

    coming = asyncio.create_task(come_at_last())
    try:
        async with asyncio.timeout(60), serving(settings, later, shared) as worker:
            assert worker.ready
    finally:
        coming.cancel()
        await asyncio.gather(coming, return_exceptions=True)
        await server.stop()


async def test_a_killed_worker_leaves_nothing_behind_and_starts_again(
    livekit: LiveKitCredentials, tmp_path: Path
) -> None:
    temporary = {"TMPDIR": str(tmp_path)}
    async with start(livekit, tmp_path, temporary) as agent:
        await agent.wait_for_log("worker ready")
        async with call_the_worker(livekit, "killed"):
            agent.send(signal.SIGKILL)
            assert await agent.ended() == -signal.SIGKILL
            await agent.nothing_left()
    async with start(livekit, tmp_path, temporary) as agent:
        await agent.wait_for_log("temporary files of a crashed process removed")
        await agent.wait_for_log("worker ready")


async def test_sigterm_ends_a_worker_that_waits_for_its_livekit_server(tmp_path: Path) -> None:
    _, later = await server_to_come(tmp_path)
    async with start(later, tmp_path) as agent:
        await agent.wait_for_log("failed to connect to livekit")
        assert await agent.end(signal.SIGTERM) == 0


async def server_to_come(folder: Path) -> tuple[LiveKitServer, LiveKitCredentials]:
    """A server that is not started yet, and where it will answer."""
    config = yaml.safe_load((ROOT / "livekit.yaml").read_text())
    config["port"] = port = free_port()
    path = folder / "livekit.yaml"
    path.write_text(yaml.safe_dump(config))
    server = LiveKitServer(path)
    address = server.address
    return server, LiveKitCredentials(f"ws://127.0.0.1:{port}", address.api_key, address.api_secret)
