"""Several voices and recognisers in one process: each once, whoever asks, and only while needed."""

from __future__ import annotations

import asyncio
import gc
import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from services.host.allocator import trim_allocator
from services.host.process_memory import resident_bytes
from services.livekit_local import LocalSTT, LocalTTS
from services.models import DEMO_ASR, DEMO_VOICE, resolve_voice
from services.shared.config import EngineConfig
from services.shared.engines import SharedEngines
from services.tts.engine import Delivery, StreamingTTS, TTSConfig
from services.tts.interface import TTSEngine
from tests.support.genuine import VOICE
from tests.support.small_vits import write_small_vits

pytestmark = [pytest.mark.own_process, pytest.mark.own_copy]

PATIENCE_SECONDS = 60.0
MB = 2**20
SENTENCE = "What time is it?"


@pytest.fixture
def speech(tmp_path: Path) -> Iterator[SharedEngines]:
    """The demo models, beside which others may be loaded."""
    speech = SharedEngines(EngineConfig(cache=tmp_path / "cache"))
    yield speech
    speech.close()


def copy_voice(model: Path, to: Path) -> str:
    """Copy a voice, which makes another voice of it."""
    shutil.copy(model, to)
    shutil.copy(f"{model}.json", f"{to}.json")
    return str(to)


def spoken(voice: TTSEngine, delivery: Delivery) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    async def speak() -> list[np.ndarray[tuple[int], np.dtype[np.int16]]]:
        pieces = voice.synthesize(SENTENCE, owner="test", delivery=delivery)
        return [piece.samples async for piece in pieces]

    return np.concatenate(asyncio.run(speak()))


def in_rooms(engines: SharedEngines, voices: list[str]) -> list[TTSEngine]:
    """Let a room for each of these voices speak, at the same time; return what they spoke with."""
    used: list[TTSEngine | None] = [None] * len(voices)
    waiting = threading.Barrier(len(voices))

    async def converse(number: int) -> None:
        tts = LocalTTS(engines=engines, voice=voices[number], room=f"room-{number}")
        recogniser = LocalSTT(engines=engines, room=f"room-{number}")
        waiting.wait(PATIENCE_SECONDS)
        async with tts.synthesize(SENTENCE) as stream:
            assert [event async for event in stream]
        assert await recogniser.recogniser.get()
        used[number] = await engines.voice((voices[number],)).get()
        await tts.aclose()
        await recogniser.aclose()

    def run(number: int) -> None:
        asyncio.run(converse(number))

    rooms = [threading.Thread(target=run, args=(number,)) for number in range(len(voices))]
    for room in rooms:
        room.start()
    for room in rooms:
        room.join(PATIENCE_SECONDS)
    return [voice for voice in used if voice is not None]


def test_ten_rooms_with_five_voices_load_each_once_and_take_the_memory_of_five(
    genuine_cache: Path, tmp_path: Path
) -> None:
    genuine = resolve_voice(VOICE, cache=genuine_cache).model
    voices = [
        VOICE,
        copy_voice(genuine, tmp_path / "joseph.onnx"),
        copy_voice(genuine, tmp_path / "giuseppe.onnx"),
        DEMO_VOICE.name,
        copy_voice(DEMO_VOICE.model, tmp_path / "demonstration.onnx"),
    ]
    engines = SharedEngines(EngineConfig(voice=VOICE, cache=genuine_cache))
    try:
        engines.asr.get_blocking()
        trim_allocator()
        before = resident_bytes()
        recogniser_bytes = sum(used.model.memory_bytes for used in engines.in_use)
        used = in_rooms(engines, voices * 2)
        trim_allocator()
        grown = resident_bytes() - before
        parts = {used.part: used.model.memory_bytes for used in engines.in_use}
        assert len({id(voice) for voice in used}) == 5
        assert len(used) == 10
        assert used[:5] == used[5:]
        assert (engines.loads["asr"], engines.loads["voice"]) == (1, 5)
        assert sorted(parts) == [
            "asr model",
            "voice model",
            "voice model demo",
            "voice model demonstration",
            "voice model giuseppe",
            "voice model joseph",
        ]
        total = sum(parts.values()) - recogniser_bytes
        # A genuine voice takes some 75 MB: a copy for each room would be 500 MB.
        assert 200 * MB < total < 400 * MB
        assert grown < total + 60 * MB
        assert all(not used.users for used in engines.in_use)
    finally:
        engines.close()


