"""The caller's list, for as long as the call lasts."""

from __future__ import annotations

import re

from agent.tools.registry import tool
from agent.tools.room_state import RoomState
from agent.tools.spoken.numbers import spoken_number
from agent.tools.spoken.text import MAX_TEXT_CHARACTERS, enumeration, normalise, sentence

MAX_ITEMS = 50
MAX_ITEM_CHARACTERS = 60
READ_ALOUD_ITEMS = 12
"""Longer lists are read out up to this many, and counted."""

EMPTY = "Your list has no things."

_LIST = r"(?:my|the|our|your)(?: \w+)? list"
_NAMED_THINGS = re.compile(
    r"\b(?:add|put|write|place|remove|delete|take|cross|strike|drop)\b"
    rf".+\b(?:to|on|onto|in|from|off|of) {_LIST}\b",
    re.IGNORECASE,
)
_BETWEEN_THINGS = re.compile(r"\s*[,;](?!\d)(?:\s*(?:and|&)(?!\S))?\s*", re.IGNORECASE)
_WITH_AND = (
    "bread and butter pudding",
    "cookies and cream",
    "fish and chips",
    "gin and tonic",
    "half and half",
    "m and m",
    "mac and cheese",
    "macaroni and cheese",
    "peanut butter and jelly",
    "pork and beans",
    "salt and vinegar",
    "sour cream and onion",
    "surf and turf",
    "sweet and sour",
)
"""One thing each."""
_ONE_THING = re.compile(rf"\b(?:{'|'.join(_WITH_AND)})")
_KEPT_AND = " & "


@tool(
    f"(?:add|put|write|place)(?: the| a| an| some)? (?P<item>.+) (?:to|on|onto|in) {_LIST}",
    effect=True,
)
def add_to_list(state: RoomState, item: str) -> str:
    """Put something on the caller's list.

    Args:
        item: what to add; several things may be joined with "and".
    """
    added = [thing for thing in _things(item) if thing not in state.items]
    if not _things(item):
        return "Sorry, I did not understand what to add. Please say it again."
    if len(state.items) + len(added) > MAX_ITEMS:
        return "Sorry, your list is full."
    state.items.extend(added)
    return sentence(f"added {enumeration(_things(item))} to your list")


@tool(
    f"(?:what is|what do i have|what have i got|what) on {_LIST}",
    f"(?:read|show|tell|say|list|repeat)(?: me)?(?: what is on)? {_LIST}",
    f"what (?:is|does) {_LIST}(?: say| have)?",
    f"how many (?:things|items) (?:are (?:there )?on|does|do i have on) {_LIST}(?: have)?",
)
def read_list(state: RoomState) -> str:
    """Read the caller's list aloud."""
    count = len(state.items)
    if not count:
        return EMPTY
    things = "one thing" if count == 1 else f"{spoken_number(count)} things"
    read = enumeration(state.items[:READ_ALOUD_ITEMS])
    beginning = "beginning with " if count > READ_ALOUD_ITEMS else ""
    return sentence(f"your list has {things}, {beginning}{read}")


@tool(
    f"(?:remove|delete|take|cross|strike|drop)(?: off)?(?: the| a| an| some)? (?P<item>.+?) "
    f"(?:from|off|of|out of) {_LIST}",
    effect=True,
)
def remove_from_list(state: RoomState, item: str) -> str:
    """Take something off the caller's list.

    Args:
        item: what to remove; several things may be joined with "and".
    """
    removed = [thing for thing in _things(item) if thing in state.items]
    if not removed:
        return sentence(f"sorry, {normalise(item)[:MAX_ITEM_CHARACTERS]} is not on your list")
    state.items[:] = [thing for thing in state.items if thing not in removed]
    return sentence(f"removed {enumeration(removed)} from your list")


@tool(
    f"(?:clear|empty|delete|remove|erase|reset)(?: everything (?:from|on))? {_LIST}",
    "(?:start|make|create) a new(?: \\w+)? list",
    effect=True,
)
def clear_list(state: RoomState) -> str:
    """Empty the caller's list."""
    state.items.clear()
    return "Okay, your list has no things now."


def with_things_joined(text: str) -> str:
    """Join the things that a request names for the list with "and", where they have commas.

    The other marks of a request mean nothing and are dropped; these keep its things apart.
    """
    text = text[:MAX_TEXT_CHARACTERS]
    return _NAMED_THINGS.sub(lambda found: _BETWEEN_THINGS.sub(" and ", found[0]), text)


def _things(item: str) -> list[str]:
    """Return the named things, without articles or duplicates, each cut to a bounded length."""
    words = normalise(_BETWEEN_THINGS.sub(" and ", item))
    words = _ONE_THING.sub(lambda name: name[0].replace(" and ", _KEPT_AND), words)
    parts = (part.replace(_KEPT_AND, " and ") for part in re.split(r"\band\b", words))
    things = (re.sub(r"^(?:the|a|an|some) ", "", part.strip()) for part in parts)
    return list(dict.fromkeys(thing[:MAX_ITEM_CHARACTERS].strip() for thing in things if thing))
