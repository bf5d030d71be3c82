"""Spoken lengths of time, parsed and formatted."""

from __future__ import annotations

from fractions import Fraction

from agent.tools.spoken.numbers import parse_number, read_number, spoken_number

UNIT_SECONDS = {
    "second": 1,
    "sec": 1,
    "s": 1,
    "minute": 60,
    "min": 60,
    "m": 60,
    "hour": 3600,
    "hr": 3600,
    "h": 3600,
    "day": 86400,
    "week": 604800,
}
"""Seconds per unit of time, by its singular."""

_SPOKEN_UNITS = (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))


def parse_duration(words: str) -> int | None:
    """Return the seconds that `words` mean, or None: "an hour and a half" → 5400."""
    tokens = [token for token in words.split() if token not in ("of", "the")]
    total = Fraction(0)
    position = 0
    unit_seconds = 0
    while position < len(tokens):
        if tokens[position] == "and" and position:
            position += 1
        quantity = _read_quantity(tokens, position)
        if quantity is None:
            return None
        amount, position = quantity
        # "half an hour": the article belongs to the unit, not to a number.
        if position < len(tokens) and tokens[position] in ("a", "an"):
            position += 1
        unit = _unit_seconds(tokens[position]) if position < len(tokens) else None
        if unit is None:
            if position != len(tokens) or amount >= 1 or not unit_seconds:
                return None
            # "an hour and a half": the rest counts in the unit before it.
            unit = unit_seconds
        else:
            position += 1
        total += amount * unit
        unit_seconds = unit
    return int(total) if total else None


def said_duration(words: str) -> str | None:
    """Return a length of time as the caller put it: "sixty minutes", not "one hour"; or None.

    None where it has more than a whole number and a unit; `spoken_duration` has words for all.
    """
    *number_words, unit = words.split() or [""]
    number = parse_number(" ".join(number_words))
    if number is None or number.denominator != 1 or parse_duration(words) is None:
        return None
    seconds = _unit_seconds(unit)
    name = next(name for name, size in UNIT_SECONDS.items() if size == seconds)
    return f"{spoken_number(number)} {name}{'' if number == 1 else 's'}"


def spoken_duration(seconds: int) -> str:
    """The words of a length of time: "one hour and thirty minutes", "no time" for none."""
    words = [
        f"{spoken_number(count)} {unit}{'' if count == 1 else 's'}"
        for unit, count in _split(seconds)
    ]
    if not words:
        return "no time"
    return " and ".join(words) if len(words) < 3 else f"{' '.join(words[:-1])} and {words[-1]}"


def before_noun(duration: str) -> str:
    """The words of a length of time before what it measures: "five minutes" → "five minute"."""
    words = duration.replace(" and ", " ").split()
    return " ".join(word[:-1] if word[:-1] in UNIT_SECONDS else word for word in words)


def _split(seconds: int) -> list[tuple[str, int]]:
    parts = []
    for unit, size in _SPOKEN_UNITS:
        count, seconds = divmod(seconds, size)
        if count:
            parts.append((unit, count))
    return parts


def _unit_seconds(token: str) -> int | None:
    return UNIT_SECONDS.get(token) or UNIT_SECONDS.get(token.removesuffix("s"))


def _read_quantity(tokens: list[str], start: int) -> tuple[Fraction, int] | None:
    number = read_number(tokens, start)
    if number is not None:
        return number
    if start < len(tokens) and tokens[start] in ("a", "an"):
        if tokens[start + 1 : start + 2] == ["couple"]:
            return Fraction(2), start + 2
        return Fraction(1), start + 1
    return None
