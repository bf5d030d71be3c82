"""What is being dictated stays open: groups of digits, spelled letters, an e-mail address."""

from __future__ import annotations

import re

from ..verdict import WaitReason
from .verdict import Completeness

_DIGIT_WORDS = frozenset(
    "zero oh one two three four five six seven eight nine double triple".split()
)

_LONG_NUMBERS = re.compile(
    r"\b(?:(?:tele)?phone|mobile|fax|iban|passport)\b|\bcard(?: number| no\b| is\b)|"
    r"\b(?:my|the|your|his|her|our|cell|account|serial|tracking|insurance|customer|reference|order|"
    r"booking|confirmation|membership|policy|licen[cs]e) number\b|"
    r"\b(?:[a-zäöü]*nummer|numéro|número|numero|telefoon|teléfono|telefono|telefone|téléphone)\b",
    re.IGNORECASE,
)
"""What is named by more digits than are said in one breath."""
_NUMBER_BEGINS = re.compile(
    r"\b(?:number|no\.?|[a-zäöü]*nummer|numéro|número|numero|is|ist|est|es|è|é)\b\W*(?:\d|\w+)\W*$",
    re.IGNORECASE,
)
"""A single digit begins such a number only right after its name: not in "a new phone or two"."""
_ENOUGH_DIGITS = 10
"""Digits after which such a number may be whole: telephone numbers mostly have 10 or more (ITU-T
E.164 allows 15); cards have 13 to 19 (ISO/IEC 7812)."""
_CARD = re.compile(r"\b(?:card|iban)\b|kartennummer", re.IGNORECASE)
_ENOUGH_DIGITS_OF_A_CARD = 15

_DATE = re.compile(r"\b[0-3]?\d,? (?:1[89]|20)\d\d\W*$")
"""A day and a year."""

_EMAIL = re.compile(r"\be-?mail\b|@|correo|courriel", re.IGNORECASE)
_EMAIL_IS = re.compile(r"\b(?:is|it's|ist|lautet|es|est|è|é)\b", re.IGNORECASE)
_WHOLE_DOMAIN = re.compile(
    r"(?:@[\w-]+(?:\.[\w-]+)*\.[a-z]{2,}|\b(?:dot|punkt|punto|point|ponto) [a-z]{2,})\W*$",
    re.IGNORECASE,
)
_PART_OF_AN_EMAIL = re.compile(r"(?:[\w+-]+\.[\w+-]+|@[\w.-]*|\b(?:at|dot|underscore))\W*$", re.I)

_STREET = re.compile(r"\b(?:address|street|adresse|anschrift|dirección|indirizzo)\b", re.IGNORECASE)
_ENDS_WITH_NUMBER = re.compile(r"(?:^|\s)\d+[a-z]?\W*$", re.IGNORECASE)

_SPELLED = re.compile(r"(?:^|\s)(?:[^\W\d_](?:-|\.?\s+))+[^\W\d_]\W*$")
"""Letters apart: "J-O-H-N", "J. O. H. N.", but not "U.S."."""
_ONE_LETTER_WORDS = frozenset("a i o e y".split())
"""One-letter words of the languages at hand."""


def judge(text: str) -> Completeness | None:
    """Judge text that ends within something dictated, in any language; else None."""
    return _email(text) or _address(text) or _digits(text) or _spelling(text)


def _email(text: str) -> Completeness | None:
    if not _EMAIL.search(text) or not (_EMAIL_IS.search(text) or "@" in text):
        return None
    if _WHOLE_DOMAIN.search(text):
        return Completeness(0.8, "a whole e-mail address")
    if _PART_OF_AN_EMAIL.search(text):
        return _open(0.2, "the rest of an e-mail address to come")
    return None


def _address(text: str) -> Completeness | None:
    if _STREET.search(text) and not _EMAIL.search(text) and _ENDS_WITH_NUMBER.search(text):
        return _open(0.25, "a street to come")
    return None


def _digits(text: str) -> Completeness | None:
    groups, digits = _closing_digits(text)
    if not groups or _DATE.search(text):
        return None
    named = _LONG_NUMBERS.search(text) is not None
    if named and (digits > 1 or _NUMBER_BEGINS.search(text)):
        enough = _ENOUGH_DIGITS_OF_A_CARD if _CARD.search(text) else _ENOUGH_DIGITS
        if digits >= enough:
            return Completeness(0.8, f"{digits} digits of a number")
        return _open(0.3, f"{digits} digits, more to come")
    if groups > 1 and digits > 2:
        # Nobody counts in groups: these are digits of something.
        if digits >= _ENOUGH_DIGITS:
            return Completeness(0.75, f"{digits} digits")
        return _open(0.35, f"groups of digits: {digits}")
    return None


def _closing_digits(text: str) -> tuple[int, int]:
    """Count the groups of digits that the text ends with, and their digits."""
    groups = digits = 0
    for token in reversed(re.split(r"[\s;/()–-]+", text.rstrip(".!?,;: "))):
        word = token.strip(".,!?+").lower()
        if re.fullmatch(r"\d+", word):
            groups, digits = groups + 1, digits + len(word)
        elif word in _DIGIT_WORDS:
            groups, digits = groups + 1, digits + 1
        elif word:
            break
    return groups, digits


def _spelling(text: str) -> Completeness | None:
    match = _SPELLED.search(text)
    if match is None:
        return None
    letters = re.findall(r"[^\W\d_]", match.group())
    if len(letters) == 2 and letters[0].lower() in _ONE_LETTER_WORDS:
        return None
    return _open(0.35, "spells letter by letter")


def _open(probability: float, reason: str) -> Completeness:
    return Completeness(probability, reason, WaitReason.DICTATING)
