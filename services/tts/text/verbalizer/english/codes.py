"""Digits that count nothing in English: telephone numbers, codes, versions, addresses."""

from __future__ import annotations

import re
from typing import Final

from ..rule import BAR, Rule
from .words import DASH, after, before, cardinal, digits, grouped_digits, in_pairs, letters, spelled

_PHONE_BEFORE = re.compile(
    r"\b(?:call|phone|telephone|tel|dial|fax|mobile|cell|text|reach|hotline|number|whatsapp|at|ring"
    r"|helpline|contact|line)\b[\s.:]*(?:me|us|him|her|them)?[\s.:]*(?:is|at|on)?[\s.:]*$",
    re.IGNORECASE,
)
CODE_BEFORE = re.compile(
    r"\b(?:code|pin|password|passcode|otp|zip|zip\scode|postcode|postal\scode|extension|ext|serial"
    r"|account|confirmation|tracking|reference|ref|booking|case|ticket|card|member(?:ship)?|order"
    r"|invoice|badge|id|cvv|cvc|sku|isbn|issn|ein|imei|customer|policy|routing|license|licence|plate|vin|passport|reservation|key)\b\.?"
    r"(?:\s(?:number|no\.?|code|id))?[\s:#]*(?:is|was|are|ends?\s(?:in|with)|ending\s(?:in|with)"
    r"|=)?[\s:#]*[\"“'‘*]*$",
    re.IGNORECASE,
)
PLACE_BEFORE = re.compile(
    r"\b(?:room|rooms|flight|highway|route|interstate|bus|train|suite|apartment|apt\.?|gate|unit|house"
    r"|boeing|airbus|area|channel|studio|hwy\.?|rte\.?|locker|cabin|office|building|form|error|http"
    r"|status|line|rtx|gtx|rx|flight\s[A-Z\d]{2}|lot|box|exit|ward|bed|seat|bay|floor|platform|model|error\scode)[\s#:]+$",
    re.IGNORECASE,
)
_PHONE_LABEL = re.compile(r"\b(?:tel|telephone|phone|fax|hotline|helpline)[.]?:\s?$", re.IGNORECASE)
_HELP = re.compile(
    r"\b(?:emergency|emergencies|operators?|dispatch(?:er)?|hotline|call|dial)\b", re.IGNORECASE
)
_EMERGENCY = re.compile(
    r"\b(?:call|dial|ring|text|phone)(?:ed|ing)?\s(?:[A-Z]+\s(?:to|at)\s)?$", re.IGNORECASE
)
_SHORT_NUMBERS: Final = frozenset("911 999 112 988 411 311 211 101 111".split())
_STATES = (
    "AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM"
    " NY NC ND OH OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY DC"
).split()
_STREET = (
    r"(?:St|Street|Ave|Avenue|Rd|Road|Blvd|Boulevard|Ln|Lane|Dr|Drive|Ct|Court|Pl|Place|Way|Sq|Square"
    r"|Hwy|Highway|Pkwy|Parkway|Ter|Terrace|Cir|Circle|Broadway|Row|Crescent|Close|Gardens|Hill)"
)
_MAC: Final = r"(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}"
_VERSIONED = (
    r"(?:version|Version|release|Release|v\.|Python|Ubuntu|Node|Node\.js|PHP|Java|iOS|Android|macOS"
    r"|Debian|Kubernetes|CUDA|Go|Ruby|Django|Fedora|Windows|Swift|Rust|React|Angular|Linux|kernel"
    r"|PostgreSQL|MySQL|Claude|GPT|Llama|Gemini|HTTP|TLS|Bluetooth|USB|Wi-Fi|Unicode|OpenSSL)"
)


def _phone(match: re.Match[str]) -> str | None:
    text = match.group()
    if sum(c.isalnum() for c in text) < 7 or re.fullmatch(r"\+\d+[.]\d+", text):
        return None
    words = "plus " if text.startswith("+") else ""
    groups = re.findall(r"\d+|[A-Z]{2,}", text)
    spoken = []
    for at, group in enumerate(groups):
        if group.isalpha():
            spoken.append(group.capitalize())
        elif group in ("800", "888", "900") and at < 2:
            spoken.append(f"{digits(group[0])} hundred")
        else:
            spoken.append(digits(group))
    return words + ", ".join(spoken)


