"""Timers and reminders, which speak when they are due."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from agent.tools.dates import next_moment, spoken_time
from agent.tools.durations import duration_before_noun, parse_duration, spoken_duration
from agent.tools.registry import tool
from agent.tools.room_state import RoomState
from agent.tools.schedule import Entry, ScheduleFullError
from agent.tools.spoken import enumeration, normalise, sentence, turned_around

MAX_SECONDS = 24 * 3600
"""The longest timer or reminder: beyond a day the call is hardly still there."""
MAX_ABOUT_CHARACTERS = 120
"""What a reminder is about is cut after this."""

FULL = "Sorry, there are too many timers. Please cancel one first."
NOT_A_TIME = "Sorry, I did not understand when that is. Please say it again."
TOO_LONG = "Sorry, a timer can be one day long and no longer."

_ANY_DAY = datetime(2000, 1, 1)


def _is_a_time(arguments: dict[str, Any]) -> bool:
    when = _without_link(arguments["when"])
    return parse_duration(when) is not None or next_moment(when, _ANY_DAY) is not None


_SET = "(?:set|start|make|create|give me|i need|put on)"
_WHEN = "(?:in|at|after|for|tomorrow) .+"


@tool(
    f"{_SET} (?:a|an|another|the|my)?(?: new)? ?(?:timer|alarm|countdown)"
    "(?: for| to| of| at)? (?P<when>.+)",
    f"{_SET} (?:a|an|another)(?: new)? (?P<when>.+?) (?:timer|alarm|countdown)",
    "(?:a )?(?:timer|alarm) (?:for|of|in|at) (?P<when>.+)",
    f"wake me(?: up)? (?P<when>{_WHEN})",
    effect=True,
    accepts=_is_a_time,
)
def set_timer(state: RoomState, when: str) -> str:
    """Start a timer or an alarm, which says so when it is due.

    Args:
        when: how long, such as "five minutes" or "1 hour 30 minutes", or a time of day such as
            "seven thirty in the morning".
    """
    when = _without_link(normalise(when))
    seconds = parse_duration(when)
    if seconds is not None:
        due_sentence = f"your {duration_before_noun(seconds)} timer is done"
        reply = f"timer set for {spoken_duration(seconds)}"
    else:
        at = next_moment(when, now := state.clock.now())
        if at is None:
            return NOT_A_TIME
        seconds = max(1, round((at - now).total_seconds()))
        due_sentence = f"it is {spoken_time(at)} and your timer is done"
        reply = f"timer set for {spoken_time(at)}"
    return _add(state, seconds, sentence(due_sentence), sentence(reply))


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
    when = _without_link(normalise(when))
    about = turned_around(normalise(about))[:MAX_ABOUT_CHARACTERS].strip()
    if not about:
        return "Sorry, I did not understand what to remind you of. Please say it again."
    due_sentence = sentence(f"you wanted me to remind you to {about}")
    seconds = parse_duration(when)
    if seconds is not None:
        reply = f"i will remind you in {spoken_duration(seconds)} to {about}"
    else:
        at = next_moment(when, now := state.clock.now())
        if at is None:
            return NOT_A_TIME
        seconds = max(1, round((at - now).total_seconds()))
        reply = f"i will remind you at {spoken_time(at)} to {about}"
    return _add(state, seconds, due_sentence, sentence(reply), about=about)


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
    if len(entries) == 1 and not entries[0].about:
        left = _left(state, entries[0])
        return sentence(f"there {'is' if left.startswith('one ') else 'are'} {left} left")
    told = enumeration([f"{_name(entry)} with {_left(state, entry)} left" for entry in entries])
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
    return f"Okay, {_name(chosen[0])} is off.".replace(" a ", " the ", 1)


def _add(state: RoomState, seconds: int, due_sentence: str, reply: str, *, about: str = "") -> str:
    if seconds > MAX_SECONDS:
        return TOO_LONG
    try:
        state.timers.add(seconds, due_sentence, about=about)
    except ScheduleFullError:
        return FULL
    return reply


def _without_link(when: str) -> str:
    for link in ("in ", "at ", "after ", "for "):
        when = when.removeprefix(link)
    return when


def _left(state: RoomState, entry: Entry) -> str:
    return spoken_duration(max(1, round(state.timers.remaining_seconds(entry))))


def _name(entry: Entry) -> str:
    if entry.about:
        return f"a reminder to {entry.about}"
    return f"a {duration_before_noun(entry.seconds)} timer"


def _names(entries: list[Entry]) -> str:
    return enumeration([_name(entry) for entry in entries])


def _is_meant(entry: Entry, which: str) -> bool:
    seconds = parse_duration(which)
    if seconds is not None:
        return entry.seconds == seconds
    return bool(entry.about) and which.removeprefix("to ") in entry.about
