"""A Piper voice: a sentence to 16-bit sound with timed words, in steps that others fit between."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from piper.config import PiperConfig

from ... import defaults
from ...inference import Run, RunCancelled
from ..text.clauses import cut_clauses
from ..text.normalization import SpeakableWord, speakable_words
from ..types import PCM, SpeechPiece, SynthesisError, TimedWord, TTSLoadError
from .gain import Loudness
from .network import PiperNetwork, Scales, Utterance, load_network
from .phonemes import PiperText, Reading, read_piper_config

_FIRST_WINDOW_SECONDS = 0.3
_LARGEST_WINDOW_SECONDS = 1.4
_LOAD_SECONDS = 60.0
"""A voice that has not said a few words in this time never will."""
_SAMPLES = ("1 2 3 4 5.", "a e i o u")
"""Said to try the voice; numbers are read in every language."""


class PiperVoice:
    """One loaded voice, shared by all rooms; every method is safe from any thread."""

    def __init__(
        self, network: PiperNetwork, config: PiperConfig, *, speaker: int | None, speed: float
    ) -> None:
        self._network = network
        self._text = PiperText(config)
        self._speaker = config.default_speaker_id if speaker is None else speaker
        self._scales = Scales(config.noise_scale, config.length_scale / speed, config.noise_w_scale)
        self._loudness = Loudness(1.0)
        self.sample_rate = config.sample_rate
        """Hz."""

    @classmethod
    def load(
        cls,
        model: Path,
        config_path: Path,
        *,
        speaker: int | None = None,
        speed: float = defaults.TTS_SPEED,
        threads: int = 1,
    ) -> PiperVoice:
        """Load the voice and try it; blocks for seconds. Raises TTSLoadError."""
        config = read_piper_config(config_path)
        if speaker is not None and not 0 <= speaker < max(1, config.num_speakers):
            raise TTSLoadError(
                f"{model.name} has no speaker {speaker}: choose 0 to {config.num_speakers - 1}"
            )
        if not model.is_file():
            raise TTSLoadError(f"{model} does not exist: fetch the voice, or choose another")
        try:
            network = load_network(model, hop=config.hop_length, threads=threads)
        except Exception as error:
            raise TTSLoadError(
                f"{model} cannot be loaded: fetch the voice again, or choose another ({error})"
            ) from error
        try:
            voice = cls(network, config, speaker=speaker, speed=speed)
            voice._try_out()
        except Exception as error:
            # Such as ids that its network has no sound for.
            raise TTSLoadError(f"{model} does not speak: choose another voice ({error})") from error
        return voice

    @property
    def can_stream(self) -> bool:
        """Whether sound comes in windows; else a clause at a time."""
        return self._network.can_stream

    def speak(self, sentence: str) -> Speech:
        """Begin to speak `sentence`; returns at once."""
        return Speech(self, sentence)

    def cut(self, sentence: str) -> list[list[SpeakableWord]]:
        """The clauses of a sentence, which are spoken one after the other."""
        return cut_clauses(speakable_words(sentence), language=self._text.language)

    def read(self, clause: list[SpeakableWord], *, goes_on: bool) -> list[Reading]:
        """The phoneme ids of a clause; see `PiperText.read`."""
        return self._text.read(clause, goes_on=goes_on)

    def start(self, reading: Reading, run: Run) -> Utterance:
        """Run all but the vocoder over what was read."""
        return self._network.start(reading.ids, self._scales, self._speaker, run)

    def windows(self, utterance: Utterance) -> list[tuple[int, int]]:
        """Frame ranges in which to take the utterance's sound, first to last."""
        frames_per_second = self.sample_rate / self._network.hop
        first, largest = (
            max(1, round(seconds * frames_per_second))
            for seconds in (_FIRST_WINDOW_SECONDS, _LARGEST_WINDOW_SECONDS)
        )
        return utterance.windows(first, largest)

    def sound(self, utterance: Utterance, start: int, end: int, run: Run) -> PCM:
        """The samples of a range of frames."""
        return self._loudness.to_pcm(utterance.sound(start, end, run))

    def time_words(self, reading: Reading, utterance: Utterance) -> list[TimedWord]:
        """When the words of `reading` are heard, from the start of `utterance`.

        By the voice's own durations, else as if all phonemes were equally long.
        """
        durations: NDArray[Any] | None = utterance.durations
        if durations is None:
            durations = np.ones(len(reading.ids))
        clock = np.concatenate([[0.0], np.cumsum(durations, dtype=np.float64)])
        seconds = utterance.frames * self._network.hop / self.sample_rate
        clock *= seconds / max(clock[-1], 1e-9)
        return [
            TimedWord(word.written, float(clock[word.start]), float(clock[word.end]))
            for word in reading.words
        ]

    def _try_out(self) -> None:
        """Say something: finds out how loud the voice is and whether it can stream."""
        run = Run()
        limit = threading.Timer(_LOAD_SECONDS, run.cancel)
        limit.name, limit.daemon = "voice-load-limit", True
        limit.start()
        try:
            readings = (self.read(speakable_words(text), goes_on=False) for text in _SAMPLES)
            reading = next((r[0] for r in readings if r), None)
            if reading is None:
                raise SynthesisError("it knows no phonemes")
            still = Scales(noise=0.0, length=1.0, noise_w=0.0)
            utterance = self._network.start(reading.ids, still, self._speaker, run)
            audio = utterance.sound(0, utterance.frames, run)
            if not len(audio) or not np.isfinite(audio).all():
                raise SynthesisError("its sound is empty or not a number")
            self._loudness = Loudness(float(np.abs(audio).max()))
            self._network.measure(utterance, run)
        except RunCancelled:
            raise SynthesisError(f"nothing was heard within {_LOAD_SECONDS:g} s") from None
        finally:
            limit.cancel()


