"""Whether a voice sounds finished: the Smart Turn model, and the audio of a turn that it hears."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from faster_whisper.feature_extractor import FeatureExtractor

from ..audio.samples import SAMPLE_RATE, Samples

HEARD_SAMPLES = 8 * SAMPLE_RATE
"""The model hears the last 8 s."""
JUDGED_AT_SECONDS = 0.12
"""Silence after which the model tells ends from breaks best, on people's recordings: with more of
it everything sounds finished (docs/turn-taking.md)."""
_PREROLL_SAMPLES = SAMPLE_RATE // 2
"""Kept from before the voice was noticed."""
_LEAST_VARIANCE = 1e-7
"""As the feature extractor of the model's training has it."""


class AcousticModelLoadError(Exception):
    """The model file is missing, or is not such a model."""


class AcousticModel:
    """Smart Turn 3, which judges by intonation and rhythm, in 23 languages; safe from any thread.

    A call takes one core for about 30 ms (8 s of log-mel features, then Whisper tiny's encoder
    with 8-bit weights), whatever the length of the audio.
    """

    def __init__(self, session: Any) -> None:
        self._session = session
        self._features = FeatureExtractor()

    @classmethod
    def load(cls, file: Path) -> AcousticModel:
        """Load the ONNX file and run it once; blocks for half a second.

        Raises AcousticModelLoadError.
        """
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False
        options.enable_mem_pattern = False
        # Beyond this level the weights are kept a second time, for the same speed.
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
        try:
            session = onnxruntime.InferenceSession(
                str(file), sess_options=options, providers=["CPUExecutionProvider"]
            )
            model = cls(session)
            model.probability(np.zeros(SAMPLE_RATE, dtype=np.float32))
        except Exception as error:
            raise AcousticModelLoadError(
                f"the end-of-turn model {file} does not load ({error})"
            ) from error
        return model

    def probability(self, samples: Samples) -> float:
        """Return the probability that the speaker has finished.

        Takes mono float32 in [-1, 1] at 16 kHz, of any length: the last 8 s count. The audio is to
        begin with the turn and to end with some silence, 0.2 s or more.
        """
        heard = np.zeros(HEARD_SAMPLES, dtype=np.float32)
        recent = samples[-HEARD_SAMPLES:]
        if len(recent):
            heard[-len(recent) :] = recent
        heard = (heard - heard.mean()) / np.sqrt(heard.var() + _LEAST_VARIANCE)
        features = self._features(heard, padding=0)[np.newaxis].astype(np.float32)
        (output,) = self._session.run(None, {"input_features": features})
        return float(output.item())


class TurnAudio:
    """Keeps what the model is to hear of one stream: the turn so far, 8 s of it at most.

    Belongs to one thread or event loop.
    """

    def __init__(self) -> None:
        self._pieces: deque[Samples] = deque()
        self._length = 0
        self._begun = False
        self._voiced = False

    def push(self, samples: Samples) -> None:
        """Take mono float32 audio at 16 kHz; the array must not change afterwards."""
        limit = HEARD_SAMPLES if self._begun else _PREROLL_SAMPLES
        samples = samples[-limit:]
        self._pieces.append(samples)
        self._length += len(samples)
        while self._length - len(self._pieces[0]) >= limit:
            self._length -= len(self._pieces.popleft())

    def observe(self, *, speaking: bool, voiced: bool) -> None:
        """Take the voice activity of the latest audio: speech begins the turn.

        `voiced` is whether there is a voice in that audio, `speaking` whether it belongs to speech.
        """
        self._voiced = voiced
        self._begun = self._begun or speaking

    def begin_turn(self) -> None:
        """Forget what was said: it belongs to the turn before. Not what is being said now."""
        if self._voiced:
            return
        self._begun = False
        self._pieces.clear()
        self._length = 0

    @property
    def samples(self) -> Samples:
        """The turn so far, or its last 8 s: mono float32 at 16 kHz."""
        if not self._pieces:
            return np.zeros(0, dtype=np.float32)
        return np.concatenate(self._pieces)[-HEARD_SAMPLES:]
