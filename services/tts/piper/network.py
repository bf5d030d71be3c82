"""Run the networks of a Piper voice: phoneme ids to sound, whole or in windows."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from ...inference import Run
from ...models.voice_parts import CutVoice, VoiceParts, WholeVoice
from ..types import SynthesisError

logger = logging.getLogger("services.tts")

FloatAudio = NDArray[np.float32]
Tensors = Mapping[str, NDArray[Any]]

_PROBE_FRAMES = 65
"""Length of the probe for measuring the vocoder's reach."""
_JOIN_TOLERANCE = 1e-4
"""Allowed error of joined windows, relative to the loudest sample; far below 16-bit steps."""
_FATAL_ONLY = 4


@dataclass(frozen=True, slots=True)
class Scales:
    """The parameters of Piper's `scales` input."""

    noise: float
    length: float
    """1 is the voice's own pace, 2 is half as fast."""
    noise_w: float
    """Variation of phoneme lengths."""


class PiperNetwork(Protocol):
    """The loaded networks of one voice; every method is safe from any thread."""

    hop: int
    """Samples per frame."""

    @property
    def can_stream(self) -> bool:
        """Whether sound can be computed window by window."""

    def start(self, ids: list[int], scales: Scales, speaker: int | None, run: Run) -> Rendering:
        """Run everything that precedes the first sound."""


class Rendering(Protocol):
    """One run of a voice over a few phonemes; its sound is computed on demand."""

    durations: NDArray[Any] | None
    """Frames of each phoneme id; None if the voice does not output them."""
    frames: int
    """Length, in frames of the network's hop."""

    def sound(self, start: int, end: int, run: Run) -> FloatAudio:
        """Return the samples of frames `start` to `end`, as if the whole had been computed."""

    def windows(self, first: int, largest: int) -> list[tuple[int, int]]:
        """Return the frame ranges to compute: the first small, doubling up to `largest`."""

    def calibrate(self, run: Run) -> None:
        """Measure on this rendering how the network can compute sound in windows."""


def load_network(model: Path, parts: VoiceParts, *, hop: int, threads: int) -> PiperNetwork:
    """Load the `parts` of the voice `model`; raises whatever onnxruntime raises."""
    if isinstance(parts, CutVoice):
        try:
            return CutNetwork(parts, hop=hop, threads=threads)
        except Exception as error:
            parts = WholeVoice(model, str(error))
    logger.info("voice is used whole", extra={"model": model.name, "reason": parts.reason})
    return WholeNetwork(parts, hop=hop, threads=threads)


class WholeNetwork:
    """A voice that computes the sound of all its phonemes in one run."""

    can_stream = False

    def __init__(self, voice: WholeVoice, *, hop: int, threads: int) -> None:
        self._session = _load(voice.model, threads)
        self.hop = hop

    def start(self, ids: list[int], scales: Scales, speaker: int | None, run: Run) -> Rendering:
        outputs = [value.name for value in self._session.get_outputs()[:2]]
        results = _run(self._session, outputs, _feeds(self._session, ids, scales, speaker), run)
        audio, *more = outputs
        durations = _durations_of(results, more[0] if more else None, ids)
        return _WholeRendering(results[audio].reshape(-1), self.hop, durations)


class _WholeRendering:
    def __init__(self, audio: FloatAudio, hop: int, durations: NDArray[Any] | None) -> None:
        self._audio = audio
        self._hop = hop
        self.durations = durations
        self.frames = math.ceil(len(audio) / hop)

    def sound(self, start: int, end: int, run: Run) -> FloatAudio:
        return self._audio[start * self._hop : end * self._hop]

    def windows(self, first: int, largest: int) -> list[tuple[int, int]]:
        return [(0, self.frames)]

    def calibrate(self, run: Run) -> None:
        """Do nothing: there are no windows to join."""


