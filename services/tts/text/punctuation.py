"""The marks at which a speaker pauses, in the scripts that voices read."""

from __future__ import annotations

from typing import Final

SENTENCE_MARKS: Final = ".!?…؟۔।॥"
"""End a sentence before a space."""
CLAUSE_MARKS: Final = ",;:—–"
"""End a clause before a space."""
WIDE_SENTENCE_MARKS: Final = "。！？｡"
"""End a sentence anywhere: their scripts put no spaces between words."""
WIDE_CLAUSE_MARKS: Final = "、，；："
PAUSE_MARKS: Final = frozenset(
    SENTENCE_MARKS + CLAUSE_MARKS + WIDE_SENTENCE_MARKS + WIDE_CLAUSE_MARKS
)
ASCII_PAUSE_MARKS: Final = "".join(sorted(mark for mark in PAUSE_MARKS if mark.isascii()))

CLOSING_MARKS: Final = ")]\"'”’»*_"
"""May follow a mark that ends a sentence or a clause."""
WIDE_CLOSING_MARKS: Final = "」』”’）"
QUOTATION_MARKS: Final = "\"'“”‘’«»"


def ends_with_pause(text: str) -> bool:
    """Whether a speaker pauses after `text`."""
    return text.rstrip(CLOSING_MARKS)[-1:] in PAUSE_MARKS
