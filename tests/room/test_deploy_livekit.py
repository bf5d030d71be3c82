"""The LiveKit configuration of a deployment, judged by the real server."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from livekit import api
from livekit.protocol import rtc as signalling

from services.livekit_server.program import LiveKitServerError, find_program
from tests.room.processes import free_port

CONFIG = Path(__file__).parents[2] / "deploy" / "livekit.yaml"
KEY, SECRET = "key-of-this-test", "s" * 40
"""As LIVEKIT_KEYS hands them over."""
STUN_REQUEST = bytes.fromhex("0001 0000 2112a442") + bytes(range(12))
STUN_SUCCESS = bytes.fromhex("0101")


@pytest.fixture(scope="module")
def program() -> Path:
    try:
        return Path(find_program())
    except LiveKitServerError as error:
        pytest.fail(f"these tests need the real server: {error}")


def for_this_machine(config: dict[str, Any]) -> dict[str, Any]:
    """The configuration on free ports and on loopback, else as it is."""
    config["port"] = free_port()
    config["bind_addresses"] = ["127.0.0.1"]
    config["rtc"] |= {"udp_port": free_port(), "tcp_port": 0, "enable_loopback_candidate": True}
    config["rtc"]["ips"] = {"includes": ["127.0.0.1/32"]}
    config["turn"] |= {"udp_port": free_port(), "bind_addresses": ["127.0.0.1"]}
    config["prometheus"]["port"] = free_port()
    return config


@asynccontextmanager
async def running(program: Path) -> AsyncIterator[dict[str, Any]]:
    """The server as a container would start it; gives the configuration that it has."""
    config = for_this_machine(yaml.safe_load(CONFIG.read_text()))
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        yaml.safe_dump(config, file)
        file.flush()
        process = await asyncio.create_subprocess_exec(
            program,
            "--config",
            file.name,
            env={**os.environ, "LIVEKIT_KEYS": f"{KEY}: {SECRET}", "NODE_IP": "127.0.0.1"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            await until_it_answers(config["port"], process)
            yield config
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


async def until_it_answers(port: int, process: asyncio.subprocess.Process) -> None:
    async with aiohttp.ClientSession() as session, asyncio.timeout(30):
        while True:
            assert process.returncode is None, "livekit-server refused its configuration"
            try:
                async with session.get(f"http://127.0.0.1:{port}/") as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(0.05)


async def test_the_server_takes_it_and_sends_callers_to_nobody_else(program: Path) -> None:
    grants = api.VideoGrants(room_join=True, room="room")
    access = api.AccessToken(KEY, SECRET).with_identity("caller").with_grants(grants).to_jwt()
    async with running(program) as config, aiohttp.ClientSession() as session:
        url = f"ws://127.0.0.1:{config['port']}/rtc?access_token={access}&protocol=16"
        async with session.ws_connect(url) as signal, asyncio.timeout(10):
            response = signalling.SignalResponse.FromString(await signal.receive_bytes())
        urls = [url for server in response.join.ice_servers for url in server.urls]
        assert urls == [f"turn:127.0.0.1:{config['turn']['udp_port']}?transport=udp"]


async def test_its_metrics_are_on_the_port_that_prometheus_asks(program: Path) -> None:
    async with running(program) as config, aiohttp.ClientSession() as session:
        address = f"http://127.0.0.1:{config['prometheus']['port']}/metrics"
        async with session.get(address) as answer:
            assert "\nlivekit_" in await answer.text()


async def test_its_relay_tells_callers_their_own_address(program: Path) -> None:
    async with running(program) as config:
        answer = await asyncio.to_thread(ask_for_own_address, config["turn"]["udp_port"])
    assert answer[:2] == STUN_SUCCESS


def ask_for_own_address(port: int) -> bytes:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as caller:
        caller.settimeout(10)
        caller.sendto(STUN_REQUEST, ("127.0.0.1", port))
        return caller.recv(1024)
