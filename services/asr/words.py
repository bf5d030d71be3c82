"""Builds words, punctuation included, from the timed pieces of an alignment."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from .transcription import RecognizedWord


def join_parts(parts: Iterable[RecognizedWord], *, spaced: bool) -> tuple[RecognizedWord, ...]:
    """Join the pieces of an alignment (" It", " costs", " $5", ".99", ".") into words.

    In languages written with spaces a word begins with one; in others every piece that contains a
    letter or digit is a word. Punctuation joins the word before it, or the next if there is none.
    """
    words: list[RecognizedWord] = []
    for part in parts:
        begins = part.text.startswith(" ") if spaced else _has_letter(part.text)
        if words and (not begins or not _has_letter(words[-1].text)):
            words[-1] = _joined(words[-1], part, tight=not part.text.startswith(" "))
        else:
            words.append(replace(part, text=part.text.strip()))
    return tuple(word for word in words if word.text)


def words_of(text: str, words: Sequence[RecognizedWord]) -> tuple[RecognizedWord, ...]:
    """Return the words of a text that was shortened from the one they belong to."""
    texts = text.split()
    if len(texts) == len(words):
        return tuple(replace(w, text=t) for w, t in zip(words, texts, strict=True))
    left = _letters(text)
    kept: list[RecognizedWord] = []
    for word in words:
        left -= _letters(word.text)
        if left < 0:
            break
        kept.append(word)
    return tuple(kept) if text else ()


def _joined(one: RecognizedWord, other: RecognizedWord, *, tight: bool) -> RecognizedWord:
    text = f"{one.text}{other.text}" if tight else f"{one.text} {other.text.strip()}"
    if not _has_letter(other.text):
        # The time of a punctuation mark is a guess in the silence after the word.
        return replace(one, text=text.strip())
    if not _has_letter(one.text):
        return replace(other, text=text.strip())
    return replace(
        one,
        text=text.strip(),
        end_seconds=max(one.end_seconds, other.end_seconds),
        probability=min(one.probability, other.probability),
    )


def _has_letter(text: str) -> bool:
    return any(character.isalnum() for character in text)


def _letters(text: str) -> int:
    return sum(character.isalnum() for character in text)
