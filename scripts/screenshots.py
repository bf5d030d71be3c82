"""`make screenshots`: take the README's pictures of the page, of a real call in a real Chromium.

Starts the product with the demo models; the caller's words are recordings of `tests/speech`.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import wave
from pathlib import Path

from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
_PORT = 8137
_URL = f"http://localhost:{_PORT}"
_START_SECONDS = 120.0
_SPOKEN = ("turn_15_kal16", "turn_02_slt")
_SILENCE_SECONDS = 7.0
"""Before each request, while the agent greets or answers the one before."""
_RATE = 16_000
_PHONE: ViewportSize = {"width": 390, "height": 844}
_DESK: ViewportSize = {"width": 1280, "height": 800}


def main() -> int:
    """Take all pictures and return the exit status."""
    chromium = os.environ.get("CHROMIUM_BIN") or shutil.which("chromium")
    if chromium is None:
        print("Chromium is not installed: install the package chromium", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder:
        microphone = Path(folder) / "microphone.wav"
        _write_microphone(microphone)
        environment = {**os.environ, "MODELS": "demo", "WEB_PORT": str(_PORT)}
        product = subprocess.Popen(
            [sys.executable, "-m", "agent", "dev"],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _wait_until_ready(product)
            with sync_playwright() as driver:
                browser = driver.chromium.launch(
                    executable_path=chromium,
                    args=[
                        "--no-sandbox",
                        "--use-fake-ui-for-media-stream",
                        "--use-fake-device-for-media-stream",
                        f"--use-file-for-fake-audio-capture={microphone}%noloop",
                        "--autoplay-policy=no-user-gesture-required",
                        "--disable-background-networking",
                    ],
                )
                _take_all(browser)
                browser.close()
        finally:
            product.send_signal(signal.SIGINT)
            product.wait(30)
    return 0


def _take_all(browser: Browser) -> None:
    desk = browser.new_page(viewport=_DESK, color_scheme="light")
    desk.goto(_URL)
    desk.get_by_role("button", name="Join").wait_for()
    desk.screenshot(path=DOCS / "page-lobby.png")
    _call(desk, spoken=True)
    desk.screenshot(path=DOCS / "page.png")
    desk.emulate_media(color_scheme="dark")
    # Colours change over a moment.
    desk.wait_for_timeout(700)
    desk.screenshot(path=DOCS / "page-dark.png")
    desk.close()
    phone = browser.new_page(viewport=_PHONE, color_scheme="light", device_scale_factor=2)
    phone.goto(_URL)
    _call(phone, spoken=False)
    phone.screenshot(path=DOCS / "page-phone.png")
    phone.close()


def _call(page: Page, *, spoken: bool) -> None:
    """Join, ask, and wait for the middle of an answer."""
    page.get_by_role("button", name="Join").click()
    answers = page.locator('[data-side="agent"][data-final="true"]')
    answers.first.wait_for()
    asked = len(_SPOKEN) if spoken else 1
    if not spoken:
        _type(page, "What is seven times eight?")
    answers.nth(asked).wait_for(timeout=60_000)
    state = page.get_by_test_id("state")
    state.filter(has_text="Listening").wait_for()
    _type(page, "Tell me a joke.")
    state.filter(has_text="Speaking").wait_for()
    # By then some of its words have been spoken, and the next one is marked.
    page.wait_for_timeout(1500)


def _type(page: Page, text: str) -> None:
    draft = page.get_by_label("Type to the agent")
    draft.fill(text)
    draft.press("Enter")


def _write_microphone(file: Path) -> None:
    silence = bytes(round(_SILENCE_SECONDS * _RATE) * 2)
    with wave.open(str(file), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(_RATE)
        for name in _SPOKEN:
            out.writeframes(silence)
            with wave.open(str(ROOT / "tests" / "speech" / f"{name}.wav")) as recording:
                out.writeframes(recording.readframes(recording.getnframes()))
        out.writeframes(silence)


def _wait_until_ready(product: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end and product.poll() is None:
        try:
            with urllib.request.urlopen(f"{_URL}/api/status", timeout=5) as answer:
                if json.load(answer)["ready"]:
                    return
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            pass
        time.sleep(0.5)
    raise RuntimeError("the product did not become ready: run `python -m agent dev` to see why")


if __name__ == "__main__":
    sys.exit(main())
