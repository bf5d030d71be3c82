"""Times of day in English."""

from __future__ import annotations

import re
from typing import Final

from ..rule import BAR, Rule
from .words import DASH, after, before, cardinal, digits, letters

_HOUR = r"(?:2[0-4]|1\d|0?\d)"

_HALF = r"(?:[AaPp]\.[ ]?[Mm]\.?|[AaPp][Mm]\b)"


def clock(hour: int, minute: int, half: str | None) -> str:
    """Return the words of a time of day; `half` is "am" or "pm"."""
    marks = f" {letters(half)}" if half else ""
    if minute == 0:
        if half:
            return cardinal(hour) + marks
        if hour in (0, 24):
            return "midnight"
        return f"{cardinal(hour)} o'clock" if hour <= 12 else f"{cardinal(hour)} hundred"
    if hour == 0:
        return f"twelve {'oh ' if minute < 10 else ''}{cardinal(minute)}" + (marks or " A.M")
    return f"{cardinal(hour)} {'oh ' if minute < 10 else ''}{cardinal(minute)}{marks}"


def _half(text: str | None) -> str | None:
    return None if text is None else re.sub(r"[^apm]", "", text.lower())


def _stop(match: re.Match[str], half: str | None) -> str:
    """A full stop of "p.m." that ends the sentence too."""
    if half is None or not half.endswith("."):
        return ""
    follows = after(match, 24)
    ends = not follows.strip() or re.match(r"\s+[A-Z][a-z]+\b(?<!day)(?! \d)", follows)
    return (
        "."
        if ends
        and not re.match(
            r"\s+(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun|Eastern|Central|Pacific|Mountain)", follows
        )
        else ""
    )


def _time(match: re.Match[str]) -> str | None:
    hour, minute = int(match["hour"]), int(match["minute"])
    half = match["half"] or (match["short"] and f"{match['short']}m")
    if minute > 59 or (half is None and match["mark"] == "."):
        return None
    words = clock(hour, minute, _half(half))
    if minute == 0 and before(match, 4).endswith("sub-"):
        return f"{cardinal(hour)} minute"
    if minute == 0 and re.match(r"\s(?:noon|midnight)\b", after(match, 10)):
        words = cardinal(hour)
    if seconds := match["second"]:
        if half is None and (len(match["hour"]) == 1 or _is_length(match)):
            parts = [(hour, "hour"), (minute, "minute"), (int(seconds), "second")]
            words = " ".join(
                f"{'and ' if name == 'second' else ''}{cardinal(n)} {name}{'' if n == 1 else 's'}"
                for n, name in parts
                if n or name != "hour"
            )
        else:
            words += f" and {cardinal(int(seconds))} seconds"
    if half and match["space"]:
        words = BAR.join(words.rsplit(" ", 1))
    return words + _stop(match, half)


def _is_length(match: re.Match[str]) -> bool:
    """Whether hours, minutes and seconds are a length of time rather than a time of day."""
    lead, follows = before(match), after(match, 16)
    return (
        int(match["hour"]) == 0
        or re.match(r"\s(?:left|remaining|elapsed|long)\b", follows) is not None
        or re.search(
            r"\b(?:timer|duration|length|runtime|run\stime|elapsed|lasts?|lasted|takes?|took|for|ran"
            r"|finished|finish|marathon|record|of|in)(?:\s(?:is|was|at|of|in|reads))?:?\s$",
            lead,
            re.IGNORECASE,
        )
        is not None
    )


def _time_range(match: re.Match[str]) -> str | None:
    minutes = match["minute1"], match["minute2"]
    if not any(minutes) and not match["half2"]:
        return None
    first = clock(int(match["hour1"]), int(minutes[0] or 0), _half(match["half1"]))
    second = clock(int(match["hour2"]), int(minutes[1] or 0), _half(match["half2"]))
    if match["half2"] and not match["half1"]:
        first = first.removesuffix(" o'clock")
    return f"{first} to {second}{_stop(match, match['half2'])}"


def _race(match: re.Match[str]) -> str:
    minutes, seconds, parts = int(match["minutes"]), int(match["seconds"]), digits(match["parts"])
    if not minutes:
        return f"{cardinal(seconds)} point {parts} seconds"
    return f"{clock(minutes, seconds, None)} point {parts}"


def _hours_and_minutes(match: re.Match[str]) -> str:
    hour, minute = int(match["hour"]), int(match["minute"])
    if re.search(
        r"\b(?:takes?|took|lasts?|lasted|for|in|about|another|of|runs?)\s$",
        before(match),
        re.IGNORECASE,
    ):
        return f"{cardinal(hour)} hour{'' if hour == 1 else 's'} {cardinal(minute)} minutes"
    return clock(hour, minute, None)


