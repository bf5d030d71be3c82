"""Spoken times of day and dates, parsed and formatted."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from agent.tools.spoken.numbers import parse_number, parse_ordinal, spoken_number, spoken_ordinal

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
    """Capitalise the names in a day: "the fifth of March", "Christmas"."""
    names = {*DAYS, *MONTHS, *" ".join(HOLIDAYS).split()}
    return " ".join(word.title() if word in names else word for word in words.split())


def parse_time(words: str) -> tuple[time, bool] | None:
    """Return the time of day in `words` and whether they say which half of the day, or None.

    "seven thirty" → (7:30, False), "half past five in the evening" → (17:30, True).
    """
    words = words.removeprefix("at ").removesuffix(" o clock")
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

    "tomorrow", "friday", "the fifth of march", "march fifth", "christmas".
    """
    if words in _RELATIVE_DAYS:
        return today + timedelta(days=_RELATIVE_DAYS[words])
    words = words.removeprefix("next ").removeprefix("on ").removeprefix("the ")
    if words in DAYS:
        return today + timedelta(days=(DAYS.index(words) - today.weekday() - 1) % 7 + 1)
    tokens = [word for word in words.split() if word not in ("the", "of")]
    if tokens and tokens[0] in DAYS:
        tokens.pop(0)
    month_and_day = HOLIDAYS.get(words) or _month_and_day(tokens)
    if month_and_day is None:
        return None
    # Eight years hold a 29th of February wherever they begin.
    for year in range(today.year, today.year + 9):
        try:
            day = date(year, *month_and_day)
        except ValueError:
            continue
        if day >= today:
            return day
    return None


def _month_and_day(tokens: list[str]) -> tuple[int, int] | None:
    month = next((token for token in tokens if token in MONTHS), None)
    if month is None or month not in (tokens[0], tokens[-1]):
        return None
    rest = " ".join(tokens[1:] if tokens[0] == month else tokens[:-1])
    day = parse_ordinal(rest) or parse_number(rest)
    return (MONTHS.index(month) + 1, int(day)) if day is not None else None


def _hour_and_minute(words: str) -> tuple[int, int] | None:
    for link, sign in ((" past ", 1), (" after ", 1), (" to ", -1)):
        before, found, after = words.partition(link)
        if found:
            minutes = _small_number(before.removesuffix(" minutes").removesuffix(" minute"), 59)
            hour = _small_number(after, 12)
            if minutes is None or not hour:
                return None
            total = (hour * 60 + sign * minutes) % (12 * 60)
            return total // 60 or 12, total % 60
    tokens = words.split()
    for split in range(len(tokens), 0, -1):
        hour = _small_number(" ".join(tokens[:split]), 23)
        minute = _small_number(" ".join(tokens[split:]).removeprefix("oh "), 59)
        if hour is not None and (minute is not None or split == len(tokens)):
            return hour, minute or 0
    return None


def _small_number(words: str, largest: int) -> int | None:
    named = {"half": 30, "a quarter": 15, "quarter": 15}.get(words)
    if named is not None:
        return named
    number = parse_number(words)
    if number is None or number.denominator != 1 or not 0 <= number <= largest:
        return None
    return int(number)
