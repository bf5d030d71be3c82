"""Timers and reminders, announced when they are due."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from agent.tools.registry import tool
from agent.tools.room_state import RoomState
from agent.tools.schedule import Entry, ScheduleFullError
from agent.tools.spoken.dates import is_point_time, next_moment, spoken_time
from agent.tools.spoken.durations import before_noun, parse_duration, said_duration, spoken_duration
from agent.tools.spoken.numbers import parse_number
from agent.tools.spoken.text import enumeration, normalise, sentence, turned_around

MAX_SECONDS = 7 * 24 * 3600
"""The longest timer or reminder; no call lasts over a week."""
MAX_ABOUT_CHARACTERS = 120
"""The subject of a reminder is cut to this length."""

FULL = "Sorry, there are too many timers. Please cancel one first."
NOT_A_TIME = "Sorry, I did not understand when that is. Please say it again."
TOO_LONG = "Sorry, a timer can be one week long and no longer."

_SET = "(?:set|start|make|create|give me|i need|put on)"
_WHEN = "(?:in|at|after|for|tomorrow) .+"


@dataclass(frozen=True)
class _Moment:
    seconds: int
    """From now on."""
    words: str
    """Its spoken form: a length of time, or a time of day."""
    is_time_of_day: bool = False


def _moment(when: str, now: datetime) -> _Moment | None:
    """Return the moment, or None: "five minutes", "in an hour", "at seven", "seven thirty"."""
    when = normalise(when)
    bare = re.sub("^(?:in|at|after|for) ", "", when)
    seconds = parse_duration(bare)
    if seconds is not None:
        return _Moment(seconds, said_duration(bare) or spoken_duration(seconds))
    is_number = parse_number(bare) is not None and not is_point_time(bare)
    if is_number and not when.startswith("at "):
        # "for five" lacks its unit far more often than it means five o'clock.
        return None
    at = next_moment(bare, now)
    if at is None:
        return None
    return _Moment(max(1, round((at - now).total_seconds())), spoken_time(at), True)


def _is_a_time(arguments: dict[str, Any]) -> bool:
    return _moment(arguments["when"], datetime(2000, 1, 1)) is not None


def _is_a_time_of_day(arguments: dict[str, Any]) -> bool:
    return _is_a_time({"when": f"at {arguments['when']}"})


@tool(
    f"{_SET} (?:a|an|another|the|my)?(?: new)? ?(?:timer|countdown)(?: for| to| of)? (?P<when>.+)",
    f"{_SET} (?:a|an|another)(?: new)? (?P<when>.+?) (?:timer|alarm|countdown)",
    "(?:a )?timer (?:for|of) (?P<when>.+)",
    f"wake me(?: up)? (?P<when>{_WHEN})",
    effect=True,
    accepts=_is_a_time,
)
def set_timer(state: RoomState, when: str) -> str:
    """Start a timer, which says so when it is due.

    Args:
        when: how long, such as "five minutes" or "1 hour 30 minutes".
    """
    moment = _moment(when, state.clock.now())
    if moment is None:
        return NOT_A_TIME
    if moment.is_time_of_day:
        name = f"timer for {moment.words}"
        due_sentence = f"it is {moment.words} and your timer is done"
    else:
        name = f"{before_noun(moment.words)} timer"
        due_sentence = f"your {name} is done"
    return _add(state, moment, name, due_sentence, f"timer set for {moment.words}")


@tool(
    f"{_SET} (?:a|an|another|the|my)?(?: new)? ?alarm(?: for| to)?(?: at)? (?P<when>.+)",
    "(?:an )?alarm (?:for|at) (?P<when>.+)",
    effect=True,
    accepts=_is_a_time_of_day,
)
def set_alarm(state: RoomState, when: str) -> str:
    """Set an alarm for a time of day, within the next day.

    Args:
        when: a time of day, such as "seven thirty in the morning" or "5 pm".
    """
    return set_timer(state, f"at {normalise(when)}")


@tool(
    f"remind me (?P<when>{_WHEN}?) (?:to|that|about) (?P<about>.+)",
    f"remind me (?:to|that|about) (?P<about>.+) (?P<when>{_WHEN})",
    f"{_SET} a reminder (?P<when>{_WHEN}?) (?:to|that|about) (?P<about>.+)",
    f"{_SET} a reminder (?:to|that|about) (?P<about>.+) (?P<when>{_WHEN})",
    effect=True,
    accepts=_is_a_time,
)
def set_reminder(state: RoomState, about: str, when: str) -> str:
    """Remind the caller of something later in this call.

    Args:
        about: what to do, such as "open the door".
        when: how far ahead, such as "in ten minutes", or a time of day such as "at half past five".
    """
    moment = _moment(when, state.clock.now())
    if moment is None:
        return NOT_A_TIME
    about = turned_around(normalise(about))[:MAX_ABOUT_CHARACTERS].strip()
    if not about:
        return "Sorry, I did not understand what to remind you of. Please say it again."
    when = f"{'at' if moment.is_time_of_day else 'in'} {moment.words}"
    due_sentence = f"you wanted me to remind you to {about}"
    reply = f"i will remind you {when} to {about}"
    return _add(state, moment, f"reminder to {about}", due_sentence, reply)


@tool(
    "how (?:much|long)(?: time)? (?:is |do i have |does it |does the timer |have i got )?"
    "(?:left|to go|remaining|take|have)(?: on (?:the|my) timers?)?",
    "how long (?:until|till|before) (?:the|my) timer (?:is done|ends|rings)",
    "what (?:timers|reminders)(?: do i have| are there| are set| are running)*",
    "(?:list|show|read)(?: me)?(?: all)?(?: my| the)? (?:timers|reminders)",
    "(?:do i have|are there) any (?:timers|reminders)",
)
def time_left(state: RoomState) -> str:
    """Say which timers and reminders there are and how much time is left on each."""
    entries = state.timers.entries()
    if not entries:
        return "There are no timers."
    if len(entries) == 1 and entries[0].name.endswith("timer"):
        left = _left(state, entries[0])
        return sentence(f"there {'is' if left.startswith('one ') else 'are'} {left} left")
    told = enumeration([f"a {entry.name} with {_left(state, entry)} left" for entry in entries])
    return sentence(f"you have {told}")


@tool(
    "(?:cancel|stop|delete|remove|clear|end|turn off|forget)(?: the| my| this| that)?"
    "(?: (?P<which>.+?))? (?:timer|alarm|reminder)s?",
    "(?:cancel|stop|delete|remove|clear|forget) (?P<which>all|both|every)(?: of)?(?: my| the)? "
    "(?:timer|alarm|reminder)s?",
    effect=True,
)
def cancel_timer(state: RoomState, which: str = "") -> str:
    """Cancel a timer or reminder.

    Args:
        which: "all", how long it was set for such as "five minute", or what it is about; leave it
            empty where there is only one.
    """
    entries = state.timers.entries()
    which = normalise(which).removesuffix(" timer").removeprefix("the ")
    if not entries:
        return "There are no timers."
    if which in ("all", "all my", "all the", "all of my", "every", "both"):
        chosen = entries
    elif which:
        chosen = [entry for entry in entries if _is_meant(entry, which)][:1]
        if not chosen:
            return f"Sorry, there is no such timer. You have {_names(entries)}."
    elif len(entries) > 1:
        return f"You have {_names(entries)}. Please say which one, or all timers."
    else:
        chosen = entries
    for entry in chosen:
        state.timers.cancel(entry)
    if len(chosen) > 1:
        return "Okay, all timers are off."
    return f"Okay, the {chosen[0].name} is off."


def _add(state: RoomState, moment: _Moment, name: str, due_sentence: str, reply: str) -> str:
    if moment.seconds > MAX_SECONDS:
        return TOO_LONG
    try:
        state.timers.add(moment.seconds, sentence(due_sentence), name)
    except ScheduleFullError:
        return FULL
    return sentence(reply)


def _left(state: RoomState, entry: Entry) -> str:
    return spoken_duration(max(1, round(state.timers.remaining_seconds(entry))))


def _names(entries: list[Entry]) -> str:
    return enumeration([f"a {entry.name}" for entry in entries])


def _is_meant(entry: Entry, which: str) -> bool:
    seconds = parse_duration(which)
    if seconds is not None and "timer" in entry.name:
        return entry.seconds == seconds
    return which.removeprefix("to ") in entry.name
