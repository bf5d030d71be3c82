"""Whether a voice sounds finished: the genuine model, and what it is given to hear."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from faster_whisper.feature_extractor import FeatureExtractor

from services.audio.samples import SAMPLE_RATE
from services.endpointing.acoustic import (
    HEARD_SAMPLES,
    AcousticModel,
    AcousticModelLoadError,
    TurnAudio,
)
from services.models import DEFAULT_TURN, fitted_turn, resolve_turn
from services.vad.silero import VoiceActivityDetector, VoiceActivityModel, VoiceActivityOptions
from tests.support.people import people, person
from tests.support.recordings import silence

_ORDERS = [r for r in people("request") if r.file.startswith("coffee_")][::4]
_PAUSE = silence(0.12)


@pytest.fixture(scope="module")
def published(genuine_cache: Path) -> Path:
    return resolve_turn(DEFAULT_TURN, cache=genuine_cache).file


@pytest.fixture(scope="module")
def fitted(published: Path, genuine_cache: Path) -> Path:
    return fitted_turn(published, genuine_cache)


@pytest.fixture(scope="module", params=["fitted", "published"])
def model(request: pytest.FixtureRequest) -> AcousticModel:
    file: Path = request.getfixturevalue(request.param)
    return AcousticModel.load(file)


def test_an_order_sounds_finished_and_its_middle_less_so(model: AcousticModel) -> None:
    whole, half = [], []
    for order in _ORDERS:
        samples = order.samples
        whole.append(model.probability(np.concatenate((samples, _PAUSE))))
        half.append(model.probability(np.concatenate((samples[: len(samples) // 2], _PAUSE))))
    assert statistics.median(whole) > statistics.median(half) + 0.1
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


def test_the_fitted_network_says_of_eight_seconds_what_the_published_one_says(
    published: Path, fitted: Path
) -> None:
    """The 8-bit softmax aside: it is what differs."""
    heard = [np.concatenate((order.samples, _PAUSE))[-HEARD_SAMPLES:] for order in _ORDERS]
    features = FeatureExtractor()
    sessions = [onnxruntime.InferenceSession(file) for file in (published, fitted)]
    said = np.zeros((2, len(heard)))
    for place, samples in enumerate(heard):
        whole = np.pad(samples, (HEARD_SAMPLES - len(samples), 0))
        whole = (whole - whole.mean()) / np.sqrt(whole.var() + 1e-7)
        given = features(whole, padding=0)[np.newaxis].astype(np.float32)
        for session, answers in zip(sessions, said, strict=True):
            answers[place] = session.run(["logits"], {"input_features": given})[0].item()
    assert np.min(np.corrcoef(said)) > 0.9
    assert np.median(np.abs(said[0] - said[1])) < 0.05


def test_the_fitted_network_computes_no_more_than_the_turn_needs(fitted: Path) -> None:
    session = _Recording(onnxruntime.InferenceSession(fitted))
    model = AcousticModel(session)
    for seconds in (0.0, 1.0, 3.01, 30.0):
        model.probability(np.zeros(round(seconds * SAMPLE_RATE), dtype=np.float32))
    assert session.frames == [200, 200, 402, 600]


class _Recording:
    """A session that remembers how many frames it was given."""

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self._session = session
        self.frames: list[int] = []

    def get_outputs(self) -> list[Any]:
        return list(self._session.get_outputs())

    def run(self, names: None, feeds: dict[str, Any]) -> Any:
        self.frames.append(feeds["input_features"].shape[-1])
        return self._session.run(names, feeds)


def test_a_model_that_cannot_be_fitted_is_used_as_it_is(
    published: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "parts").write_text("in the way")
    assert fitted_turn(published, tmp_path) == published
    (line,) = caplog.records
    assert "cannot be fitted" in line.message


def test_a_model_of_another_kind_is_not_fitted(tmp_path: Path) -> None:
    from services.models.resolve import DEMO_VOICE_MODEL

    assert fitted_turn(DEMO_VOICE_MODEL, tmp_path) == DEMO_VOICE_MODEL
    # What was found is kept, so that it is not tried at each start.
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "parts").rglob("*")}
    assert fitted_turn(DEMO_VOICE_MODEL, tmp_path) == DEMO_VOICE_MODEL
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "parts").rglob("*")} == kept


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
