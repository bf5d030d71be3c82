"""Recognition events and transcripts as LiveKit's types."""

from __future__ import annotations

from collections.abc import Iterable

from livekit.agents import LanguageCode, stt
from livekit.agents.types import TimedString

from ..asr.events import ASREvent, ASREventKind
from ..asr.transcription import RecognizedWord, Transcription

_EVENT_TYPES = {
    ASREventKind.SPEECH_STARTED: stt.SpeechEventType.START_OF_SPEECH,
    ASREventKind.INTERIM: stt.SpeechEventType.INTERIM_TRANSCRIPT,
    ASREventKind.PREFLIGHT: stt.SpeechEventType.PREFLIGHT_TRANSCRIPT,
    ASREventKind.FINAL: stt.SpeechEventType.FINAL_TRANSCRIPT,
    ASREventKind.SPEECH_ENDED: stt.SpeechEventType.END_OF_SPEECH,
}


def speech_event(heard: ASREvent, offset_seconds: float) -> stt.SpeechEvent:
    """Convert an event, adding `offset_seconds` to the times of the stream."""
    if heard.kind in (ASREventKind.SPEECH_STARTED, ASREventKind.SPEECH_ENDED):
        return stt.SpeechEvent(type=_EVENT_TYPES[heard.kind])
    data = stt.SpeechData(
        language=LanguageCode(heard.language),
        text=heard.text,
        start_time=heard.start_seconds + offset_seconds,
        end_time=heard.end_seconds + offset_seconds,
        confidence=heard.confidence,
        words=_timed(heard.words, offset_seconds),
        metadata={"mean_log_probability": heard.mean_log_probability},
    )
    return stt.SpeechEvent(type=_EVENT_TYPES[heard.kind], alternatives=[data])


def speech_data(heard: Transcription, seconds: float) -> stt.SpeechData:
    """Convert the transcript of a recording of that length."""
    return stt.SpeechData(
        language=LanguageCode(heard.language),
        text=heard.text,
        start_time=0.0,
        end_time=seconds,
        confidence=heard.confidence,
        words=_timed(heard.words, 0.0),
    )


def _timed(words: Iterable[RecognizedWord], offset_seconds: float) -> list[TimedString] | None:
    timed = [
        TimedString(
            text=word.text,
            start_time=word.start_seconds + offset_seconds,
            end_time=word.end_seconds + offset_seconds,
            confidence=word.probability,
        )
        for word in words
    ]
    return timed or None
