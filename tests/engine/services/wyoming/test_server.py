"""The Wyoming server, asked by the protocol's own client."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import socket
import wave
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from wyoming.asr import Transcribe
from wyoming.audio import AudioStart
from wyoming.info import Describe
from wyoming.ping import Ping
from wyoming.tts import Synthesize, SynthesizeChunk, SynthesizeStart, SynthesizeStop
from wyoming.tts import SynthesizeVoice as Voice

from services.host.listening import ListenError, PortBusyError
from services.inference import Priority
from services.models.manifest import write_manifest
from services.shared.config import EngineConfig
from services.shared.engines import SharedEngines
from services.wyoming.limits import LONGEST_JSON_BYTES, LONGEST_TEXT_CHARACTERS, WyomingLimits
from services.wyoming.server import WyomingServer
from tests.support.recordings import SAMPLE_RATE, recording
from tests.support.small_vits import SAMPLE_RATE as SMALL_RATE
from tests.support.small_vits import write_small_vits
from tests.support.word_errors import word_errors
from tests.support.wyoming_client import (
    PATIENCE_SECONDS,
    ServerError,
    WyomingClient,
    connected,
    heard,
    spoken,
    wav_events,
)

SENTENCE = "Set a timer for ten seconds."
LONG_TEXT = "One two three four five six seven eight nine ten. " * 40

Serve = Callable[..., WyomingServer]
"""`serve(idle_seconds=1)` starts a server with such limits."""


class Ended:
    """How the requests of a server ended."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str]] = []

    def __call__(self, kind: str, outcome: str) -> None:
        self.requests.append((kind, outcome))

    async def wait_for(self, *request: str) -> None:
        """Until a request has ended in this way."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while request not in self.requests:
                await asyncio.sleep(0.01)


@pytest.fixture
def ended() -> Ended:
    return Ended()


@pytest.fixture
def serve(shared: SharedEngines, ended: Ended) -> Iterator[Serve]:
    with contextlib.ExitStack() as stack:

        def start(
            *, allowed: tuple[str, ...] = (), engines: SharedEngines = shared, **limits: float
        ) -> WyomingServer:
            import ipaddress

            server = WyomingServer(
                engines,
                "127.0.0.1",
                0,
                name="a test's agent",
                allowed=[ipaddress.ip_network(network) for network in allowed],
                limits=replace(WyomingLimits(), **limits),  # type: ignore[arg-type]
                on_request=ended,
            )
            server.start()
            stack.callback(server.stop)
            return server

        yield start


@pytest.fixture
async def client(serve: Serve) -> AsyncIterator[WyomingClient]:
    async with connected(serve().port) as client:
        yield client


async def test_home_assistant_is_told_what_there_is(client: WyomingClient) -> None:
    info = await client.describe()
    (hearing,), (speaking,) = info.asr, info.tts
    assert (hearing.installed, speaking.installed) == (True, True)
    assert hearing.name == speaking.name == "a test's agent"
    assert (hearing.version, speaking.version) == (version("faster-whisper"), version("piper-tts"))
    assert (hearing.supports_transcript_streaming, hearing.requires_external_vad) == (True, True)
    assert speaking.supports_synthesize_streaming
    assert [(m.name, m.languages, m.installed) for m in hearing.models] == [("demo", ["en"], True)]
    default = speaking.voices[0]
    assert (default.name, default.languages, default.installed) == ("demo", ["en-US"], True)
    assert all(a.attribution.name for a in (hearing, speaking, *hearing.models, *speaking.voices))


async def test_a_recording_is_written_down(client: WyomingClient, ended: Ended) -> None:
    for prefix in ("turn_05", "turn_00"):
        said = recording(prefix)
        answer = await client.hear(said.path)
        assert word_errors(answer.text, said.text) <= 1
        assert "".join(answer.chunks) == answer.text
        assert answer.kinds[0] == "transcript-start"
        assert answer.kinds[-2:] == ["transcript", "transcript-stop"]
        assert answer.language == "en"
    assert ended.requests == [("transcribe", "done")] * 2


async def test_silence_is_an_empty_transcript(client: WyomingClient) -> None:
    answer = await client.hear(recording("nonspeech_silence").path, language=None)
    assert answer.text == ""
    assert answer.kinds == ["transcript-start", "transcript", "transcript-stop"]


async def test_words_come_while_the_sound_still_arrives(client: WyomingClient) -> None:
    said = recording("turn_05")
    start, *chunks, stop = wav_events(_wav(np.concatenate([said.pcm, np.zeros(32_000, np.int16)])))
    await client.send(Transcribe(language="en"), start, *chunks)
    first = heard(await client.until("transcript-chunk"))
    assert word_errors("".join(first.chunks), said.text) <= 1
    await client.send(*chunks, stop)
    whole = heard(await client.until("transcript-stop"))
    assert "".join([*first.chunks, *whole.chunks]) == whole.text
    assert word_errors(whole.text, f"{said.text} {said.text}") <= 2


@pytest.mark.parametrize(
    ("form", "rate", "layout", "width"),
    [("s16", 44_100, "stereo", 2), ("s32", 48_000, "mono", 4), ("u8", 16_000, "mono", 1)],
)
async def test_sound_of_other_forms_is_heard(
    client: WyomingClient, form: str, rate: int, layout: str, width: int
) -> None:
    said = recording("turn_05")
    frame = av.AudioFrame.from_ndarray(said.pcm.reshape(1, -1), format="s16", layout="mono")
    frame.sample_rate = SAMPLE_RATE
    converter = av.AudioResampler(format=form, layout=layout, rate=rate)
    frames = [*converter.resample(frame), *converter.resample(None)]
    data = b"".join(part.to_ndarray().tobytes() for part in frames)
    channels = 2 if layout == "stereo" else 1
    sound = _wav(data, rate=rate, width=width, channels=channels)
    assert word_errors((await client.hear(sound)).text, said.text) <= 1


async def test_a_text_is_spoken_and_understood(client: WyomingClient, ended: Ended) -> None:
    answer = await client.speak(SENTENCE)
    assert answer.kinds == ["audio-start", "audio-chunk", "audio-stop"]
    sound = _wav(answer.samples, rate=answer.rate)
    # Another sound than this sentence has next to nothing of its words.
    assert word_errors((await client.hear(sound)).text, "set a timer for ten seconds") <= 3
    assert ended.requests == [("synthesize", "done"), ("transcribe", "done")]


async def test_sound_comes_while_the_text_is_still_written(client: WyomingClient) -> None:
    await client.send(SynthesizeStart(), SynthesizeChunk(SENTENCE), SynthesizeChunk(" And it "))
    first = spoken(await client.until("audio-chunk"))
    await client.send(SynthesizeChunk("will be long."), SynthesizeStop())
    rest = spoken(await client.until("synthesize-stopped"))
    assert first.kinds + rest.kinds == [
        *("audio-start", "audio-chunk"),
        *("audio-chunk", "audio-stop", "synthesize-stopped"),
    ]


async def test_a_text_that_is_sent_both_ways_is_spoken_once(client: WyomingClient) -> None:
    once = await client.speak(SENTENCE)
    streamed = await client.speak_in_pieces([f"{word} " for word in SENTENCE.split()])
    assert streamed.kinds == ["audio-start", "audio-chunk", "audio-stop", "synthesize-stopped"]
    assert streamed.seconds < 1.5 * once.seconds


async def test_a_text_without_sound_is_a_moment_of_silence(client: WyomingClient) -> None:
    for text in ("", "\U0001f600"):
        answer = await client.speak(text)
        assert answer.kinds == ["audio-start", "audio-chunk", "audio-stop"]
        assert answer.seconds < 0.2


async def test_a_sign_of_life_is_answered(client: WyomingClient) -> None:
    await client.send(Ping("hello"))
    (pong,) = await client.until("pong")
    assert pong.data == {"text": "hello"}


async def test_clients_beside_each_other_get_their_own_answers(serve: Serve) -> None:
    port = serve().port
    said = [recording(prefix) for prefix in ("turn_00", "turn_05", "turn_10")]

    async def hear(path: Path) -> str:
        async with connected(port) as client:
            return (await client.hear(path)).text

    async def speak() -> float:
        async with connected(port) as client:
            return (await client.speak(SENTENCE)).seconds

    speaking = asyncio.create_task(speak())
    texts = await asyncio.gather(*(hear(r.path) for r in said))
    assert all(word_errors(t, r.text) <= 2 for t, r in zip(texts, said, strict=True))
    seconds = await speaking
    assert seconds > 0.5


async def test_conversations_come_first(client: WyomingClient, shared: SharedEngines) -> None:
    before = shared.scheduler.stats().outcomes
    await client.hear(recording("turn_05").path)
    await client.speak("Nobody has said this before.")
    after = shared.scheduler.stats().outcomes
    ran = {
        (engine, priority)
        for (engine, priority, outcome), count in after.items()
        if count > before.get((engine, priority, outcome), 0)
    }
    assert ran == {("asr", Priority.BATCH), ("tts", Priority.BATCH)}


async def test_work_for_a_client_who_leaves_is_given_up(
    serve: Serve, shared: SharedEngines, ended: Ended
) -> None:
    port = serve().port
    async with connected(port) as client:
        await client.send(Synthesize(LONG_TEXT))
        await client.until("audio-chunk")
    await ended.wait_for("synthesize", "cancelled")
    async with connected(port) as client:
        await client.send(*list(wav_events(recording("long_0").path))[:-1])
        await client.until("transcript-chunk")
    await ended.wait_for("transcribe", "cancelled")
    stats = shared.scheduler.stats()
    assert sum(stats.queued.values()) == 0


async def test_a_client_who_takes_nothing_keeps_nobody_waiting(serve: Serve, ended: Ended) -> None:
    server = serve()
    with socket.socket() as peer:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        peer.connect(("127.0.0.1", server.port))
        peer.sendall(_event("synthesize", {"text": LONG_TEXT * 9}))
        await asyncio.to_thread(peer.recv, 1)
        async with connected(server.port) as other:
            for _ in range(3):
                await other.speak(SENTENCE)
        assert ("synthesize", "cancelled") not in ended.requests
    await ended.wait_for("synthesize", "cancelled")


HOSTILE = {
    "no json": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "no object": b"[1, 2]\n",
    "no type": b'{"data": {}}\n',
    "deep": b'{"type": ' + b"[" * 100_000 + b"\n",
    "no end": b"x" * (3 * LONGEST_JSON_BYTES),
    "not utf-8": b'{"type": "\xff\xfe"}\n',
    "huge number": b'{"type": "describe", "data_length": ' + b"9" * 5000 + b"}\n",
    "huge data": b'{"type": "describe", "data_length": 4000000000}\n',
    "huge payload": b'{"type": "audio-chunk", "payload_length": 99999999999}\n',
    "negative": b'{"type": "describe", "data_length": -1}\n',
    "no number": b'{"type": "describe", "data_length": NaN}\n',
    "a fraction": b'{"type": "describe", "payload_length": 1.5}\n',
    "data is a list": b'{"type": "describe", "data": []}\n',
    "bad data": b'{"type": "describe", "data_length": 3}\n{x}',
    "language is a number": b'{"type": "transcribe", "data": {"language": 5}}\n',
    "no rate": b'{"type": "audio-start", "data": {"rate": 0, "width": 2, "channels": 1}}\n',
    "far too many channels": (
        b'{"type": "audio-start", "data": {"rate": 16000, "width": 2, "channels": 99999}}\n'
    ),
    "no text": b'{"type": "synthesize", "data": {}}\n',
    "half a character": b'{"type": "ping", "data": {"text": "\\ud800"}}\n',
    "voice is text": b'{"type": "synthesize", "data": {"text": "x", "voice": "demo"}}\n',
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE.keys())
async def test_what_is_no_request_is_told_and_ends_the_connection(
    serve: Serve, data: bytes
) -> None:
    port = serve().port
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    async with asyncio.timeout(PATIENCE_SECONDS):
        answer = b""
        with contextlib.suppress(ConnectionError):
            while piece := await reader.read(4096):
                answer += piece
    writer.close()
    header, _, content = answer.partition(b"\n")
    assert json.loads(header)["type"] == "error"
    assert json.loads(content)["code"] in ("protocol", "too-long")
    async with connected(port) as client:
        assert (await client.describe()).asr


@pytest.mark.parametrize(
    ("request_", "code", "words"),
    [
        (Synthesize("x", voice=Voice(name="nobody")), "not-available", "choose demo"),
        (Synthesize("x", voice=Voice(language="xx")), "not-available", "choose demo"),
        (Synthesize("x", voice=Voice(name="demo", speaker="9")), "not-available", "no speaker"),
        (Synthesize("<s>x</s>", text_format="ssml"), "not-available", "plain text"),
        (Synthesize("x" * (LONGEST_TEXT_CHARACTERS + 1)), "too-long", "20000"),
    ],
    ids=["voice", "language", "speaker", "ssml", "length"],
)
async def test_what_cannot_be_spoken_is_told(
    client: WyomingClient, request_: Synthesize, code: str, words: str
) -> None:
    await client.send(request_)
    with pytest.raises(ServerError) as error:
        await client.until("audio-stop")
    assert error.value.code == code
    assert words in error.value.text
    assert await client.next() is None


async def test_a_text_in_pieces_is_bounded_as_a_whole(client: WyomingClient) -> None:
    most = LONGEST_TEXT_CHARACTERS
    pieces = [SynthesizeChunk("\U0001f600 " * (most // 4)) for _ in range(3)]
    await client.send(SynthesizeStart(), *pieces, SynthesizeStop())
    with pytest.raises(ServerError) as error:
        await client.until("synthesize-stopped")
    assert error.value.code == "too-long"


async def test_a_language_that_the_recogniser_does_not_know_is_told(client: WyomingClient) -> None:
    await client.send(Transcribe(language="de-DE"), AudioStart(16_000, 2, 1))
    with pytest.raises(ServerError, match="knows en") as error:
        await client.next()
    assert error.value.code == "not-available"


async def test_too_much_sound_is_told(serve: Serve, ended: Ended) -> None:
    async with connected(serve(utterance_seconds=1.0).port) as client:
        with pytest.raises(ServerError, match="WYOMING_MAX_SECONDS") as error:
            await client.hear(recording("long_1").path)
    assert error.value.code == "too-long"
    assert ended.requests == [("transcribe", "refused")]


async def test_who_asks_nothing_is_let_go(serve: Serve) -> None:
    async with connected(serve(idle_seconds=0.1).port) as client:
        assert await client.next() is None


async def test_sound_that_stops_coming_is_not_waited_for(serve: Serve) -> None:
    async with connected(serve(idle_seconds=0.1).port) as client:
        await client.send(AudioStart(16_000, 2, 1))
        with pytest.raises(ServerError) as error:
            await client.next()
    assert error.value.code == "idle"


async def test_clients_are_bounded_and_who_asks_nothing_makes_room(serve: Serve) -> None:
    port = serve(connections=2).port
    async with connected(port) as first, connected(port) as second:
        for client in (first, second):
            await client.describe()
        await second.send(SynthesizeStart(), Describe())
        await second.until("info")
        async with connected(port) as third:
            assert await first.next() is None
            await third.send(SynthesizeStart(), Describe())
            await third.until("info")
            async with connected(port) as fourth:
                with pytest.raises(ServerError) as error:
                    await fourth.next()
                assert error.value.code == "busy"


async def test_only_clients_that_are_named_are_served(serve: Serve) -> None:
    async with connected(serve(allowed=("192.0.2.0/24",)).port) as client:
        with contextlib.suppress(ConnectionError):
            await client.send(Describe())
            assert await client.next() is None
    async with connected(serve(allowed=("192.0.2.0/24", "127.0.0.0/8")).port) as client:
        assert (await client.describe()).asr


async def test_the_end_leaves_nothing(shared: SharedEngines, no_leaks: None) -> None:
    shared.tts.get_blocking()
    server = WyomingServer(shared, "127.0.0.1", 0, name="agent")
    server.start()
    async with connected(server.port) as speaking, connected(server.port) as hearing:
        await speaking.send(Synthesize(LONG_TEXT))
        await speaking.until("audio-chunk")
        await hearing.send(AudioStart(16_000, 2, 1), Describe())
        await hearing.until("info")
        await asyncio.to_thread(server.stop)
        with pytest.raises(ConnectionError):
            await speaking.until("audio-stop")


def test_a_busy_port_is_told_with_its_setting(shared: SharedEngines) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortBusyError, match=f"{port}.*WYOMING_PORT"):
            WyomingServer(shared, "127.0.0.1", port, name="agent").start()
    with pytest.raises(ListenError, match=r"WYOMING_HOST=nowhere\.invalid"):
        WyomingServer(shared, "nowhere.invalid", 0, name="agent").start()


@pytest.mark.own_copy
async def test_an_installed_voice_is_offered_and_speaks_with_its_speakers(
    serve: Serve, tmp_path: Path
) -> None:
    name = "en_US-libritts-high"
    folder = tmp_path / "voices" / name
    folder.mkdir(parents=True)
    model, config = write_small_vits(folder, speakers=2)
    model.rename(folder / f"{name}.onnx")
    content = json.loads(config.read_text()) | {"speaker_id_map": {"ada": 0, "ben": 1}}
    config.unlink()
    (folder / f"{name}.onnx.json").write_text(json.dumps(content))
    write_manifest(folder, name=name, source="a test")
    engines = SharedEngines(EngineConfig(cache=tmp_path))
    try:
        async with connected(serve(engines=engines).port) as client:
            default, offered = (await client.describe()).tts[0].voices
            assert (default.name, offered.name) == ("demo", name)
            assert offered.languages == ["en-US"]
            assert [speaker.name for speaker in offered.speakers or ()] == ["ada", "ben"]
            answer = await client.speak(SENTENCE, Voice(name=name, speaker="ben"))
            assert answer.rate == SMALL_RATE
            assert (await client.speak(SENTENCE)).rate != SMALL_RATE
            (voice,) = [slot for slot in engines.in_use if slot.model.name == name]
            assert voice.users == 0
    finally:
        engines.close()


def _wav(
    sound: NDArray[np.int16] | bytes,
    *,
    rate: int = SAMPLE_RATE,
    width: int = 2,
    channels: int = 1,
) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as recording:
        recording.setnchannels(channels)
        recording.setsampwidth(width)
        recording.setframerate(rate)
        recording.writeframes(sound if isinstance(sound, bytes) else sound.tobytes())
    return file.getvalue()


def _event(kind: str, data: dict[str, object]) -> bytes:
    return json.dumps({"type": kind, "data": data}).encode() + b"\n"
