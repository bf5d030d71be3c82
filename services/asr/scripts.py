"""Where a word, or a line, may begin in text of any script."""

from __future__ import annotations

import bisect
import unicodedata
from collections.abc import Iterable

_WITHOUT_SPACES = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x0F00, 0x0FFF),  # Tibetan
    (0x1000, 0x109F),  # Myanmar
    (0x1780, 0x17FF),  # Khmer
    (0x1950, 0x19DF),  # Tai Le, New Tai Lue
    (0x1A20, 0x1AAF),  # Tai Tham
    (0x3005, 0x3007),  # ideographic iteration mark, closing mark and zero
    (0x3040, 0x30FF),  # Hiragana, Katakana
    (0x3105, 0x312F),  # Bopomofo
    (0x31A0, 0x31BF),  # Bopomofo Extended
    (0x31F0, 0x31FF),  # Katakana Phonetic Extensions
    (0x3400, 0x4DBF),  # CJK Unified Ideographs Extension A
    (0x4E00, 0x9FFF),  # CJK Unified Ideographs
    (0xA000, 0xA4CF),  # Yi
    (0xAA60, 0xAADF),  # Myanmar Extended-A, Tai Viet
    (0xF900, 0xFAFF),  # CJK Compatibility Ideographs
    (0xFF66, 0xFF9F),  # halfwidth Katakana
    (0x20000, 0x3FFFF),  # CJK Unified Ideographs, further extensions
)
"""Blocks of the scripts that are written without spaces between words (Unicode, Blocks.txt)."""
_FIRST = [first for first, _ in _WITHOUT_SPACES]

_NEVER_FIRST = frozenset(
    "ぁぃぅぇぉっゃゅょゎゕゖァィゥェォッャュョヮヵヶーｰ々〻ゝゞヽヾะาำๅๆฯະາຳໆ"
)
"""Letters that continue a syllable or repeat it: small kana, the long vowel, Thai and Lao vowels
after their consonant, iteration marks."""
_NEVER_LAST = frozenset("เแโใไເແໂໃໄ")
"""Thai and Lao vowels that are written before the consonant that they follow in speech."""
_JOINERS = frozenset("\u200d\u2060\u17d2\u1039")
"""Joiners of emoji and words, and the signs that stack consonants in Khmer and Myanmar."""
_TIBETAN_ENDS = frozenset("་།༎༔")
"""Marks after a Tibetan syllable or phrase."""


def begins_word(before: str, after: str) -> bool:
    """Whether a word begins with `after`, which directly follows `before`; neither is empty.

    Beside a space a word begins. Without one it begins where either side is of a script without
    spaces, except that a run of Katakana or of combined characters stays together, closing marks
    stay with what they close and opening ones with what they open.
    """
    last, first = before[-1], after[0]
    if last.isspace() or first.isspace():
        return True
    if last in _JOINERS or last in _NEVER_LAST or _is_opening(last):
        return False
    if first in _JOINERS or first in _NEVER_FIRST or _continues(first):
        return False
    if _is_tibetan(first) and _is_tibetan(last):
        return last in _TIBETAN_ENDS and is_spoken(first)
    unspaced = is_unspaced(last) or (_is_wide(last) and unicodedata.category(last)[0] == "P")
    if _is_opening(first):
        return unspaced
    if _is_katakana(last) and _is_katakana(first):
        return False
    return is_spoken(first) and (unspaced or is_unspaced(first))


def split_words(text: str) -> list[str]:
    """Split a text into words, each with its marks and the spaces after it: joined they are it.

    In a script without spaces each character is a word, since finding words takes a dictionary.
    """
    words: list[str] = []
    for character in text:
        if not words:
            words.append(character)
        elif character.isspace() or not begins_word(words[-1], character):
            words[-1] += character
        else:
            words.append(character)
    return words


def join_words(words: Iterable[str]) -> str:
    """Join what `split_words` gave of one text or several, with a space wherever it needs one."""
    joined = ""
    for word in words:
        if joined and not begins_word(joined, word):
            joined += " "
        joined += word
    return joined.strip()


def join_texts(texts: Iterable[str]) -> str:
    """Join consecutive texts as their scripts are written: with a space, or without."""
    joined = ""
    for text in texts:
        text = text.strip()
        if joined and text:
            tight = _joins_tightly(joined[-1]) and _joins_tightly(text[0])
            joined += text if tight else f" {text}"
        else:
            joined += text
    return joined


def is_unspaced(character: str) -> bool:
    """Whether the character is of a script that is written without spaces between words."""
    place = bisect.bisect_right(_FIRST, ord(character)) - 1
    return place >= 0 and ord(character) <= _WITHOUT_SPACES[place][1]


def is_spoken(text: str) -> bool:
    """Whether there is anything but punctuation: a letter, a digit or a sign such as € or +."""
    return any(c.isalnum() or unicodedata.category(c)[0] in "SM" for c in text)


def opens(text: str) -> bool:
    """Whether the marks belong to what follows: brackets, quotes and dashes that open it."""
    return all(_is_opening(c) or unicodedata.category(c) == "Pd" for c in text)


def columns(text: str, wide: float = 2.0) -> float:
    """Return the columns that a text takes on a screen; a wide character takes `wide` of them."""
    return sum(
        0.0 if unicodedata.category(c) in ("Mn", "Me", "Cf") else wide if _is_wide(c) else 1.0
        for c in text
    )


def _is_opening(character: str) -> bool:
    return character in "¿¡" or unicodedata.category(character) in ("Ps", "Pi")


def _continues(character: str) -> bool:
    """Whether it combines with the one before it: marks, variation selectors, skin tones."""
    return unicodedata.category(character)[0] == "M" or "\U0001f3fb" <= character <= "\U0001f3ff"


def _is_wide(character: str) -> bool:
    return unicodedata.east_asian_width(character) in ("W", "F")


def _is_tibetan(character: str) -> bool:
    return "\u0f00" <= character <= "\u0fff"


def _is_katakana(character: str) -> bool:
    return "\u30a0" <= character <= "\u30ff" or "\uff66" <= character <= "\uff9f"


def _joins_tightly(character: str) -> bool:
    """Whether no space is written beside it even between sentences: Chinese and Japanese."""
    return _is_wide(character) and (is_unspaced(character) or not character.isalnum())
