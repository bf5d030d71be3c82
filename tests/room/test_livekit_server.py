import asyncio
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import psutil
import pytest
import yaml
from livekit import api, rtc
from livekit.protocol import rtc as signalling

from services.livekit_server import server as livekit_server
from services.livekit_server.credentials import LiveKitCredentials
from services.livekit_server.ports import choose_ports
from services.livekit_server.program import LiveKitServerError, find_program
from services.livekit_server.server import LiveKitServer

CONFIG = Path(__file__).parents[2] / "livekit.yaml"


@pytest.fixture(scope="module", autouse=True)
def _program() -> None:
    try:
        find_program()
    except LiveKitServerError as error:
        pytest.fail(f"these tests need the real server: {error}")


@asynccontextmanager
async def running(config: Path = CONFIG) -> AsyncIterator[tuple[LiveKitServer, LiveKitCredentials]]:
    server = LiveKitServer(config)
    try:
        yield server, await server.start()
    finally:
        await server.stop()


def token(address: LiveKitCredentials, identity: str) -> str:
    grants = api.VideoGrants(room_join=True, room="room")
    access = api.AccessToken(address.api_key, address.api_secret)
    return access.with_identity(identity).with_grants(grants).to_jwt()


async def rooms_of(address: LiveKitCredentials, secret: str = "") -> int:
    async with api.LiveKitAPI(
        address.url.replace("ws", "http", 1), address.api_key, secret or address.api_secret
    ) as livekit:
        return len((await livekit.room.list_rooms(api.ListRoomsRequest())).rooms)


async def until_gone(process_id: int) -> None:
    async with asyncio.timeout(10):
        while (
            psutil.pid_exists(process_id)
            and psutil.Process(process_id).status() != psutil.STATUS_ZOMBIE
        ):
            await asyncio.sleep(0.02)


async def test_it_answers_to_its_own_key_only() -> None:
    async with running() as (_, address):
        assert len(address.api_secret) >= 32
        assert await rooms_of(address) == 0
        with pytest.raises(api.TwirpError) as raised:
            await rooms_of(address, secret="x" * 40)
        assert raised.value.status == 401


async def test_every_socket_is_on_loopback() -> None:
    async with running() as (server, _):
        assert server.process_id is not None
        bound = {
            connection.laddr.ip
            for connection in psutil.Process(server.process_id).net_connections("inet")
        }
        assert bound == {"127.0.0.1"}


async def test_the_secret_is_on_no_command_line() -> None:
    async with running() as (_, address):
        lines = [" ".join(process.info["cmdline"] or []) for process in processes()]
        assert any("--config" in line and "livekit" in line for line in lines)
        assert not any(address.api_secret in line for line in lines)
        assert address.api_secret not in repr(address)


def processes() -> list[psutil.Process]:
    return list(psutil.process_iter(["cmdline"]))


async def test_two_callers_reach_each_other() -> None:
    async with running() as (_, address):
        first, second = rtc.Room(), rtc.Room()
        heard: asyncio.Queue[bytes] = asyncio.Queue()
        second.on("data_received", lambda packet: heard.put_nowait(packet.data))
        try:
            await first.connect(address.url, token(address, "first"))
            await second.connect(address.url, token(address, "second"))
            async with asyncio.timeout(20):
                await first.local_participant.publish_data(b"hello")
                assert await heard.get() == b"hello"
        finally:
            await first.disconnect()
            await second.disconnect()


async def test_no_public_address_is_handed_to_callers() -> None:
    async with running() as (_, address), aiohttp.ClientSession() as session:
        url = f"{address.url}/rtc?access_token={token(address, 'caller')}&protocol=16"
        async with session.ws_connect(url) as socket_, asyncio.timeout(10):
            response = signalling.SignalResponse.FromString(await socket_.receive_bytes())
    urls = [url for server in response.join.ice_servers for url in server.urls]
    assert urls == ["stun:127.0.0.1:3478"]


async def test_busy_ports_are_avoided() -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_STREAM) as signal_port,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as media_port,
    ):
        signal_port.bind(("127.0.0.1", 0))
        signal_port.listen()
        media_port.bind(("127.0.0.1", 0))
        taken = {signal_port.getsockname()[1], media_port.getsockname()[1]}
        config = yaml.safe_load(CONFIG.read_text())
        config["port"] = signal_port.getsockname()[1]
        config["rtc"]["udp_port"] = media_port.getsockname()[1]
        ports = choose_ports(config, "127.0.0.1")
        assert not taken & {ports.signal, ports.media}


