from __future__ import annotations

import asyncio
import difflib
import gc
import json
import shutil
import threading
import weakref
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from services.asr.config import ASRConfig, ASRError, ASRLoadError, DecodeOptions
from services.asr.engine import StreamingASR
from services.asr.transcription import (
    RecognizedWord,
    Transcription,
    join_transcriptions,
)
from services.asr.whisper import Whisper
from services.audio.samples import SAMPLE_RATE, clean, quietest_place, split_quietly
from services.inference import InferenceScheduler, InferenceTimeout, Priority, Run
from tests.support.recordings import Recording, Samples, recording, recordings, silence
from tests.support.word_errors import word_error_rate

PATIENCE_SECONDS = 60.0


def whisper_of(asr: StreamingASR) -> Whisper:
    assert asr._whisper is not None
    return asr._whisper


async def transcribe(
    asr: StreamingASR,
    samples: Samples,
    options: DecodeOptions | None = None,
    *,
    deadline_seconds: float = PATIENCE_SECONDS,
) -> Transcription:
    return await asr.transcribe(
        samples,
        owner="test",
        priority=Priority.FINAL,
        deadline_seconds=deadline_seconds,
        options=options or DecodeOptions(),
    )


# What is heard


async def test_requests_are_heard_as_they_were_said(asr: StreamingASR) -> None:
    spoken = recordings("turn", "pause")
    heard = [await transcribe(asr, r.samples) for r in spoken]
    pairs = [(h.text, r.text) for h, r in zip(heard, spoken, strict=True)]
    assert word_error_rate(pairs) <= 0.10
    assert sum(h != s for h, s in pairs) <= 10
    assert all(0.0 < h.confidence <= 1.0 for h in heard)
    assert all(h.language == "en" for h in heard)


@pytest.mark.parametrize("spoken", recordings("long"), ids=str)
async def test_speech_longer_than_the_window_loses_no_sentence(
    asr: StreamingASR, spoken: Recording
) -> None:
    assert spoken.seconds > 4 * asr.config.window_seconds
    heard = await transcribe(asr, spoken.samples)
    assert word_error_rate([(heard.text, spoken.text)]) <= 0.14
    assert heard.audio_seconds == pytest.approx(spoken.seconds, abs=0.1)
    assert longest_run_of_lost_words(heard.text, spoken.text) <= 2


def longest_run_of_lost_words(heard: str, said: str) -> int:
    """Words said one after another that the transcript has no trace of, in their order."""
    changes = difflib.SequenceMatcher(None, heard.split(), said.split(), autojunk=False)
    return max(
        (said_end - said_start) - (heard_end - heard_start)
        for _, heard_start, heard_end, said_start, said_end in changes.get_opcodes()
    )


@pytest.mark.parametrize("noise", recordings("nonspeech"), ids=str)
async def test_noise_and_music_give_no_text(asr: StreamingASR, noise: Recording) -> None:
    assert (await transcribe(asr, noise.samples)).text == ""


BAD_AUDIO = {
    "nothing": np.empty(0),
    "one sample": np.array([0.5]),
    "two samples, two dimensions": np.array([[0.5], [0.5]]),
    "a silent second": np.zeros(SAMPLE_RATE),
    "not a number": np.full(SAMPLE_RATE, np.nan),
    "infinite": np.full(SAMPLE_RATE, np.inf),
    "too loud": np.full(SAMPLE_RATE, 1e30),
    "a constant": np.full(SAMPLE_RATE, 0.5),
    "one click": np.eye(1, SAMPLE_RATE, 5000).reshape(-1),
}


@pytest.mark.parametrize("name", BAD_AUDIO)
async def test_audio_without_speech_in_it_gives_no_text(asr: StreamingASR, name: str) -> None:
    heard = await transcribe(asr, BAD_AUDIO[name])
    assert heard.text == ""
    assert heard.words == ()
    assert heard.confidence == 0.0


async def test_random_bytes_for_audio_end_in_a_transcription(asr: StreamingASR) -> None:
    garbage = np.random.default_rng(1).integers(0, 2**32, 3 * SAMPLE_RATE, dtype=np.uint32)
    heard = await transcribe(asr, garbage.view(np.float32))
    assert len(heard.text.split()) < 20


