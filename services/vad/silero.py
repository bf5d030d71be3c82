"""Voice activity detection: the Silero model, loaded once, and one cheap detector per stream."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from .. import defaults
from ..audio.samples import SAMPLE_RATE, Samples

WINDOW_SAMPLES = 512
"""What the model takes at once: 32 ms."""
WINDOW_SECONDS = WINDOW_SAMPLES / SAMPLE_RATE

_CONTEXT_SAMPLES = 64
_STATE_SHAPE = (2, 1, 128)
_LONGEST_DISAGREEMENT = 5
"""Windows; a model that detects a voice for longer in what seems quiet is right: a door has
slammed, and speech is quiet only in comparison."""
_HYSTERESIS = 0.15
"""How far below the threshold of speech the probability of a silent window is."""
_LEAST_THRESHOLD = 0.01
_SMOOTHING = 0.35
"""Weight of the previous probability, as in LiveKit's Silero plugin."""


class VoiceActivityLoadError(Exception):
    """The model file is missing or unusable."""


@dataclass(frozen=True, slots=True)
class VoiceActivityOptions:
    """When speech begins and ends."""

    min_speech_seconds: float = 0.05
    min_silence_seconds: float = defaults.VAD_SILENCE_SECONDS
    activation_threshold: float = defaults.VAD_THRESHOLD
    quiet_decibels: float = 35.0
    """A window this far below the loudest of the speech counts as silent even if the model still
    detects a voice: its probability falls some 80 ms after the sound does (median over the
    requests of `tests/speech`; 12 ms with this)."""

    @property
    def deactivation_threshold(self) -> float:
        """Probability below which a window within speech counts as silent."""
        return max(_LEAST_THRESHOLD, self.activation_threshold - _HYSTERESIS)


class ActivityKind(Enum):
    """What happened in a window."""

    STARTED = "started"
    WINDOW = "window"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Activity:
    """The result for one window; `STARTED` and `ENDED` follow the `WINDOW` that caused them."""

    kind: ActivityKind
    position: int
    """Samples processed so far, this window included."""
    probability: float
    speaking: bool
    speech_seconds: float
    """Duration of the speech so far, pauses included."""
    voiced_seconds: float
    """Uninterrupted voice up to now; 0 in silence."""
    silent_seconds: float
    """Uninterrupted silence up to now; 0 in voice."""


