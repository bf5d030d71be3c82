"""Take the markup out of a text: what is left is what a person would read."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable, Iterator
from typing import Final

from .latex import FORMULA, read_formula
from .punctuation import ASCII_PAUSE_MARKS

_MOST_MARKS = 4
"""Combining marks on one letter; more are noise."""
_LONGEST_PATH = 32
"""Characters of a link's path; a longer one nobody could follow, so only the host is read."""

_MARKUP: Final = re.compile(
    rf"""
      (?P<fence>```.*?(?:```|\Z))
    | (?P<comment><!--.*?(?:-->|\Z))
    | (?P<inline></?(?:sub|sup|b|i|em|strong|u|s|span|code|mark|small|a)(?:\s[^<>]{{0,500}})?>)
    | (?P<tag></?[A-Za-z][^<>]{{0,500}}>|<[?!][^<>]{{0,500}}>)
    | (?P<target>\]\([^()\n]{{0,1000}}(?:\([^()\n]{{0,200}}\)[^()\n]{{0,200}})?\))
    | (?P<code>`[^`\n]{{1,200}}`)
    | (?P<formula>{FORMULA})
    | (?P<url>(?:https?|ftp)://[^\s<>"'`\])}}]{{1,2000}}|\bwww\.[^\s<>"'`\])}}]{{1,2000}})
    | (?P<entity>&(?:[A-Za-z]{{2,10}}|\#[0-9]{{1,6}}|\#[xX][0-9A-Fa-f]{{1,6}});)
    | (?P<rule>^[ \t]*(?:[-*_=~|:+][ \t]*){{3,}}$)
    | (?P<item>^[ \t]*\d{{1,3}}[.)](?=[ \t]))
    | (?P<bullet>^[ \t]*(?:\#{{1,6}}|>+|[-*+•‣◦▪●](?:[ \t]\[[ xX]\])?)(?=[ \t]))
    """,
    re.VERBOSE | re.MULTILINE | re.DOTALL,
)
_HOST: Final = re.compile(
    r"^(?:[a-z]+://)?(?:[^@/]*@)?(?:www\.)?([^/:?#]+)(:\d{2,5})?(/[^?#]*)?", re.IGNORECASE
)
_ESCAPED: Final = frozenset("%$#&_*!.+-~>`")
"""What a backslash keeps from being markup."""
_TIMES_BEFORE: Final = re.compile(r"(?:[\d)]|(?<![^\W\d_])[^\W\d_])\s?$")
_TIMES_AFTER: Final = re.compile(r"\s?(?:[\d(]|[^\W\d_](?![^\W\d_]))")

Read = Iterator[tuple[int, str]]
"""What is read, as (position in the text, characters)."""


def readable(text: str, symbols: frozenset[str]) -> Read:
    """Yield what is read of `text`, in order.

    Of the characters of Unicode's category S only `symbols` are; emoji and invisible characters
    never are. Brackets remain, as "(555)" and "f(x)" are read by them.
    """
    done = 0
    for match in _MARKUP.finditer(text):
        yield from _plain(text, done, match.start(), symbols)
        reader = _READERS.get(match.lastgroup or "")
        if match.lastgroup == "code":
            yield from _plain(text, match.start() + 1, match.end() - 1, symbols)
        elif match.lastgroup == "formula":
            yield from read_formula(match.group(), match.start())
        elif reader is not None:
            # At its last character, as markup may begin with the spaces of its line.
            yield match.end() - 1, reader(match.group())
        done = match.end()
    yield from _plain(text, done, len(text), symbols)


def _plain(text: str, start: int, end: int, symbols: frozenset[str]) -> Read:
    marks = 0
    for at in range(start, end):
        character = text[at]
        if character.isascii() and (character.isalnum() or character == " "):
            marks = 0
            yield at, character
            continue
        category = unicodedata.category(character)
        if category == "Mn":
            marks += 1
            if marks > _MOST_MARKS or "\ufe00" <= character <= "\ufe0f":
                continue
        else:
            marks = 0
        if character in "\t\n\r\v\f":
            yield at, character
        elif character == "\\" and text[at + 1 : at + 2] in _ESCAPED:
            continue
        elif character == "*":
            yield from _star(text, at, symbols)
        elif (
            category[0] == "C"
            or category == "Me"
            or text[at : at + 2] == "!["
            or (category[0] == "S" and character not in symbols and character != "|")
        ):
            continue
        else:
            yield at, character


def _star(text: str, at: int, symbols: frozenset[str]) -> Read:
    """A star between two numbers or letters multiplies; else it marks emphasis."""
    before, after = text[max(0, at - 4) : at], text[at + 1 : at + 4]
    spaced = before[-1:] == " " and after[:1] == " "
    digits = before[-1:].isdigit() and (after[:1].isdigit() or after[:1] == "(")
    if text[at : at + 2] == "**" and before[-1:].isalnum() and text[at + 2 : at + 3].isdigit():
        yield at, "^"
    elif text[at - 1 : at + 1] != "**" and (
        digits or (spaced and _TIMES_BEFORE.search(before) and _TIMES_AFTER.match(after))
    ):
        yield at, "⋅" if "⋅" in symbols else "×"


def _read_address(address: str) -> str:
    parts = _HOST.match(address)
    end = address[len(address.rstrip(ASCII_PAUSE_MARKS)) :][:1]
    if parts is None:
        return end
    host = parts.group(1).rstrip(ASCII_PAUSE_MARKS)
    port = parts.group(2) or ""
    path = (parts.group(3) or "").rstrip(ASCII_PAUSE_MARKS + "/")
    if len(path) > _LONGEST_PATH or "?" in address.rstrip("?"):
        path = ""
    return host + port + path + end


def _read_entity(entity: str) -> str:
    character = html.unescape(entity)
    return "" if character in ("<", ">") or character == entity else character


_READERS: dict[str, Callable[[str], str]] = {
    "tag": lambda _: " ",
    "url": _read_address,
    "entity": _read_entity,
    "item": lambda item: item.strip()[:-1] + ",",
}
