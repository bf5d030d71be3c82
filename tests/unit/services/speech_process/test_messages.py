"""What crosses to a speech process and back arrives as it was sent."""

from __future__ import annotations

import json

from services.asr.decoded_tokens import SentenceEnd
from services.asr.transcription import RecognizedWord, Transcription
from services.speech_process.messages import read_transcription, transcription_header


def test_a_transcript_arrives_with_all_that_is_known_of_it() -> None:
    heard = Transcription(
        "one two",
        "de",
        0.9,
        (RecognizedWord("one", 0.1, 0.2, 0.8),),
        mean_log_probability=-0.2,
        end=SentenceEnd(-0.7, 1.5),
        no_speech_probability=0.1,
        tokens=4,
        beyond="three",
        resumes_at_seconds=2.0,
        passes=2,
        audio_seconds=3.0,
        compute_seconds=0.5,
    )
    sent = json.loads(json.dumps(transcription_header(heard)))
    assert read_transcription(sent) == heard