async def test_a_port_that_another_server_took_is_never_taken_for_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with running() as (server, _):
        monkeypatch.setattr(livekit_server, "choose_ports", lambda *_: server.ports)
        second = LiveKitServer(CONFIG)
        with pytest.raises(LiveKitServerError):
            await second.start()
        assert second.process_id is None


async def test_a_second_server_finds_ports_of_its_own() -> None:
    async with running() as (_, first), running() as (_, second):
        assert first.url != second.url
        assert await rooms_of(first) == await rooms_of(second) == 0


async def test_a_killed_server_comes_back_where_it_was(caplog: pytest.LogCaptureFixture) -> None:
    server = LiveKitServer(CONFIG)
    address = await server.start()
    try:
        killed = server.process_id
        assert killed is not None
        os.kill(killed, signal.SIGKILL)
        async with asyncio.timeout(20):
            while server.restarts == 0:
                await asyncio.sleep(0.02)
        died = [vars(r) for r in caplog.records if r.getMessage() == "livekit-server died"]
        assert [line["exit_code"] for line in died] == [128 + signal.SIGKILL]
        assert server.address == address
        assert server.process_id != killed
        assert await rooms_of(address) == 0
    finally:
        await server.stop()


async def test_stopping_ends_the_server_with_a_caller_in_the_room() -> None:
    before = asyncio.all_tasks()
    server = LiveKitServer(CONFIG)
    address = await server.start()
    process_id = server.process_id
    assert process_id is not None
    guard = psutil.Process(process_id).ppid()
    room = rtc.Room()
    await room.connect(address.url, token(address, "caller"))
    await server.stop()
    assert not psutil.pid_exists(process_id)
    assert not psutil.pid_exists(guard)
    left = asyncio.all_tasks() - before
    assert not [task for task in left if task.get_name().startswith("livekit-server")]
    await room.disconnect()
    await server.stop()


PARENT = """
import asyncio, sys
from pathlib import Path
from services.livekit_server.server import LiveKitServer
async def main():
    server = LiveKitServer(Path(sys.argv[1]))
    await server.start()
    print(server.process_id, flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


async def test_the_server_ends_when_we_are_killed() -> None:
    parent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PARENT, str(CONFIG)),
        stdout=asyncio.subprocess.PIPE,
        cwd=CONFIG.parent,
    )
    assert parent.stdout is not None
    process_id = int(await parent.stdout.readline())
    assert psutil.pid_exists(process_id)
    parent.kill()
    await parent.wait()
    await until_gone(process_id)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a process with its parent")
async def test_the_server_ends_when_its_guard_is_killed() -> None:
    async with running() as (server, address):
        process_id = server.process_id
        assert process_id is not None
        os.kill(psutil.Process(process_id).ppid(), signal.SIGKILL)
        await until_gone(process_id)
        async with asyncio.timeout(20):
            while server.restarts == 0:
                await asyncio.sleep(0.02)
        assert await rooms_of(address) == 0


def test_what_the_file_suggests_for_a_server_is_accepted(tmp_path: Path) -> None:
    suggested = re.sub(r"^#(?=\w|  )", "", CONFIG.read_text(), flags=re.MULTILINE)
    assert {"turn", "redis", "key_file", "prometheus"} <= yaml.safe_load(suggested).keys()
    (tmp_path / "livekit.yaml").write_text(suggested)
    ports = subprocess.run(
        [find_program(), "--config", str(tmp_path / "livekit.yaml"), "ports"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "7880" in ports
    assert "5349" in ports


async def test_a_server_that_refuses_its_file_says_why(tmp_path: Path) -> None:
    config = tmp_path / "livekit.yaml"
    config.write_text("port: 7880\nunknown_thing: 1\n")
    with pytest.raises(LiveKitServerError, match="unknown_thing"):
        await LiveKitServer(config).start()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("port: [", "cannot be read"),
        ("just words", "has no settings"),
        ("port: seventy", "port: seventy is not allowed"),
    ],
)
async def test_a_wrong_file_is_one_line(tmp_path: Path, text: str, message: str) -> None:
    config = tmp_path / "livekit.yaml"
    config.write_text(text)
    with pytest.raises(LiveKitServerError, match=message) as raised:
        await LiveKitServer(config).start()
    assert "\n" not in str(raised.value)


async def test_a_missing_file_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(LiveKitServerError, match="LIVEKIT_SERVER_CONFIG"):
        await LiveKitServer(tmp_path / "missing.yaml").start()


def test_a_missing_program_names_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_args, **_kwargs: None)
    with pytest.raises(LiveKitServerError, match=r"brew install livekit.*make setup"):
        find_program()
    with pytest.raises(LiveKitServerError, match="LIVEKIT_SERVER=/nowhere is no program"):
        find_program("/nowhere")
