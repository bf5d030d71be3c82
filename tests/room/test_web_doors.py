"""Whoever reaches the port of the page, keys or not: a call in the same process notices nothing."""

from __future__ import annotations

import asyncio
import contextlib
import io
import socket
import struct
import wave
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import psutil
import pytest
import pytest_asyncio

from tests.room.processes import AgentProcess, running, token
from tests.room.workers import call
from tests.support.audio_api import BOUNDARY, FORM_TYPE, form, write_key
from tests.support.recordings import SAMPLE_RATE, recording

API_KEY = "the key of this test"
OPEN_FILES = 256
"""Of the process; a quarter of it may be connections of the page."""
CONNECTIONS = 400
REQUESTS = 60
MOST_LOG_BYTES = 100_000
HEALTH_SECONDS = 5.0
"""Kubernetes waits so long before it ends a pod."""

Attack = Callable[[str], Coroutine[Any, Any, None]]
"""Does its worst to the page at an address."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def product(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[AgentProcess]:
    """Page, worker and LiveKit server as `make run` starts them, in a shell with few files."""
    folder: Path = tmp_path_factory.mktemp("web-attacked")
    write_key(folder / "api-keys.json", API_KEY)
    variables = {"LOOP_LAG_LIMIT_SECONDS": "60"}
    through = ("sh", "-c", f'ulimit -n {OPEN_FILES}; exec "$@"', "sh")
    async with running("dev", folder, variables, through=through) as agent:
        await agent.wait_until_ready()
        yield agent


async def many(count: int, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    await asyncio.gather(*(work() for _ in range(count)))


async def punycode(address: str) -> None:
    headers = {"Content-Type": "application/json; charset=punycode"}
    async with aiohttp.ClientSession() as session:

        async def post() -> None:
            body = b"-" + b"a" * 65_000
            async with session.post(
                f"{address}/api/dispatch", data=body, headers=headers
            ) as answer:
                assert answer.status in (415, 429)

        await many(REQUESTS, post)


async def malformed(address: str) -> None:
    host, port = place(address)
    for text in (b"GET / HTTP/1.1\r\nHost: [\r\n\r\n", b"\x16\x03\x01\r\n\r\n", b"GET /\r\n\r\n"):
        for _ in range(REQUESTS):
            with socket.create_connection((host, port)) as peer:
                peer.sendall(text)
        await asyncio.sleep(0)


async def silent(address: str) -> None:
    host, port = place(address)
    with contextlib.ExitStack() as stack:
        for number in range(CONNECTIONS):
            with contextlib.suppress(OSError):
                peer = stack.enter_context(socket.create_connection((host, port), 2))
                if number % 2:
                    peer.sendall(b"GET /healthz HTTP/1.1\r\nX: ")
            await asyncio.sleep(0)
        await healthy(address)
        await asyncio.sleep(1)
        await healthy(address)


async def stalled_uploads(address: str) -> None:
    host, port = place(address)
    with contextlib.ExitStack() as stack:
        for _ in range(10):
            peer = stack.enter_context(socket.create_connection((host, port), 2))
            peer.sendall(
                f"POST /v1/audio/transcriptions HTTP/1.1\r\nHost: localhost\r\n"
                f"Content-Length: 1000000\r\nContent-Type: {FORM_TYPE}\r\n"
                f"Authorization: Bearer {API_KEY}\r\n\r\n--{BOUNDARY}\r\n".encode()
            )
        await asyncio.sleep(1)
        await healthy(address)


async def false_rates(address: str) -> None:
    for rate, seconds in ((1, 1_000_000), (1000, 10_000)):
        size = 2 * rate * min(seconds, 2_000_000)
        head = b"RIFF" + struct.pack("<I", 36 + size) + b"WAVEfmt "
        head += struct.pack("<IHHIIHH", 16, 1, 1, rate, 2 * rate, 2, 16)
        sound = head + b"data" + struct.pack("<I", size) + bytes(size)
        body = form(sound, {"model": "whisper-1"})
        headers = {"Authorization": f"Bearer {API_KEY}", "Content-Type": FORM_TYPE}
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.post(f"{address}/v1/audio/transcriptions", data=body) as answer,
        ):
            assert answer.status == 413


async def much_speech(address: str) -> None:
    """Minutes to write down and minutes to speak, until both are well under way."""
    pcm = recording("long_0").pcm
    sound = io.BytesIO()
    with wave.open(sound, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(pcm.tobytes() * (500 * SAMPLE_RATE // len(pcm)))
    upload = form(sound.getvalue(), {"model": "whisper-1", "stream": "true"})
    text = {"model": "tts-1", "voice": "alloy", "input": 150 * "It is half past ten. "}
    headers = {"Authorization": f"Bearer {API_KEY}"}
    async with (
        aiohttp.ClientSession(f"{address}/v1/audio/", headers=headers) as session,
        session.post("speech", json=text) as spoken,
        session.post("transcriptions", data=upload, headers={"Content-Type": FORM_TYPE}) as written,
    ):
        assert (spoken.status, written.status) == (200, 200)
        for answer in (spoken, written):
            for _ in range(3):
                assert await answer.content.readany()
        await healthy(address)


ATTACKS: dict[str, Attack] = {
    "60 bodies in punycode": punycode,
    "180 requests that are none": malformed,
    "400 silent connections": silent,
    "ten uploads that stall": stalled_uploads,
    "sound at false rates": false_rates,
    "speech for minutes": much_speech,
}


def place(address: str) -> tuple[str, int]:
    parts = urlsplit(address)
    assert parts.port is not None
    return "127.0.0.1", parts.port


async def healthy(address: str) -> None:
    """Raises where health is not answered as soon as a supervisor wants it."""
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=HEALTH_SECONDS)) as session,
        session.get(f"{address}/healthz") as answer,
    ):
        assert answer.status == 200


@pytest.mark.parametrize("kind", ATTACKS)
async def test_what_reaches_the_page_costs_no_call_its_answer(
    product: AgentProcess, kind: str
) -> None:
    issued = await token(product.address)
    async with call(issued.url, issued.token) as caller:
        logged = len("\n".join(product.log))
        attack = asyncio.create_task(ATTACKS[kind](product.address))
        await caller.send_text("what is two plus three")
        assert "five" in (await caller.wait_for_transcript(2, of_agent=True))[1]
        await healthy(product.address)
        await attack
        await caller.send_text("what is two plus two")
        assert "four" in (await caller.wait_for_transcript(3, of_agent=True))[2]
        assert len("\n".join(product.log)) - logged < MOST_LOG_BYTES
    # Whoever comes later is served as before.
    assert (await token(product.address)).token


async def test_only_this_machine_is_listened_to(product: AgentProcess) -> None:
    addresses = {
        connection.laddr.ip
        for process in product.all()
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert addresses == {"127.0.0.1"}


async def test_requests_of_programs_are_counted_and_their_words_are_in_no_line(
    product: AgentProcess,
) -> None:
    headers = {"Authorization": f"Bearer {API_KEY}"}
    text = {"model": "tts-1", "voice": "alloy", "input": "Confidential words."}
    async with aiohttp.ClientSession(product.address, headers=headers) as session:
        async with session.post("/v1/audio/speech", json=text) as answer:
            assert await answer.read()
            request = answer.headers["x-request-id"]
        await product.wait_for_log(request)
        async with session.get("/metrics") as answer:
            metrics = await answer.text()
        wrong = {"Authorization": "Bearer wrong"}
        async with session.get("/v1/models", headers=wrong) as answer:
            assert answer.status == 401
        page = {"Origin": "https://elsewhere.example"}
        async with session.get("/v1/models", headers=page) as answer:
            assert "Access-Control-Allow-Origin" not in answer.headers
    assert 'voice_agent_api_requests_total{route="speech",status="200"}' in metrics
    log = "\n".join(product.log)
    assert "Confidential" not in log
    assert API_KEY not in log
