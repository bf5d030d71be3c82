"""Holds an installed plugin to what LiveKit asks of each: run as `PYTHON this.py PART WAV`.

`stt` needs no piper-tts, `tts` does. Ends with an error where a condition does not hold.
"""

import asyncio
import sys
import wave
from collections.abc import Callable

from livekit import rtc
from livekit.agents import APIConnectionError, APIConnectOptions, Plugin, stt, tts
from livekit.plugins import local_speech  # type: ignore[attr-defined]

LONGEST_FRAME_SECONDS = 0.25
TEXT = "It is ten past three in the afternoon. Your timer for ten minutes is set."


async def hear(path: str) -> None:
    frames = list(_frames(path))
    _refuses(ValueError, local_speech.TurnDetector, "TurnDetector(stt, vad)")
    recogniser = local_speech.STT(model="base", word_times=True)
    assert recogniser.capabilities.streaming
    assert recogniser.capabilities.interim_results
    assert recogniser.capabilities.offline_recognize
    assert (recogniser.model, recogniser.provider) == ("base", "faster-whisper")
    stream = recogniser.stream()
    for frame in frames:
        stream.push_frame(frame)
    stream.end_input()
    async with stream:
        events = [event async for event in stream]
    begin, end = stt.SpeechEventType.START_OF_SPEECH, stt.SpeechEventType.END_OF_SPEECH
    turns = [event.type for event in events if event.type in (begin, end)]
    assert turns
    assert turns == [begin, end] * (len(turns) // 2)
    finals = [e for e in events if e.type is stt.SpeechEventType.FINAL_TRANSCRIPT]
    assert any(final.alternatives[0].text for final in finals)
    assert any(final.alternatives[0].words for final in finals)
    whole = await recogniser.recognize(frames)
    assert whole.alternatives[0].text

    # One that is closed while it hears ends, and leaves no task.
    given_up = recogniser.stream()
    for frame in frames:
        given_up.push_frame(frame)
    await asyncio.sleep(0)
    await given_up.aclose()
    await recogniser.aclose()
    await _nothing_left()

    detector = local_speech.VAD()
    heard = detector.stream()
    for frame in frames:
        heard.push_frame(frame)
    heard.end_input()
    kinds = {event.type.value async for event in heard}
    assert "start_of_speech" in kinds
    await heard.aclose()
    latest = local_speech.STT()
    assert local_speech.TurnDetector()._stt is latest
    turn = local_speech.TurnDetector(latest, detector).stream()
    assert await turn.supports_language(None)
    await turn.aclose()

    missing = local_speech.STT(model="small")
    said = ""
    try:
        await missing.recognize(frames, conn_options=APIConnectOptions(max_retry=0))
    except APIConnectionError as error:
        said = str(error)
    assert "python -m livekit.plugins.local_speech download-files --asr small" in said
    _refuses(RuntimeError, local_speech.configure, "comes before")
    _refuses(ImportError, local_speech.TTS, "pip install 'livekit-plugins-local-speech[tts]'")
    await _nothing_left()


async def speak() -> None:
    voice = local_speech.TTS(voice="en_US-joe-medium")
    assert voice.capabilities.streaming
    whole = await _collected(voice.synthesize(TEXT))
    stream = voice.stream()
    for word in TEXT.split(" "):
        stream.push_text(f"{word} ")
    stream.end_input()
    written = await _collected(stream)
    assert abs(_seconds(whole) - _seconds(written)) < 0.5
    assert _seconds(whole) > 1.0

    given_up = voice.stream()
    given_up.push_text(TEXT * 20)
    given_up.flush()
    await anext(given_up)
    await given_up.aclose()
    await voice.aclose()
    await _nothing_left()


async def _collected(stream: tts.ChunkedStream | tts.SynthesizeStream) -> list[rtc.AudioFrame]:
    async with stream:
        audio = [event async for event in stream]
    assert [event.is_final for event in audio] == [False] * (len(audio) - 1) + [True]
    frames = [event.frame for event in audio]
    assert all(0 < frame.duration < LONGEST_FRAME_SECONDS for frame in frames)
    return frames


def _seconds(frames: list[rtc.AudioFrame]) -> float:
    return sum(frame.duration for frame in frames)


def _refuses(kind: type[Exception], call: Callable[[], object], words: str) -> None:
    said = ""
    try:
        call()
    except kind as error:
        said = str(error)
    assert words in said


async def _nothing_left() -> None:
    async with asyncio.timeout(10):
        while len(asyncio.all_tasks()) > 1:
            await asyncio.sleep(0.01)


def _frames(path: str) -> "list[rtc.AudioFrame]":
    with wave.open(path) as file:
        rate, pcm = file.getframerate(), file.readframes(file.getnframes())
    pcm += bytes(2 * rate)
    step = rate // 100
    return [
        rtc.AudioFrame(pcm[at : at + 2 * step], rate, 1, step)
        for at in range(0, len(pcm) - 2 * step, 2 * step)
    ]


if __name__ == "__main__":
    (plugin,) = [p for p in Plugin.registered_plugins if p.package == local_speech.__name__]
    assert plugin.version == local_speech.__version__
    assert plugin.logger is not None
    if sys.argv[1] == "stt":
        asyncio.run(hear(sys.argv[2]))
    else:
        asyncio.run(speak())
