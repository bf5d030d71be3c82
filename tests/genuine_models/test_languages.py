"""A caller's language is recognised and followed, with the multilingual genuine recogniser.

The speech in other languages than English is synthetic, see tests/speech/languages/README.md: no
recordings of people can be had here.
"""

from __future__ import annotations

import re

from agent.languages import phrases_in
from agent.session.conversation_language import ConversationLanguage
from services.asr.config import AUTO, DecodeOptions
from services.asr.engine import StreamingASR
from services.asr.events import ASREvent, ASREventKind
from services.asr.transcription import Transcription
from services.inference import Priority
from tests.support.language_clips import clips
from tests.support.people import people
from tests.support.recordings import Samples
from tests.support.word_errors import edit_distance

WRONG_WORDS = 0.5
"""Share of the words of one request; a voice with a strong accent is understood less well."""
_DEADLINE_SECONDS = 60.0


async def transcribed(asr: StreamingASR, samples: Samples, *, expected: str) -> Transcription:
    """Recognise speech whose language is not given, where one is expected."""
    return await asr.transcribe(
        samples,
        owner="languages",
        priority=Priority.FINAL,
        deadline_seconds=_DEADLINE_SECONDS,
        options=DecodeOptions(language=AUTO, likely_language=expected),
    )


def wrong_words(heard: str, said: str) -> float:
    """The share of words that are wrong, in any script."""
    words = [re.findall(r"\w+", text.casefold()) for text in (heard, said)]
    return edit_distance(*words) / len(words[1])


def final(heard: Transcription) -> ASREvent:
    """The event by which a conversation learns of it."""
    return ASREvent(
        ASREventKind.FINAL,
        heard.text,
        language=heard.language,
        language_probability=heard.language_probability,
        end_seconds=heard.audio_seconds,
    )


async def test_a_caller_who_changes_the_language_is_understood_and_followed(
    genuine_asr: StreamingASR,
) -> None:
    assert len({clip.language for clip in clips().values()}) >= 4
    language = ConversationLanguage(None, voice="en", others=["de", "es", "it", "pt"])
    for clip in clips().values():
        heard = await transcribed(genuine_asr, clip.samples, expected=language.heard)
        assert heard.language == clip.language, heard
        assert wrong_words(heard.text, clip.text) <= WRONG_WORDS, heard
        language.observe(final(heard))
        assert language.spoken == clip.language, heard
        assert language.phrases == phrases_in(clip.language)


async def test_an_accent_does_not_lead_the_agent_astray(genuine_asr: StreamingASR) -> None:
    language = ConversationLanguage(None, voice="en", others=["zh", "de", "cy"])
    for recording in people("accent")[:8]:
        heard = await transcribed(genuine_asr, recording.samples, expected=language.heard)
        language.observe(final(heard))
        assert language.heard == "en", (recording.file, heard)
