"""Estimates whether an utterance is complete, from its words in the caller's language."""

from __future__ import annotations

from . import dictation, english, punctuation
from .announcing import judge_by_announcing_words
from .verdict import Completeness

__all__ = ["Completeness", "judge_completeness"]

_MAX_CHARACTERS = 400


def judge_completeness(text: str, language: str = "en") -> Completeness:
    """Judge whether the transcript `text` is all the speaker wants to say.

    What is being dictated (digits, letters, an e-mail address) is judged alike in all languages.
    English has rules of its own; six more languages have the words that announce others; for the
    rest only the punctuation speaks, which is weak evidence: a recogniser closes whatever it hears
    with a full stop. Pure and fast (microseconds); safe from any thread.

    Args:
        text: the transcript of the turn so far.
        language: ISO 639-1 code, a region after it is ignored.
    """
    text = text[-_MAX_CHARACTERS:].strip().replace("’", "'")
    if not any(character.isalnum() for character in text):
        return Completeness(0.0, "nothing said")
    code = language.lower().replace("_", "-").split("-")[0]
    dictated = dictation.judge(text)
    if dictated is not None and dictated.amid is not None:
        # Whatever mark the recogniser puts behind a group of digits.
        return dictated
    return (
        punctuation.judge_unfinished(text)
        or dictated
        or (english.judge(text) if code == "en" else judge_by_announcing_words(text, code))
        or punctuation.judge_ending(text)
    )
