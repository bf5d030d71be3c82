"""Whether a voice sounds finished: the genuine model, and what it is given to hear."""

from __future__ import annotations

import statistics
from pathlib import Path

import numpy as np
import pytest

from services.audio.samples import SAMPLE_RATE
from services.endpointing.acoustic import (
    HEARD_SAMPLES,
    AcousticModel,
    AcousticModelLoadError,
    TurnAudio,
)
from services.models import DEFAULT_TURN, resolve_turn
from services.vad.silero import VoiceActivityDetector, VoiceActivityModel, VoiceActivityOptions
from tests.support.people import people, person
from tests.support.recordings import silence

_ORDERS = [r for r in people("request") if r.file.startswith("coffee_")][::4]
_PAUSE = silence(0.12)


@pytest.fixture(scope="module")
def model(genuine_cache: Path) -> AcousticModel:
    return AcousticModel.load(resolve_turn(DEFAULT_TURN, cache=genuine_cache).file)


def test_an_order_sounds_finished_and_its_middle_less_so(model: AcousticModel) -> None:
    whole, half = [], []
    for order in _ORDERS:
        samples = order.samples
        whole.append(model.probability(np.concatenate((samples, _PAUSE))))
        half.append(model.probability(np.concatenate((samples[: len(samples) // 2], _PAUSE))))
    assert statistics.median(whole) > 0.9
    less = sum(unfinished < finished for unfinished, finished in zip(half, whole, strict=True))
    assert less >= 0.8 * len(_ORDERS), (whole, half)


def test_only_the_last_eight_seconds_are_heard(model: AcousticModel) -> None:
    order = np.concatenate((person("long_lj").samples[:HEARD_SAMPLES], _PAUSE))
    before = person("jfk").samples
    alone = model.probability(order[-HEARD_SAMPLES:])
    assert model.probability(np.concatenate((before, order))) == alone


@pytest.mark.parametrize("samples", [0, 1, SAMPLE_RATE, 3 * HEARD_SAMPLES])
def test_silence_of_any_length_is_judged(model: AcousticModel, samples: int) -> None:
    assert 0.0 <= model.probability(np.zeros(samples, dtype=np.float32)) <= 1.0


def test_a_file_that_is_no_model_is_named(tmp_path: Path) -> None:
    file = tmp_path / "broken.onnx"
    file.write_bytes(b"no network")
    with pytest.raises(AcousticModelLoadError, match=r"broken\.onnx does not load"):
        AcousticModel.load(file)


def test_a_model_of_another_kind_is_refused(tmp_path: Path) -> None:
    from services.models.resolve import DEMO_VOICE_MODEL

    with pytest.raises(AcousticModelLoadError):
        AcousticModel.load(DEMO_VOICE_MODEL)


def test_a_turn_begins_shortly_before_the_voice_and_ends_with_the_turn(
    voice_activity: VoiceActivityModel,
) -> None:
    order = person("coffee_04_3").samples
    detector = VoiceActivityDetector(voice_activity, VoiceActivityOptions())
    audio = TurnAudio()

    def hear(samples: np.ndarray[tuple[int], np.dtype[np.float32]]) -> None:
        audio.push(samples)
        for activity in detector.push(samples):
            audio.observe(speaking=activity.speaking, voiced=activity.voiced_seconds > 0)

    hear(silence(6.0))
    assert len(audio.samples) <= SAMPLE_RATE // 2
    for start in range(0, len(order), 512):
        hear(order[start : start + 512])
    hear(_PAUSE)
    heard = audio.samples
    assert len(order) <= len(heard) <= len(order) + SAMPLE_RATE
    assert np.array_equal(heard[-len(_PAUSE) - len(order) : -len(_PAUSE)], order)
    audio.begin_turn()
    assert len(audio.samples) == 0


def test_of_a_long_turn_its_last_eight_seconds_are_kept(
    voice_activity: VoiceActivityModel,
) -> None:
    samples = person("long_lj").samples
    detector = VoiceActivityDetector(voice_activity, VoiceActivityOptions())
    audio = TurnAudio()
    for start in range(0, len(samples) - 511, 512):
        window = samples[start : start + 512]
        audio.push(window)
        for activity in detector.push(window):
            audio.observe(speaking=activity.speaking, voiced=activity.voiced_seconds > 0)
    end = len(samples) - len(samples) % 512
    assert np.array_equal(audio.samples, samples[end - HEARD_SAMPLES : end])
