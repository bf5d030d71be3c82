"""Runs the networks of a Piper voice: phoneme ids to sound, whole or in windows."""

from __future__ import annotations

import logging
import math
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from ...inference import Run
from ..types import SynthesisError
from .graph import VoiceParts, cut_voice

logger = logging.getLogger("services.tts")

FloatAudio = NDArray[np.float32]

_PROBE_FRAMES = 65
"""Length of the stretch on which the vocoder's reach is measured."""
_JOIN_TOLERANCE = 1e-4
"""Of the loudest sample: what a joined window may differ by, far below one step of 16 bit."""
_FATAL_ONLY = 4


@dataclass(frozen=True, slots=True)
class Scales:
    """How a voice speaks."""

    noise: float
    length: float
    """1 is the voice's own pace, 2 is half as fast."""
    noise_w: float
    """Variation of phoneme lengths."""


class PiperNetwork:
    """The loaded networks of one voice; every method is safe from any thread.

    Arena and memory pattern are off: onnxruntime would keep memory for the longest sentence ever
    spoken, at no gain in speed.
    """

    def __init__(self, parts: VoiceParts, *, hop: int, threads: int) -> None:
        options = ort.SessionOptions()
        options.enable_cpu_mem_arena = False
        options.enable_mem_pattern = False
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = _FATAL_ONLY
        # Threads that spin between runs take the cores from the other rooms.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._front = _session(parts.front, options)
        self._vocoder = None if parts.vocoder is None else _session(parts.vocoder, options)
        self._latent = parts.latent
        self._carried = parts.carried
        self._durations = parts.durations
        self._inputs = {value.name for value in self._front.get_inputs()}
        self._audio = self._front.get_outputs()[0].name
        self.hop = hop
        """Samples per frame."""
        self.reach: int | None = None
        """Frames on each side that a frame's sound depends on; None: use the voice whole."""

    @property
    def can_stream(self) -> bool:
        """Whether sound can be had window by window."""
        return self.reach is not None

    def start(self, ids: list[int], scales: Scales, speaker: int | None, run: Run) -> Utterance:
        """Read the text: everything but the vocoder, or everything where the voice is whole."""
        feeds: dict[str, Any] = {
            "input": np.array([ids], dtype=np.int64),
            "input_lengths": np.array([len(ids)], dtype=np.int64),
            "scales": np.array([scales.noise, scales.length, scales.noise_w], dtype=np.float32),
        }
        if "sid" in self._inputs:
            feeds["sid"] = np.array([speaker or 0], dtype=np.int64)
        outputs = [self._latent or self._audio]
        inner = [name for name in self._carried if name not in feeds]
        outputs += inner
        if self._durations is not None:
            outputs.append(self._durations)
        results = dict(zip(outputs, _run(self._front, outputs, feeds, run), strict=True))
        durations = None if self._durations is None else results[self._durations].reshape(-1)
        if durations is not None and len(durations) != len(ids):
            durations = None
        if self._latent is None:
            return Utterance(self, durations, whole=results[self._audio].reshape(-1))
        latent = results[self._latent]
        carried = {name: results[name] if name in inner else feeds[name] for name in self._carried}
        return Utterance(self, durations, latent=latent, carried=carried)

    def vocode(
        self, latent: FloatAudio, carried: Mapping[str, NDArray[Any]], run: Run
    ) -> FloatAudio:
        """Sound of latent frames (1, channels, frames)."""
        assert self._vocoder is not None
        assert self._latent is not None
        feeds = {self._latent: np.ascontiguousarray(latent), **carried}
        audio: FloatAudio = _run(self._vocoder, None, feeds, run)[0].reshape(-1)
        return audio

    def measure(self, utterance: Utterance, run: Run) -> None:
        """Measure hop and reach of the vocoder on a real utterance, and trust no other figures.

        One frame is disturbed, and how far that is heard is the reach. Where windows do not join
        to the whole, the voice stays whole.
        """
        latent, carried = utterance.latent, utterance.carried
        if self._vocoder is None or latent is None or carried is None:
            return
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
        heard = np.flatnonzero(change > 1e-2 * _JOIN_TOLERANCE * max(loudest, 1e-9))
        if not len(heard):
            logger.warning("voice is used whole", extra={"reason": "its vocoder hears nothing"})
            return
        before = math.ceil(middle - heard[0] / hop)
        after = math.ceil((heard[-1] + 1) / hop) - middle - 1
        reach = max(before, after, 1)
        joined = np.concatenate(
            [
                cut_window(self, probe, carried, start, end, reach, run)
                for start, end in ((0, middle), (middle, _PROBE_FRAMES))
            ]
        )
        error = float(np.abs(joined - undisturbed).max())
        if error > _JOIN_TOLERANCE * loudest:
            logger.warning("voice is used whole", extra={"reason": "its windows do not join"})
            return
        self.reach = reach