def _whole_hour(match: re.Match[str]) -> str | None:
    hour = int(match["hour"])
    if not 0 < hour <= 24:
        return None
    bar = BAR if match["space"] else " "
    return f"{cardinal(hour)}{bar}{letters(match['half'])}{_stop(match, match['half'])}"


TIMES: Final = (
    Rule(
        "hours of soldiers",
        r"(?P<hour>[01]\d|2[0-4])(?P<minute>[0-5]\d)[ ]?(?:h|hrs?|hours)",
        lambda m: (
            f"{'oh ' if m['hour'][0] == '0' else ''}{cardinal(int(m['hour']))}"
            f" {'hundred' if m['minute'] == '00' else cardinal(int(m['minute']))} hours"
            if m["hour"][0] == "0" or re.search(r"\b(?:at|by|until|from|to|till)\s$", before(m))
            else None
        ),
        {"at 0900 hours or by 2315h": "at oh nine hundred hours or by twenty three fifteen hours"},
    ),
    Rule(
        "times, range",
        rf"(?P<hour1>{_HOUR})(?::(?P<minute1>[0-5]\d))?(?:[ ]?(?P<half1>{_HALF}))?[ ]?{DASH}[ ]?"
        rf"(?P<hour2>{_HOUR})(?::(?P<minute2>[0-5]\d))?(?:[ ]?(?P<half2>{_HALF}))?",
        _time_range,
        {
            "Open 9:00-17:30.": "Open nine o'clock to seventeen thirty.",
            "from 9–5 pm": "from nine to five P.M",
            "9am–5pm": "nine A.M to five P.M",
            "9:30 – 11 a.m. today": "nine thirty to eleven A.M today",
        },
    ),
    Rule(
        "time",
        rf"(?P<hour>{_HOUR})(?P<mark>[:.])(?P<minute>[0-5]\d)(?::(?P<second>[0-5]\d))?"
        rf"(?:(?P<space>[ ])?(?P<half>{_HALF})|(?P<short>[ap]))?(?![:.]?\d)",
        _time,
        {
            "at 6:05a or 7:30p": "at six oh five A.M or seven thirty P.M",
            "12:00 noon": "twelve noon",
            "00:05:30 left": "five minutes and thirty seconds left",
            "Wake me at 7:30.": "Wake me at seven thirty.",
            "07:05 a.m.": "seven oh five A.M.",
            "Come at 14:00.": "Come at fourteen hundred.",
            "at 8:00 PM sharp": "at eight P.M sharp",
            "at 10:30am": "at ten thirty A.M",
            "It is 5:00.": "It is five o'clock.",
            "at 00:15": "at twelve fifteen A.M",
            "at 7.45 pm": "at seven forty five P.M",
            "a run of 1:23:45": "a run of one hour twenty three minutes and forty five seconds",
        },
    ),
    Rule(
        "time of a race",
        r"(?P<minutes>\d{1,2}):(?P<seconds>[0-5]\d)\.(?P<parts>\d{1,3})",
        _race,
        {
            "0:04.2 left": "four point two seconds left",
            "He ran 1:59.40.": "He ran one fifty nine point four zero.",
        },
    ),
    Rule(
        "whole hour",
        rf"(?P<hour>{_HOUR})(?P<space>[ ])?(?P<half>{_HALF})",
        _whole_hour,
        {"at 5 p.m. Then go.": "at five P.M. Then go.", "9am": "nine A.M"},
    ),
    Rule(
        "time zone",
        r"(?P<zone>UTC|GMT)[ ]?(?P<sign>[-+−–±])[ ]?(?P<hour>\d{1,2})(?::?(?P<minute>[0-5]\d))?",
        lambda m: (
            f"{letters(m['zone'])} {'plus' if m['sign'] == '+' else 'minus'} "
            + cardinal(int(m["hour"]))
            + (f" {cardinal(int(m['minute']))}" if int(m["minute"] or 0) else "")
        ),
        {"UTC+2": "U.T.C plus two", "GMT-03:30": "G.M.T minus three thirty"},
    ),
    Rule(
        "hour, German style",
        rf"(?P<hour>{_HOUR})h(?P<minute>[0-5]\d)",
        _hours_and_minutes,
        {"at 14h30": "at fourteen thirty", "It takes 2h30.": "It takes two hours thirty minutes."},
    ),
)
