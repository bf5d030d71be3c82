"""Whether a voice sounds finished: the Smart Turn model, and the audio of a turn that it hears."""

from __future__ import annotations

import json
import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnxruntime
from faster_whisper.feature_extractor import FeatureExtractor
from numpy.typing import NDArray

from ..audio.samples import SAMPLE_RATE, Samples

HEARD_SAMPLES = 8 * SAMPLE_RATE
"""The last 8 s of a turn are kept: what Smart Turn was trained to hear."""
_SAMPLES_PER_FRAME = 160
_SILENCE_FRAMES = 100
_LEAST_FRAMES, _MOST_FRAMES = 200, 600
"""What the network is given: the turn with 1 s of silence before it, 2 to 6 s in all. On people's
recordings it tells ends from cuts better so than with the 8 s of its training, most of them silence
put in front, and takes a third of the time (docs/turn-taking.md)."""
JUDGED_AT_SECONDS = 0.12
"""Silence after which the model tells ends from breaks best, on people's recordings: with more of
it everything sounds finished (docs/turn-taking.md)."""
_PREROLL_SAMPLES = SAMPLE_RATE // 2
"""Kept from before the voice was noticed."""
_LEAST_DOUBT = 0.001
_MOST_LOG_ODDS = 30.0
_LEAST_VARIANCE = 1e-7
"""As the feature extractor of the model's training has it."""
HEAD_FILE = Path(__file__).with_name("acoustic_head.json")
_WORTH_ALONE = 0.4
"""Of the network's own log odds, where its inner activations are not to be had."""

FloatArray = NDArray[np.float32]


class AcousticModelLoadError(Exception):
    """The model file is missing, or is not such a model."""


@dataclass(frozen=True, slots=True)
class Head:
    """The last layer, fitted on recordings of people (`benchmarks.turn_taking.fit`)."""

    bias: float
    weights: tuple[float, ...]
    """For each of `AcousticModel.activations`."""

    @classmethod
    def load(cls) -> Head:
        """Read what the fit has written."""
        content = json.loads(HEAD_FILE.read_text(encoding="utf-8"))
        return cls(content["bias"], tuple(content["weights"]))

    def probability(self, activations: Iterable[float]) -> float:
        """Return the probability that the speaker has finished; ends and cuts count alike."""
        products = zip(self.weights, activations, strict=True)
        log_odds = self.bias + math.fsum(weight * float(value) for weight, value in products)
        return 1.0 / (1.0 + math.exp(-max(-_MOST_LOG_ODDS, min(_MOST_LOG_ODDS, log_odds))))


class AcousticModel:
    """Smart Turn 3, which judges by intonation and rhythm, in 23 languages; safe from any thread.

    Its last layer is replaced by one that was fitted on recordings of people
    (`benchmarks.turn_taking.fit`). A call takes one core for 6 to 16 ms, as long as the turn is
    (log-mel features, then Whisper tiny's encoder with 8-bit weights); the file as it was
    published, which gives no activations, takes 30 ms.
    """

    def __init__(self, session: Any) -> None:
        self._session = session
        self._features = FeatureExtractor()
        self._fitted = len(session.get_outputs()) > 1
        self._head = Head.load()

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
        if self._fitted:
            return self._head.probability(self.activations(samples))
        own = float(self._run(samples, HEARD_SAMPLES // _SAMPLES_PER_FRAME)[0].item())
        return 1.0 / (1.0 + math.exp(-_WORTH_ALONE * _log_odds(own)))

    def activations(self, samples: Samples) -> FloatArray:
        """Return what the head weighs, float32 [65]: the log odds of Smart Turn, and its inner 64.

        Takes what `probability` takes. Only for a network with a second output.
        """
        length = -(-len(samples) // _SAMPLES_PER_FRAME)
        # Two frames of features are one of the encoder.
        frames = min(_MOST_FRAMES, max(_LEAST_FRAMES, length + length % 2 + _SILENCE_FRAMES))
        own, inner = self._run(samples, frames)
        return np.concatenate(([_log_odds(float(own.item()))], inner[0])).astype(np.float32)

    def _run(self, samples: Samples, frames: int) -> list[FloatArray]:
        heard = np.zeros(HEARD_SAMPLES, dtype=np.float32)
        recent = samples[-HEARD_SAMPLES:]
        if len(recent):
            heard[-len(recent) :] = recent
        heard = (heard - heard.mean()) / np.sqrt(heard.var() + _LEAST_VARIANCE)
        features = self._features(heard[-frames * _SAMPLES_PER_FRAME :], padding=0)
        feeds = {"input_features": features[np.newaxis].astype(np.float32)}
        return cast(list[FloatArray], self._session.run(None, feeds))


def _log_odds(probability: float) -> float:
    probability = min(1.0 - _LEAST_DOUBT, max(_LEAST_DOUBT, probability))
    return math.log(probability / (1.0 - probability))


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
