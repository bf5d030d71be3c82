"""Abbreviations, titles and initials in English."""

from __future__ import annotations

import re
from typing import Final

from ..rule import BAR, Rule
from .words import after, before, letters

_WORDS: Final = {
    "approx": "approximately",
    "e.g": "for example",
    "i.e": "that is",
    "etc": "et cetera",
    "vs": "versus",
    "viz": "namely",
    "cf": "compare",
    "ca": "circa",
    "et al": "and others",
    "incl": "including",
    "excl": "excluding",
    "esp": "especially",
    "resp": "respectively",
    "dept": "department",
    "govt": "government",
    "univ": "university",
    "assn": "association",
    "assoc": "associate",
    "asst": "assistant",
    "intl": "international",
    "misc": "miscellaneous",
    "max": "maximum",
    "min": "minimum",
    "avg": "average",
    "temp": "temperature",
    "est": "established",
    "tel": "telephone",
    "ext": "extension",
    "qty": "quantity",
    "ref": "reference",
    "appt": "appointment",
    "apt": "apartment",
    "attn": "attention",
    "bldg": "building",
    "mgr": "manager",
    "cont": "continued",
    "sq": "square",
    "ave": "Avenue",
    "blvd": "Boulevard",
    "rd": "Road",
    "ln": "Lane",
    "hwy": "Highway",
    "pkwy": "Parkway",
    "ste": "Suite",
    "inc": "Incorporated",
    "ltd": "Limited",
    "corp": "Corporation",
    "co": "Company",
    "bros": "Brothers",
    "jr": "Junior",
    "sr": "Senior",
    "esq": "Esquire",
    "tbsp": "tablespoon",
    "tsp": "teaspoon",
    "lbs": "pounds",
    "oz": "ounces",
    "hrs": "hours",
    "mins": "minutes",
    "secs": "seconds",
    "exp": "expiry",
    "ea": "each",
    "acct": "account",
}
"""Read so wherever a full stop follows them."""
_FIRST_OF_SENTENCE_ONLY: Final = frozenset({"max", "min", "co", "temp", "ref", "ca", "cont", "sq"})
"""Words or names as well, so that they need a small letter, a digit or a bracket after them."""
_TITLES: Final = {
    "Dr": "Doctor",
    "Mr": "Mister",
    "Mrs": "Missus",
    "Ms": "Miz",
    "Mx": "Mix",
    "Messrs": "Messers",
    "Prof": "Professor",
    "Gen": "General",
    "Col": "Colonel",
    "Maj": "Major",
    "Capt": "Captain",
    "Cpt": "Captain",
    "Cmdr": "Commander",
    "Lt": "Lieutenant",
    "Sgt": "Sergeant",
    "Gov": "Governor",
    "Sen": "Senator",
    "Rep": "Representative",
    "Rev": "Reverend",
    "Hon": "Honorable",
    "Pres": "President",
    "Supt": "Superintendent",
    "Fr": "Father",
    "Mt": "Mount",
    "Ft": "Fort",
    "St": "Saint",
    "Sr": "Sister",
}
_NUMBERED: Final = {
    "No": "number",
    "no": "number",
    "Nos": "numbers",
    "nos": "numbers",
    "Nr": "number",
    "p": "page",
    "pp": "pages",
    "pg": "page",
    "vol": "volume",
    "Vol": "Volume",
    "fig": "figure",
    "figs": "figures",
    "Fig": "Figure",
    "Figs": "Figures",
    "ch": "chapter",
    "Ch": "Chapter",
    "chap": "chapter",
    "sec": "section",
    "Sec": "Section",
    "eq": "equation",
    "Eq": "Equation",
    "art": "article",
    "Art": "Article",
    "ed": "edition",
    "Apt": "Apartment",
    "apt": "apartment",
    "Rm": "Room",
    "rm": "room",
    "Ste": "Suite",
    "Ext": "Extension",
    "ext": "extension",
    "ver": "version",
    "mm": "measures",
    "sc": "scene",
    "Rte": "Route",
    "Bldg": "Building",
    "acct": "account",
    "Tel": "telephone",
    "tel": "telephone",
    "c": "circa",
    "ca": "circa",
    "lvl": "level",
    "Pt": "Part",
    "pt": "part",
    "Op": "Opus",
    "op": "opus",
    "Ex": "Example",
}
_STREETS: Final = {
    "St": "Street",
    "Dr": "Drive",
    "Ave": "Avenue",
    "Rd": "Road",
    "Blvd": "Boulevard",
    "Ln": "Lane",
    "Ct": "Court",
    "Pl": "Place",
    "Sq": "Square",
    "Hwy": "Highway",
    "Pkwy": "Parkway",
    "Ter": "Terrace",
    "Cir": "Circle",
}
_DIRECTIONS: Final = {
    "N": "North",
    "S": "South",
    "E": "East",
    "W": "West",
    "NW": "Northwest",
    "NE": "Northeast",
    "SW": "Southwest",
    "SE": "Southeast",
}