class VoiceActivityModel:
    """The Silero network; it holds no state of a stream and is safe from any thread."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._rate = np.array(SAMPLE_RATE, dtype=np.int64)

    @classmethod
    def load(cls, path: Path | None = None) -> VoiceActivityModel:
        """Load the model that comes with livekit-plugins-silero; blocks for about 0.1 s.

        Raises VoiceActivityLoadError.
        """
        file = path or _bundled_model()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False
        options.enable_mem_pattern = False
        try:
            session = onnxruntime.InferenceSession(
                str(file), sess_options=options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:
            raise VoiceActivityLoadError(
                f"voice activity model {file} does not load ({error}): "
                "install livekit-plugins-silero again"
            ) from error
        return cls(session)

    def probability(self, window: Samples, state: Samples) -> tuple[float, Samples]:
        """Return the speech probability of [1, 576] samples (64 old, 512 new) and the new state."""
        output, new_state = self._session.run(
            None, {"input": window, "state": state, "sr": self._rate}
        )
        return float(output.item()), new_state


class VoiceActivityDetector:
    """Follows one stream of audio; owned by one thread or event loop.

    A window takes about 0.2 ms, less than passing it to another thread, so it runs in the caller's.
    """

    def __init__(self, model: VoiceActivityModel, options: VoiceActivityOptions) -> None:
        self._model = model
        self._options = options
        self._quiet_ratio = 10.0 ** (options.quiet_decibels / 10.0)
        self.reset()

    def reset(self) -> None:
        """Start over with a new stream."""
        self._input = np.zeros((1, _CONTEXT_SAMPLES + WINDOW_SAMPLES), dtype=np.float32)
        self._state = np.zeros(_STATE_SHAPE, dtype=np.float32)
        self._pending = np.empty(0, dtype=np.float32)
        self._probability = 0.0
        self._position = 0
        self._speaking = False
        self._speech = 0.0
        self._voiced = 0.0
        self._silent = 0.0
        self._loudest = 0.0
        self._disagreed = 0

    @property
    def speaking(self) -> bool:
        """Whether speech has begun and not ended."""
        return self._speaking

    def push(self, samples: Samples) -> Iterator[Activity]:
        """Process mono samples in [-1, 1] at 16 kHz; an incomplete window is kept for later."""
        pending = np.concatenate((self._pending, samples)) if len(self._pending) else samples
        whole = len(pending) - len(pending) % WINDOW_SAMPLES
        self._pending = pending[whole:].copy()
        for start in range(0, whole, WINDOW_SAMPLES):
            yield from self._judge(pending[start : start + WINDOW_SAMPLES])

    def _judge(self, window: Samples) -> Iterator[Activity]:
        self._input[:, :_CONTEXT_SAMPLES] = self._input[:, -_CONTEXT_SAMPLES:]
        self._input[:, _CONTEXT_SAMPLES:] = window
        raw, self._state = self._model.probability(self._input, self._state)
        self._probability = _SMOOTHING * self._probability + (1 - _SMOOTHING) * raw
        self._position += WINDOW_SAMPLES
        options = self._options
        threshold = (
            options.deactivation_threshold if self._speaking else options.activation_threshold
        )
        if self._probability >= threshold and not self._has_fallen_quiet(window):
            self._voiced += WINDOW_SECONDS
            self._silent = 0.0
        else:
            self._silent += WINDOW_SECONDS
            self._voiced = 0.0
        if self._speaking:
            self._speech += WINDOW_SECONDS
        started = not self._speaking and self._voiced >= options.min_speech_seconds
        ended = self._speaking and self._silent >= options.min_silence_seconds
        if started:
            self._speaking = True
            self._speech = self._voiced
        yield self._activity(ActivityKind.WINDOW)
        if started:
            yield self._activity(ActivityKind.STARTED)
        if ended:
            self._speaking = False
            yield self._activity(ActivityKind.ENDED)
            self._speech = 0.0

    def _has_fallen_quiet(self, window: Samples) -> bool:
        """Whether the audio has fallen quiet although the model still detects a voice."""
        power = float(window @ window)
        if not self._speaking:
            self._loudest = 0.0
        self._loudest = max(self._loudest, power)
        if power * self._quiet_ratio >= self._loudest:
            self._disagreed = 0
            return False
        self._disagreed += 1
        if self._disagreed <= _LONGEST_DISAGREEMENT:
            return True
        self._loudest, self._disagreed = power, 0
        return False

    def _activity(self, kind: ActivityKind) -> Activity:
        return Activity(
            kind=kind,
            position=self._position,
            probability=self._probability,
            speaking=self._speaking,
            speech_seconds=self._speech,
            voiced_seconds=self._voiced,
            silent_seconds=self._silent,
        )


def windows(samples: Samples) -> Iterator[Samples]:
    """Yield the audio in steps of at most one window.

    Code that stores the audio beside a detector takes it in these steps, however long the frames
    are, so that both agree on the current position.
    """
    for start in range(0, len(samples), WINDOW_SAMPLES):
        yield samples[start : start + WINDOW_SAMPLES]


def speech_span(
    model: VoiceActivityModel, samples: Samples, *, margin_seconds: float = 0.3
) -> tuple[int, int] | None:
    """Return the first and last sample with speech in a recording, or None without speech.

    Takes about 5 ms per second of audio.
    """
    detector = VoiceActivityDetector(model, VoiceActivityOptions())
    tail = np.zeros(SAMPLE_RATE, dtype=np.float32)
    voiced = [
        a.position
        for a in detector.push(np.concatenate((samples, tail)))
        if a.speaking and a.voiced_seconds > 0
    ]
    if not voiced:
        return None
    margin = round(margin_seconds * SAMPLE_RATE)
    first = voiced[0] - 2 * WINDOW_SAMPLES - margin
    return max(0, first), min(len(samples), voiced[-1] + margin)


def _bundled_model() -> Path:
    """Return the file inside livekit-plugins-silero, without importing the plugin."""
    found = importlib.util.find_spec("livekit.plugins.silero")
    for place in (found.submodule_search_locations or []) if found else []:
        file = Path(place) / "resources" / "silero_vad.onnx"
        if file.is_file():
            return file
    raise VoiceActivityLoadError(
        "the Silero model is not installed: install livekit-plugins-silero"
    )
