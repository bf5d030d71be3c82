"""Results of transcription, in the formats that `transcribe` writes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.asr.files import Segment
from services.asr.scripts import join_texts
from services.asr.subtitles import srt, vtt


@dataclass(frozen=True, slots=True)
class Transcript:
    """The result for one file."""

    path: Path
    segments: tuple[Segment, ...]
    error: str = ""
    """Why it was not transcribed, or only in part."""


def as_text(transcripts: Sequence[Transcript]) -> str:
    """Format one line per segment of speech; several files get a heading each."""
    blocks = []
    for transcript in transcripts:
        lines = [line(segment) for segment in transcript.segments]
        if len(transcripts) > 1:
            lines.insert(0, heading(transcript.path))
        blocks.append("".join(f"{line}\n" for line in lines))
    return "\n".join(blocks)


def line(segment: Segment) -> str:
    """Return a segment's text after the name of its speaker, if that is known."""
    return f"{segment.speaker}: {segment.text}" if segment.speaker else segment.text


def heading(path: Path) -> str:
    """Return the line before a file's text."""
    return f"{path}:"


def as_json(transcripts: Sequence[Transcript]) -> str:
    """Format a JSON list with an object per file; times in seconds."""
    return f"{json.dumps([_file(t) for t in transcripts], ensure_ascii=False, indent=1)}\n"


def as_srt(transcripts: Sequence[Transcript]) -> str:
    """Format the subtitles of one file as SubRip."""
    (transcript,) = transcripts
    return srt(transcript.segments)


def as_vtt(transcripts: Sequence[Transcript]) -> str:
    """Format the subtitles of one file as WebVTT."""
    (transcript,) = transcripts
    return vtt(transcript.segments)


def _file(transcript: Transcript) -> dict[str, Any]:
    segments = transcript.segments
    content: dict[str, Any] = {
        "file": str(transcript.path),
        "language": segments[0].language if segments else None,
        "text": join_texts(segment.text for segment in segments),
        "segments": [_segment(segment) for segment in segments],
    }
    if transcript.error:
        content["error"] = transcript.error
    return content


def _segment(segment: Segment) -> dict[str, Any]:
    content: dict[str, Any] = {
        "start": round(segment.start_seconds, 3),
        "end": round(segment.end_seconds, 3),
        "text": segment.text,
        "confidence": round(segment.confidence, 3),
    }
    if segment.speaker:
        content["speaker"] = segment.speaker
    if segment.words:
        content["words"] = [
            {
                "word": word.text,
                "start": round(word.start_seconds, 3),
                "end": round(word.end_seconds, 3),
                "probability": round(word.probability, 3),
            }
            for word in segment.words
        ]
    return content
