"""One Whisper model of faster-whisper: audio to features, and features to text in one pass."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import ctranslate2
import numpy as np
from faster_whisper.audio import pad_or_trim
from faster_whisper.tokenizer import Tokenizer
from faster_whisper.transcribe import get_suppressed_tokens

from ..audio.samples import SAMPLE_RATE, Samples
from ..inference import Run
from .config import AUTO, ASRConfig, DecodeOptions
from .decoded_tokens import NO_SENTENCE_END, DecodedTokens, TokenKinds, read_tokens
from .hallucination import is_repetition, token_limit
from .transcription import RecognizedWord, Transcription
from .words import TimedPiece, join_pieces

FRAMES_PER_SECOND = 100
"""Of the features."""
PADDING_SECONDS = 0.2
"""Silence added around the audio: Whisper misses words that touch an edge."""
_PROMPT_TOKENS = 112
"""Half of what Whisper's decoder keeps for a prompt, so that decoding stays fast."""
_SURE_LANGUAGE = 0.85
"""A language detected with less probability is detected again in the whole window: with short
context, accents and children's voices are more often taken for another language
(docs/recognition.md)."""
_LIKELY_LANGUAGE_WEIGHT = 4.0
"""How much more probable the language that is expected counts than any other."""
_LEAST_SECONDS = 0.5
"""A shorter rest of the audio holds no speech worth another pass."""
_LATEST_START_SECONDS = 1
"""Of the first segment, as in Whisper's own decoding."""
_TIMESTAMPS_PER_SECOND = 50
_UNFINISHED = "\ufffd"
"""What stands for a character of which the decoder has written only some bytes."""


class WhisperModel(Protocol):
    """The part of `faster_whisper.WhisperModel` that is used here."""

    model: Any
    """`ctranslate2.models.Whisper`."""
    hf_tokenizer: Any
    max_length: int

    @property
    def supported_languages(self) -> list[str]:
        """Codes of the languages that the model knows."""

    def feature_extractor(self, waveform: Samples) -> Samples:
        """Compute log-mel features, float32 [mels, frames]."""

    def encode(self, features: Samples) -> ctranslate2.StorageView:
        """Run the encoder."""

    def get_prompt(
        self,
        tokenizer: Tokenizer,
        previous_tokens: list[int],
        *,
        without_timestamps: bool,
        hotwords: str | None,
    ) -> list[int]:
        """Build the tokens that the decoder starts from."""

    def find_alignment(
        self,
        tokenizer: Tokenizer,
        text_tokens: list[list[int]],
        encoder_output: ctranslate2.StorageView,
        num_frames: int,
    ) -> Sequence[Sequence[dict[str, Any]]]:
        """Time the words of each text."""


