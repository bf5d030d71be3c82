"""Coins, dice and random numbers."""

from __future__ import annotations

from agent.tools.registry import NotUnderstoodError, tool
from agent.tools.room_state import RoomState
from agent.tools.spoken.numbers import spoken_number
from agent.tools.spoken.text import enumeration, sentence

MAX_DICE = 6
MAX_SIDES = 1000


@tool(
    "(?:flip|toss|throw)(?: up)? (?:a|the|another) coin(?: again)?",
    "heads or tails",
    "(?:flip|toss) it again",
)
def flip_coin(state: RoomState) -> str:
    """Flip a coin: heads or tails."""
    return state.random.choice(["Heads.", "Tails."])


@tool(
    "(?:roll|throw) (?:a|the|another|one) (?:(?P<sides>.+?) sided )?(?:dice|die)(?: again)?",
    "(?:roll|throw) (?P<count>.+?) (?:(?P<sides>.+?) sided )?(?:dice|dies)",
    "(?:roll|throw) (?:a )?d ?(?P<sides>.+)",
)
def roll_dice(state: RoomState, count: int = 1, sides: int = 6) -> str:
    """Roll one or more dice.

    Args:
        count: how many dice, one to six.
        sides: how many sides each has.
    """
    if not 1 <= count <= MAX_DICE:
        return f"Sorry, I can roll one to {spoken_number(MAX_DICE)} dice."
    if not 2 <= sides <= MAX_SIDES:
        return f"Sorry, a dice can have two to {spoken_number(MAX_SIDES)} sides."
    rolled = [spoken_number(state.random.randint(1, sides)) for _ in range(count)]
    articles = ["an" if number.startswith(("eight", "eleven")) else "a" for number in rolled]
    named = [f"{article} {number}" for article, number in zip(articles, rolled, strict=True)]
    return sentence(f"you rolled {enumeration(named)}")


@tool(
    "(?:pick|choose|give me|tell me|say|think of|name) (?:a|another|any)(?: random)? number"
    "(?: (?:between|from) (?P<low>.+) (?:and|to) (?P<high>.+))?",
    "(?:a )?random number(?: (?:between|from) (?P<low>.+) (?:and|to) (?P<high>.+))?",
)
def pick_number(state: RoomState, low: int = 1, high: int = 10) -> str:
    """Pick a random whole number.

    Args:
        low: the smallest number that may come.
        high: the largest number that may come.
    """
    low, high = sorted((low, high))
    if high - low > 10**9 or abs(low) > 10**9:
        raise NotUnderstoodError("the numbers are too far apart")
    return sentence(f"the answer is {spoken_number(state.random.randint(low, high))}")