class CutNetwork:
    """A voice in two parts: text to latent frames, and the vocoder from there to sound."""

    def __init__(self, voice: CutVoice, *, hop: int, threads: int) -> None:
        self._front = _load(voice.front, threads)
        self._vocoder = _load(voice.vocoder, threads)
        self._voice = voice
        self.hop = hop
        self.reach: int | None = None
        """Frames on each side that a frame's sound depends on; None to use the voice whole."""

    @property
    def can_stream(self) -> bool:
        return self.reach is not None

    def start(self, ids: list[int], scales: Scales, speaker: int | None, run: Run) -> Rendering:
        voice = self._voice
        feeds = _feeds(self._front, ids, scales, speaker)
        inner = [name for name in voice.carried if name not in feeds]
        outputs = [voice.latent, *inner, *([voice.durations] if voice.durations else [])]
        results = _run(self._front, outputs, feeds, run)
        carried = {name: (results if name in inner else feeds)[name] for name in voice.carried}
        durations = _durations_of(results, voice.durations, ids)
        return _LatentRendering(self, results[voice.latent], carried, durations)

    def vocode(self, latent: FloatAudio, carried: Tensors, run: Run) -> FloatAudio:
        """Return the sound of latent frames (1, channels, frames)."""
        feeds = {self._voice.latent: np.ascontiguousarray(latent), **carried}
        audio: FloatAudio = next(iter(_run(self._vocoder, None, feeds, run).values()))
        return audio.reshape(-1)

    def vocode_window(
        self, latent: FloatAudio, carried: Tensors, start: int, end: int, overlap: int, run: Run
    ) -> FloatAudio:
        """Return the sound of frames `start` to `end`, from `overlap` more on each side."""
        left = max(0, start - overlap)
        right = min(latent.shape[2], end + overlap)
        audio = self.vocode(latent[:, :, left:right], carried, run)
        return audio[(start - left) * self.hop : (end - left) * self.hop]

    def calibrate(self, latent: FloatAudio, carried: Tensors, run: Run) -> None:
        """Measure hop and reach of the vocoder on real frames, instead of trusting metadata.

        One frame is disturbed; the reach is how far its sound changes. A voice whose windows do
        not join to the whole is used whole.
        """
        repeats = math.ceil(_PROBE_FRAMES / latent.shape[2])
        probe = np.tile(latent, (1, 1, repeats))[:, :, :_PROBE_FRAMES]
        undisturbed = self.vocode(probe, carried, run)
        hop, odd = divmod(len(undisturbed), _PROBE_FRAMES)
        if odd or not hop:
            logger.warning("voice is used whole", extra={"reason": "its frames differ in length"})
            return
        self.hop = hop
        middle = _PROBE_FRAMES // 2
        disturbed = probe.copy()
        disturbed[:, :, middle] += np.linspace(-1.0, 1.0, probe.shape[1]) * (probe.std() + 1e-3)
        change = np.abs(self.vocode(disturbed, carried, run) - undisturbed)
        loudest = float(np.abs(undisturbed).max(initial=0.0))
        changed = np.flatnonzero(change > 1e-2 * _JOIN_TOLERANCE * max(loudest, 1e-9))
        if not len(changed):
            logger.warning("voice is used whole", extra={"reason": "its vocoder ignores its input"})
            return
        before = math.ceil(middle - changed[0] / hop)
        after = math.ceil((changed[-1] + 1) / hop) - middle - 1
        reach = max(before, after, 1)
        joined = np.concatenate(
            [
                self.vocode_window(probe, carried, start, end, reach, run)
                for start, end in ((0, middle), (middle, _PROBE_FRAMES))
            ]
        )
        error = float(np.abs(joined - undisturbed).max())
        if error > _JOIN_TOLERANCE * loudest:
            logger.warning("voice is used whole", extra={"reason": "its windows do not join"})
            return
        self.reach = reach


class _LatentRendering:
    def __init__(
        self,
        network: CutNetwork,
        latent: FloatAudio,
        carried: Tensors,
        durations: NDArray[Any] | None,
    ) -> None:
        self._network = network
        self._latent = latent
        self._carried = carried
        self.durations = durations
        self.frames = int(latent.shape[2])

    def sound(self, start: int, end: int, run: Run) -> FloatAudio:
        network = self._network
        overlap = self.frames if network.reach is None else network.reach
        return network.vocode_window(self._latent, self._carried, start, end, overlap, run)

    def windows(self, first: int, largest: int) -> list[tuple[int, int]]:
        if not self._network.can_stream:
            return [(0, self.frames)]
        windows: list[tuple[int, int]] = []
        start, size = 0, first
        while start < self.frames:
            end = start + size
            if self.frames - end < size // 2:
                # A small remainder would cost more in overlap than it saves in time.
                end = self.frames
            windows.append((start, end))
            start, size = end, min(2 * size, largest)
        return windows

    def calibrate(self, run: Run) -> None:
        self._network.calibrate(self._latent, self._carried, run)


def _load(path: Path, threads: int) -> Any:
    """Open a session without arena and memory pattern.

    With them onnxruntime would keep the memory of the longest sentence ever spoken, without being
    faster.
    """
    options = ort.SessionOptions()
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = False
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _FATAL_ONLY
    # Threads that spin between runs would take the cores from other rooms.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _feeds(session: Any, ids: list[int], scales: Scales, speaker: int | None) -> dict[str, Any]:
    feeds = {
        "input": np.array([ids], dtype=np.int64),
        "input_lengths": np.array([len(ids)], dtype=np.int64),
        "scales": np.array([scales.noise, scales.length, scales.noise_w], dtype=np.float32),
    }
    if any(value.name == "sid" for value in session.get_inputs()):
        feeds["sid"] = np.array([speaker or 0], dtype=np.int64)
    return feeds


def _durations_of(results: Tensors, name: str | None, ids: list[int]) -> NDArray[Any] | None:
    """Return the frames of each phoneme id, or None if their number does not match."""
    durations = results[name].reshape(-1) if name else None
    return durations if durations is not None and len(durations) == len(ids) else None


def _run(session: Any, outputs: list[str] | None, feeds: Tensors, run: Run) -> dict[str, Any]:
    """Run once; cancelling `run` stops it. Raises SynthesisError, RunCancelled."""
    options = ort.RunOptions()
    options.log_severity_level = _FATAL_ONLY

    def stop() -> None:
        options.terminate = True

    run.on_cancel(stop)
    run.check()
    names = outputs or [value.name for value in session.get_outputs()]
    try:
        return dict(zip(names, session.run(names, dict(feeds), options), strict=True))
    except Exception as error:
        run.check()
        raise SynthesisError(f"the voice's network failed: {error}") from error
