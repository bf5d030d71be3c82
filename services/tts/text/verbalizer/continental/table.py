"""What a language of the continent has to say about itself: its words, in tables."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from .. import numerals


@dataclass(frozen=True, slots=True)
class Noun:
    """What is counted."""

    one: str
    many: str
    gender: str
    """m, f or n."""


@dataclass(frozen=True, slots=True)
class Currency:
    """Money, and its hundredth part."""

    unit: Noun
    part: Noun


@dataclass(frozen=True)
class Table:
    """The words of one language."""

    code: str
    """As num2words names it."""
    point: str
    """Between a number and its decimals."""
    dot: str
    """Between the numbers of a version."""
    minus: str
    to: str
    """Between the ends of a range."""
    score: str
    """Between the halves of a score, as in 3:2."""
    months: tuple[str, ...]
    date: Callable[[int, str, int | None, str], str]
    """The words of a day, its month and year (None without one) after a text."""
    clock: Callable[[int, int, str], str]
    """The words of hours and minutes after a text."""
    clock_forms: str
    """Pattern of a time of day: groups hour and, where it has them, minute."""
    ruler: Callable[[int], str]
    """How a king or pope of that number is called after the name."""
    of_currency: Callable[[str], str]
    """The name of a currency after a million."""
    cents: str
    """Between money and its hundredths."""
    signs: Mapping[str, str]
    fractions: Mapping[str, str]
    and_fraction: str
    """Between a number and a fraction, such as 2½; a hyphen joins them."""
    currencies: Mapping[str, Currency]
    units: Mapping[str, Noun]
    per: str
    scales: Mapping[str, Noun]
    abbreviations: Mapping[str, str]
    closing: frozenset[str]
    """Those that may end a sentence; the others are words of their own there."""
    before_number: frozenset[str]
    """Those that are abbreviations before a number only."""
    before_name: frozenset[str]
    """Those that are abbreviations before a capital only."""
    gendered: Callable[[str, str], str]
    """The words of a number before a noun of that gender."""
    powers: tuple[str, str, str]
    """What x², x³ and x^n are called after x."""
    weekdays: Mapping[str, str]
    """Short names of days, with a small letter, and the long ones."""
    short_months: Mapping[str, str]
    """Short names of months, with a small letter, and the long ones."""
    halves: Mapping[str, str]
    """Half of a noun of a gender: "ein halber" litre."""
    of_part: str = ""
    """Between "a quarter" and what it is a quarter of."""
    halves_after: Mapping[str, str] = field(default_factory=dict)
    """What follows the noun in 2½ litres, by its gender; empty where it comes before."""
    words_too: frozenset[str] = frozenset()
    """Units and scales that are words as well: units only where nothing follows that they could be
    a verb of, scales only with a full stop."""
    paired_decimals: bool = True
    """Whether two decimals are read as one number."""
    small_fractions_are_one: bool = False
    """Whether less than two is singular, as in French."""
    after_whole: Mapping[str, str] = field(default_factory=dict)
    """Fractions that have another name after a number."""
    elided: Callable[[str], str] = str
    """What becomes of a number and its noun when they are said together."""
    gender_of: Callable[[str], str] | None = None
    """The gender of a word that follows a number, as far as it shows; empty where it does not."""
    year: Callable[[int], str] | None = None
    """How four digits that may be a year are read, if not as a number."""

    def cardinal(self, value: int, gender: str = "") -> str:
        """Return a number in words, in the form before a noun of that gender if there is one."""
        words = numerals.cardinal(value, self.code)
        return self.gendered(words, gender) if gender else words

    def ordinal(self, value: int) -> str:
        """Return a position in words, masculine."""
        return numerals.ordinal(value, self.code)

    def digits(self, text: str) -> str:
        """Return digits one by one."""
        return numerals.digits(text, self.code)

    def number(self, text: str, gender: str = "") -> str:
        """Return the words of a written number, its sign included."""
        sign = f"{self.minus} " if text[:1] in "-−–" else ""
        whole, decimals = parsed(text)
        if not decimals:
            return sign + self.cardinal(int(whole), gender)
        if self.paired_decimals and len(decimals) == 2 and decimals[0] != "0":
            spoken = self.cardinal(int(decimals))
        else:
            spoken = self.digits(decimals)
        return f"{sign}{self.cardinal(int(whole))} {self.point} {spoken}"

    def counted(self, text: str, noun: Noun) -> str:
        """Return a written number and what it counts."""
        return self.elided(f"{self.number(text, noun.gender)} {self.form(text, noun)}")

    def form(self, text: str, noun: Noun) -> str:
        """Return the noun in the form that the number asks for."""
        whole, decimals = parsed(text)
        single = int(whole) < 2 if self.small_fractions_are_one else int(whole) == 1
        return noun.one if single and (self.small_fractions_are_one or not decimals) else noun.many


def parsed(text: str) -> tuple[str, str]:
    """Return the digits before and after the decimal mark of a written number."""
    text = re.sub(r"[^\d.,]", "", text)
    comma, dot = text.rfind(","), text.rfind(".")
    if comma >= 0 and dot >= 0:
        mark = max(comma, dot)
    elif comma >= 0:
        mark = comma
    else:
        mark = -1 if re.fullmatch(r"\d{1,3}(?:\.\d{3})+", text) else dot
    whole, decimals = (text[:mark], text[mark + 1 :]) if mark >= 0 else (text, "")
    return re.sub(r"\D", "", whole) or "0", re.sub(r"\D", "", decimals)


def nouns(lines: str) -> dict[str, Noun]:
    """Read a table with a line for each noun: "km | Kilometer | Kilometer | m".

    Several symbols are separated by spaces.
    """
    table: dict[str, Noun] = {}
    for line in lines.strip().splitlines():
        symbols, one, many, gender = (part.strip() for part in line.split("|"))
        table.update((symbol, Noun(one, many, gender)) for symbol in symbols.split())
    return table


def currencies(lines: str) -> dict[str, Currency]:
    """Read a table with a line for each currency, and one for its hundredth part below it."""
    rows = lines.strip().splitlines()
    table: dict[str, Currency] = {}
    for row, part in zip(rows[::2], rows[1::2], strict=True):
        ((_, cents),) = nouns(part).items()
        table.update((symbol, Currency(noun, cents)) for symbol, noun in nouns(row).items())
    return table


def pairs(lines: str) -> dict[str, str]:
    """Read a table of two columns: "z. B. | zum Beispiel"."""
    rows = (line.split("|") for line in lines.strip().splitlines())
    return {written.strip(): spoken.strip() for written, spoken in rows}