def _full_stop(match: re.Match[str]) -> str:
    """Keep the full stop of an abbreviation that ends the sentence too."""
    rest = after(match, 30)
    if re.fullmatch(r"[)\]\"'”’*_]*\s*", rest):
        return "."
    return ""


def _abbreviation(match: re.Match[str]) -> str | None:
    text = match["text"]
    key = text.lower()
    if key not in _WORDS or (text.isupper() and len(text) > 1):
        return None
    rest = after(match, 12)
    if key == "co" and not text[0].isupper():
        return None
    if key in _FIRST_OF_SENTENCE_ONLY and not re.match(r"\s*[a-z\d(]|,|\s*$", rest):
        return None
    if key in ("max", "min", "co", "temp", "ref", "cont") and not rest.strip():
        return None
    words = _WORDS[key]
    if text[0].isupper() and words[0].islower() and not before(match).strip():
        words = words[0].upper() + words[1:]
    ends = _full_stop(match)
    if (
        not ends
        and key in ("etc", "inc", "ltd", "corp", "jr", "sr", "co")
        and re.match(r"\s[A-Z][a-z]+\s[a-z]", rest + after(match, 30)[12:])
    ):
        ends = "." if key in ("etc",) else ""
    return words + ends


def _title(match: re.Match[str]) -> str:
    if match["title"] == "Gen" and re.match(r"[ ][XYZ]\b", after(match, 3)):
        return "Gen"
    return _TITLES[match["title"]]


def _street(match: re.Match[str]) -> str | None:
    lead = before(match, 60)
    name = match["name"]
    # A number before it, or a name before it and no name after it, makes it a street.
    numbered = re.search(r"\d\w*[ ](?:[\w.]+[ ]){0,3}$", lead)
    followed_by_name = re.match(r"\s[A-Z]\w", after(match, 6)) and name in ("St", "Dr")
    if not numbered and (followed_by_name or not re.search(r"[A-Z][\w.'’]*\s$", lead)):
        return None
    if followed_by_name and not re.search(r"\d\w*[ ](?:[NSEW]\.?[ ])?[A-Z0-9][\w]*[ ]$", lead):
        return None
    stop = match["stop"] and (_full_stop(match) or ("," if followed_by_name else ""))
    return _STREETS[name] + (stop or "")


def _direction(match: re.Match[str]) -> str | None:
    if not re.search(r"\d\w*\s$", before(match, 12)) and not re.match(r" \d", after(match)):
        return None
    return _DIRECTIONS[match["direction"]]


def _numbered(match: re.Match[str]) -> str | None:
    text = match["text"] or match["bare"]
    if text == "no" and re.search(r"\b(?:is|was|be|said|says?|answer)\s$", before(match)):
        return None
    words = _NUMBERED[text]
    if text[0].isupper() and not before(match).strip():
        words = words[0].upper() + words[1:]
    return words


def _initials(match: re.Match[str]) -> str:
    text = re.sub(r"\s+", " ", match["letters"])
    groups = [letters(group) for group in text.split()]
    words = BAR.join(groups) if len(groups) > 1 else groups[0]
    return words + _full_stop_of_letters(match)


def _full_stop_of_letters(match: re.Match[str]) -> str:
    return _full_stop(match)


_TEXTS = "|".join(re.escape(t) for t in sorted(_WORDS, key=len, reverse=True))
_ALL_TITLES = "|".join(sorted(_TITLES, key=len, reverse=True))