class Whisper:
    """A loaded model; safe from any thread."""

    def __init__(self, model: WhisperModel, config: ASRConfig) -> None:
        self.model = model
        self.config = config
        self._lock = threading.Lock()
        self._tokenizers: dict[str, Tokenizer] = {}
        self._kinds: TokenKinds | None = None

    @property
    def multilingual(self) -> bool:
        """Whether the model knows more than English."""
        return bool(self.model.model.is_multilingual)

    @property
    def languages(self) -> frozenset[str]:
        """The codes of the languages that the model knows."""
        return frozenset(self.model.supported_languages)

    @property
    def window_frames(self) -> int:
        """The most frames the encoder takes."""
        return round(self.config.window_seconds * FRAMES_PER_SECOND)

    def features(self, samples: Samples) -> Samples:
        """Compute the features of the audio with silence on both sides."""
        return self.model.feature_extractor(np.pad(samples, round(PADDING_SECONDS * SAMPLE_RATE)))

    def transcribe(
        self,
        features: Samples,
        frames: int,
        options: DecodeOptions,
        run: Run,
        *,
        start_seconds: float,
        audio_seconds: float,
    ) -> Transcription:
        """Run one encoder pass over `frames` of context and one greedy decoder pass.

        The audio begins at `start_seconds` of the clock in which the words are timed.
        """
        encoded = self.model.encode(pad_or_trim(features, frames))
        run.check()
        language, probability = self._language(encoded, options)
        if probability < _SURE_LANGUAGE and frames < self.window_frames:
            encoded = self.model.encode(pad_or_trim(features, self.window_frames))
            run.check()
            language, probability = self._language(encoded, options)
        tokenizer = self._tokenizer(language)
        prompt = self._prompt(tokenizer, options)
        result = self.model.model.generate(
            encoded,
            [prompt],
            beam_size=1,
            max_length=min(len(prompt) + token_limit(audio_seconds), self.model.max_length),
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
            audio_seconds=audio_seconds + PADDING_SECONDS,
            kinds=self._token_kinds(tokenizer),
        )
        text = tokenizer.decode(decoded.spoken).replace(_UNFINISHED, "").strip()
        beyond = tokenizer.decode(decoded.beyond).strip()
        words: tuple[RecognizedWord, ...] = ()
        if options.words and text:
            alignment = self.model.find_alignment(
                tokenizer, [decoded.spoken], encoded, features.shape[-1]
            )
            words = join_pieces(_timed(part, start_seconds, audio_seconds) for part in alignment[0])
        return Transcription(
            text=text,
            language=language,
            language_probability=probability,
            words=words,
            mean_log_probability=decoded.mean_log_probability,
            end=decoded.end or NO_SENTENCE_END,
            no_speech_probability=result.no_speech_prob,
            tokens=decoded.count,
            resumes_at_seconds=_resumes_at(decoded, audio_seconds),
            beyond="" if is_repetition(beyond, text) else beyond,
            audio_seconds=audio_seconds,
        )

    def _token_kinds(self, tokenizer: Tokenizer) -> TokenKinds:
        with self._lock:
            if self._kinds is None:
                self._kinds = TokenKinds.of(self.model.hf_tokenizer.get_vocab(), tokenizer.eot)
            return self._kinds

    def _tokenizer(self, language: str) -> Tokenizer:
        with self._lock:
            tokenizer = self._tokenizers.get(language)
            if tokenizer is None:
                tokenizer = Tokenizer(
                    self.model.hf_tokenizer,
                    self.multilingual,
                    task="transcribe",
                    language=language,
                )
                # Its own words are found by spaces and ASCII punctuation, which not every language
                # is written with, and no text all through.
                tokenizer.split_to_word_tokens = tokenizer.split_tokens_on_unicode
                self._tokenizers[language] = tokenizer
            return tokenizer

    def _language(
        self, encoded: ctranslate2.StorageView, options: DecodeOptions
    ) -> tuple[str, float]:
        """Return the language and its probability, which is 1 if it need not be detected."""
        if not self.multilingual:
            return "en", 1.0
        language = options.language or self.config.language
        if language and language != AUTO:
            # LiveKit writes "en-US", Whisper "en".
            return language.split("-")[0].lower(), 1.0
        detected = [
            (token.removeprefix("<|").removesuffix("|>"), float(probability))
            for token, probability in self.model.model.detect_language(encoded)[0]
        ]
        return weighted_language(detected, options.likely_language)

    def _prompt(self, tokenizer: Tokenizer, options: DecodeOptions) -> list[int]:
        previous: list[int] = []
        hotwords = ""
        if self.config.prompts:
            hotwords = " ".join(options.hotwords)
            previous = prompt_tokens(tokenizer.encode, options.prompt, options.context)
        return self.model.get_prompt(
            tokenizer,
            previous,
            without_timestamps=not self.config.timestamps,
            hotwords=hotwords or None,
        )


def weighted_language(
    detected: Sequence[tuple[str, float]], likely: str | None
) -> tuple[str, float]:
    """Return the most probable language and its probability, where one of them is expected.

    `detected` has the probabilities of all languages, which sum to 1.
    """
    weights = [
        (language, probability * (_LIKELY_LANGUAGE_WEIGHT if language == likely else 1.0))
        for language, probability in detected
    ]
    language, weight = max(weights, key=lambda each: each[1])
    return language, weight / sum(each for _, each in weights)


def prompt_tokens(
    encode: Callable[[str], list[int]], prompt: str, context: str, limit: int = _PROMPT_TOKENS
) -> list[int]:
    """Return the start of the fixed prompt and the end of the context, `limit` tokens at most.

    If both are long, each gets half.
    """
    fixed = encode(f" {prompt.strip()}") if prompt.strip() else []
    said = encode(f" {context.strip()}") if context.strip() else []
    fixed = fixed[: max(limit // 2, limit - len(said))]
    room = limit - len(fixed)
    return fixed + (said[-room:] if room else [])


def _timed(part: dict[str, Any], start_seconds: float, audio_seconds: float) -> TimedPiece:
    """Move the times of an aligned piece from the padded audio to the caller's clock."""

    def moved(seconds: float) -> float:
        return start_seconds + min(audio_seconds, max(0.0, float(seconds) - PADDING_SECONDS))

    return TimedPiece(
        text=part["word"].replace(_UNFINISHED, ""),
        start_seconds=moved(part["start"]),
        end_seconds=moved(part["end"]),
        probability=float(part["probability"]),
        tokens=len(part["tokens"]),
    )


def _resumes_at(decoded: DecodedTokens, audio_seconds: float) -> float | None:
    """Return where decoding should resume, unless too near to either end of the audio."""
    if decoded.resumes_at_seconds is None:
        return None
    at = decoded.resumes_at_seconds - PADDING_SECONDS
    return at if _LEAST_SECONDS <= at <= audio_seconds - _LEAST_SECONDS else None
