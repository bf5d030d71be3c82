"""What a language's table of rules is made of."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from ..abbreviations import NEVER_LAST, SOMETIMES_LAST

Reader = Callable[[re.Match[str]], str | None]
"""Returns the words for what a pattern has matched, or None if it is something else.

`match.string` is the whole text, for readers that look at what stands around. A bar (`BAR`) between
the words of two written words tells which are whose; without bars they are shared out.
"""

BAR: Final = "|"


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of a table: what is written, how it is read, and examples, which are its tests."""

    name: str
    pattern: str
    """A verbose regular expression: write a space as `[ ]`."""
    reader: Reader | str
    """Words, if they are always the same."""
    examples: Mapping[str, str]
    """Whole texts, and how they are read."""
    inside: bool = False
    """Whether it may begin or end within a word or a number."""
    regex: re.Pattern[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        end = "" if self.inside else r"(?!\w)"
        object.__setattr__(self, "regex", re.compile(f"(?:{self.pattern}){end}", re.VERBOSE))

    def read(self, match: re.Match[str]) -> str | None:
        """Return the words for `match` of `regex`, or None if the rule does not apply."""
        return self.reader if isinstance(self.reader, str) else self.reader(match)


@dataclass(frozen=True)
class Language:
    """How one language is read aloud, and where its sentences end."""

    code: str
    """ISO 639-1."""
    rules: tuple[Rule, ...]
    """The first that applies at a place is used, so the more particular come first."""
    symbols: str = ""
    """Characters other than letters and digits that rules read; those of Unicode's category S are
    silent else."""
    never_last: frozenset[str] = NEVER_LAST
    """Abbreviations that never end a sentence: lower case, without the last full stop."""
    sometimes_last: frozenset[str] = SOMETIMES_LAST
    """Those that end one unless a small letter or a digit follows."""
    never_last_endings: tuple[str, ...] = ()
    """Endings of words that never end one, such as "str" of "Hauptstr."."""
    goes_on: frozenset[str] = frozenset()
    """Words with a capital that begin no sentence after an abbreviation: "Ave. NW"."""
    ends_before_opener: frozenset[str] = frozenset()
    """Abbreviations that may stand before any name, so that they end a sentence only ..."""
    openers: frozenset[str] = frozenset()
    """... before these words, which often begin one; all in lower case."""
    before_ordinal: frozenset[str] = frozenset()
    """Words after which "3." is an ordinal, such as articles."""
    latin: bool = True
    """Whether words in other scripts are read by their sounds in Latin letters."""
    ordinal_full_stop: bool = False
    """Whether "3." is "third", so that it ends no sentence before a small letter or a month."""
    follows_ordinal: frozenset[str] = frozenset()
    """Capitalised words before which "3." is an ordinal, in lower case, such as months."""

    @cached_property
    def kept(self) -> frozenset[str]:
        """The characters of `symbols`."""
        return frozenset(self.symbols)
