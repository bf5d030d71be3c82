"""Dates in English."""

from __future__ import annotations

import re
from typing import Final

from ..rule import BAR, Rule
from .times import clock
from .words import DASH, after, before, cardinal, letters, ordinal, year

MONTHS: Final = (
    "January February March April May June July August September October November December"
).split()
_SHORT_MONTHS: Final = {
    **{month[:3]: month for month in MONTHS},
    "Sept": "September",
    **{month: month for month in MONTHS},
}
_SHORT_DAYS: Final = {
    "Mon": "Monday",
    "Tue": "Tuesday",
    "Tues": "Tuesday",
    "Wed": "Wednesday",
    "Thu": "Thursday",
    "Thur": "Thursday",
    "Thurs": "Thursday",
    "Fri": "Friday",
    "Sat": "Saturday",
    "Sun": "Sunday",
}
_MONTH = "(?:" + "|".join(sorted(_SHORT_MONTHS, key=len, reverse=True)) + r")\b\.?"
_DAY = r"(?:3[01]|[12]\d|0?[1-9])"
_YEAR = r"(?:1\d{3}|20\d{2})"
_WEEKDAY = "(?:" + "|".join(sorted(_SHORT_DAYS, key=len, reverse=True)) + r")\b"
_ON_A_DAY = re.compile(
    r"\b(?:on|by|until|till|from|since|before|after|due|dated|date:?|returning|arriving|departing|leaving|starting|ending|thru|expires|for|of|to|through|between"
    r"|(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day,?)\s$",
    re.IGNORECASE,
)
_OF_A_PART = re.compile(
    r"(?:(?<!week\s)(?<!as\s)(?<!night\s)(?<!morning\s)(?<!evening\s)(?<!day\s)(?<!weekend\s)\bof"
    r"|\bfor|\bto|\bbetween|\b(?:\w+[sdr]|cut|fell|fall|rose|rise|grew|grow|up|down|off|shrunk|shrank"
    r"|reduce|increase|decrease|divide|multiply|scale|drop|shrink|change|lower|raise)\sby)\s$",
    re.IGNORECASE,
)
"""What comes before a fraction as often as before a day; "fell by 1/3"."""
_PART_OF = re.compile(
    r"\s(?:of\s|(?:cups?|inch(?:es)?|miles?|teaspoons?|tablespoons?|tsp|tbsp|pints?|quarts?|gallons?"
    r"|pounds?|lbs?|oz|ounces?|acres?|hours?|ft|yards?|mi|kg|full|empty|done|time|majority|more|less)\b)"
    r"|[\"″-]"
)
_USUAL_PARTS: Final = frozenset({2, 3, 4, 5, 6, 8, 10, 16})
_OF_A_YEAR = re.compile(
    r"(?:\b(?:c\.|ca\.|[bd]\.|in|since|until|till|from|of|by|year|years|during|before|after|around|circa|about|early"
    r"|late|mid|summer|winter|spring|autumn|fall|between|class|copyright|to|and|for|"
    + "|".join(month.lower() for month in MONTHS)
    + r"),?[ ]|[(©])$",
    re.IGNORECASE,
)
_COUNTED = re.compile(
    r"[ -](?!and\b|or\b|to\b|was\b|is\b|the\b|in\b|by\b|for\b|as\b|with\b|when\b|but\b|at\b|on\b"
    r"|were\b|after\b|before\b|because\b|has\b|had\b|will\b|that\b|which\b|under\b|until\b|through\b|season\b"
    r"|census\b|olympics\b|elections\b|games\b|series\b|election\b|world\b|model\b|edition\b|film\b|movie\b|album\b|novel\b|book\b)[a-z]+s\b"
)


def _written_month(text: str) -> str:
    return _SHORT_MONTHS[text.rstrip(".")]


def _date(month: str, day: int, years: str | None, *, bars: bool = False) -> str:
    words = f"{month}{BAR if bars else ' '}{ordinal(day)}"
    return words + (f",{BAR if bars else ' '}{year(int(years))}" if years else "")


def _numeric(match: re.Match[str]) -> str | None:
    """Month first, as the voices are American, unless that is impossible."""
    first, second, years = int(match["first"]), int(match["second"]), match["year"]
    if not years and ((first, second) == (9, 11) or not _ON_A_DAY.search(before(match))):
        return None
    if not years and (re.search(r"\d/\d+\sof\s$", before(match)) or _is_part(match)):
        return None
    day_first = match["mark"] == "." or first > 12
    month, day = (second, first) if day_first else (first, second)
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    if years and len(years) == 2:
        years = ("20" if int(years) < 70 else "19") + years
    return _date(MONTHS[month - 1], day, years)


