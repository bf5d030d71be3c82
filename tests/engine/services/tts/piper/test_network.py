"""A voice in two parts gives what the whole gives, in windows as well."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

from services.inference import Run
from services.models import DEMO_VOICE
from services.models.voice_parts import CutVoice, voice_parts
from services.tts.piper.network import CutNetwork, PiperNetwork, Rendering, Scales, load_network
from tests.support.small_vits import HOP, write_small_vits

IDS = [1, 0, *range(14, 54), 0, 2]
SCALES = Scales(noise=0.667, length=1.0, noise_w=0.8)
STILL = Scales(noise=0.0, length=1.0, noise_w=0.0)


def loaded(model: Path) -> PiperNetwork:
    """The voice, tried out as `PiperVoice.load` does."""
    network = load_network(model, voice_parts(model, model.parent), hop=256, threads=1)
    network.start(IDS, STILL, 0, Run()).calibrate(Run())
    return network


def joined(rendering: Rendering, first: int, largest: int) -> np.ndarray:
    windows = rendering.windows(first, largest)
    assert [start for start, _ in windows[1:]] == [end for _, end in windows[:-1]]
    return np.concatenate([rendering.sound(start, end, Run()) for start, end in windows])


@pytest.mark.parametrize("speakers", [1, 3])
def test_front_and_vocoder_give_what_the_whole_gives(tmp_path: Path, speakers: int) -> None:
    model, _ = write_small_vits(tmp_path, speakers=speakers)
    whole = ort.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    network = loaded(model)
    for speaker in range(speakers):
        feeds = {
            "input": np.array([IDS]),
            "input_lengths": np.array([len(IDS)]),
            "scales": np.array([0, 1, 0], dtype=np.float32),
        }
        if speakers > 1:
            feeds["sid"] = np.array([speaker])
        expected = whole.run(None, feeds)[0].reshape(-1)
        rendering = network.start(IDS, STILL, speaker, Run())
        sound = rendering.sound(0, rendering.frames, Run())
        assert np.abs(expected).max() > 0.01
        np.testing.assert_allclose(sound, expected, atol=1e-6)


@pytest.mark.parametrize("speakers", [1, 3])
@pytest.mark.parametrize(("first", "largest"), [(1, 4), (20, 80), (7, 7), (10_000, 10_000)])
def test_windows_join_to_the_whole_sound(
    tmp_path: Path, speakers: int, first: int, largest: int
) -> None:
    model, _ = write_small_vits(tmp_path, speakers=speakers)
    network = loaded(model)
    assert network.can_stream
    assert network.hop == HOP
    # With noise: the windows come from one and the same latent.
    rendering = network.start(IDS, SCALES, speakers - 1, Run())
    whole = rendering.sound(0, rendering.frames, Run())
    assert len(whole) == rendering.frames * HOP
    np.testing.assert_allclose(joined(rendering, first, largest), whole, atol=1e-6)


def test_the_reach_that_was_measured_is_needed(tmp_path: Path) -> None:
    model, _ = write_small_vits(tmp_path)
    network = loaded(model)
    assert isinstance(network, CutNetwork)
    assert network.reach is not None
    rendering = network.start(IDS, STILL, None, Run())
    whole = rendering.sound(0, rendering.frames, Run())
    network.reach -= 2
    assert np.abs(joined(rendering, 20, 80) - whole).max() > 1e-6


def test_the_first_window_is_small_and_the_rest_not_tiny(tmp_path: Path) -> None:
    model, _ = write_small_vits(tmp_path)
    rendering = loaded(model).start(IDS * 4, STILL, None, Run())
    sizes = [end - start for start, end in rendering.windows(20, 80)]
    assert sizes[:3] == [20, 40, 80]
    assert min(sizes) == 20
    assert sum(sizes) == rendering.frames


def test_durations_cover_the_sound(tmp_path: Path) -> None:
    model, _ = write_small_vits(tmp_path)
    rendering = loaded(model).start(IDS, SCALES, None, Run())
    assert rendering.durations is not None
    assert len(rendering.durations) == len(IDS)
    assert rendering.durations.sum() == rendering.frames


def test_a_voice_without_durations_is_cut_all_the_same(tmp_path: Path) -> None:
    model, _ = write_small_vits(tmp_path, durations=False)
    network = loaded(model)
    assert network.can_stream
    assert network.start(IDS, SCALES, None, Run()).durations is None


def test_a_vocoder_that_looks_at_the_whole_sentence_is_used_whole(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model, _ = write_small_vits(tmp_path, looks_at_all=True)
    network = loaded(model)
    assert not network.can_stream
    assert "voice is used whole" in caplog.text
    rendering = network.start(IDS, STILL, None, Run())
    assert rendering.windows(10, 20) == [(0, rendering.frames)]
    assert len(joined(rendering, 10, 20)) == rendering.frames * HOP


def test_the_demo_voice_is_used_whole_with_its_durations() -> None:
    network = load_network(DEMO_VOICE.model, DEMO_VOICE.parts, hop=192, threads=1)
    rendering = network.start(IDS, STILL, None, Run())
    assert not network.can_stream
    assert rendering.durations is not None
    assert len(rendering.sound(0, rendering.frames, Run())) == rendering.durations.sum() * 192


def test_parts_that_do_not_run_give_way_to_the_whole(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model, _ = write_small_vits(tmp_path)
    parts = voice_parts(model, tmp_path)
    assert isinstance(parts, CutVoice)
    with caplog.at_level("INFO", "services.tts"):
        network = load_network(model, replace(parts, vocoder=tmp_path / "gone"), hop=HOP, threads=1)
    assert "voice is used whole" in caplog.text
    rendering = network.start(IDS, STILL, None, Run())
    assert len(rendering.sound(0, rendering.frames, Run())) == rendering.frames * HOP