def test_the_same_files_are_one_model_by_whatever_name(speech: SharedEngines) -> None:
    voice = speech.voice((str(DEMO_VOICE.model),))
    recogniser = speech.recogniser(str(DEMO_ASR.folder))
    missing_first = speech.voice(("/nowhere/voice.onnx", DEMO_VOICE.name))
    assert voice.get_blocking() is speech.tts.get_blocking()
    assert missing_first.get_blocking() is speech.tts.get_blocking()
    assert recogniser.get_blocking() is speech.asr.get_blocking()
    loads = speech.loads
    assert (loads["asr"], loads["voice"]) == (1, 1)


def test_idle_models_leave_longest_idle_first_and_come_back(
    speech: SharedEngines, tmp_path: Path
) -> None:
    speech.tts.get_blocking()
    kept = speech.tts.use()
    names = [copy_voice(DEMO_VOICE.model, tmp_path / f"{name}.onnx") for name in "abc"]
    first, second, third = (speech.voice((name,)) for name in names)
    leases = [voice.use() for voice in (first, second, third)]
    for voice in (first, second, third):
        voice.get_blocking()
    assert speech.unload_idle() is None
    leases[1].close()
    leases[0].close()
    leases[0].close()
    assert [speech.unload_idle() for _ in range(3)] == ["b", "a", None]
    assert sorted(used.part for used in speech.in_use) == ["voice model", "voice model c"]
    assert first.bytes_to_load > 0
    assert third.bytes_to_load == 0
    assert first.get_blocking().name == "a"
    assert (first.loads, second.loads, third.loads) == (2, 1, 1)
    kept.close()


def test_a_model_that_is_wanted_counts_as_memory_to_come(
    speech: SharedEngines, tmp_path: Path
) -> None:
    name = copy_voice(DEMO_VOICE.model, tmp_path / "wanted.onnx")
    wanted = speech.voice((name,))
    assert (speech.pending_bytes, speech.idle_bytes) == (0, 0)
    lease = wanted.use()
    assert speech.pending_bytes == DEMO_VOICE.model.stat().st_size
    wanted.get_blocking()
    assert (speech.pending_bytes, speech.idle_bytes) == (0, 0)
    lease.close()
    assert speech.idle_bytes > 0


def test_a_model_that_is_wanted_by_two_names_counts_once(
    speech: SharedEngines, tmp_path: Path
) -> None:
    name = copy_voice(DEMO_VOICE.model, tmp_path / "wanted.onnx")
    (tmp_path / "link").symlink_to(tmp_path)
    by_path, by_link = speech.voice((name,)), speech.voice((f"{tmp_path}/link/wanted.onnx",))
    second_choice = speech.voice(("/nowhere/voice.onnx", name))
    size = DEMO_VOICE.model.stat().st_size
    assert by_link.bytes_to_add == size
    leases = [by_path.use(), by_link.use()]
    assert speech.pending_bytes == size
    assert second_choice.bytes_to_add == 0
    demo_by_path = speech.recogniser(str(DEMO_ASR.folder))
    leases += [demo_by_path.use(), speech.asr.use()]
    assert speech.pending_bytes == size + (DEMO_ASR.folder / "model.bin").stat().st_size
    by_path.get_blocking()
    assert second_choice.bytes_to_load == 0
    for lease in leases:
        lease.close()
    assert speech.unload_idle() == "wanted"
    assert second_choice.bytes_to_add > 0


