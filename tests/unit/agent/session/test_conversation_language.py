"""The agent follows the caller's language, and no single doubtful utterance leads it astray."""

from __future__ import annotations

import pytest

from agent.languages import ENGLISH, phrases_in
from agent.session.conversation_language import ConversationLanguage
from services.asr.events import ASREvent, ASREventKind

FINAL, PREFLIGHT, INTERIM = ASREventKind.FINAL, ASREventKind.PREFLIGHT, ASREventKind.INTERIM


def heard(
    language: str,
    probability: float = 0.97,
    *,
    seconds: float = 2.0,
    kind: ASREventKind = FINAL,
    text: str = "words",
) -> ASREvent:
    return ASREvent(
        kind,
        text,
        language=language,
        language_probability=probability,
        start_seconds=10.0,
        end_seconds=10.0 + seconds,
    )


def following(voice: str = "en", *others: str) -> tuple[ConversationLanguage, list[str]]:
    """A conversation that follows the caller, and what it says of voices it lacks."""
    told: list[str] = []
    return ConversationLanguage(None, voice=voice, others=others, on_unvoiced=told.append), told


def test_a_clear_utterance_changes_the_language_at_once_with_phrases_and_instruction() -> None:
    language, told = following("en", "de", "fr")
    assert (language.heard, language.instruction) == ("en", "")
    language.observe(heard("de"))
    assert (language.heard, language.spoken) == ("de", "de")
    assert language.phrases == phrases_in("de")
    assert language.instruction == "The caller speaks German. Answer in German."
    language.observe(heard("en"))
    assert language.phrases == ENGLISH
    assert language.instruction == "The caller speaks English. Answer in English."
    assert told == []


@pytest.mark.parametrize("doubtful", [heard("de", 0.6), heard("de", 0.95, seconds=0.4)])
def test_one_short_or_doubtful_utterance_changes_nothing_but_two_do(doubtful: ASREvent) -> None:
    language, _ = following("en", "de")
    language.observe(doubtful)
    assert language.heard == "en"
    language.observe(heard("en"))
    language.observe(doubtful)
    assert language.heard == "en"
    language.observe(doubtful)
    assert language.heard == "de"


def test_two_doubtful_utterances_in_different_languages_change_nothing() -> None:
    language, _ = following("en", "de", "nl")
    language.observe(heard("de", 0.6))
    language.observe(heard("nl", 0.6))
    assert language.heard == "en"


def test_a_guess_counts_for_nothing() -> None:
    language, _ = following("en", "de")
    for _ in range(3):
        language.observe(heard("de", 0.3))
    assert language.heard == "en"


def test_a_reply_prepared_in_a_pause_is_in_the_language_heard_so_far_and_settles_nothing() -> None:
    language, _ = following("en", "de")
    language.observe(heard("de", kind=PREFLIGHT))
    assert language.spoken == "de"
    language.observe(heard("en"))
    assert language.spoken == "en"
    language.observe(heard("de", 0.6, kind=PREFLIGHT))
    language.observe(heard("de", 0.6))
    assert language.spoken == "en"
    language.observe(heard("fr", kind=INTERIM))
    language.observe(heard("fr", text=""))
    assert language.heard == "en"


def test_a_language_without_a_voice_is_said_once_and_answered_in_the_voice_s_own() -> None:
    language, told = following("en", "de")
    language.observe(heard("fr"))
    assert (language.heard, language.spoken) == ("fr", "en")
    assert told == [ENGLISH.no_voice]
    assert language.instruction.startswith(
        "The caller speaks French, but your voice speaks English only: answer in English"
    )
    language.observe(heard("de"))
    language.observe(heard("fr"))
    assert told == [ENGLISH.no_voice]
    language.observe(heard("it"))
    assert told == [ENGLISH.no_voice, ENGLISH.no_voice]


def test_a_configured_language_stays() -> None:
    changed: list[None] = []
    language = ConversationLanguage("de", voice="de-DE", on_changed=lambda: changed.append(None))
    language.observe(heard("en"))
    assert (language.heard, language.spoken, changed) == ("de", "de", [])
    assert language.instruction == "The caller speaks German. Answer in German."


def test_an_english_agent_is_instructed_as_it_was_written() -> None:
    assert ConversationLanguage("en", voice="en-US").instruction == ""


def test_a_voice_of_another_language_than_the_configured_one_speaks_its_own() -> None:
    language = ConversationLanguage("de", voice="en-US")
    assert language.phrases == ENGLISH
    assert "answer in English" in language.instruction


def test_it_begins_in_the_language_of_the_voice() -> None:
    language, _ = following("de-DE", "en")
    assert language.phrases == phrases_in("de")