async def test_speech_is_heard_in_spite_of_samples_that_are_no_numbers(asr: StreamingASR) -> None:
    spoken = recording("turn_05")
    broken = spoken.samples.copy()
    broken[1000:1010] = np.nan
    broken[12000] = np.inf
    assert (await transcribe(asr, broken)).text == spoken.text


@pytest.mark.parametrize("kind", [np.float64, np.float32])
async def test_the_type_of_float_makes_no_difference(asr: StreamingASR, kind: Any) -> None:
    spoken = recording("turn_05")
    assert (await transcribe(asr, spoken.samples.astype(kind))).text == spoken.text


@pytest.mark.parametrize("gain", [0.02, 0.2, 1.0])
async def test_quiet_speech_is_heard_like_loud_speech(asr: StreamingASR, gain: float) -> None:
    spoken = recording("turn_05")
    assert (await transcribe(asr, gain * spoken.samples)).text == spoken.text


# When it was said


@pytest.mark.parametrize("spoken", recordings("turn")[::7] + recordings("pause")[:2], ids=str)
async def test_words_have_times_within_the_speech_and_in_order(
    asr: StreamingASR, spoken: Recording
) -> None:
    heard = await transcribe(asr, spoken.samples, DecodeOptions(words=True))
    assert [w.text for w in heard.words] == heard.text.split()
    assert_in_order(heard)
    assert heard.words[0].start_seconds >= spoken.speech_start_seconds - 0.3
    assert heard.words[-1].start_seconds < spoken.speech_end_seconds
    assert heard.words[-1].end_seconds <= spoken.seconds
    assert all(0.0 <= w.probability <= 1.0 for w in heard.words)


def assert_in_order(heard: Transcription) -> None:
    times = [t for w in heard.words for t in (w.start_seconds, w.end_seconds)]
    assert times == sorted(times)


async def test_words_of_long_speech_are_timed_from_its_start(asr: StreamingASR) -> None:
    spoken = recording("long_0")
    heard = await transcribe(asr, spoken.samples, DecodeOptions(words=True))
    assert [w.text for w in heard.words] == heard.text.split()
    assert_in_order(heard)
    last_time = [w for w in heard.words if w.text == "times"][-1]
    assert spoken.seconds - 6.0 < last_time.start_seconds < spoken.seconds


async def test_nothing_is_timed_when_nobody_asks(asr: StreamingASR) -> None:
    assert (await transcribe(asr, recording("turn_05").samples)).words == ()


async def test_words_after_a_pause_begin_after_it(asr: StreamingASR) -> None:
    spoken = recording("pause_03")
    heard = await transcribe(asr, spoken.samples, DecodeOptions(words=True))
    gap_starts = spoken.silence_start_seconds
    gap_ends = gap_starts + spoken.silence_seconds
    assert not [w for w in heard.words if gap_starts + 0.4 < w.start_seconds < gap_ends - 0.4]


# Options


async def test_keyterms_and_prompts_do_no_harm_to_a_model_not_trained_for_them(
    asr: StreamingASR,
) -> None:
    spoken = recording("turn_05")
    options = DecodeOptions(hotwords=("Zürich", "Ångström"), prompt="A talk about cities.")
    assert not asr.config.prompts
    assert (await transcribe(asr, spoken.samples, options)).text == spoken.text


async def test_an_english_model_answers_in_english_whatever_is_asked_for(
    asr: StreamingASR,
) -> None:
    assert not whisper_of(asr).multilingual
    heard = await transcribe(asr, recording("turn_05").samples, DecodeOptions(language="de"))
    assert (heard.text, heard.language) == ("what time is it", "en")


@pytest.mark.parametrize(
    ("asked", "configured", "used"),
    [("de", "en", "de"), ("pt-BR", None, "pt"), (None, "fr", "fr"), (None, None, "nl")],
)
def test_a_multilingual_model_is_told_the_language_or_finds_it(
    asr: StreamingASR, asked: str | None, configured: str | None, used: str
) -> None:
    model: Any = SimpleNamespace(
        model=SimpleNamespace(
            is_multilingual=True, detect_language=lambda encoded: [[("<|nl|>", 0.9)]]
        )
    )
    whisper = Whisper(model, replace(asr.config, language=configured))
    encoded: Any = None
    language, _ = whisper._language(encoded, DecodeOptions(language=asked))
    assert language == used