def _is_part(match: re.Match[str]) -> bool:
    """Whether "3/4" is a part of something rather than a day."""
    first, second = int(match["first"]), int(match["second"])
    if first >= second or second not in _USUAL_PARTS:
        return False
    return bool(_PART_OF.match(after(match)) or _OF_A_PART.search(before(match)))


def _iso(match: re.Match[str]) -> str | None:
    month, day = int(match["month"] or match["month2"]), int(match["day"] or match["day2"])
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    words = _date(MONTHS[month - 1], day, match["year"])
    if match["hour"]:
        words += f", {clock(int(match['hour']), int(match['minute']), None)}"
    if zone := match["zone"]:
        words += " U.T.C"
        if zone != "Z":
            hours, minutes = int(zone[1:3]), int(zone[-2:])
            words += f" {'plus' if zone[0] == '+' else 'minus'} {cardinal(hours)}"
            words += f" {cardinal(minutes)}" if minutes else ""
    return words


def _month_first(match: re.Match[str]) -> str:
    words = f"{_written_month(match['month'])}{BAR}{ordinal(int(match['day']))}"
    if upper := match["upper"]:
        words += f" to {ordinal(int(upper))}"
    if years := match["year"]:
        words += f",{BAR}{year(int(years))}"
    elif re.match(rf"{DASH}{_MONTH}", after(match, 12)):
        words += " to "
    return words


def _day_first(match: re.Match[str]) -> str:
    of = " of" if match["of"] is None else f"{BAR}of"
    lead = "" if re.search(r"\bthe\s$", before(match), re.IGNORECASE) else "the "
    words = f"{lead}{ordinal(int(match['day']))}"
    if upper := match["upper"]:
        words += f" to the {ordinal(int(upper))}"
    words += f"{of}{BAR}{_written_month(match['month'])}"
    if years := match["year"]:
        words += f",{BAR}{year(int(years))}"
    return words


def _plain_year(match: re.Match[str]) -> str | None:
    value = int(match.group())
    told = _OF_A_YEAR.search(before(match, 16))
    follows = after(match, 20)
    if re.match(r"[ ]?(?:%|[-–—]\d{3}\b)|\d|[ ]\d{3}\b", follows):
        return None
    if told and value >= 1000 and not _COUNTED.match(follows):
        return year(value)
    if 1900 <= value <= 2099 and not _COUNTED.match(follows):
        return year(value)
    return None


def _is_seconds(match: re.Match[str]) -> bool:
    """Whether "90s" is a time: the decade has an article or another word before it."""
    return re.fullmatch(r"\d0s", match.group()) is not None and bool(
        re.search(
            r"(?:\b(?:for|takes?|took|lasts?|lasted|wait|rest|every|after|within|about|around|another|hold"
            r"|timer|plank|roughly|only|just)|\d[smh],|[~≈<>=:])\s?$",
            before(match, 12),
            re.IGNORECASE,
        )
    )


def _decade(match: re.Match[str]) -> str:
    words = _decade_words(match["year"])
    return words + (" to" if re.match(rf"{DASH}['’]?\d0", after(match, 4)) else "")


