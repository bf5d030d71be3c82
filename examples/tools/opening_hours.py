"""A tool file: typed functions, whose docstrings tell the language model what they do."""

from agent.tools import tool

HOURS = {"restaurant": "from six to ten in the evening", "pool": "from seven to nine"}


@tool("when (?:is|does) the (?P<place>[a-z]+) open")
def opening_hours(place: str) -> str:
    """Say when a place in the hotel is open.

    Args:
        place: restaurant or pool.
    """
    hours = HOURS.get(place)
    return f"The {place} is open {hours}." if hours else f"I do not know of a {place}."
