"""A Piper voice: a sentence to 16-bit sound with timed words, in steps that can interleave."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from ... import defaults
from ...inference import Run, RunCancelled
from ...models.voice_parts import VoiceParts, WholeVoice
from ..text.clauses import cut_clauses
from ..text.normalization import speakable_words
from ..types import Delivery, SynthesisError, SynthesisPiece, TimedWord, TTSLoadError
from .gain import Loudness
from .network import PiperNetwork, Rendering, Scales, load_network
from .phonemes import PiperText, Reading, read_piper_config

_FIRST_WINDOW_SECONDS = 0.3
_LARGEST_WINDOW_SECONDS = 1.4
_LOAD_SECONDS = 60.0
"""Time limit for the trial of a new voice."""
_AS_LOADED = Delivery()
_SAMPLES = ("1 2 3 4 5.", "a e i o u")
"""Texts to try a voice with; numbers are read in every language."""


class PiperVoice:
    """One loaded voice, shared by all rooms; every method is safe from any thread."""

    def __init__(
        self,
        network: PiperNetwork,
        text: PiperText,
        *,
        speaker: int,
        speakers: int,
        scales: Scales,
        pace: float,
        loudness: Loudness,
        sample_rate: int,
    ) -> None:
        self.network = network
        self.text = text
        self.speaker = speaker
        self.speakers = speakers
        self.scales = scales
        self.sample_rate = sample_rate
        """Hz."""
        self._pace = pace
        self._loudness = {speaker: loudness}

    @classmethod
    def load(
        cls,
        model: Path,
        config_path: Path,
        *,
        parts: VoiceParts | None = None,
        speaker: int | None = None,
        speed: float = defaults.TTS_SPEED,
        threads: int = 1,
    ) -> PiperVoice:
        """Load the voice and try it out; blocks for seconds. Raises TTSLoadError.

        Without `parts`, `model` itself is loaded, whole.
        """
        config = read_piper_config(config_path)
        if speaker is None:
            speaker = config.default_speaker_id
        elif not 0 <= speaker < max(1, config.num_speakers):
            raise TTSLoadError(
                f"{model.name} has no speaker {speaker}: choose 0 to {config.num_speakers - 1}"
            )
        if not model.is_file():
            raise TTSLoadError(f"{model} does not exist: fetch the voice, or choose another")
        try:
            network = load_network(
                model,
                parts or WholeVoice(model, "it was not cut"),
                hop=config.hop_length,
                threads=threads,
            )
        except Exception as error:
            raise TTSLoadError(
                f"{model} cannot be loaded: fetch the voice again, or choose another ({error})"
            ) from error
        try:
            text = PiperText(config)
            loudness = _try_out(network, text, speaker)
        except Exception as error:
            # Such as phoneme ids that its network does not know.
            raise TTSLoadError(f"{model} does not speak: choose another voice ({error})") from error
        scales = Scales(config.noise_scale, config.length_scale / speed, config.noise_w_scale)
        return cls(
            network,
            text,
            speaker=speaker,
            speakers=max(1, config.num_speakers),
            scales=scales,
            pace=config.length_scale,
            loudness=loudness,
            sample_rate=config.sample_rate,
        )

    def speak(self, sentence: str, delivery: Delivery = _AS_LOADED) -> Synthesis:
        """Begin the synthesis of `sentence`; returns at once."""
        return Synthesis(self, sentence, delivery)

    def speaker_of(self, delivery: Delivery) -> int:
        """Return who speaks."""
        wanted = delivery.speaker
        return wanted if wanted is not None and 0 <= wanted < self.speakers else self.speaker

    def scales_of(self, delivery: Delivery) -> Scales:
        """Return the network's scales for the speed."""
        if delivery.speed is None:
            return self.scales
        return replace(self.scales, length=self._pace / delivery.speed)

    def loudness_of(self, speaker: int, run: Run) -> Loudness:
        """Return the gain of a speaker, measured the first time; raises what a run raises."""
        loudness = self._loudness.get(speaker)
        if loudness is None:
            loudness = _loudness(_sample(self.network, self.text, speaker, run), run)
            self._loudness[speaker] = loudness
        return loudness


