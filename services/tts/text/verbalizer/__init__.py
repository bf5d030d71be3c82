"""Writes out numbers, money, dates, units, abbreviations and the like, language by language.

`scan` (scanner.py) goes through a text from left to right, and at each word, number or sign applies
the first rule of the language that matches; what no rule reads is spoken as it is written. So
nothing is read twice, and what one rule takes no other sees. Which written word a spoken one
belongs to is worked out in `..normalization`.

To add a language, write one module beside `english/` (a package where it is long) that ends in a
`Language` (rule.py), and add it to `LANGUAGES` below, under its ISO 639-1 code. One that writes
1.234,5 needs no more than its words: see `continental/`.

- A rule is a name, a pattern, what it is read as, and examples. The examples are its tests
  (`tests/unit/services/tts/text/verbalizer/test_rules.py` runs those of every language through the
  product's own path), so each line says what it is for. Put the more particular rules first.
- `numerals` has cardinals, ordinals and years of any size by num2words, digits one by one and in
  groups, and Roman numerals. Patterns of numbers differ (3,50 or 3.50): write your own.
- `symbols` names the characters of Unicode's category S that your rules read; others are silent.
- `never_last`, `sometimes_last` and `ordinal_full_stop` tell the sentence splitter which full stops
  end no sentence. A rule has to leave out the full stop of an abbreviation inside a sentence, as
  espeak-ng would pause there.

A language without a module is read by espeak-ng's own rules, as `PLAIN`.
"""

from __future__ import annotations

from typing import Final

from .continental import CONTINENTAL
from .english import ENGLISH
from .rule import Language, Rule

PLAIN: Final = Language(code="", rules=(), symbols="+=×÷±<>≤≥≠≈°№$€£¥₹%&@", latin=False)
"""For languages without rules."""

LANGUAGES: Final[dict[str, Language]] = {
    language.code: language for language in (ENGLISH, *CONTINENTAL)
}


def language_of(code: str) -> Language:
    """Return the rules for an ISO 639-1 code, or those of no language."""
    return LANGUAGES.get(code, PLAIN)


__all__ = ["LANGUAGES", "PLAIN", "Language", "Rule", "language_of"]
