"""Time, day and date."""

from __future__ import annotations

from datetime import date

from agent.tools.registry import NotUnderstoodError, tool
from agent.tools.room_state import RoomState
from agent.tools.spoken.dates import capitalised_day, parse_date, spoken_date, spoken_time
from agent.tools.spoken.numbers import spoken_number, spoken_year
from agent.tools.spoken.text import normalise, sentence

DAY = "(?P<day>today|tomorrow|yesterday|the day (?:after tomorrow|before yesterday))"


@tool(
    "(?:what is |what )?(?:the )?(?:current )?time(?: is it)?(?: right)?(?: now)?",
    "what time (?:is|it is|do we have)(?: it)?(?: right)?(?: now)?",
    "(?:do you (?:have|know)|say|give me|tell) (?:the|what) time(?: it is| is it)?",
    "how late is it",
)
def time_now(state: RoomState) -> str:
    """Say what time it is now."""
    return f"It is {spoken_time(state.clock.now())}."


@tool(
    f"what (?:day|date) (?:is it|is|was it|was|will it be)(?: on)?(?: {DAY})?(?: right)?(?: now)?",
    f"what (?:is|was)(?: the)? {DAY}(?: date| day)?",
    f"(?:what (?:is|was) )?(?:the )?(?:day|date)(?: of| is it)?(?: {DAY})?(?: now)?",
    "(?:do you know |say |give me |tell )(?:the|what) (?:day|date)(?: it is| is it)?(?: today)?",
    f"what day of the week (?:is|was) (?:it )?{DAY}?",
    "(?:what|which) (?:day|weekday)(?: of the week)? (?:is|was|will be) (?P<day>.+)",
    "when is (?P<day>.+)",
)
def date_of(state: RoomState, day: str = "today") -> str:
    """Say which day of the week and which date a day is.

    Args:
        day: "today", "tomorrow", "yesterday", a weekday, a holiday or a date such as "march fifth".
    """
    named = _named_day(state, day)
    is_or_was = "was" if named < state.clock.now().date() else "is"
    return sentence(f"{capitalised_day(normalise(day))} {is_or_was} {spoken_date(named)}")


@tool(
    "how many days (?:is it |are there |are left |left )?(?:until|till|to|before) (?P<day>.+)",
    "how long (?:is it )?(?:until|till|to) (?P<day>.+)",
)
def days_until(state: RoomState, day: str) -> str:
    """Count the days from today until a holiday or date.

    Args:
        day: a holiday, weekday or date such as "christmas", "friday" or "march fifth".
    """
    named = _named_day(state, day)
    count = (named - state.clock.now().date()).days
    days = "one day" if abs(count) == 1 else f"{spoken_number(abs(count))} days"
    if count < 0:
        return sentence(f"{capitalised_day(normalise(day))} was {days} ago")
    return sentence(
        f"there {'is' if count == 1 else 'are'} {days} until {capitalised_day(normalise(day))}"
    )


@tool("(?:what|which) year (?:is it|is this|are we in)(?: now)?", "what is the (?:current )?year")
def year_now(state: RoomState) -> str:
    """Say which year it is."""
    return f"It is {spoken_year(state.clock.now().year)}."


def _named_day(state: RoomState, day: str) -> date:
    words = normalise(day)
    named = parse_date(words, state.clock.now().date())
    if named is None:
        raise NotUnderstoodError(f"{words!r} is no day that is known here")
    return named