NAMES: Final = (
    Rule(
        "born and died",
        r"(?P<text>[bd])\.(?=[ ](?:c\.[ ])?(?:1\d{3}|20\d\d)\b)",
        lambda m: {"b": "born", "d": "died"}[m["text"]],
        {"b. 1732, d. 1799": "born seventeen thirty two, died seventeen ninety nine"},
        inside=True,
    ),
    Rule(
        "numbered thing",
        "(?P<text>"
        + "|".join(sorted(_NUMBERED, key=len, reverse=True))
        + r")\.[ ]?(?=\#?[ ]?\d|[IVX]+\b|[ivx]{1,6}\b)"
        r"|(?P<bare>Apt|Ste|Rm|Ext|Vol|Fig|Ch|Tel|apt|ext|vol|fig)[ ](?=\#?\d)",
        _numbered,
        {
            "Open at No. 5 Main Street.": "Open at number five Main Street.",
            "see pp. 3–5 and Fig. 2": "see pages three to five and Figure two",
            "vol. 3, ch. 7": "volume three, chapter seven",
            "c. 1850": "circa eighteen fifty",
            "Apt. 4": "Apartment four",
        },
        inside=True,
    ),
    Rule(
        "street",
        "(?P<name>" + "|".join(_STREETS) + r")\b(?P<stop>\.)?",
        _street,
        {
            "12 Oak St.": "twelve Oak Street.",
            "221 Elm Dr. in Reno": "two twenty one Elm Drive in Reno",
            "at Sunset Blvd. today": "at Sunset Boulevard today",
            "St. Mary met Dr. Ames.": "Saint Mary met Doctor Ames.",
        },
    ),
    Rule(
        "direction",
        r"(?P<direction>NW|NE|SW|SE|[NSEW])\b\.?(?=[ ](?:[A-Z]|\d+(?:st|nd|rd|th)[ ](?:St|Ave)))",
        _direction,
        {"350 N. Main St.": "three fifty North Main Street."},
    ),
    Rule(
        "title",
        rf"(?P<title>{_ALL_TITLES})\.(?=[ ]?[A-Z])",
        _title,
        {
            "Mr. and Mrs. Jones": "Mister and Missus Jones",
            "Lt. Gov. Garlin": "Lieutenant Governor Garlin",
            "Mt. Everest": "Mount Everest",
        },
    ),
    Rule(
        "title before and",
        r"(?P<title>Mr|Mrs|Ms|Dr|Messrs)\b\.?(?=[ ](?:and|&|or)\b|[ ][A-Z])",
        _title,
        {"Mr and Mrs Jones": "Mister and Missus Jones"},
    ),
    Rule(
        "degree",
        r"(?P<letters>Ph\.?[ ]?D|M\.?[ ]?Sc|B\.?[ ]?Sc)\b\.?",
        lambda m: letters(m["letters"]) + (_full_stop(m) if m.group().endswith(".") else ""),
        {"a Ph.D. in law": "a P.H.D in law"},
    ),
    Rule(
        "abbreviation",
        rf"(?i:(?P<text>{_TEXTS}))\.(?!\w)",
        _abbreviation,
        {
            "It takes approx. 5 minutes.": "It takes approximately five minutes.",
            "fruit, e.g. apples, i.e. food": "fruit, for example apples, that is food",
            "cats, dogs, etc.": "cats, dogs, et cetera.",
            "Lakers vs. Bulls": "Lakers versus Bulls",
            "Acme Inc. makes it": "Acme Incorporated makes it",
            "the min. and max. values": "the minimum and maximum values",
        },
    ),
    Rule(
        "abbreviation without a full stop",
        r"(?P<text>vs|w/o|w/|b/c|aka|a\.k\.a\.|approx|N/A|n/a|c/o|P\.S\.|p\.s\.|r\.s\.v\.p\."
        r"|et[ ]al\.|eg|ie|WWII|WWI|Ctrl|Cmd|Esc|[YQM]o[YQM]|y/y|q/q|y/o|TL;DR)(?!\w|\.\w)",
        lambda m: {
            "vs": "versus",
            "w/o": "without",
            "w/": "with",
            "b/c": "because",
            "aka": "A.K.A",
            "a.k.a.": "A.K.A",
            "approx": "approximately",
            "N/A": "N.A",
            "n/a": "N.A",
            "c/o": "care of",
            "P.S.": "P.S",
            "p.s.": "P.S",
            "r.s.v.p.": "R.S.V.P",
            "et al.": "and others",
            "eg": "for example",
            "WWII": "World War two",
            "Ctrl": "Control",
            "Cmd": "Command",
            "Esc": "Escape",
            "WWI": "World War one",
            "ie": "that is",
            "YoY": "year over year",
            "QoQ": "quarter over quarter",
            "MoM": "month over month",
            "y/y": "year over year",
            "q/q": "quarter over quarter",
            "y/o": "years old",
            "TL;DR": "T.L.D.R",
        }.get(m["text"]),
        {"cats vs dogs w/o fleas": "cats versus dogs without fleas"},
        inside=True,
    ),
    Rule(
        "initials",
        r"(?P<letters>(?:[A-Z]\.[ ]?){1,4})(?=[A-Z][a-z])",
        lambda m: None if before(m, 1).isalnum() else _initials(m),
        {
            "James T. Kirk met George W. Bush.": "James T Kirk met George W Bush.",
            "J.K. Rowling and J. R. R. Tolkien": "J.K Rowling and J R R Tolkien",
        },
        inside=True,
    ),
    Rule(
        "letters with full stops",
        r"(?P<letters>(?:[A-Za-z]\.){2,6})(?!\w)",
        lambda m: letters(m["letters"]) + _full_stop(m),
        {"the U.S. army": "the U.S army", "He lives in the U.K.": "He lives in the U.K."},
    ),
)