class Synthesis:
    """The synthesis of one sentence, `step` by `step`, from one thread at a time."""

    def __init__(self, voice: PiperVoice, sentence: str, delivery: Delivery) -> None:
        self._voice = voice
        self._sentence = sentence
        self._speaker = voice.speaker_of(delivery)
        self._scales = voice.scales_of(delivery)
        self._steps = self._speak()
        self._run = Run()
        self._finished = False

    @property
    def finished(self) -> bool:
        """Whether the sentence is complete, so that no further step is needed."""
        return self._finished

    def step(self, run: Run) -> SynthesisPiece | None:
        """Run one network once; returns the sound that it produced, if any.

        Ends early when `run` is cancelled. Raises SynthesisError, RunCancelled.
        """
        self._run = run
        return next(self._steps, None)

    def _speak(self) -> Iterator[SynthesisPiece | None]:
        """Yield once per step: None after the front of a reading, then the sound of each window."""
        voice = self._voice
        said = 0
        waiting: list[TimedWord] = []
        language = voice.text.language
        words = speakable_words(self._sentence, language=language)
        clauses = cut_clauses(words, language=language)
        for number, clause in enumerate(clauses):
            last_clause = number == len(clauses) - 1
            readings = voice.text.read(clause, goes_on=not last_clause)
            start = said / voice.sample_rate
            if not readings:
                waiting += [TimedWord(word.written, start, start) for word in clause]
            for reading in readings:
                rendering = voice.network.start(reading.ids, self._scales, self._speaker, self._run)
                yield None
                loudness = voice.loudness_of(self._speaker, self._run)
                waiting += self._time_words(reading, rendering, said / voice.sample_rate)
                windows = self._windows(rendering)
                for window in windows:
                    samples = loudness.to_pcm(rendering.sound(*window, self._run))
                    said += len(samples)
                    end = said / voice.sample_rate
                    last = window == windows[-1]
                    begun = [w for w in waiting if last or w.start_seconds < end]
                    waiting = waiting[len(begun) :]
                    self._finished = last and last_clause and reading is readings[-1]
                    yield SynthesisPiece(samples, tuple(begun))
        self._finished = True
        if waiting:
            yield SynthesisPiece(np.zeros(0, dtype=np.int16), tuple(waiting))

    def _windows(self, rendering: Rendering) -> list[tuple[int, int]]:
        frames_per_second = self._voice.sample_rate / self._voice.network.hop
        first, largest = (
            max(1, round(seconds * frames_per_second))
            for seconds in (_FIRST_WINDOW_SECONDS, _LARGEST_WINDOW_SECONDS)
        )
        return rendering.windows(first, largest)

    def _time_words(
        self, reading: Reading, rendering: Rendering, start_seconds: float
    ) -> list[TimedWord]:
        """Time the words by the voice's durations, else by equal lengths of all phonemes."""
        durations = rendering.durations
        if durations is None:
            durations = np.ones(len(reading.ids))
        clock = np.concatenate([[0.0], np.cumsum(durations, dtype=np.float64)])
        seconds = rendering.frames * self._voice.network.hop / self._voice.sample_rate
        clock = start_seconds + clock * (seconds / max(clock[-1], 1e-9))
        words: list[TimedWord] = []
        for word in reading.words:
            if word.written:
                start, end = float(clock[word.start]), float(clock[word.end])
                # The end of a word that goes on in later clauses is estimated.
                words.append(TimedWord(word.written, start, start + (end - start) / word.share))
        return words


def _try_out(network: PiperNetwork, text: PiperText, speaker: int) -> Loudness:
    """Synthesize a few words to measure the voice's loudness and whether it can stream."""
    run = Run()
    limit = threading.Timer(_LOAD_SECONDS, run.cancel)
    limit.name, limit.daemon = "voice-load-limit", True
    limit.start()
    try:
        rendering = _sample(network, text, speaker, run)
        loudness = _loudness(rendering, run)
        rendering.calibrate(run)
        return loudness
    except RunCancelled:
        raise SynthesisError(f"nothing was heard within {_LOAD_SECONDS:g} s") from None
    finally:
        limit.cancel()


def _sample(network: PiperNetwork, text: PiperText, speaker: int, run: Run) -> Rendering:
    """Render a few words, always in the same way."""
    readings = (
        text.read(speakable_words(sample, language=text.language), goes_on=False)
        for sample in _SAMPLES
    )
    reading = next((r[0] for r in readings if r), None)
    if reading is None:
        raise SynthesisError("no phonemes for a test sentence")
    still = Scales(noise=0.0, length=1.0, noise_w=0.0)
    return network.start(reading.ids, still, speaker, run)


def _loudness(rendering: Rendering, run: Run) -> Loudness:
    audio = rendering.sound(0, rendering.frames, run)
    if not len(audio) or not np.isfinite(audio).all():
        raise SynthesisError("its sound is empty, or not finite")
    return Loudness(float(np.abs(audio).max()))
