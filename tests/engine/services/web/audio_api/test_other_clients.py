"""Programs that speak OpenAI's API: LiveKit's plugin, and what Open WebUI sends."""

from __future__ import annotations

import io
from collections.abc import Iterator

import av
import httpx2
import numpy as np
import pytest
from livekit import rtc
from livekit.agents import APIStatusError
from livekit.agents.types import APIConnectOptions
from livekit.plugins import openai

from services.shared.engines import SharedEngines
from tests.support.audio_api import AudioApi, audio_api
from tests.support.recordings import SAMPLE_RATE, recording

SAID = recording("turn_05")
ONCE = APIConnectOptions(max_retry=0, timeout=30)


@pytest.fixture(scope="module")
def api(shared: SharedEngines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AudioApi]:
    with audio_api(shared, tmp_path_factory.mktemp("api")) as running:
        yield running


@pytest.mark.parametrize("model", ["whisper-1", "gpt-4o-mini-transcribe"])
async def test_livekits_plugin_hears(api: AudioApi, model: str) -> None:
    stt = openai.STT(base_url=api.url, api_key=api.key, model=model, language="en")
    frame = rtc.AudioFrame(SAID.pcm.tobytes(), SAMPLE_RATE, 1, len(SAID.pcm))
    try:
        event = await stt.recognize(frame, conn_options=ONCE)
    finally:
        await stt.aclose()
    assert event.alternatives[0].text == SAID.text
    assert event.alternatives[0].language == "en"


@pytest.mark.parametrize(
    ("model", "form"), [("tts-1", "mp3"), ("gpt-4o-mini-tts", "pcm"), ("tts-1", "wav")]
)
async def test_livekits_plugin_speaks(api: AudioApi, model: str, form: str) -> None:
    tts = openai.TTS(
        base_url=api.url,
        api_key=api.key,
        model=model,
        voice="ash",
        response_format=form,
    )
    try:
        stream = tts.synthesize("It is ten o'clock.", conn_options=ONCE)
        async with stream:
            frames = [event.frame async for event in stream]
    finally:
        await tts.aclose()
    assert sum(frame.duration for frame in frames) > 0.5
    samples = np.concatenate([np.frombuffer(frame.data, np.int16) for frame in frames])
    assert np.abs(samples).max() > 1000


async def test_livekits_plugin_is_told_why(api: AudioApi) -> None:
    stt = openai.STT(base_url=api.url, api_key="wrong", model="whisper-1")
    frame = rtc.AudioFrame(SAID.pcm.tobytes(), SAMPLE_RATE, 1, len(SAID.pcm))
    try:
        with pytest.raises(APIStatusError, match="API key") as caught:
            await stt.recognize(frame, conn_options=ONCE)
    finally:
        await stt.aclose()
    assert caught.value.status_code == 401


@pytest.mark.parametrize(
    ("container", "codec", "rate"),
    [("webm", "libopus", 48_000), ("ogg", "libopus", 48_000), ("wav", "pcm_s16le", 16_000)],
)
def test_open_webui_uploads_what_browsers_record(
    api: AudioApi, container: str, codec: str, rate: int
) -> None:
    sound = _recorded(container, codec, rate)
    answer = httpx2.post(
        f"{api.url}/audio/transcriptions",
        headers={"Authorization": f"Bearer {api.key}"},
        files={"file": (f"aufnahme-ä.{container}", sound)},
        data={"model": "whisper-1"},
        timeout=60,
    )
    assert (answer.status_code, answer.json()["text"]) == (200, SAID.text)


def test_open_webui_saves_speech_as_mp3(api: AudioApi) -> None:
    answer = httpx2.post(
        f"{api.url}/audio/speech",
        headers={"Authorization": f"Bearer {api.key}"},
        json={"model": "tts-1", "input": "It is ten o'clock.", "voice": "alloy"},
        timeout=60,
    )
    assert (answer.status_code, answer.headers["content-type"]) == (200, "audio/mpeg")
    with av.open(io.BytesIO(answer.content), "r") as file:
        seconds = sum(frame.samples / frame.sample_rate for frame in file.decode(audio=0))
    assert seconds > 0.5
    voices = httpx2.get(
        f"{api.url}/audio/voices", headers={"Authorization": f"Bearer {api.key}"}
    ).json()["voices"]
    assert {"id": "alloy", "name": "alloy"} in voices


def _recorded(container: str, codec: str, rate: int) -> bytes:
    sound = io.BytesIO()
    with av.open(sound, "w", format=container) as file:
        stream = file.add_stream(codec, rate=rate, layout="mono")
        assert isinstance(stream, av.AudioStream)
        frame = av.AudioFrame.from_ndarray(SAID.pcm.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = SAMPLE_RATE
        file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return sound.getvalue()