def test_the_default_speaks_for_a_voice_whatever_is_wrong_with_that(
    speech: SharedEngines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = speech.voice((copy_voice(DEMO_VOICE.model, tmp_path / "large.onnx"),))
    load = StreamingTTS.load

    def fails(config: TTSConfig, **rest: object) -> StreamingTTS:
        if config.name == "large":
            raise MemoryError("no more memory")
        return load(config, **rest)  # type: ignore[arg-type]

    monkeypatch.setattr(StreamingTTS, "load", fails)
    assert own.get_blocking() is speech.tts.get_blocking()
    assert own.problem == "no more memory. The default voice takes its place."


def test_idle_models_make_room_for_one_that_is_needed(
    speech: SharedEngines, tmp_path: Path
) -> None:
    names = [copy_voice(DEMO_VOICE.model, tmp_path / f"{name}.onnx") for name in "abc"]
    first, second, third = (speech.voice((name,)) for name in names)
    first.get_blocking()
    lease = second.use()
    second.get_blocking()
    speech.headroom_bytes = lambda: 0
    third.get_blocking()
    assert sorted(used.part for used in speech.in_use) == ["voice model b", "voice model c"]
    lease.close()


def test_the_default_speaks_for_a_voice_that_is_missing_until_that_is_there(
    speech: SharedEngines, tmp_path: Path
) -> None:
    file = tmp_path / "late.onnx"
    late = speech.voice((str(file),))
    lease = late.use()
    assert late.get_blocking() is speech.tts.get_blocking()
    (notice,) = speech.notices
    assert notice.endswith("The default voice takes its place.")
    assert str(file) in notice
    copy_voice(DEMO_VOICE.model, file)
    # A conversation keeps the voice that it began with.
    assert late.get_blocking() is speech.tts.get_blocking()
    lease.close()
    assert late.get_blocking().name == "late"
    assert speech.notices == []


def test_a_voice_whose_files_go_while_it_is_unloaded_is_replaced(
    speech: SharedEngines, tmp_path: Path
) -> None:
    name = copy_voice(DEMO_VOICE.model, tmp_path / "gone.onnx")
    voice = speech.voice((name,))
    assert asyncio.run(voice.get()).name == "gone"
    assert speech.unload_idle() == "gone"
    Path(name).unlink()
    assert asyncio.run(voice.get()) is speech.tts.get_blocking()


def test_rooms_speak_while_another_voice_is_loaded(
    speech: SharedEngines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    speech.tts.get_blocking()
    started, allowed = threading.Event(), threading.Event()
    load = StreamingTTS.load

    def slow(config: TTSConfig, **rest: object) -> StreamingTTS:
        started.set()
        assert allowed.wait(PATIENCE_SECONDS)
        return load(config, **rest)  # type: ignore[arg-type]

    monkeypatch.setattr(StreamingTTS, "load", slow)
    other = speech.voice((copy_voice(DEMO_VOICE.model, tmp_path / "slow.onnx"),))

    async def converse() -> None:
        waiting = asyncio.create_task(other.get())
        assert await asyncio.to_thread(started.wait, PATIENCE_SECONDS)
        tts = LocalTTS(engines=speech, room="a")
        async with tts.synthesize(SENTENCE) as stream:
            assert [event async for event in stream]
        assert not waiting.done()
        allowed.set()
        assert (await waiting).name == "slow"
        await tts.aclose()

    asyncio.run(converse())


def test_speed_and_speaker_differ_from_call_to_call_of_one_voice(
    speech: SharedEngines, tmp_path: Path
) -> None:
    model, _ = write_small_vits(tmp_path, speakers=3)
    voice = speech.voice((str(model),)).get_blocking()
    assert voice.speakers == 3
    usual, fast = (spoken(voice, Delivery(speed=speed)) for speed in (None, 2.0))
    assert len(fast) < 0.7 * len(usual)
    first, second = (spoken(voice, Delivery(speaker=speaker)) for speaker in (0, 2))
    assert not np.array_equal(first[:1000], second[:1000])
    # One that the voice does not have is not worth a call without a voice.
    assert len(spoken(voice, Delivery(speaker=7)))
    assert speech.loads["voice"] == 1


def test_a_remembered_phrase_is_kept_for_each_delivery(speech: SharedEngines) -> None:
    voice = speech.tts.get_blocking()
    fast = Delivery(speed=2.0)

    async def remember() -> None:
        await voice.remember([SENTENCE])
        await voice.remember([SENTENCE], delivery=fast)

    asyncio.run(remember())
    assert len(spoken(voice, fast)) < 0.7 * len(spoken(voice, Delivery()))


async def test_a_plugin_that_is_dropped_lets_its_voice_go(
    speech: SharedEngines, tmp_path: Path
) -> None:
    name = copy_voice(DEMO_VOICE.model, tmp_path / "dropped.onnx")
    tts = LocalTTS(engines=speech, voice=name)
    await speech.voice((name,)).get()
    assert speech.unload_idle() is None
    del tts
    gc.collect()
    assert speech.unload_idle() == "dropped"


def german_copy(to: Path) -> str:
    """The demo voice, told to read German."""
    voice = copy_voice(DEMO_VOICE.model, to)
    config = Path(f"{voice}.json")
    content = json.loads(config.read_text(encoding="utf-8"))
    content["espeak"]["voice"] = "de"
    config.write_text(json.dumps(content), encoding="utf-8")
    return voice


async def test_a_reply_is_spoken_by_the_voice_of_its_language(
    speech: SharedEngines, tmp_path: Path
) -> None:
    german = german_copy(tmp_path / "german.onnx")
    wanted = ["en", "de", "fr"]
    tts = LocalTTS(
        engines=speech, language_voices={"de": german}, language=lambda: wanted[0], room="room"
    )
    spoke: list[str] = []
    for shared in (speech.tts, speech.voice((german,))):
        voice = await shared.get()
        assert isinstance(voice, StreamingTTS)
        voice.on_synthesis = lambda *_, code=voice.language: spoke.append(code)
    while wanted:
        async with tts.synthesize(SENTENCE) as stream:
            assert [event async for event in stream]
        wanted.pop(0)
    assert spoke == ["en", "de", "en"]
    await tts.aclose()
