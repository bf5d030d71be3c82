"""Apply a language's rules to a text, once, from left to right."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass

from .numerals import SUBSCRIPTS, SUPERSCRIPTS
from .rule import Language

logger = logging.getLogger("services.tts")

_LONGEST_TOKEN = 60
"""Letters; longer strings are not words of any language and are truncated."""
_LETTER = rf"(?:(?![{SUPERSCRIPTS}{SUBSCRIPTS}½⅓⅔¼¾⅛])[^\W\d_])"
_PLAIN = re.compile(rf"{_LETTER}+(?:['’]{_LETTER}+)*|\d+|\S", re.DOTALL)
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")
"""Scripts without spaces between words."""
_OTHER_SCRIPT = re.compile(r"[\u0370-\u1dff\u2c00-\ua71f\ua800-\ufaff]")
"""Letters of scripts other than Latin."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of the text, and how it is read."""

    start: int
    end: int
    spoken: str
    ruled: bool
    """Whether a rule has read it; else it is spoken as it is written."""


def scan(text: str, language: Language) -> Iterator[Stretch]:
    """Yield the stretches of `text` between spaces, in order, each character in at most one.

    The time is in proportion to the length of the text, as rules look a bounded way ahead.
    """
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        stretch = _ruled(text, at, language) or _plain(text, at, language)
        yield stretch
        at = stretch.end


def _ruled(text: str, at: int, language: Language) -> Stretch | None:
    inside = at > 0 and text[at].isalnum() and (text[at - 1].isalnum() or text[at - 1] == "_")
    for rule in language.rules:
        if inside and not rule.inside:
            continue
        match = rule.regex.match(text, at)
        if match is None or match.end() == at:
            continue
        try:
            spoken = rule.read(match)
        except Exception:
            # One rule that fails must not silence a reply; the others still read it.
            logger.warning("reading rule failed", extra={"rule": rule.name}, exc_info=True)
            continue
        if spoken is not None:
            return Stretch(at, match.end(), spoken, True)
    return None


def _plain(text: str, at: int, language: Language) -> Stretch:
    match = _PLAIN.match(text, at)
    assert match is not None
    token = match.group()
    if len(token) > _LONGEST_TOKEN and not _UNSPACED.search(token):
        token = token[:_LONGEST_TOKEN]
    if language.latin and not token.isascii() and _OTHER_SCRIPT.search(token):
        from anyascii import anyascii

        sounds = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", anyascii(token))
        return Stretch(at, match.end(), sounds, True)
    return Stretch(at, match.end(), token, False)