def _decade_words(text: str) -> str:
    if len(text) == 4:
        value = int(text)
        if value % 1000 == 0:
            return cardinal(value) + "s"
        head = cardinal(value // 100)
        return f"{head} hundreds" if value % 100 == 0 else f"{head} {_tens(value % 100)}"
    return _tens(int(text))


def _tens(value: int) -> str:
    return re.sub(r"y$", "ies", cardinal(value)) if value >= 20 else cardinal(value) + "s"


def _years(match: re.Match[str]) -> str:
    first, second = match["first"], match["second"]
    spoken = year(int(second)) if len(second) == 4 else cardinal(int(second))
    if len(second) == 2 and second[0] == "0":
        spoken = f"oh {cardinal(int(second))}"
    return f"{year(int(first))} to {spoken}"


DATES: Final = (
    Rule(
        "date, ISO",
        r"(?P<year>\d{4})(?:-(?P<month>\d\d)-(?P<day>\d\d)"
        r"|(?P<mark>[/.])(?P<month2>\d\d?)(?P=mark)(?P<day2>\d\d?))"
        r"(?:[T ](?P<hour>[0-2]\d):(?P<minute>[0-5]\d)(?::\d\d(?:\.\d+)?)?"
        r"(?P<zone>Z|[-+−]\d\d:?\d\d)?)?(?![./]\d)",
        _iso,
        {
            "by 2024/05/01": "by May first, twenty twenty four",
            "2024-05-01T08:00+05:30": "May first, twenty twenty four, eight o'clock U.T.C plus"
            " five thirty",
            "The meeting is on 2025-03-14.": "The meeting is on March fourteenth,"
            " twenty twenty five.",
            "2024-12-01T09:05:00Z": "December first, twenty twenty four, nine oh five U.T.C",
        },
    ),
    Rule(
        "date, in figures",
        rf"(?P<first>{_DAY})(?P<mark>[/.])(?P<second>{_DAY})(?:(?P=mark)(?P<year>{_YEAR}|\d\d))?",
        lambda m: (
            None
            if (m["mark"] == "." and len(m["year"] or "") != 4) or re.match(r"[./]\d", after(m, 2))
            else _numeric(m)
        ),
        {
            "Due 01/02/2025.": "Due January second, twenty twenty five.",
            "on 3/14": "on March fourteenth",
            "1/3 of 2/5": "one third of two fifths",
            "It fell by 1/3.": "It fell by one third.",
            "Reply by 1/3, not by 3/15.": "Reply by January third, not by March fifteenth.",
            "half of 3/4": "half of three quarters",
            "the week of 3/4": "the week of March fourth",
            "25/12/2024": "December twenty fifth, twenty twenty four",
            "14.03.2025": "March fourteenth, twenty twenty five",
        },
    ),
    Rule(
        "date, month first",
        rf"(?P<month>{_MONTH})[ ](?P<day>{_DAY})(?:[ ]?(?:st|nd|rd|th)\b)?"
        rf"(?:[ ]?{DASH}[ ]?(?P<upper>{_DAY})(?:st|nd|rd|th)?)?(?:,?[ ](?P<year>{_YEAR}))?"
        r"(?![:.,]?\d|[ ]?%)",
        lambda m: (
            None
            if m["month"] in ("May", "March") and re.match(r"[ ](?:%|percent|people)", after(m))
            else _month_first(m)
        ),
        {
            "on December 25th": "on December twenty fifth",
            "December 25 th is a holiday.": "December twenty fifth is a holiday.",
            "Dec 25th, 2024": "December twenty fifth, twenty twenty four",
            "Jan. 5 at noon": "January fifth at noon",
            "Jan 1st–Mar 31st": "January first to March thirty first",
            "March 3-5, 2025": "March third to fifth, twenty twenty five",
        },
    ),
    Rule(
        "date, day first",
        rf"(?P<day>{_DAY})(?:st|nd|rd|th)?(?:[ ]?{DASH}[ ]?(?P<upper>{_DAY})(?:st|nd|rd|th)?)?"
        rf"[ -](?P<of>of[ ])?(?P<month>{_MONTH})(?:,?[ -](?P<year>{_YEAR}))?",
        lambda m: (
            None
            if m["month"] == "May"
            and not m["year"]
            and not m["of"]
            and re.match(r"[ ](?:be|have|not)\b", after(m))
            else _day_first(m)
        ),
        {
            "on 14 March 2025": "on the fourteenth of March, twenty twenty five",
            "the 4th of July": "the fourth of July",
            "1 Sept.": "the first of September",
            "24-Jun-2024": "the twenty fourth of June, twenty twenty four",
        },
    ),
    Rule(
        "month and year in figures",
        r"(?P<month>0?[1-9]|1[0-2])/(?P<year>(?:19|20)\d\d)",
        lambda m: (
            None if before(m, 1) == "/" else f"{MONTHS[int(m['month']) - 1]} {year(int(m['year']))}"
        ),
        {"06/2024": "June twenty twenty four"},
    ),
    Rule(
        "month and year",
        rf"(?P<month>{_MONTH})[ ](?P<year>{_YEAR})",
        lambda m: f"{_written_month(m['month'])}{BAR}{year(int(m['year']))}",
        {
            "since Feb. 2019": "since February twenty nineteen",
            "May 1984": "May nineteen eighty four",
        },
    ),
    Rule(
        "short month",
        r"(?P<month>(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\b\.?)"
        rf"(?=[ ]?(?:{DASH}|to|and|or|through)[ ]?{_MONTH})|(?P<stopped>(?:Jan|Feb|Aug|Sept|Oct|Nov"
        r"|Dec)\.(?=[ ,])|(?:Apr|Mar|Jun|Jul)\.(?=[ ]['’]?\d))",
        lambda m: _written_month(m["month"] or m["stopped"]),
        {
            "from Jan. to Mar. 5": "from January to March fifth",
            "in Apr. '23": "in April twenty three",
        },
    ),
    Rule(
        "weekdays",
        rf"(?P<first>{_WEEKDAY})\.?[ ]?{DASH}[ ]?(?P<second>{_WEEKDAY})(?P<stop>\.(?=[ ,)]))?",
        lambda m: f"{_SHORT_DAYS[m['first']]} to {_SHORT_DAYS[m['second']]}",
        {"Open Mon–Fri.": "Open Monday to Friday."},
    ),
    Rule(
        "weekdays in letters",
        r"M[-–](?P<last>F|Th|Sa|Su)(?![\w&])",
        lambda m: (
            "Monday to "
            + {"F": "Friday", "Th": "Thursday", "Sa": "Saturday", "Su": "Sunday"}[m["last"]]
            if re.search(r"\d", before(m, 20) + after(m, 20))
            else None
        ),
        {"9 to 5 M-F": "nine to five Monday to Friday"},
    ),
    Rule(
        "weekday",
        rf"(?P<day>Mon|Tue|Tues|Wed|Thu|Thur|Thurs|Fri)\b(?:\.(?=[ ,)]))?|(?P<other>Sat|Sun)\b"
        rf"(?:\.(?=[ ,])|(?=,?[ ](?:\d|{_MONTH}[ ]\d)|[ ]?[/&][ ]?Sun|:))",
        lambda m: _SHORT_DAYS[m["day"] or m["other"]],
        {
            "Tue 10:00": "Tuesday ten o'clock",
            "Sat, Dec 7": "Saturday, December seventh",
            "The cat sat in the Sun": "The cat sat in the Sun",
        },
    ),
    Rule(
        "years",
        r"(?P<first>1[1-9]\d\d|20\d\d)[ ]?(?:[-–—]|/(?=\d\d\b))[ ]?"
        r"(?P<second>1[1-9]\d\d|20\d\d|\d\d)",
        _years,
        {
            "from 1939–1945": "from nineteen thirty nine to nineteen forty five",
            "the 2024/25 season": "the twenty twenty four to twenty five season",
        },
    ),
    Rule(
        "decade",
        r"['’]?(?P<year>(?:1[0-9]|20)\d0|[2-9]0)(?:'|’)?s",
        lambda m: f"{cardinal(int(m['year']))} seconds" if _is_seconds(m) else _decade(m),
        {
            "Rest for 90s.": "Rest for ninety seconds.",
            "a 90s song": "a nineties song",
            "in the 1990s": "in the nineteen nineties",
            "the '80s": "the eighties",
            "the 1960s–70s": "the nineteen sixties to seventies",
            "the early 2000s": "the early two thousands",
            "the 1800s": "the eighteen hundreds",
        },
    ),
    Rule(
        "quarter",
        r"Q(?P<quarter>[1-4])['’](?P<year>\d\d)",
        lambda m: f"Q {cardinal(int(m['quarter']))} {year(2000 + int(m['year']))}",
        {"in Q2'24": "in Q two twenty twenty four"},
    ),
    Rule(
        "short century",
        r"(?<=\d(?:st|nd|rd|th)[ ])[cC](?:ent)?\.",
        "century",
        {"the 1st c. BC": "the first century B.C"},
        inside=True,
    ),
    Rule(
        "short year",
        r"['’](?P<year>\d\d)",
        lambda m: (
            None
            if before(m, 1).isalnum()
            else ("oh " if m["year"][0] == "0" else "") + cardinal(int(m["year"]))
        ),
        {"the class of '99": "the class of ninety nine"},
    ),
    Rule(
        "era",
        r"(?P<year>\d{1,4})[ ](?P<era>BCE?|CE|AD|B\.C\.|A\.D\.)",
        lambda m: (
            (year(int(m["year"])) if int(m["year"]) > 1000 else cardinal(int(m["year"])))
            + BAR
            + letters(m["era"])
        ),
        {"in 44 BC": "in forty four B.C"},
    ),
)

YEARS: Final = (
    Rule(
        "year",
        r"1[0-9]\d\d|20\d\d",
        lambda m: None if re.match(r"[.,]\d", after(m, 2)) else _plain_year(m),
        {
            "It opened in 1889.": "It opened in eighteen eighty nine.",
            "1999 was good, 2026 too.": "nineteen ninety nine was good, twenty twenty six too.",
            "in 2005": "in two thousand and five",
            "In 2024 5 came": "In twenty twenty four, five came",
            "1500 people": "one thousand five hundred people",
            "2000 steps": "two thousand steps",
        },
    ),
)
