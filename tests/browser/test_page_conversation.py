"""The whole product in a browser: speech in at the microphone, speech and text out."""

from __future__ import annotations

import re
import wave
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import BrowserContext, expect

from tests.browser.call_page import CallPage
from tests.browser.conftest import AUTOPLAY, FAKE_MICROPHONE, PATIENCE_MS, LaunchBrowser
from tests.recordings import SAMPLE_RATE, recordings

pytestmark = pytest.mark.browser

MICROPHONE_RATE = 48_000
"""Hz; Chromium takes other rates of a file for this one."""
GREETING = "Hello"

Speak = Callable[..., CallPage]


@pytest.fixture
def join_to_say(
    launch_browser: LaunchBrowser, real_page_url: str, tmp_path: Path
) -> Iterator[Callable[..., CallPage]]:
    """Join a call whose microphone will say a recorded text once `open_microphone` is called."""
    contexts: list[BrowserContext] = []

    def join(text: str, *, silence_seconds: float = 1.0) -> CallPage:
        path = tmp_path / "microphone.wav"
        write_microphone(path, text, silence_seconds)
        browser = launch_browser(
            *FAKE_MICROPHONE, *AUTOPLAY, f"--use-file-for-fake-audio-capture={path}%noloop"
        )
        # The file begins when the microphone opens, so it stays closed until the agent listens.
        context = browser.new_context(permissions=[])
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        call = CallPage(context.new_page(), real_page_url)
        call.open()
        call.join(GREETING)
        call.expect_state("Listening")
        return call

    yield join
    for context in contexts:
        context.close()


def write_microphone(path: Path, text: str, silence_seconds: float) -> None:
    """A file for Chromium's microphone: silence, the recording of `text`, silence."""
    [spoken] = [found for found in recordings("turn") if found.text == text][:1]
    ratio = MICROPHONE_RATE // SAMPLE_RATE
    spectrum = np.fft.rfft(spoken.samples.astype(np.float64))
    samples = np.fft.irfft(spectrum, len(spoken.samples) * ratio) * ratio
    silence = np.zeros(round(silence_seconds * MICROPHONE_RATE))
    signal = np.concatenate([silence, samples, np.zeros(MICROPHONE_RATE)])
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(MICROPHONE_RATE)
        file.writeframes((np.clip(signal, -1, 1) * 32767).astype("<i2").tobytes())


def open_microphone(call: CallPage) -> None:
    """Allow the microphone after all."""
    call.page.context.grant_permissions(["microphone"])
    call.button("Try again").click()
    expect(call.button("Mute")).to_be_enabled()


def test_a_spoken_question_is_written_down_answered_and_answered_again(join_to_say: Speak) -> None:
    call = join_to_say("what is two times seven")
    expect(call.page.get_by_test_id("notes")).to_contain_text("demo speech recognition")
    open_microphone(call)
    spoken = call.said_by("caller").filter(has_text=re.compile("two times seven", re.IGNORECASE))
    expect(spoken).to_have_attribute("data-final", "true")
    answer = call.said_by("agent").filter(has_text="Two times seven is fourteen.")
    expect(answer.get_by_test_id("wait")).to_be_visible()
    expect(call.page.get_by_test_id("waits").locator("svg g")).not_to_have_count(0)
    call.expect_state("Listening")
    call.button("Repeat").click()
    expect(answer).to_have_count(2)


def test_speaking_over_the_agent_cuts_its_reply_and_is_answered(join_to_say: Speak) -> None:
    call = join_to_say("what is the time now", silence_seconds=0.3)
    call.type("count to one hundred")
    counting = call.said_by("agent").filter(has_text="One, two")
    expect(counting).to_be_visible()
    open_microphone(call)
    expect(counting).to_contain_text("interrupted")
    assert "hundred" not in counting.inner_text()
    expect(call.said_by("caller").last).to_contain_text(re.compile("time now", re.IGNORECASE))
    call.expect_said("It is")


# Sending a microphone takes as long as on a slow machine or line.
SLOW_PUBLISHING = """
(() => {
    const original = RTCPeerConnection.prototype.setLocalDescription;
    RTCPeerConnection.prototype.setLocalDescription = async function (...description) {
        await new Promise((resolve) => setTimeout(resolve, 3000));
        return original.apply(this, description);
    };
})()
"""


def test_nothing_is_heard_while_muted(join_to_say: Speak) -> None:
    call = join_to_say("what is two times seven", silence_seconds=10.0)
    call.page.evaluate(SLOW_PUBLISHING)
    open_microphone(call)
    call.button("Mute").click()
    expect(call.state).to_contain_text("you are muted")
    # Until well after the microphone has spoken.
    call.page.wait_for_timeout(14000)
    call.type("what is three plus four")
    call.expect_said("Three plus four is seven.")
    heard = call.said_by("caller").all_inner_texts()
    assert len(heard) == 1, heard
