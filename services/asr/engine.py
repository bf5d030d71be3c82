"""The speech recogniser: faster-whisper behind the inference scheduler."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np
from faster_whisper import WhisperModel
from faster_whisper.audio import pad_or_trim
from faster_whisper.tokenizer import Tokenizer
from faster_whisper.transcribe import get_suppressed_tokens

from .. import defaults
from ..audio.samples import SAMPLE_RATE, Samples, clean, split_quietly
from ..inference import DynamicPriority, InferenceScheduler, Priority, Run
from .decoded_tokens import DecodedTokens, read_tokens
from .hallucination import (
    better_of,
    is_phantom,
    is_repetition,
    is_runaway,
    token_limit,
    without_repetition,
)
from .transcription import RecognizedWord, Transcription, join_transcriptions, shift_words
from .words import join_parts, words_of

logger = logging.getLogger("services.asr")

_FRAMES_PER_SECOND = 100
_PADDING_SECONDS = 0.2
"""Silence put around the audio: Whisper misses words that touch an edge."""
_MARGIN_SECONDS = 1.0
"""Context beyond the audio: tighter than this costs words (see services/models/demo/README.md)."""
_FITTED_CUTS, _FULL_CUTS = (0.2, 0.5), (0.5, 1.0)
"""Where in the window audio that exceeds it is cut: a full pass costs the same for any length, so
its pieces are long; a fitted one costs by length, and the demo model, which was trained on single
requests, then gets 7 % of the words in the long test recordings wrong instead of 31 %."""
_PROMPT_TOKENS = 112
"""Half of what Whisper's decoder keeps for a prompt, so that decoding stays fast."""
_SURE_LANGUAGE = 0.85
"""A language detected with less probability is looked for again in the whole window: with short
context accents and children are taken for another language more often (docs/recognition.md)."""
_LEAST_SECONDS = 0.5
"""Less than that is no speech left over."""
_LATEST_START_SECONDS = 1
"""Of the first segment, as in Whisper's own decoding."""
_TIMESTAMPS_PER_SECOND = 50
_WITHOUT_SPACES = frozenset({"ja", "lo", "my", "th", "yue", "zh"})
"""Languages that Whisper's tokenizer splits at every sign, since they put no space between words.
"""
_SILENCE_PEAK = 1e-3
"""Full scale is 1: what stays below -60 dB is silence for any microphone."""


class ASRError(Exception):
    """Recognition failed; the message names the cause."""


class ASRLoadError(ASRError):
    """The model cannot be loaded; the message names the folder and the cure."""


@dataclass(frozen=True, slots=True)
class ASRConfig:
    """Which model, and how it runs."""

    model: Path
    """Folder of a CTranslate2 Whisper."""
    name: str = "custom"
    language: str | None = defaults.ASR_LANGUAGE
    """ISO 639-1 code, or None to detect it in each utterance (multilingual models only)."""
    device: str = "cpu"
    compute_type: str = "int8"
    threads: int = 1
    """Threads inside one call."""
    workers: int = 1
    """Calls at once: the scheduler's slots."""
    context_seconds: float | None = None
    """The least sound, silence included, that the encoder is given: with less the model loses
    words or repeats them. None for the whole window, whatever the audio's length."""
    window_seconds: float = 30.0
    """The longest audio the model takes in one piece."""
    prompts: bool = False
    """Whether the model was trained with a prompt."""
    timestamps: bool = False
    """Whether the model was trained to write when each segment begins and ends. Doing so keeps it
    from saying a short request again and again, and shows what it made up behind the audio's end.
    """


@dataclass(frozen=True, slots=True)
class DecodeOptions:
    """What may differ from call to call."""

    language: str | None = None
    hotwords: tuple[str, ...] = ()
    prompt: str = ""
    """What the talk is about; for models trained with prompts only."""
    context: str = ""
    """What was said just before; for models trained with prompts only."""
    words: bool = False
    """Also give the words' times; costs one more pass."""


