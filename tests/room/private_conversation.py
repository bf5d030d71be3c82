"""A whole conversation, from `python -m agent dev` to its end, spoken through Chromium."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import tempfile
import wave
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from playwright.async_api import Page, TimeoutError, async_playwright

from tests.room.processes import running
from tests.support.isolation import outside
from tests.support.recordings import SAMPLE_RATE, recording

QUESTION = recording("pause_01")
ANSWER = "fifty nine"

_WAIT_MILLISECONDS = 60_000
_SILENCE_SECONDS = 5.0

# What the browser sends by itself, whatever page it shows: for updates, statistics, sign-in,
# devices to cast to, and to the local network's name service, where it hides its addresses.
_OWN_FEATURES = (
    "MediaRouter",
    "NetworkTimeServiceQuerying",
    "OptimizationHints",
    "Translate",
    "WebRtcHideLocalIpsWithMdns",
)
_OWN_HOSTS = ("accounts.google.com", "clients2.google.com", "*.googleapis.com")
_CHROMIUM = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-sync",
    "--no-first-run",
    "--no-pings",
    f"--disable-features={','.join(_OWN_FEATURES)}",
    f"--host-resolver-rules={','.join(f'MAP {host} ~NOTFOUND' for host in _OWN_HOSTS)}",
    # A person at the microphone, who says the same again and again.
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
)

# What the page's connections were told to ask for their own address, and where they ended up.
_KEEP_CONNECTIONS = """
  window.connections = [];
  window.RTCPeerConnection = class extends window.RTCPeerConnection {
    constructor(...options) { super(...options); window.connections.push(this); }
  };
"""
_ICE_SERVERS = """
  window.connections.flatMap(
    c => (c.getConfiguration().iceServers ?? []).flatMap(s => [s.urls].flat()))
"""


async def converse(folder: Path) -> dict[str, Any]:
    """Start the product, speak with it through its page, end both; what was seen and sent."""
    with outside() as watch:
        async with running("dev", folder) as agent:
            await agent.wait_until_ready()
            seen = await _talk(agent.address, _microphone(folder))
            ended = await agent.end(signal.SIGINT)
        return {
            **seen,
            "ended": ended,
            "packets": watch.packets,
            "destinations": watch.destinations,
        }


async def _talk(address: str, microphone: Path) -> dict[str, Any]:
    program = os.environ.get("CHROMIUM_BIN") or shutil.which("chromium")
    assert program, "Chromium is missing: install the package chromium"
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(
            executable_path=program,
            args=[*_CHROMIUM, f"--use-file-for-fake-audio-capture={microphone}"],
        )
        page = await browser.new_page()
        page.set_default_timeout(_WAIT_MILLISECONDS)
        hosts: set[str] = set()
        page.on("request", lambda request: hosts.add(_host(request.url)))
        page.on("websocket", lambda connection: hosts.add(_host(connection.url)))
        await page.add_init_script(_KEEP_CONNECTIONS)
        await page.goto(address)
        await page.get_by_role("button", name="Join", exact=True).click()
        seen = {
            "heard": await _said(page, "caller", QUESTION.text),
            "answered": await _said(page, "agent", ANSWER),
            "ice_servers": await page.evaluate(_ICE_SERVERS),
        }
        await page.get_by_role("button", name="Leave", exact=True).click()
        await browser.close()
    return {**seen, "hosts": sorted(hosts)}


def _host(url: str) -> str:
    parts = urlsplit(url)
    return parts.hostname or parts.scheme


async def _said(page: Page, side: str, words: str) -> str:
    """The finished message of a side that holds `words`, once the page shows it."""
    message = page.locator(f'[data-side="{side}"][data-final="true"]').filter(has_text=words).first
    try:
        await message.wait_for()
    except TimeoutError:
        shown = await page.locator("body").inner_text()
        raise AssertionError(f"the page does not show {words!r} but:\n{shown}") from None
    return await message.inner_text()


def _microphone(folder: Path) -> Path:
    """The question with silence around it, as Chromium plays it over and over."""
    silence = np.zeros(round(_SILENCE_SECONDS * SAMPLE_RATE), dtype=np.int16)
    path = folder / "microphone.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(np.concatenate([silence, QUESTION.pcm, silence]).tobytes())
    return path


def main() -> None:
    """Print what was seen and sent as one line of JSON."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        print(json.dumps(asyncio.run(converse(Path(folder)))))


if __name__ == "__main__":
    main()