def _local_phone(match: re.Match[str]) -> str | None:
    if not _PHONE_BEFORE.search(before(match)) and match.group()[:3] != "555":
        return None
    return grouped_digits(match.group())


def _code(match: re.Match[str]) -> str | None:
    lead, text = before(match), match.group()
    if CODE_BEFORE.search(lead):
        return grouped_digits(text) if len(text) > 2 else None
    if _EMERGENCY.search(lead) and len(text) in (3, 5, 6):
        return digits(text)
    if text in _SHORT_NUMBERS and _HELP.search(before(match, 60) + after(match, 24)):
        return digits(text)
    if _PHONE_LABEL.search(lead):
        return grouped_digits(text) if len(text) > 3 else digits(text)
    if len(text) == 3 and re.match(r"\s(?:error|status|response|page)", after(match, 10)):
        return in_pairs(text)
    if PLACE_BEFORE.search(lead) and len(text) in (3, 4):
        return in_pairs(text)
    if _PHONE_BEFORE.search(lead) and len(text) >= 7:
        return grouped_digits(text)
    return None


def _iban(match: re.Match[str]) -> str:
    text = match.group().replace(" ", "")
    return ", ".join(spelled(text[at : at + 4]) for at in range(0, len(text), 4))


def _version(match: re.Match[str]) -> str:
    told = re.search(r"\bversions?\s$", before(match), re.IGNORECASE)
    lead = "version " if match["v"] and not told else ""
    parts = match["number"].split(".")
    if re.fullmatch(r"[1-9]\d{0,2}(?:\.\d{3}){2,}", match["number"]):
        # Grouped as in other languages.
        return cardinal(int("".join(parts)))
    words = " point ".join(
        digits(p)
        if p[:1] == "0" and len(p) > 2
        else (
            f"oh {cardinal(int(p))}"
            if p[:1] == "0" and len(p) == 2 and p != "00"
            else cardinal(int(p))
        )
        for p in parts
    )
    if tail := match["tail"]:
        words += " " + re.sub(r"[-.+]", " ", tail).strip()
        words = re.sub(r"\d+", lambda d: " " + cardinal(int(d.group())), words)
        words = re.sub(r"\brc\b", "R.C", words)
    return lead + " ".join(words.split())


def _program(match: re.Match[str]) -> str | None:
    if match["name"].lower() in ("http", "v", "ver"):
        return None
    return f"{match['name']} " + " point ".join(
        cardinal(int(p)) for p in match["number"].split(".")
    )


def _colons(match: re.Match[str]) -> str | None:
    """An address of the newer kind has letters, or many groups, or a gap."""
    text = match.group()
    if re.fullmatch(_MAC, text) or ("::" not in text and text.count(":") < 5):
        return None
    parts = re.findall(r"[0-9a-fA-F]+|::|:", text)
    return " ".join(
        {"::": "colon colon", ":": "colon"}.get(part) or spelled(part) for part in parts
    )


def _airliner(match: re.Match[str]) -> str:
    tail = match["tail"]
    return f"{in_pairs(match['series'])}, " + (in_pairs(tail) if tail.isdecimal() else tail)


def _internet_address(match: re.Match[str]) -> str:
    def part(text: str) -> str:
        return in_pairs(text) if len(text) == 3 and text[1:] != "00" else cardinal(int(text))

    words = " dot ".join(part(p) for p in match["address"].split("."))
    if port := match["port"]:
        words += f" port {in_pairs(port[1:]) if len(port) < 6 else digits(port[1:])}"
    if bits := match["bits"]:
        words += f" slash {cardinal(int(bits[1:]))}"
    return words + (" to" if re.match(rf"{DASH}\d", after(match, 2)) else "")


def _house(match: re.Match[str]) -> str:
    text = match["number"]
    spoken = (
        in_pairs(text)
        if len(text) in (3, 4)
        else (cardinal(int(text)) if len(text) < 3 else grouped_digits(text))
    )
    if letter := match["letter"]:
        spoken += f" {letter.upper()}"
    if upper := match["upper"]:
        spoken += f" to {cardinal(int(upper))}"
    return spoken