class StreamingASR:
    """One loaded recogniser, shared by all rooms; every method is safe from any thread."""

    def __init__(
        self, model: WhisperModel, config: ASRConfig, scheduler: InferenceScheduler
    ) -> None:
        self._model: Any = model
        self._config = config
        self._scheduler = scheduler
        self._lock = threading.Lock()
        self._users = 0
        self._closed = False
        self._tokenizers: dict[str, Tokenizer] = {}
        self.on_recognition: Callable[[float, float], object] | None = None
        """Told of each transcription: seconds of audio, seconds of computing."""

    @classmethod
    def load(cls, config: ASRConfig, *, scheduler: InferenceScheduler) -> StreamingASR:
        """Load the model; blocks for seconds and never touches the network.

        Raises ASRLoadError.
        """
        for name in ("model.bin", "config.json", "tokenizer.json"):
            if not (config.model / name).is_file():
                raise ASRLoadError(
                    f"speech recognition model {config.model} has no {name}: "
                    f"fetch it again with {_fetch_command(config)}"
                )
        try:
            model = WhisperModel(
                str(config.model),
                device=config.device,
                compute_type=config.compute_type,
                cpu_threads=config.threads,
                num_workers=config.workers,
                local_files_only=True,
            )
        except Exception as error:
            raise ASRLoadError(
                f"speech recognition model {config.model} does not load ({error}): "
                f"fetch it again with {_fetch_command(config)}"
            ) from error
        return cls(model, config, scheduler)

    @property
    def scheduler(self) -> InferenceScheduler:
        """Where its calls run."""
        return self._scheduler

    @property
    def config(self) -> ASRConfig:
        """How it was loaded."""
        return self._config

    @property
    def multilingual(self) -> bool:
        """Whether the model knows more than English."""
        return bool(self._model.model.is_multilingual)

    def warm(self) -> float:
        """One real inference, so that no room pays for the first; returns its seconds.

        Raises ASRLoadError: a model whose files do not fit together loads, but does not hear.
        """
        noise = np.random.default_rng(0).normal(0.0, 0.05, SAMPLE_RATE).astype(np.float32)
        started = time.perf_counter()
        try:
            self.decode(noise, DecodeOptions(), Run())
        except Exception as error:
            raise ASRLoadError(
                f"speech recognition model {self._config.model} does not work ({error}): "
                f"fetch it again with {_fetch_command(self._config)}"
            ) from error
        return time.perf_counter() - started

    async def transcribe(
        self,
        samples: Samples,
        *,
        owner: str,
        priority: Priority | DynamicPriority,
        deadline_seconds: float,
        queue_seconds: float | None = None,
        options: DecodeOptions = DecodeOptions(),
        supersede: str | None = None,
        work: str = "",
    ) -> Transcription:
        """Transcribe audio of any length: mono float32 in [-1, 1] at 16 kHz.

        Audio longer than the model's window is cut at quiet places, one scheduler call a piece, so
        that other rooms get their turn in between. Awaitable from any event loop. Raises
        InferenceError (timeout, full scheduler, superseded) or ASRError.
        """
        samples = clean(samples)
        pieces = split_quietly(
            samples,
            self._config.window_seconds,
            _FULL_CUTS if self._config.context_seconds is None else _FITTED_CUTS,
            margin_seconds=2 * _PADDING_SECONDS,
        )
        heard: list[Transcription] = []
        offset = 0
        for piece in pieces:
            result = await self._scheduler.run(
                partial(self.decode, piece, options),
                engine="asr",
                owner=owner,
                priority=priority,
                deadline_seconds=deadline_seconds,
                queue_seconds=queue_seconds,
                supersede=supersede,
                work=work,
            )
            heard.append(shift_words(result, offset / SAMPLE_RATE))
            offset += len(piece)
        whole = join_transcriptions(heard)
        if self.on_recognition is not None:
            self.on_recognition(whole.audio_seconds, whole.compute_seconds)
        return whole

    def decode(self, samples: Samples, options: DecodeOptions, run: Run) -> Transcription:
        """Transcribe one piece within the window, in the calling thread (a scheduler thread).

        A decode cannot be broken off inside a pass: it is left between passes, and bounded by a
        token limit that follows from the audio's length.
        """
        started = time.perf_counter()
        seconds = len(samples) / SAMPLE_RATE
        language = options.language or self._config.language or "en"
        if len(samples) == 0 or float(np.max(np.abs(samples))) < _SILENCE_PEAK:
            return Transcription("", language, audio_seconds=seconds)
        with self._using() as model:
            features = _features(model, samples)
            run.check()
            window = round(self._config.window_seconds * _FRAMES_PER_SECOND)
            frames = self._context_frames(features.shape[-1])
            best = self._pass(model, features, frames, seconds, options, run)
            if is_runaway(best) and frames < window:
                run.check()
                again = self._pass(model, features, window, seconds, options, run)
                best = replace(better_of(best, again), passes=2)
        text = "" if is_phantom(best) else without_repetition(best.text)
        heard = replace(best, text=text, words=words_of(text, best.words))
        if text and (resumes_at := best.resumes_at_seconds) is not None:
            # As in Whisper's own decoding of long audio.
            run.check()
            rest = self.decode(samples[round(resumes_at * SAMPLE_RATE) :], options, run)
            heard = join_transcriptions([heard, shift_words(rest, resumes_at)])
        return replace(heard, audio_seconds=seconds, compute_seconds=time.perf_counter() - started)

    def close(self) -> None:
        """Free the weights, once the calls that run have ended. Idempotent."""
        with self._lock:
            self._closed = True
        self._free_if_unused()

    def _context_frames(self, content: int) -> int:
        """How much the encoder is given to hear `content` frames: 100 are a second."""
        window = round(self._config.window_seconds * _FRAMES_PER_SECOND)
        if self._config.context_seconds is None:
            return window
        least = round(self._config.context_seconds * _FRAMES_PER_SECOND)
        return min(window, max(least, content + round(_MARGIN_SECONDS * _FRAMES_PER_SECOND)))

    @contextmanager
    def _using(self) -> Iterator[Any]:
        """The model, kept from being freed while a call runs."""
        with self._lock:
            if self._closed:
                raise ASRError("the speech recogniser has been closed")
            self._users += 1
        try:
            yield self._model
        finally:
            with self._lock:
                self._users -= 1
            self._free_if_unused()

    def _free_if_unused(self) -> None:
        with self._lock:
            if not self._closed or self._users or self._model is None:
                return
            model, self._model = self._model, None
        model.model.unload_model()

    def _tokenizer(self, model: WhisperModel, language: str) -> Tokenizer:
        with self._lock:
            tokenizer = self._tokenizers.get(language)
            if tokenizer is None:
                tokenizer = Tokenizer(
                    model.hf_tokenizer,
                    model.model.is_multilingual,
                    task="transcribe",
                    language=language,
                )
                self._tokenizers[language] = tokenizer
            return tokenizer

    def _pass(
        self,
        model: WhisperModel,
        features: Samples,
        frames: int,
        seconds: float,
        options: DecodeOptions,
        run: Run,
    ) -> Transcription:
        """One encoder pass over `frames` of context and one greedy decoder pass."""
        encoded = model.encode(pad_or_trim(features, frames))
        run.check()
        language, probability = self._language(model, encoded, options)
        window = round(self._config.window_seconds * _FRAMES_PER_SECOND)
        if probability < _SURE_LANGUAGE and frames < window:
            encoded = model.encode(pad_or_trim(features, window))
            run.check()
            language, _ = self._language(model, encoded, options)
        tokenizer = self._tokenizer(model, language)
        prompt = self._prompt(model, tokenizer, options)
        limit = token_limit(seconds)
        result = model.model.generate(
            encoded,
            [prompt],
            beam_size=1,
            max_length=min(len(prompt) + limit, model.max_length),
            return_logits_vocab=True,
            return_no_speech_prob=True,
            suppress_blank=True,
            suppress_tokens=get_suppressed_tokens(tokenizer, [-1]),
            max_initial_timestamp_index=_LATEST_START_SECONDS * _TIMESTAMPS_PER_SECOND,
        )[0]
        run.check()
        logits = (step.to_device(ctranslate2.Device.cpu) for step in result.logits[0])
        decoded = read_tokens(
            zip(result.sequences_ids[0], logits, strict=False),
            end_of_text=tokenizer.eot,
            timestamp_begin=tokenizer.timestamp_begin,
            audio_seconds=seconds + _PADDING_SECONDS,
        )
        text = tokenizer.decode(decoded.spoken).strip()
        beyond = tokenizer.decode(decoded.beyond).strip()
        return Transcription(
            text=text,
            language=language,
            words=self._words(
                model, tokenizer, decoded.spoken, encoded, features.shape[-1], seconds
            )
            if options.words and text
            else (),
            mean_log_probability=decoded.mean_log_probability,
            no_speech_probability=result.no_speech_prob,
            tokens=decoded.count,
            resumes_at_seconds=_resumes_at(decoded, seconds),
            beyond="" if is_repetition(beyond, text) else beyond,
            audio_seconds=seconds,
        )

    def _language(
        self, model: WhisperModel, encoded: ctranslate2.StorageView, options: DecodeOptions
    ) -> tuple[str, float]:
        """The language and its probability: 1 where it need not be detected."""
        if not model.model.is_multilingual:
            return "en", 1.0
        language = options.language or self._config.language
        if language:
            # LiveKit speaks of "en-US", Whisper of "en".
            return language.split("-")[0].lower(), 1.0
        best, probability = model.model.detect_language(encoded)[0][0]
        return best.removeprefix("<|").removesuffix("|>"), float(probability)

    def _prompt(
        self, model: WhisperModel, tokenizer: Tokenizer, options: DecodeOptions
    ) -> list[int]:
        previous: list[int] = []
        hotwords = ""
        if self._config.prompts:
            hotwords = " ".join(options.hotwords)
            previous = prompt_tokens(tokenizer.encode, options.prompt, options.context)
        prompt: list[int] = model.get_prompt(
            tokenizer,
            previous,
            without_timestamps=not self._config.timestamps,
            hotwords=hotwords or None,
        )
        return prompt

    def _words(
        self,
        model: WhisperModel,
        tokenizer: Tokenizer,
        tokens: list[int],
        encoded: ctranslate2.StorageView,
        frames: int,
        seconds: float,
    ) -> tuple[RecognizedWord, ...]:
        parts = [
            RecognizedWord(
                text=part["word"],
                start_seconds=min(seconds, max(0.0, float(part["start"]) - _PADDING_SECONDS)),
                end_seconds=min(seconds, max(0.0, float(part["end"]) - _PADDING_SECONDS)),
                probability=float(part["probability"]),
            )
            for part in model.find_alignment(tokenizer, [tokens], encoded, frames)[0]
        ]
        spaced = tokenizer.language_code not in _WITHOUT_SPACES
        return join_parts(parts, spaced=spaced)


