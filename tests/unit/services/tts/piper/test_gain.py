"""A voice's loudness, the same in every window."""

from __future__ import annotations

import numpy as np

from services.tts.piper.gain import Loudness


def test_the_usual_peak_is_loud_and_nothing_clips() -> None:
    loudness = Loudness(sample_peak=0.2)
    pcm = loudness.to_pcm(np.array([0.0, 0.1, -0.2, 0.4, -5.0], dtype=np.float32))
    assert pcm.dtype == np.int16
    assert pcm[0] == 0
    assert abs(pcm[2] + 0.8 * 32767) <= 1
    assert 0.8 * 32767 < pcm[3] < 32767
    assert pcm[4] >= -32767


def test_louder_input_is_never_quieter_output() -> None:
    ramp = np.linspace(0, 2, 1000, dtype=np.float32)
    assert (np.diff(Loudness(0.8).to_pcm(ramp).astype(int)) >= 0).all()


def test_windows_join_as_if_made_at_once() -> None:
    audio = np.random.default_rng(1).normal(0, 0.4, 1000).astype(np.float32)
    loudness = Loudness(0.5)
    whole = loudness.to_pcm(audio)
    parts = [loudness.to_pcm(audio[:300]), loudness.to_pcm(audio[300:])]
    assert (np.concatenate(parts) == whole).all()
    assert len(loudness.to_pcm(audio[:0])) == 0


def test_a_silent_voice_stays_silent() -> None:
    assert Loudness(0.0).to_pcm(np.full(4, 1e-6, dtype=np.float32)).max() <= 4
