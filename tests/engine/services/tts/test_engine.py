"""The voice on real networks: what is said, when it ends, and what it leaves behind."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import threading
import time
import weakref
from collections.abc import AsyncGenerator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from services.asr.engine import StreamingASR
from services.inference import InferenceScheduler, Priority
from services.models import DEMO_VOICE
from services.tts.engine import (
    StreamingTTS,
    SynthesisError,
    SynthesisPiece,
    SynthesisTimeout,
    TTSConfig,
    TTSLoadError,
)
from tests.support.leaks import Snapshot, assert_nothing_left
from tests.support.small_vits import (
    HOP,
    SAMPLE_RATE,
    small_voice,
    write_config,
    write_small_vits,
)

SENTENCE = "It is ten past three."
LONG = (
    "I have set a timer for ten minutes, and when it is done I will tell you about it at once,"
    " so that you can take the cake out of the oven before the guests arrive."
)
LETTERS = "abcdefghijklmnopqrstuvwxyz "
HANGS = "Internationalization " * 5


@pytest.fixture
def scheduler() -> Iterator[InferenceScheduler]:
    scheduler = InferenceScheduler(slots=2)
    yield scheduler
    assert scheduler.close()


@pytest.fixture
def small(tmp_path: Path, scheduler: InferenceScheduler) -> StreamingTTS:
    """A voice that streams; text of more than 200 phoneme ids it is never done with."""
    return StreamingTTS.load(small_voice(tmp_path, hangs_above=200), scheduler=scheduler)


async def pieces_of(tts: StreamingTTS, sentence: str, room: str = "a") -> list[SynthesisPiece]:
    return [piece async for piece in tts.synthesize(sentence, owner=room)]


def sound(pieces: list[SynthesisPiece]) -> np.ndarray:
    return np.concatenate([piece.samples for piece in pieces])


def resampled(pcm: np.ndarray, rate: int) -> np.ndarray:
    """The sound at the recogniser's 16 kHz, without what lies above half of that."""
    length = len(pcm) * 16_000 // rate
    spectrum = np.fft.rfft(pcm / 32768)[: length // 2 + 1]
    return (np.fft.irfft(spectrum, length) * length / len(pcm)).astype(np.float32)


def words(pieces: list[SynthesisPiece]) -> list[str]:
    return [word.text for piece in pieces for word in piece.words]


class TestDemoVoice:
    """The demo pair: the recogniser writes down what the voice said."""

    @pytest.mark.parametrize(
        "sentence",
        [
            "It is five twenty in the afternoon.",
            "**Hello!** 🎉 I am your local voice assistant.",
            "Your timer is set for 5 minutes.",
            "I can tell the time and the date, set a timer, do arithmetic, spell a word,"
            " or tell a joke.",
        ],
    )
    async def test_what_is_said_is_understood(
        self, tts: StreamingTTS, asr: StreamingASR, sentence: str
    ) -> None:
        heard = await asr.transcribe(
            resampled(sound(await pieces_of(tts, sentence)), tts.sample_rate),
            owner="a",
            priority=Priority.FINAL,
            deadline_seconds=10.0,
        )
        expected = "".join(c for c in sentence.lower().replace("5", "five") if c in LETTERS)
        assert heard.text.split() == expected.split()

    async def test_sound_is_sixteen_bit_at_the_voices_rate(self, tts: StreamingTTS) -> None:
        assert (tts.sample_rate, tts.can_stream) == (22_050, False)
        pieces = await pieces_of(tts, SENTENCE)
        audio = sound(pieces)
        assert audio.dtype == np.int16
        assert audio.ndim == 1
        assert 1.0 < len(audio) / tts.sample_rate < 3.0
        assert 10_000 < np.abs(audio.astype(int)).max() < 32_767

    async def test_words_are_those_of_the_text_in_order_of_time(self, tts: StreamingTTS) -> None:
        text = "Well... **25** of the apples cost $3.50 🎉, see [here](https://a.example/x) — ok?"
        pieces = await pieces_of(tts, text)
        assert words(pieces) == text.split()
        times = [t for p in pieces for w in p.words for t in (w.start_seconds, w.end_seconds)]
        assert times == sorted(times)
        assert times[-1] <= len(sound(pieces)) / tts.sample_rate + 1e-6

    async def test_words_are_where_they_sound(self, tts: StreamingTTS) -> None:
        pieces = await pieces_of(tts, "Stop. Go.")
        (_, stop_end), (go_start, _) = (
            (w.start_seconds, w.end_seconds) for p in pieces for w in p.words
        )
        audio = np.abs(sound(pieces).astype(float))
        # Between them the voice is silent, within them it is not.
        between = audio[int((stop_end + 0.05) * 22_050) : int((go_start - 0.02) * 22_050)]
        assert between.mean() < 0.05 * audio.mean()
        assert audio[int((go_start + 0.02) * 22_050) :][:2000].mean() > 0.5 * audio.mean()

    async def test_a_long_sentence_begins_with_its_first_clause(self, tts: StreamingTTS) -> None:
        pieces = await pieces_of(tts, LONG)
        assert [w.text for w in pieces[0].words][-1] == "minutes,"
        assert words(pieces) == LONG.split()

    @pytest.mark.own_copy
    async def test_speed_changes_the_length(self, scheduler: InferenceScheduler) -> None:
        lengths = {}
        for speed in (0.5, 1.0, 2.0):
            config = TTSConfig(DEMO_VOICE.model, DEMO_VOICE.config, speed=speed)
            voice = StreamingTTS.load(config, scheduler=scheduler)
            lengths[speed] = len(sound(await pieces_of(voice, SENTENCE)))
        assert lengths[0.5] == pytest.approx(2 * lengths[1.0], rel=0.15)
        assert lengths[2.0] == pytest.approx(0.5 * lengths[1.0], rel=0.15)

    @pytest.mark.parametrize("text", ["🎉", "```print(1)```", "...", "***"])
    async def test_text_without_sound_gives_its_words_only(
        self, tts: StreamingTTS, text: str
    ) -> None:
        pieces = await pieces_of(tts, text)
        assert words(pieces) == text.split()
        assert len(sound(pieces)) == 0

    async def test_nothing_gives_nothing(self, tts: StreamingTTS) -> None:
        assert await pieces_of(tts, "  ") == []

    @pytest.mark.parametrize("unit", ["a", "ab \u200b\u0301\x00", "[[a]] ", "9", "Dr. ", "你"])
    async def test_hostile_text_is_survived(self, tts: StreamingTTS, unit: str) -> None:
        generator = tts.synthesize(unit * (100_000 // len(unit)), owner="a")
        with contextlib.suppress(SynthesisTimeout):
            async with contextlib.aclosing(generator):
                async for _ in generator:
                    break
        assert await pieces_of(tts, SENTENCE)

    async def test_warming_up_is_a_real_inference(
        self, tts: StreamingTTS, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        computed: list[float] = []
        monkeypatch.setattr(tts, "on_synthesis", lambda speech, _: computed.append(speech))
        await tts.warm()
        assert computed[0] > 1.0


class TestStreaming:
    """A small voice with the structure of a Piper export, cut and run in windows."""

    async def test_sound_comes_in_windows_that_carry_their_words(self, small: StreamingTTS) -> None:
        assert (small.sample_rate, small.can_stream) == (SAMPLE_RATE, True)
        pieces = await pieces_of(small, SENTENCE)
        assert len(pieces) > 1
        assert len(pieces[0].samples) == round(0.3 * SAMPLE_RATE / HOP) * HOP
        assert words(pieces) == SENTENCE.split()
        start = 0.0
        for piece in pieces[:-1]:
            end = start + len(piece.samples) / SAMPLE_RATE
            assert all(start <= word.start_seconds < end for word in piece.words)
            start = end

    async def test_a_speaker_changes_the_sound(
        self, tmp_path: Path, scheduler: InferenceScheduler
    ) -> None:
        config = small_voice(tmp_path, speakers=3)
        peaks = set()
        for speaker in (None, 0, 1):
            voice = StreamingTTS.load(replace(config, speaker=speaker), scheduler=scheduler)
            assert voice.can_stream
            pieces = await pieces_of(voice, SENTENCE)
            peaks.add(round(float(np.abs(sound(pieces).astype(float)).mean()), -1))
        assert len(peaks) >= 2
        with pytest.raises(TTSLoadError, match="no speaker 3: choose 0 to 2"):
            StreamingTTS.load(replace(config, speaker=3), scheduler=scheduler)

    async def test_words_have_times_without_durations(
        self, tmp_path: Path, scheduler: InferenceScheduler
    ) -> None:
        voice = StreamingTTS.load(small_voice(tmp_path, durations=False), scheduler=scheduler)
        pieces = await pieces_of(voice, SENTENCE)
        seconds = len(sound(pieces)) / voice.sample_rate
        starts = [word.start_seconds for piece in pieces for word in piece.words]
        assert words(pieces) == SENTENCE.split()
        assert starts == sorted(starts)
        assert 0.5 * seconds < starts[-1] < seconds


class TestEnding:
    """A synthesis that hangs, is late, is no longer wanted."""

    async def test_a_deadline_ends_the_computation_itself(
        self, small: StreamingTTS, scheduler: InferenceScheduler
    ) -> None:
        generator = small.synthesize(HANGS, owner="a", deadline_seconds=0.2)
        with pytest.raises(SynthesisTimeout, match=r"longer than 0\.2 s of engine time"):
            await anext(generator)
        await until_free(scheduler)
        assert scheduler.stats().written_off == 0
        assert sound(await pieces_of(small, SENTENCE)).any()

    async def test_the_deadline_counts_over_the_whole_sentence(self, small: StreamingTTS) -> None:
        with pytest.raises(SynthesisTimeout):
            async for _ in small.synthesize(SENTENCE, owner="a", deadline_seconds=1e-6):
                pass

    async def test_waiting_for_the_listener_does_not_count(self, small: StreamingTTS) -> None:
        waited = 0.0
        async for _ in small.synthesize(SENTENCE, owner="a", deadline_seconds=1.0):
            await asyncio.sleep(0.7)
            waited += 0.7
        assert waited > 1.0

    async def test_cancelling_frees_the_slot(
        self, small: StreamingTTS, scheduler: InferenceScheduler
    ) -> None:
        hanging = [asyncio.create_task(pieces_of(small, HANGS, room)) for room in ("a", "b")]
        while scheduler.stats().running < 2:
            await asyncio.sleep(0.005)
        for task in hanging:
            task.cancel()
        assert all(
            isinstance(result, asyncio.CancelledError)
            for result in await asyncio.gather(*hanging, return_exceptions=True)
        )
        assert await pieces_of(small, SENTENCE)
        await until_free(scheduler)

    async def test_closing_the_generator_leaves_nothing_running(
        self, small: StreamingTTS, scheduler: InferenceScheduler
    ) -> None:
        before = Snapshot.take()
        generator = small.synthesize(SENTENCE, owner="a")
        await anext(generator)
        await generator.aclose()
        await until_free(scheduler)
        await assert_nothing_left(before)

    async def test_one_that_hangs_does_not_hold_up_the_others(self, small: StreamingTTS) -> None:
        hanging = asyncio.create_task(pieces_of(small, HANGS, "a"))
        for room in ("b", "c", "d"):
            assert await pieces_of(small, SENTENCE, room)
        assert not hanging.done()
        hanging.cancel()
        with pytest.raises(asyncio.CancelledError):
            await hanging

    def test_rooms_in_threads_of_their_own_speak_at_once(self, small: StreamingTTS) -> None:
        lengths: list[list[int]] = []

        async def room(name: str) -> None:
            said = [len(sound(await pieces_of(small, SENTENCE, name))) for _ in range(4)]
            lengths.append(said)

        threads = [
            threading.Thread(target=lambda n=n: asyncio.run(room(f"room-{n}"))) for n in range(3)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert len(lengths) == 3
        assert len({length for said in lengths for length in said}) == 1

    async def test_a_closed_voice_finishes_and_then_refuses(
        self, tmp_path: Path, scheduler: InferenceScheduler
    ) -> None:
        voice = StreamingTTS.load(small_voice(tmp_path), scheduler=scheduler)
        generator = voice.synthesize(SENTENCE, owner="a")
        first = await anext(generator)
        voice.close()
        rest = [piece async for piece in generator]
        assert words([first, *rest]) == SENTENCE.split()
        with pytest.raises(SynthesisError, match="closed"):
            await pieces_of(voice, SENTENCE)

    async def test_a_closed_voice_is_let_go(self, tmp_path: Path) -> None:
        scheduler = InferenceScheduler(slots=1)
        voice = StreamingTTS.load(small_voice(tmp_path), scheduler=scheduler)
        network = weakref.ref(voice._voice)
        await pieces_of(voice, SENTENCE)
        voice.close()
        scheduler.close()
        gc.collect()
        assert network() is None


class TestPhrases:
    """Fixed phrases are computed once."""

    async def test_a_remembered_phrase_costs_no_inference(
        self, small: StreamingTTS, scheduler: InferenceScheduler
    ) -> None:
        await small.remember(["Hello there, my friend! How can I help you?"])
        assert small.cached_bytes > 0
        done = sum(scheduler.stats().outcomes.values())
        first = await pieces_of(small, "Hello there,  my friend!")
        again = await pieces_of(small, "Hello there, my friend!")
        assert sum(scheduler.stats().outcomes.values()) == done
        assert (sound(first) == sound(again)).all()
        assert words(again) == ["Hello", "there,", "my", "friend!"]
        await pieces_of(small, "Hello there, my foe!")
        assert sum(scheduler.stats().outcomes.values()) > done

    async def test_forgotten_phrases_are_kept_again_when_spoken(self, small: StreamingTTS) -> None:
        await small.remember([SENTENCE])
        kept = small.cached_bytes
        assert small.forget_phrases() == kept > 0
        assert small.cached_bytes == 0
        await pieces_of(small, "It is ten past four.")
        assert small.cached_bytes == 0
        await pieces_of(small, SENTENCE)
        assert small.cached_bytes > 0

    async def test_a_phrase_broken_off_is_not_kept(self, small: StreamingTTS) -> None:
        await small.remember([SENTENCE])
        small.forget_phrases()
        generator: AsyncGenerator[SynthesisPiece, None] = small.synthesize(SENTENCE, owner="a")
        await anext(generator)
        await generator.aclose()
        assert small.cached_bytes == 0


class TestLoading:
    """A voice that is missing, damaged or not for us says what to do."""

    @pytest.mark.parametrize(
        ("file", "content", "message"),
        [
            ("voice.onnx", None, "voice.onnx does not exist: fetch the voice"),
            ("voice.onnx", b"<html>not found</html>", "voice.onnx cannot be loaded: fetch"),
            ("voice.onnx", b"", "voice.onnx cannot be loaded: fetch"),
            ("voice.onnx.json", None, "cannot be read: .* put both in one folder"),
            ("voice.onnx.json", b"{", "not the configuration of a Piper voice"),
            ("voice.onnx.json", b"[]", "not the configuration of a Piper voice"),
            ("voice.onnx.json", b'{"audio": {}}', "not the configuration of a Piper voice"),
        ],
    )
    def test_files_that_are_missing_or_damaged(
        self,
        tmp_path: Path,
        scheduler: InferenceScheduler,
        file: str,
        content: bytes | None,
        message: str,
    ) -> None:
        model, config = write_small_vits(tmp_path)
        if content is None:
            (tmp_path / file).unlink()
        else:
            (tmp_path / file).write_bytes(content)
        with pytest.raises(TTSLoadError, match=message):
            StreamingTTS.load(TTSConfig(model, config), scheduler=scheduler)

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"phoneme_type": "pinyin"}, "pinyin phonemes need packages"),
            ({"phoneme_id_map": {"a": [3]}}, "no phoneme ids for"),
            ({"espeak": {"voice": "xx-none"}}, "does not speak"),
        ],
    )
    def test_configurations_we_cannot_use(
        self, tmp_path: Path, scheduler: InferenceScheduler, changes: dict[str, Any], message: str
    ) -> None:
        model, _ = write_small_vits(tmp_path)
        config = write_config(tmp_path / "other.json", **changes)
        with pytest.raises(TTSLoadError, match=message):
            StreamingTTS.load(TTSConfig(model, config), scheduler=scheduler)

    def test_a_voice_that_never_answers_is_given_up(
        self, tmp_path: Path, scheduler: InferenceScheduler, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("services.tts.piper.voice._LOAD_SECONDS", 0.3)
        model, config = write_small_vits(tmp_path, hangs_above=0)
        with pytest.raises(TTSLoadError, match=r"does not speak: .*nothing was heard within"):
            StreamingTTS.load(TTSConfig(model, config), scheduler=scheduler)

    @pytest.mark.own_copy
    def test_an_impossible_speed(self, scheduler: InferenceScheduler) -> None:
        config = TTSConfig(DEMO_VOICE.model, DEMO_VOICE.config, speed=0.0)
        with pytest.raises(TTSLoadError, match=r"choose 0\.5 to 2"):
            StreamingTTS.load(config, scheduler=scheduler)


async def until_free(scheduler: InferenceScheduler) -> None:
    """Wait until no scheduler thread is in a model call."""
    end = time.monotonic() + 10
    while scheduler.stats().running:
        assert time.monotonic() < end, "a scheduler thread did not come back"
        await asyncio.sleep(0.005)