def _resumes_at(decoded: DecodedTokens, audio_seconds: float) -> float | None:
    """Where to go on decoding, as long as that is some way on and some way from the end."""
    if decoded.resumes_at_seconds is None:
        return None
    at = decoded.resumes_at_seconds - _PADDING_SECONDS
    return at if _LEAST_SECONDS <= at <= audio_seconds - _LEAST_SECONDS else None


def _fetch_command(config: ASRConfig) -> str:
    return f"`python -m agent download-files --asr {config.name}`"


def prompt_tokens(
    encode: Callable[[str], list[int]], prompt: str, context: str, limit: int = _PROMPT_TOKENS
) -> list[int]:
    """The start of the fixed prompt and the end of what was said, `limit` tokens at most.

    Where both are long, each gets half.
    """
    fixed = encode(f" {prompt.strip()}") if prompt.strip() else []
    said = encode(f" {context.strip()}") if context.strip() else []
    fixed = fixed[: max(limit // 2, limit - len(said))]
    room = limit - len(fixed)
    return fixed + (said[-room:] if room else [])


def _features(model: WhisperModel, samples: Samples) -> Samples:
    """Log-mel features, float32 [mels, frames], with silence added on both sides."""
    padding = round(_PADDING_SECONDS * SAMPLE_RATE)
    features: Samples = model.feature_extractor(np.pad(samples, padding))
    return features
