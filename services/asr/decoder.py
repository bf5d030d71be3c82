"""Decodes audio within the model's window, with as much context as it needs, twice if in doubt."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from ..audio.samples import SAMPLE_RATE, Samples
from ..inference import Run
from .config import DecodeOptions
from .hallucination import better_of, is_phantom, is_runaway, without_repetition
from .transcription import Transcription, join_transcriptions
from .whisper import FRAMES_PER_SECOND, Whisper
from .words import words_of

_MARGIN_SECONDS = 1.0
"""Context beyond the audio: less than this costs words (see services/models/demo/README.md)."""
_SILENCE_PEAK = 1e-3
"""Of full scale, which is 1: anything below -60 dB is silence for any microphone."""


def decode(
    whisper: Whisper, samples: Samples, options: DecodeOptions, run: Run, start_seconds: float
) -> Transcription:
    """Transcribe audio that begins at `start_seconds` of the clock in which words are timed.

    Blocks. Cancellation takes effect between encoder and decoder passes only; a token limit that
    follows from the length of the audio bounds each pass.
    """
    started = time.perf_counter()
    seconds = len(samples) / SAMPLE_RATE
    if len(samples) == 0 or float(np.max(np.abs(samples))) < _SILENCE_PEAK:
        language = options.language or whisper.config.language or "en"
        return Transcription("", language, audio_seconds=seconds)
    features = whisper.features(samples)
    run.check()

    def transcribe(frames: int) -> Transcription:
        return whisper.transcribe(
            features,
            frames,
            options,
            run,
            start_seconds=start_seconds,
            audio_seconds=seconds,
        )

    frames = _context_frames(whisper, features.shape[-1])
    best = transcribe(frames)
    if is_runaway(best) and frames < whisper.window_frames:
        run.check()
        best = replace(better_of(best, transcribe(whisper.window_frames)), passes=2)
    text = "" if is_phantom(best) else without_repetition(best.text)
    heard = replace(best, text=text, words=words_of(text, best.words))
    if text and (resumes_at := best.resumes_at_seconds) is not None:
        # As in Whisper's own decoding of long audio.
        run.check()
        rest = samples[round(resumes_at * SAMPLE_RATE) :]
        heard = join_transcriptions(
            [heard, decode(whisper, rest, options, run, start_seconds + resumes_at)]
        )
    return replace(heard, audio_seconds=seconds, compute_seconds=time.perf_counter() - started)


def _context_frames(whisper: Whisper, content: int) -> int:
    """Return the number of frames to give the encoder for `content` frames of audio."""
    least_seconds = whisper.config.context_seconds
    if least_seconds is None:
        return whisper.window_frames
    least = round(least_seconds * FRAMES_PER_SECOND)
    return min(
        whisper.window_frames, max(least, content + round(_MARGIN_SECONDS * FRAMES_PER_SECOND))
    )
