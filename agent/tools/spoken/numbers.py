"""Spoken numbers, parsed and formatted."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction

ONES = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
SCALES: dict[str, int] = {
    "thousand": 10**3,
    "million": 10**6,
    "billion": 10**9,
    "trillion": 10**12,
}
LARGEST_SPOKEN = 10**15
"""Numbers from here on are not put into words."""

ORDINALS = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}
"""Cardinals whose ordinal is not formed with "th"."""

PARTS = {"half": Fraction(1, 2), "quarter": Fraction(1, 4), "third": Fraction(1, 3)}

_UNITS = {word: value for value, word in enumerate(ONES)} | {"oh": 0, "a": 1, "an": 1}
_TENS = {word: 10 * (index + 2) for index, word in enumerate(TENS)}
_MAX_DIGITS = 30
_WRITTEN_ORDINAL = re.compile(r"(\d+) ?(?:st|nd|rd|th)")


def spoken_number(value: int | Fraction) -> str:
    """Return the words of a number: "minus five", "one hundred and five", "three point one four".

    A fraction gets at most three decimals; ask `is_rounded` whether that loses any.

    Raises:
        ValueError: for numbers of `LARGEST_SPOKEN` and beyond.
    """
    value = Fraction(value)
    if abs(value) >= LARGEST_SPOKEN:
        raise ValueError(f"numbers of {LARGEST_SPOKEN} and beyond are not spoken")
    sign = "minus " if value < 0 else ""
    thousandths = round(abs(value) * 1000)
    whole, decimals = divmod(thousandths, 1000)
    if thousandths == 0:
        return "zero"
    words = sign + _spoken_whole(whole)
    if decimals:
        digits = f"{decimals:03d}".rstrip("0")
        words += " point " + " ".join(ONES[int(digit)] for digit in digits)
    return words


def is_rounded(value: int | Fraction) -> bool:
    """Whether `spoken_number` rounds the value."""
    return (Fraction(value) * 1000).denominator != 1


def spoken_ordinal(value: int) -> str:
    """The ordinal of a positive number: "first", "twenty first", "thirtieth"."""
    *head, last = _spoken_whole(value).split()
    if last in ORDINALS:
        last = ORDINALS[last]
    elif last.endswith("y"):
        last = last[:-1] + "ieth"
    else:
        last += "th"
    return " ".join([*head, last])


def spoken_year(year: int) -> str:
    """Return the words of a year: "nineteen ninety nine", "twenty twenty six"."""
    century, rest = divmod(year, 100)
    if not 1000 <= year <= 9999 or year % 1000 < 10:
        return _spoken_whole(year)
    if rest == 0:
        return f"{_spoken_whole(century)} hundred"
    return f"{_spoken_whole(century)} {'oh ' if rest < 10 else ''}{_spoken_whole(rest)}"


def parse_number(words: str) -> Fraction | None:
    """Return the number that all of `words` form, or None: "a hundred and five" → 105."""
    tokens = words.split()
    sign = 1
    if tokens and tokens[0] in ("minus", "negative"):
        sign, tokens = -1, tokens[1:]
    read = read_number(tokens, 0)
    if read is None or read[1] != len(tokens):
        return None
    return sign * read[0]


def parse_ordinal(words: str) -> int | None:
    """Return the position that `words` name, or None: "twenty first", "21st" → 21."""
    if written := _WRITTEN_ORDINAL.fullmatch(words):
        return int(written[1][:_MAX_DIGITS])
    return _ORDINAL_VALUES.get(words)


def read_number(tokens: Sequence[str], start: int) -> tuple[Fraction, int] | None:
    """Return the longest number that begins at `start`, and where it ends; None if there is none.

    "two and a half" and "three quarters" are numbers too; "a" counts as one before "hundred",
    "dozen" or a part only. A sign is left to the caller.
    """
    part = _read_part(tokens, start)
    if part is not None:
        return part
    whole = _read_whole(tokens, start)
    if whole is None:
        return _read_decimals(Fraction(0), tokens, start)
    value, position = whole
    with_decimals = _read_decimals(value, tokens, position)
    if with_decimals is not None:
        value, position = with_decimals
        scale = SCALES.get(_at(tokens, position))
        return (value * scale, position + 1) if scale else (value, position)
    if _at(tokens, position) == "and":
        part = _read_part(tokens, position + 1)
        if part is not None:
            return value + part[0], part[1]
    singular = _at(tokens, position).removesuffix("s")
    if singular in ("quarter", "third") and _at(tokens, position).endswith("s"):
        return value * PARTS[singular], position + 1
    return value, position


def _spoken_whole(value: int) -> str:
    if value < 20:
        return ONES[value]
    if value < 100:
        tens, ones = divmod(value, 10)
        return TENS[tens - 2] + (f" {ONES[ones]}" if ones else "")
    if value < 1000:
        hundreds, rest = divmod(value, 100)
        return f"{ONES[hundreds]} hundred" + (f" and {_spoken_whole(rest)}" if rest else "")
    name = next(name for name in reversed(SCALES) if SCALES[name] <= value)
    count, rest = divmod(value, SCALES[name])
    words = f"{_spoken_whole(count)} {name}"
    if rest:
        words += (" and " if rest < 100 else " ") + _spoken_whole(rest)
    return words


def _at(tokens: Sequence[str], position: int) -> str:
    return tokens[position] if position < len(tokens) else ""


def _digits(token: str) -> Fraction | None:
    """The value of a number written in digits, such as "7" or "3.5"."""
    if len(token) > _MAX_DIGITS or not token.isascii():
        return None
    whole, _, decimals = token.partition(".")
    if not (whole + decimals).isdecimal() or (token.count(".") and not decimals):
        return None
    return Fraction(token)


def _read_part(tokens: Sequence[str], start: int) -> tuple[Fraction, int] | None:
    """ "half", "a quarter": a part of one."""
    position = start + (_at(tokens, start) in ("a", "an", "one"))
    part = PARTS.get(_at(tokens, position))
    if part is None or (position == start and _at(tokens, position) != "half"):
        return None
    return part, position + 1


def _read_decimals(
    whole: Fraction, tokens: Sequence[str], start: int
) -> tuple[Fraction, int] | None:
    if _at(tokens, start) != "point":
        return None
    digits = ""
    position = start + 1
    while (token := _at(tokens, position)) and len(digits) < _MAX_DIGITS:
        value = _UNITS.get(token) if token not in ("a", "an") else None
        if value is not None and value < 10:
            digits += str(value)
        elif token.isdecimal() and token.isascii():
            digits += token
        else:
            break
        position += 1
    if not digits:
        return None
    digits = digits[:_MAX_DIGITS]
    return whole + Fraction(int(digits), 10 ** len(digits)), position


def _read_whole(tokens: Sequence[str], start: int) -> tuple[Fraction, int] | None:
    """Words and digits up to "trillion"; a word that cannot continue the number ends it."""
    total = Fraction(0)
    group: Fraction | None = None
    smallest_scale = SCALES["trillion"] * 1000
    room = 100
    """What may still be added to the group: below 100 at first, below 10 after "twenty"."""
    position = start
    while token := _at(tokens, position):
        following = _at(tokens, position + 1)
        if token in ("a", "an") and (
            group is not None or following not in ("hundred", "thousand", "million", "dozen")
        ):
            break
        digits = _digits(token)
        value = digits if digits is not None else _UNITS.get(token, _TENS.get(token))
        if value is not None:
            if token == "oh" or (group is not None and not 0 < value < room):
                break
            group = (group or Fraction(0)) + value
            room = 10 if token in _TENS else 0
        elif token == "hundred" and group is not None and 0 < group < 100:
            group, room = group * 100, 100
        elif token == "dozen" and group is not None:
            return total + group * 12, position + 1
        elif token in SCALES and group is not None and SCALES[token] < smallest_scale:
            smallest_scale = SCALES[token]
            total, group, room = total + group * smallest_scale, None, 100
        elif (
            token == "and"
            and position > start
            and _at(tokens, position - 1) in ("hundred", *SCALES)
            and (following in _UNITS or following in _TENS)
            and following not in ("a", "an", "oh")
        ):
            pass
        else:
            break
        position += 1
    if position == start:
        return None
    return total + (group or 0), position


_ORDINAL_VALUES = {spoken_ordinal(value): value for value in range(1, 101)}
