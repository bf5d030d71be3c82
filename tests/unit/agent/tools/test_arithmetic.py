"""Spoken and written calculations."""

from __future__ import annotations

import pytest

from agent.tools import NotUnderstoodError
from agent.tools.arithmetic import calculate


@pytest.mark.parametrize(
    ("expression", "reply"),
    [
        ("seven times eight", "Seven times eight is fifty six."),
        ("fifty five plus twenty", "Fifty five plus twenty is seventy five."),
        ("twenty minus thirty", "Twenty minus thirty is minus ten."),
        ("ten divided by four", "Ten divided by four is two point five."),
        (
            "one hundred over three",
            "One hundred divided by three is about thirty three point three three.",
        ),
        ("7 x 8", "Seven times eight is fifty six."),
        ("five plus six times two", "The answer is seventeen."),
        ("ten minus three minus two", "The answer is five."),
        ("(2 + 3) * 4", "The answer is twenty."),
        ("-5 + 3", "The answer is minus two."),
        ("two to the power of ten", "Two to the power of ten is one thousand and twenty four."),
        ("two to the power of three to the power of two", "The answer is five hundred and twelve."),
        ("fifteen percent of eighty", "The answer is twelve."),
        ("half of ninety", "The answer is forty five."),
        ("one third of ninety", "The answer is thirty."),
        ("double six", "Two times six is twelve."),
        ("nine squared", "The answer is eighty one."),
        ("the square root of eighty one", "The answer is nine."),
        ("the square root of two", "The answer is about one point four one."),
        ("three point five plus one", "The answer is four point five."),
        ("add five and six", "Five plus six is eleven."),
        ("subtract five from ten", "Ten minus five is five."),
        ("the sum of two and three", "Two plus three is five."),
        ("multiply three by four", "Three times four is twelve."),
        ("minus four plus ten", "The answer is six."),
    ],
)
def test_calculations(expression: str, reply: str) -> None:
    assert calculate(expression) == reply


def test_division_by_zero_is_said_to_be_impossible() -> None:
    assert calculate("ten divided by zero") == "Sorry, nothing can be divided by zero."


@pytest.mark.parametrize(
    "expression", ["9 ^ 64", "9 ^ 9999999", "9 ^ 64 ^ 64", "10 ^ 16", "0.001 ^ 60"]
)
def test_numbers_beyond_words_are_refused(expression: str) -> None:
    assert calculate(expression) == "Sorry, that number is too big for me."


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "seven",
        "seven times",
        "times seven",
        "seven eight",
        "the weather in london",
        "(2 + 3",
        "2 + )",
        "(" * 500,
        "minus " * 90,
        "what",
    ],
)
def test_words_that_are_no_calculation_are_not_understood(expression: str) -> None:
    with pytest.raises(NotUnderstoodError):
        calculate(expression)
