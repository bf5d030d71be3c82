"""Audio longer than a recogniser's window: cut at quiet places, and heard piece by piece."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from ..audio.samples import SAMPLE_RATE, Samples, clean, split_quietly
from .transcription import Transcription, join_transcriptions
from .whisper import PADDING_SECONDS

_FITTED_CUTS, _FULL_CUTS = (0.2, 0.5), (0.5, 1.0)
"""Shares of the window within which longer audio is cut. A full pass costs the same for any length,
so its pieces are long; the cost of a fitted one follows the length, and with short pieces the demo
model, which was trained on single requests, gets 7 % of the words in the long test recordings
wrong instead of 31 %."""


async def transcribe_in_pieces(
    samples: Samples,
    transcribe: Callable[[Samples, float], Awaitable[Transcription]],
    *,
    window_seconds: float,
    context_seconds: float | None,
    start_seconds: float,
) -> Transcription:
    """Transcribe audio of any length: mono float32 in [-1, 1] at 16 kHz.

    `transcribe` takes a piece within the window, and when it begins in the caller's clock, in which
    the first sample lies at `start_seconds`. Raises what it raises.
    """
    pieces = split_quietly(
        clean(samples),
        window_seconds,
        _FULL_CUTS if context_seconds is None else _FITTED_CUTS,
        margin_seconds=2 * PADDING_SECONDS,
    )
    heard: list[Transcription] = []
    offset = 0
    for piece in pieces:
        heard.append(await transcribe(piece, start_seconds + offset / SAMPLE_RATE))
        offset += len(piece)
    return join_transcriptions(heard)