class Utterance:
    """One run of a voice over a few phonemes, from which sound can be taken."""

    def __init__(
        self,
        network: PiperNetwork,
        durations: NDArray[Any] | None,
        *,
        whole: FloatAudio | None = None,
        latent: FloatAudio | None = None,
        carried: Mapping[str, NDArray[Any]] | None = None,
    ) -> None:
        self._network = network
        self._whole = whole
        self.durations = durations
        """Frames of each phoneme id, or None where the voice does not tell."""
        self.latent = latent
        self.carried = carried

    @property
    def frames(self) -> int:
        """Length, in frames of the network's hop."""
        if self._whole is not None:
            return math.ceil(len(self._whole) / self._network.hop)
        assert self.latent is not None
        return int(self.latent.shape[2])

    def sound(self, start: int, end: int, run: Run) -> FloatAudio:
        """Samples of the frames from `start` to `end`, as if the whole had been computed."""
        hop = self._network.hop
        if self._whole is not None:
            return self._whole[start * hop : end * hop]
        assert self.latent is not None
        assert self.carried is not None
        reach = self._network.reach
        overlap = self.frames if reach is None else reach
        return cut_window(self._network, self.latent, self.carried, start, end, overlap, run)

    def windows(self, first: int, largest: int) -> list[tuple[int, int]]:
        """Frame ranges to take sound in: the first small, doubling up to `largest`."""
        if not self._network.can_stream:
            return [(0, self.frames)]
        windows: list[tuple[int, int]] = []
        start, size = 0, first
        while start < self.frames:
            end = start + size
            if self.frames - end < size // 2:
                # A small rest would cost more in overlap than it saves in time.
                end = self.frames
            windows.append((start, end))
            start, size = end, min(2 * size, largest)
        return windows


def cut_window(
    network: PiperNetwork,
    latent: FloatAudio,
    carried: Mapping[str, NDArray[Any]],
    start: int,
    end: int,
    overlap: int,
    run: Run,
) -> FloatAudio:
    """Sound of frames `start` to `end`, computed with `overlap` frames more on both sides."""
    left = max(0, start - overlap)
    right = min(latent.shape[2], end + overlap)
    audio = network.vocode(latent[:, :, left:right], carried, run)
    hop = network.hop
    return audio[(start - left) * hop : (end - left) * hop]


def load_network(model: Path, *, hop: int, threads: int) -> PiperNetwork:
    """Load the voice `model`, cut where it can be; raises whatever onnxruntime raises, OSError.

    The parts live in a temporary folder only until they are loaded: from a file onnxruntime
    keeps no second copy.
    """
    with tempfile.TemporaryDirectory(prefix="voice-") as folder:
        parts = cut_voice(model, Path(folder))
        reason = parts.why_whole
        if parts.vocoder is not None:
            try:
                return PiperNetwork(parts, hop=hop, threads=threads)
            except Exception as error:
                reason = str(error)
                parts = VoiceParts(model, None, None, (), None, reason)
        logger.info("voice is used whole", extra={"model": model.name, "reason": reason})
        return PiperNetwork(parts, hop=hop, threads=threads)


def _session(path: Path, options: Any) -> Any:
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _run(session: Any, outputs: list[str] | None, feeds: dict[str, Any], run: Run) -> list[Any]:
    """One run that ends when `run` is cancelled; raises SynthesisError, RunCancelled."""
    options = ort.RunOptions()
    options.log_severity_level = _FATAL_ONLY

    def stop() -> None:
        options.terminate = True

    run.on_cancel(stop)
    run.check()
    try:
        results: list[Any] = session.run(outputs, feeds, options)
    except Exception as error:
        run.check()
        raise SynthesisError(f"the voice's network failed: {error}") from error
    return results