# Failing and ending


async def test_a_decode_that_takes_too_long_ends_in_a_timeout(asr: StreamingASR) -> None:
    with pytest.raises(InferenceTimeout):
        await transcribe(asr, recording("turn_08").samples, deadline_seconds=1e-6)
    assert (await transcribe(asr, recording("turn_05").samples)).text == "what time is it"


@pytest.fixture
def own_scheduler() -> Iterator[InferenceScheduler]:
    scheduler = InferenceScheduler(slots=1)
    yield scheduler
    assert scheduler.close(timeout_seconds=PATIENCE_SECONDS)


@pytest.fixture
def own(asr: StreamingASR, own_scheduler: InferenceScheduler) -> Iterator[StreamingASR]:
    """A recogniser that a test may close."""
    recogniser = StreamingASR.load(asr.config, scheduler=own_scheduler)
    yield recogniser
    recogniser.close()


@pytest.mark.own_copy
async def test_a_closed_recogniser_says_so(own: StreamingASR) -> None:
    own.close()
    own.close()
    with pytest.raises(ASRError, match="the speech recogniser has been closed"):
        await transcribe(own, recording("turn_05").samples)


@pytest.mark.own_copy
async def test_closing_frees_the_weights_only_after_the_decode_that_runs(
    own: StreamingASR, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside, go_on = threading.Event(), threading.Event()
    features = Whisper.features

    def held(whisper: Whisper, samples: Samples) -> Samples:
        inside.set()
        assert go_on.wait(PATIENCE_SECONDS)
        return features(whisper, samples)

    monkeypatch.setattr(Whisper, "features", held)
    weights: weakref.ref[Any] = weakref.ref(whisper_of(own).model)
    decode = asyncio.create_task(transcribe(own, recording("turn_05").samples))
    assert await asyncio.to_thread(inside.wait, PATIENCE_SECONDS)
    own.close()
    with pytest.raises(ASRError, match="closed"):
        await transcribe(own, recording("turn_05").samples)
    loaded = weights()
    assert loaded is not None
    assert loaded.model.model_is_loaded
    del loaded
    go_on.set()
    assert (await decode).text == "what time is it"
    # Another call has begun in the only thread, so the decode has left it.
    await own.scheduler.run(
        lambda run: None, engine="next", owner="test", priority=Priority.FINAL, deadline_seconds=60
    )
    gc.collect()
    assert weights() is None


@pytest.mark.own_copy
async def test_a_cancelled_decode_is_left_between_its_passes(own: StreamingASR) -> None:
    loaded: Any = whisper_of(own).model
    inside, go_on = threading.Event(), threading.Event()
    generated = threading.Event()
    encode, generate = loaded.encode, loaded.model.generate

    class Model:
        def __getattr__(self, name: str) -> Any:
            return getattr(real, name)

        def generate(self, *args: Any, **kwargs: Any) -> Any:
            generated.set()
            return generate(*args, **kwargs)

    def held(features: Samples) -> Any:
        inside.set()
        assert go_on.wait(PATIENCE_SECONDS)
        return encode(features)

    real, loaded.model, loaded.encode = loaded.model, Model(), held
    decode = asyncio.create_task(transcribe(own, recording("turn_05").samples))
    assert await asyncio.to_thread(inside.wait, PATIENCE_SECONDS)
    decode.cancel()
    with pytest.raises(asyncio.CancelledError):
        await decode
    go_on.set()
    assert await own.scheduler.run(
        lambda run: True, engine="next", owner="test", priority=Priority.FINAL, deadline_seconds=60
    )
    assert not generated.is_set()


CURE = r"fetch it again with `python -m agent download-files --asr broken`"


def broken_copy(config: ASRConfig, folder: Path) -> ASRConfig:
    shutil.copytree(config.model, folder)
    return replace(config, model=folder, name="broken")


@pytest.mark.parametrize("name", ["model.bin", "config.json", "tokenizer.json"])
def test_a_model_with_a_file_missing_is_named_with_the_cure(
    asr: StreamingASR, tmp_path: Path, name: str
) -> None:
    config = broken_copy(asr.config, tmp_path / "model")
    (config.model / name).unlink()
    with pytest.raises(ASRLoadError, match=rf"{config.model} has no {name}: {CURE}"):
        StreamingASR.load(config, scheduler=asr.scheduler)


def test_a_folder_that_is_not_there_is_named_with_the_cure(
    asr: StreamingASR, tmp_path: Path
) -> None:
    config = replace(asr.config, model=tmp_path / "absent", name="broken")
    with pytest.raises(ASRLoadError, match=CURE):
        StreamingASR.load(config, scheduler=asr.scheduler)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
def test_a_truncated_model_is_named_with_the_cure(
    asr: StreamingASR, tmp_path: Path, share: float
) -> None:
    config = broken_copy(asr.config, tmp_path / "model")
    weights = (config.model / "model.bin").read_bytes()
    (config.model / "model.bin").write_bytes(weights[: round(share * len(weights))])
    with pytest.raises(ASRLoadError, match=CURE):
        StreamingASR.load(config, scheduler=asr.scheduler)


@pytest.mark.parametrize("name", ["model.bin", "config.json", "tokenizer.json", "vocabulary.json"])
def test_a_model_with_garbage_in_a_file_is_named_with_the_cure(
    asr: StreamingASR, tmp_path: Path, name: str
) -> None:
    config = broken_copy(asr.config, tmp_path / "model")
    (config.model / name).write_bytes(b"<html>Not found</html>" * 100)
    with pytest.raises(ASRLoadError, match=CURE):
        StreamingASR.load(config, scheduler=asr.scheduler)


def test_a_model_whose_files_do_not_fit_together_is_found_out_before_a_room_uses_it(
    asr: StreamingASR, tmp_path: Path
) -> None:
    config = broken_copy(asr.config, tmp_path / "model")
    file = config.model / "preprocessor_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"feature_size": 128}))
    recogniser = StreamingASR.load(config, scheduler=asr.scheduler)
    with pytest.raises(ASRLoadError, match=CURE):
        recogniser.warm()
    recogniser.close()


# Runaway decoding


class Misheard:
    """A decoder whose short pass, or every pass, gives a certain transcription."""

    def __init__(self, asr: StreamingASR, heard: Transcription, *, full_too: bool = True) -> None:
        self.passes: list[int] = []
        """Frames of context."""
        self._transcribe = whisper_of(asr).transcribe
        self._heard = heard
        self._full_too = full_too

    def __call__(self, features: Samples, frames: int, *args: Any, **times: Any) -> Transcription:
        self.passes.append(frames)
        if len(self.passes) == 1 or self._full_too:
            return self._heard
        return self._transcribe(features, frames, *args, **times)


def saying(text: str, log_probability: float = -0.3, no_speech: float = 0.0) -> Transcription:
    words = text.split()
    return Transcription(
        text,
        words=tuple(RecognizedWord(w, i / 10, (i + 1) / 10, 0.9) for i, w in enumerate(words)),
        mean_log_probability=log_probability,
        no_speech_probability=no_speech,
        tokens=len(words),
        audio_seconds=1.0,
    )


def test_a_runaway_decode_is_tried_once_more_at_full_context(
    asr: StreamingASR, monkeypatch: pytest.MonkeyPatch
) -> None:
    misheard = Misheard(asr, saying("tell me a joke " * 10), full_too=False)
    monkeypatch.setattr(whisper_of(asr), "transcribe", misheard)
    heard = asr.decode(recording("turn_05").samples, DecodeOptions(), Run())
    assert misheard.passes == [276, 1000]
    assert "joke" not in heard.text


def test_what_still_repeats_itself_is_said_once(
    asr: StreamingASR, monkeypatch: pytest.MonkeyPatch
) -> None:
    misheard = Misheard(asr, saying("hello there " + "tell me a joke " * 10))
    monkeypatch.setattr(whisper_of(asr), "transcribe", misheard)
    heard = asr.decode(recording("turn_05").samples, DecodeOptions(), Run())
    assert misheard.passes == [276, 1000]
    assert heard.text == "hello there tell me a joke"
    assert [w.text for w in heard.words] == heard.text.split()


@pytest.mark.parametrize(
    "said", ["no no no no no", "one two one two one two", "tell me a joke tell me a joke"]
)
def test_people_may_repeat_themselves(
    asr: StreamingASR, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    monkeypatch.setattr(whisper_of(asr), "transcribe", Misheard(asr, saying(said)))
    assert asr.decode(recording("turn_05").samples, DecodeOptions(), Run()).text == said


@pytest.mark.parametrize(
    ("log_probability", "no_speech", "kept"),
    [(-1.1, 0.6, ""), (-2.5, 0.0, ""), (-0.2, 0.9, "thank you"), (-0.8, 0.1, "thank you")],
)
def test_a_guess_for_what_is_hardly_speech_is_not_kept(
    asr: StreamingASR,
    monkeypatch: pytest.MonkeyPatch,
    log_probability: float,
    no_speech: float,
    kept: str,
) -> None:
    guess = saying("thank you", log_probability, no_speech)
    monkeypatch.setattr(whisper_of(asr), "transcribe", Misheard(asr, guess))
    heard = asr.decode(recording("turn_05").samples, DecodeOptions(), Run())
    assert heard.text == kept
    assert bool(heard.words) == bool(kept)


# Cutting and joining


def test_audio_is_cut_where_it_is_quiet_and_nothing_is_lost() -> None:
    rng = np.random.default_rng(2)
    audio = rng.normal(0.0, 0.1, 25 * SAMPLE_RATE).astype(np.float32)
    for second in (7, 13, 21):
        audio[second * SAMPLE_RATE :][: SAMPLE_RATE // 4] = 0.0
    pieces = split_quietly(audio, 10.0)
    assert np.array_equal(np.concatenate(pieces), audio)
    cuts = np.cumsum([len(piece) / SAMPLE_RATE for piece in pieces])[:-1]
    assert np.allclose(cuts, [7.125, 13.125, 21.125], atol=0.05)
    shorter = split_quietly(audio, 10.0, (0.2, 0.5))
    assert np.array_equal(np.concatenate(shorter), audio)
    assert max(len(piece) for piece in shorter) <= 4.8 * SAMPLE_RATE


@pytest.mark.parametrize("seconds", [0.0, 1.0, 9.6])
def test_audio_that_fits_is_not_cut(seconds: float) -> None:
    audio = silence(seconds)
    assert [len(piece) for piece in split_quietly(audio, 10.0)] == [len(audio)]


def test_without_a_quieter_place_the_piece_is_as_long_as_it_may() -> None:
    audio = np.ones(4 * SAMPLE_RATE, dtype=np.float32)
    cut = quietest_place(audio, SAMPLE_RATE, 3 * SAMPLE_RATE)
    assert 2.85 * SAMPLE_RATE < cut <= 3 * SAMPLE_RATE
    assert quietest_place(audio, SAMPLE_RATE, SAMPLE_RATE + 100) == SAMPLE_RATE + 100


def test_clean_makes_mono_float_audio_within_bounds() -> None:
    cleaned = clean(np.array([[0.5, np.nan], [np.inf, -7.0]]))
    assert cleaned.dtype == np.float32
    assert cleaned.tolist() == [0.5, 0.0, 0.0, -1.0]


def test_transcriptions_join_in_order() -> None:
    first = Transcription("one two", mean_log_probability=-0.1, tokens=2, audio_seconds=1.0)
    nothing = Transcription("", no_speech_probability=0.9, audio_seconds=2.0)
    second = Transcription("three", mean_log_probability=-0.4, tokens=1, audio_seconds=1.0)
    joined = join_transcriptions([first, nothing, second])
    assert joined.text == "one two three"
    assert joined.mean_log_probability == pytest.approx(-0.2)
    assert (joined.tokens, joined.audio_seconds) == (3, 4.0)
    assert joined.no_speech_probability == 0.9
    assert join_transcriptions([nothing, nothing]).text == ""
    assert join_transcriptions([]).text == ""
