"""The whole product with genuine models in a browser: speech in at the microphone, speech out."""

from __future__ import annotations

import base64
import re
import wave
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from faster_whisper.audio import decode_audio
from playwright.sync_api import BrowserContext, Page, expect

from services.asr.config import DecodeOptions
from services.asr.engine import StreamingASR
from services.inference import Run
from tests.browser.call_page import CallPage
from tests.browser.conftest import AUTOPLAY, FAKE_MICROPHONE, PATIENCE_MS, LaunchBrowser
from tests.support.people import person
from tests.support.recordings import SAMPLE_RATE, Samples, recording
from tests.support.word_errors import word_errors

pytestmark = pytest.mark.browser

MICROPHONE_RATE = 48_000
"""Hz; Chromium takes other rates of a file for this one."""
GREETING = "Hello"

Speak = Callable[..., CallPage]


@pytest.fixture
def join_to_say(
    launch_browser: LaunchBrowser, real_page_url: str, tmp_path: Path
) -> Iterator[Callable[..., CallPage]]:
    """Join a call whose microphone will say these samples once `open_microphone` is called."""
    contexts: list[BrowserContext] = []

    def join(spoken: Samples, *, silence_seconds: float = 1.0) -> CallPage:
        path = tmp_path / "microphone.wav"
        write_microphone(path, spoken, silence_seconds)
        browser = launch_browser(
            *FAKE_MICROPHONE, *AUTOPLAY, f"--use-file-for-fake-audio-capture={path}%noloop"
        )
        # The file begins when the microphone opens, so it stays closed until the agent listens.
        context = browser.new_context(permissions=[])
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        page = context.new_page()
        page.add_init_script(KEEP_TRACKS)
        call = CallPage(page, real_page_url)
        call.open()
        call.join(GREETING)
        call.expect_state("Listening")
        return call

    yield join
    for context in contexts:
        context.close()


def test_the_agent_that_was_chosen_comes(page: Page, real_page_url: str) -> None:
    call = CallPage(page, real_page_url)
    call.open()
    choice = page.get_by_role("combobox", name="Agent", exact=True)
    expect(choice.locator("option")).to_have_text(["Whoever answers", "The baker", "The florist"])
    choice.select_option("The florist")
    call.join("This is the florist.")
    call.leave()
    call.button("New conversation").click()
    choice.select_option("The baker")
    call.join("This is the baker.")
    call.leave()


def write_microphone(path: Path, spoken: Samples, silence_seconds: float) -> None:
    """A file for Chromium's microphone: silence, the samples, silence."""
    ratio = MICROPHONE_RATE // SAMPLE_RATE
    spectrum = np.fft.rfft(spoken.astype(np.float64))
    samples = np.fft.irfft(spectrum, len(spoken) * ratio) * ratio
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


# What comes to the page over WebRTC, to be recorded where it arrives.
KEEP_TRACKS = """
window.tracks = [];
window.RTCPeerConnection = class extends window.RTCPeerConnection {
    constructor(...options) {
        super(...options);
        this.addEventListener('track', (event) => window.tracks.push(event.track));
    }
};
"""
RECORD = """
() => {
    const live = window.tracks.filter((one) => one.readyState === 'live');
    const [track] = live.filter((one) => one.kind === 'audio');
    window.recorder = new MediaRecorder(new MediaStream([track]));
    window.recorder.start();
}
"""
RECORDED = """
() => new Promise((resolve) => {
    window.recorder.ondataavailable = (event) => {
        const reader = new FileReader();
        reader.onload = () => resolve(reader.result.split(',')[1]);
        reader.readAsDataURL(event.data);
    };
    window.recorder.stop();
})
"""


def recorded(page: Page, path: Path) -> Samples:
    """What the page has heard since `RECORD`."""
    path.write_bytes(base64.b64decode(page.evaluate(RECORDED)))
    samples: Samples = decode_audio(str(path), sampling_rate=SAMPLE_RATE)
    return samples


def test_a_persons_question_is_written_down_answered_aloud_and_answered_again(
    join_to_say: Speak, genuine_asr: StreamingASR, tmp_path: Path
) -> None:
    spoken = person("weather_question")
    call = join_to_say(spoken.samples)
    # A demo model would be said there.
    expect(call.page.get_by_test_id("notes")).to_have_count(0)
    call.page.evaluate(RECORD)
    open_microphone(call)
    asked = call.said_by("caller").filter(has_text=re.compile("weather in paris", re.IGNORECASE))
    expect(asked).to_have_attribute("data-final", "true")
    answer = call.said_by("agent").filter(has_text="I cannot see the weather from here.")
    expect(answer.get_by_test_id("wait")).to_be_visible()
    expect(call.page.get_by_test_id("waits").locator("svg g")).not_to_have_count(0)
    call.expect_state("Listening")
    sound = recorded(call.page, tmp_path / "heard.webm")
    heard = genuine_asr.decode(sound, DecodeOptions(), Run()).text
    assert word_errors(heard, "i cannot see the weather from here") <= 1
    call.button("Repeat").click()
    expect(answer).to_have_count(2)


def test_speaking_over_the_agent_cuts_its_reply_and_is_answered(join_to_say: Speak) -> None:
    call = join_to_say(recording("turn_21").samples, silence_seconds=0.3)
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
    call = join_to_say(person("weather_question").samples, silence_seconds=10.0)
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