CODES: Final = (
    Rule(
        "internet address",
        r"(?P<address>(?:\d{1,3}\.){3}\d{1,3})(?P<port>:\d{2,5})?(?P<bits>/\d{1,2})?(?!\.\d)",
        _internet_address,
        {
            "192.168.0.1": "one ninety two dot one sixty eight dot zero dot one",
            "10.0.0.1–10.0.0.9": "ten dot zero dot zero dot one to ten dot zero dot zero dot nine",
            "127.0.0.1:8080": "one twenty seven dot zero dot zero dot one port eighty eighty",
        },
    ),
    Rule(
        "internet address with colons",
        r"(?=[0-9a-fA-F:]*:[0-9a-fA-F]*:)(?:[0-9a-fA-F]{1,4})?(?::{1,2}[0-9a-fA-F]{1,4}){1,7}(?:::)?(?![\w:])",
        _colons,
        {
            "fe80::1": "F E eight zero colon colon one",
            "at 10:30:45": "at ten thirty and forty five seconds",
        },
        inside=True,
    ),
    Rule(
        "hexadecimal",
        r"0[xX](?P<figures>[0-9a-fA-F]{1,16})",
        lambda m: f"zero x, {spelled(m['figures'])}",
        {"error 0x8007": "error zero x, eight zero zero seven"},
    ),
    Rule(
        "airliner",
        r"(?P<series>7[0-8]7)-(?P<tail>\d00|\d{1,2}(?!\d)|MAX)(?:ER|LR|F)?",
        _airliner,
        {
            "a 747-400 and a 787-9": "a seven forty seven, four hundred and a seven eighty"
            " seven, nine"
        },
    ),
    Rule(
        "telephone number",
        r"(?:\+?1[ .-]?)?\(?\d{3}\)?[ .\-‑–]\d{3}[.\-‑– ]\d{4}|1-\d{3}-(?:[A-Z]{4,9}|\d{3}-[A-Z]{4}"
        r"|\d{3}-\d{4})|\(\d{3}\)[ ]?\d{3}-\d{4}"
        r"|\+\d{1,3}(?:[ .\-‑–]?\(?\d{1,5}\)?){2,6}|\+\d{8,15}|0\d{2,5}[ /-]\d{3,4}[ -]?\d{3,8}",
        _phone,
        {
            "Call 555-123-4567 now.": "Call five five five, one two three, four five six seven"
            " now.",
            "+1 (415) 555-0132": "plus one, four one five, five five five, zero one three two",
            "Ring 1-800-555-0199.": "Ring one, eight hundred, five five five, zero one nine nine.",
            "up (+0.65%)": "up, plus zero point six five percent",
            "+44 20 7946 0958": "plus four four, two zero, seven nine four six, zero nine"
            " five eight",
        },
        inside=False,
    ),
    Rule(
        "telephone number in brackets",
        r"\(\d{2,5}\)[ ]?\d{3,4}[-‑– ]?\d{3,4}",
        _phone,
        {"(212) 555-0147": "two one two, five five five, zero one four seven"},
        inside=True,
    ),
    Rule(
        "digits in groups",
        r"\d{1,5}(?:-\d{1,7}){3,6}",
        lambda m: grouped_digits(m.group()),
        {
            "ISBN 978-3-16-148410-0": "I.S.B.N nine seven eight, three, one six, one four eight"
            " four one zero, zero"
        },
    ),
    Rule(
        "hexadecimal in groups",
        r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|" + _MAC,
        lambda m: ", ".join(spelled(part) for part in re.split(r"[-:]", m.group())),
        {"00:1A:2B:3C:4D:5E": "zero zero, one A-, two B, three C, four D, five E"},
    ),
    Rule(
        "version",
        r"(?P<v>[vV]\.?[ ]?)?(?P<number>\d+(?:\.\d+){2,})(?P<tail>(?:[-+.]?(?:alpha|beta|rc|dev"
        r"|post|preview|pre|lts)\.?\d*))?(?![.,]\d)",
        _version,
        {
            "Upgrade to v1.2.3 now.": "Upgrade to version one point two point three now.",
            "2.0.0-rc1": "two point zero point zero R.C one",
        },
    ),
    Rule(
        "version with two parts",
        r"(?P<v>v)(?P<number>\d+(?:\.\d+)?)(?P<tail>(?:-?(?:alpha|beta|rc)\.?\d*))?(?!\.\d)",
        _version,
        {"v2 and v1.10": "version two and version one point ten"},
    ),
    Rule(
        "version of a program",
        r"(?P<number>\d+\.\d+)(?P<v>(?!))?(?P<tail>(?:-?(?:alpha|beta|rc)\.?\d*))?(?!\.\d)",
        lambda m: _version(m) if re.search(rf"(?<![\w]){_VERSIONED}[ -]$", before(m)) else None,
        {
            "Python 3.11": "Python three point eleven",
            "Ubuntu 22.04": "Ubuntu twenty two point oh four",
        },
    ),
    Rule(
        "program with its version",
        r"(?P<name>[A-Za-z][a-z]{1,14})(?P<number>\d+(?:\.\d+)+)(?!\.?\w)",
        _program,
        {"python3.11 and lua5.4": "python three point eleven and lua five point four"},
    ),
    Rule(
        "IBAN",
        r"[A-Z]{2}\d{2}(?:[ ]?[A-Z0-9]{4}){3,7}(?:[ ]?[A-Z0-9]{1,3})?",
        _iban,
        {
            "DE89 3704 0044 0532 0130 00": "D E eight nine, three seven zero four, zero zero"
            " four four, zero five three two, zero one three zero, zero zero"
        },
    ),
    Rule(
        "card number",
        r"\d{4}(?P<gap>[ -])\d{4}(?P=gap)\d{4}(?:(?P=gap)\d{1,4})?",
        lambda m: grouped_digits(m.group()),
        {
            "4111 1111 1111 1111": "four one one one, one one one one, one one one one, one one one"
            " one"
        },
    ),
    Rule(
        "social security number",
        r"\d{3}-\d{2}-\d{4}",
        lambda m: grouped_digits(m.group()),
        {"123-45-6789": "one two three, four five, six seven eight nine"},
    ),
    Rule(
        "local telephone number",
        r"\d{3}[-‑–]\d{4}",
        _local_phone,
        {"My number is 555-0188.": "My number is five five five, zero one eight eight."},
    ),
    Rule(
        "state and ZIP code",
        r"(?P<state>" + "|".join(_STATES) + r")[ ](?P<code>\d{5}(?:-\d{4})?)",
        lambda m: f"{letters(m['state'])}{BAR}{grouped_digits(m['code'])}",
        {"San Jose, CA 95112": "San Jose, C.A nine five one one two"},
    ),
    Rule(
        "code",
        r"\d+",
        lambda m: (
            None if re.match(r"[.,:/]?\d|[-–—]\d", m.string[m.end() : m.end() + 2]) else _code(m)
        ),
        {
            "Your code is 11111.": "Your code is one one one one one.",
            "PIN: 4072": "PIN: four zero seven two",
            "Room 204 please": "Room two oh four please",
            "Dial 911!": "Dial nine one one!",
            "In an emergency use 112 or 911.": "In an emergency use one one two or nine one one.",
            "Hotline: 116117": "Hotline: one one six one one seven",
            "Fax: 112": "Fax: one one two",
            "order number 48213": "order number four eight two one three",
        },
    ),
    Rule(
        "house number",
        rf"(?P<number>\d{{1,5}})(?P<letter>[A-Za-z])?(?:{DASH}(?P<upper>\d{{1,5}}))?"
        rf"(?=[ ](?:[NSEW]\.?[ ])?(?:[A-Z]\w+\.?[ ]|\d+(?:st|nd|rd|th)[ ]){{0,3}}{_STREET}\b)",
        _house,
        {
            "1600 Pennsylvania Ave": "sixteen hundred Pennsylvania Avenue",
            "221B Baker St.": "two twenty one B Baker Street.",
            "10 Downing Street": "ten Downing Street",
        },
    ),
)