class Speech:
    """One sentence on its way; `step` by `step` from one thread at a time."""

    def __init__(self, voice: PiperVoice, sentence: str) -> None:
        self._voice = voice
        self._sentence = sentence
        self._steps = self._speak()
        self._run = Run()
        self._finished = False

    @property
    def finished(self) -> bool:
        """Whether everything was said: no further step is needed."""
        return self._finished

    def step(self, run: Run) -> SpeechPiece | None:
        """Do one run of one network; returns the sound it made, if any.

        Ends early when `run` is cancelled. Raises SynthesisError, RunCancelled.
        """
        self._run = run
        return next(self._steps, None)

    def _speak(self) -> Iterator[SpeechPiece | None]:
        """One item a step: the front of a reading gives None, each window gives its sound."""
        voice = self._voice
        said = 0
        waiting: list[TimedWord] = []
        clauses = voice.cut(self._sentence)
        for number, clause in enumerate(clauses):
            last_clause = number == len(clauses) - 1
            readings = voice.read(clause, goes_on=not last_clause)
            start = said / voice.sample_rate
            if not readings:
                waiting += [TimedWord(word.written, start, start) for word in clause]
            for reading in readings:
                utterance = voice.start(reading, self._run)
                yield None
                start = said / voice.sample_rate
                waiting += [_later(w, start) for w in voice.time_words(reading, utterance)]
                windows = voice.windows(utterance)
                for window in windows:
                    samples = voice.sound(utterance, *window, self._run)
                    said += len(samples)
                    end = said / voice.sample_rate
                    last = window == windows[-1]
                    begun = [w for w in waiting if last or w.start_seconds < end]
                    waiting = waiting[len(begun) :]
                    self._finished = last and last_clause and reading is readings[-1]
                    yield SpeechPiece(samples, tuple(begun))
        self._finished = True
        if waiting:
            yield SpeechPiece(np.zeros(0, dtype=np.int16), tuple(waiting))


def _later(word: TimedWord, seconds: float) -> TimedWord:
    return TimedWord(word.text, word.start_seconds + seconds, word.end_seconds + seconds)
