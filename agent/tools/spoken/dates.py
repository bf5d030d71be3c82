"""Spoken times of day and dates, parsed and formatted."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta

from agent.tools.spoken.numbers import (
    parse_number,
    parse_ordinal,
    spoken_number,
    spoken_ordinal,
    spoken_year,
)

DAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
MONTHS = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
HOLIDAYS = {
    "new year": (1, 1),
    "new year day": (1, 1),
    "valentine day": (2, 14),
    "halloween": (10, 31),
    "christmas eve": (12, 24),
    "christmas": (12, 25),
    "christmas day": (12, 25),
    "new year eve": (12, 31),
}
"""Days of the year with names: (month, day)."""

_RELATIVE_DAYS = {
    "today": 0,
    "tomorrow": 1,
    "the day after tomorrow": 2,
    "yesterday": -1,
    "the day before yesterday": -2,
}
_SHORT_MONTH = re.compile("jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec")
_YEAR = re.compile(r"[12]\d{3}")
_ISO_DATE = re.compile(r"(?P<year>\d{4}) minus (?P<month>\d{1,2}) minus (?P<day>\d{1,2})")
"""As `normalise` writes 2026-12-25."""
_POINT_TIME = re.compile(r"\b(\d{1,2})\.([0-5]\d)\b")
"""Hours and minutes as they are written in Britain: 7.30."""
_HOUR_AND_MINUTE = re.compile(r"(?:\d|[01]\d|2[0-3])[0-5]\d")
"""The same without a mark between: 730."""
_PARTS_OF_HOUR = {"half": 30, "a half": 30, "quarter": 15, "a quarter": 15}
_HOURS_OF_DAY = {"am": 0, "morning": 0, "pm": 12, "afternoon": 12, "evening": 12, "night": 12}


def spoken_time(moment: time | datetime) -> str:
    """Return the words of a time of day: "three forty five in the afternoon", "noon"."""
    hour, minute = moment.hour, moment.minute
    if minute == 0 and hour in (0, 12):
        return "midnight" if hour == 0 else "noon"
    part = "morning" if hour < 12 else "afternoon" if hour < 18 else "evening"
    words = [spoken_number(hour % 12 or 12)]
    if minute:
        words.append(("oh " if minute < 10 else "") + spoken_number(minute))
    return f"{' '.join(words)} in the {part}"


def spoken_date(day: date) -> str:
    """A date without its year: "Saturday the twenty first of November"."""
    weekday, month = DAYS[day.weekday()].title(), MONTHS[day.month - 1].title()
    return f"{weekday} the {spoken_ordinal(day.day)} of {month}"


def capitalised_day(words: str) -> str:
    """Return a day as it is said: "december 25th" → "December twenty fifth".

    Names are capitalised, the day of a month is an ordinal, and a year is read as one.
    """
    iso = _ISO_DATE.fullmatch(words)
    if iso:
        month = MONTHS[int(iso["month"]) - 1].title() if 1 <= int(iso["month"]) <= 12 else ""
        words = f"{month} {iso['day']} {iso['year']}"
    names = {*DAYS, *MONTHS, *" ".join(HOLIDAYS).split()}
    said = _full_months(words.split())
    of_month = any(word.lower() in MONTHS for word in said)
    return " ".join(
        word.title() if word in names else _said_number(word) if of_month else word for word in said
    )


def _full_months(words: Iterable[str]) -> list[str]:
    """Write months in full: "jan", "sept"."""
    return [
        next((month for month in MONTHS if month.startswith(word)), word)
        if _SHORT_MONTH.fullmatch(word)
        else word
        for word in words
    ]


def _said_number(word: str) -> str:
    """Return a day of a month or a year in words."""
    if re.fullmatch(r"[12]\d{3}", word):
        return spoken_year(int(word))
    day = parse_ordinal(word) or (int(word) if re.fullmatch(r"\d{1,2}", word) else None)
    return spoken_ordinal(day) if day else word


def parse_time(words: str) -> tuple[time, bool] | None:
    """Return the time of day in `words` and whether they say which half of the day, or None.

    "seven thirty" → (7:30, False), "half past five in the evening" → (17:30, True).
    """
    words = _POINT_TIME.sub(r"\1:\2", words.removeprefix("at ").removesuffix(" o clock"))
    if words in ("noon", "midday"):
        return time(12), True
    if words == "midnight":
        return time(0), True
    tokens = words.replace(":", " ").split()
    half_of_day = _HOURS_OF_DAY.get(tokens[-1]) if tokens else None
    if half_of_day is not None:
        tokens.pop()
        while tokens and tokens[-1] in ("in", "the", "at", "clock", "o"):
            tokens.pop()
    hour_and_minute = _hour_and_minute(" ".join(tokens))
    if hour_and_minute is None:
        return None
    hour, minute = hour_and_minute
    if half_of_day is None:
        return time(hour, minute), hour > 12 or hour == 0
    if not 1 <= hour <= 12:
        return None
    return time(hour % 12 + half_of_day, minute), True


def is_point_time(words: str) -> bool:
    """Whether the words begin with hours and minutes such as "7.30"."""
    return _POINT_TIME.match(words) is not None


def next_moment(words: str, now: datetime) -> datetime | None:
    """Return when the time of day in `words` next comes after `now`, or None if it is no time.

    "seven" alone is the next time a clock shows seven; "tomorrow at seven" is in the morning.
    """
    tomorrow = "tomorrow" in words.split()
    if tomorrow:
        words = " ".join(word for word in words.split() if word != "tomorrow")
        words = words.removesuffix(" at")
    parsed = parse_time(words)
    if parsed is None:
        return None
    at, half_is_said = parsed
    moment = now.replace(hour=at.hour, minute=at.minute, second=0, microsecond=0)
    if tomorrow:
        return moment + timedelta(days=1)
    step = timedelta(days=1) if half_is_said else timedelta(hours=12)
    while moment <= now:
        moment += step
    return moment


def parse_date(words: str, today: date) -> date | None:
    """Return the date in `words`, in the future where they leave it open, or None.

    "tomorrow", "friday", "the fifth of march", "march 5th 2027", "christmas", or an
    ISO date as `normalise` writes it.
    """
    if words in _RELATIVE_DAYS:
        return today + timedelta(days=_RELATIVE_DAYS[words])
    words = words.removeprefix("next ").removeprefix("on ").removeprefix("the ")
    if words in DAYS:
        return today + timedelta(days=(DAYS.index(words) - today.weekday() - 1) % 7 + 1)
    iso = _ISO_DATE.fullmatch(words)
    if iso:
        return _date(int(iso["year"]), int(iso["month"]), int(iso["day"]))
    tokens = _full_months(word for word in words.split() if word not in ("the", "of"))
    if tokens and tokens[0] in DAYS:
        tokens.pop(0)
    if tokens and tokens[0] == "on":
        tokens.pop(0)
    stated = int(tokens.pop()) if len(tokens) > 1 and _YEAR.fullmatch(tokens[-1]) else None
    month_and_day = HOLIDAYS.get(" ".join(tokens)) or _month_and_day(tokens)
    if month_and_day is None:
        return None
    if stated is not None:
        return _date(stated, *month_and_day)
    # Eight years hold a 29th of February wherever they begin.
    for year in range(today.year, today.year + 9):
        day = _date(year, *month_and_day)
        if day is not None and day >= today:
            return day
    return None


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _month_and_day(tokens: list[str]) -> tuple[int, int] | None:
    month = next((token for token in tokens if token in MONTHS), None)
    if month is None or month not in (tokens[0], tokens[-1]):
        return None
    rest = " ".join(tokens[1:] if tokens[0] == month else tokens[:-1])
    day = parse_ordinal(rest) or parse_number(rest)
    return (MONTHS.index(month) + 1, int(day)) if day is not None else None


def _hour_and_minute(words: str) -> tuple[int, int] | None:
    for link, sign in ((" past ", 1), (" after ", 1), (" to ", -1), (" till ", -1), (" til ", -1)):
        before, found, after = words.partition(link)
        if found:
            before = before.removesuffix(" minutes").removesuffix(" minute")
            minutes = _PARTS_OF_HOUR.get(before) or _small_number(before, 59)
            hour = _small_number(after, 12)
            if minutes is None or not hour:
                return None
            total = (hour * 60 + sign * minutes) % (12 * 60)
            return total // 60 or 12, total % 60
    if words.startswith("half "):
        hour = _small_number(words.removeprefix("half "), 12)
        return (hour, 30) if hour else None
    tokens = words.split()
    if _HOUR_AND_MINUTE.fullmatch(words):
        tokens = [words[:-2], words[-2:]]
    for split in range(len(tokens), 0, -1):
        hour = _small_number(" ".join(tokens[:split]), 23)
        minute = _small_number(" ".join(tokens[split:]).removeprefix("oh "), 59)
        if hour is not None and (minute is not None or split == len(tokens)):
            return hour, minute or 0
    return None


def _small_number(words: str, largest: int) -> int | None:
    number = parse_number(words)
    if number is None or number.denominator != 1 or not 0 <= number <= largest:
        return None
    return int(number)
