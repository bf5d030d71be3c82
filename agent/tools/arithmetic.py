"""Spoken arithmetic."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from agent.tools.registry import NotUnderstoodError, tool
from agent.tools.spoken.numbers import LARGEST_SPOKEN, is_rounded, read_number, spoken_number
from agent.tools.spoken.text import normalise, sentence

MAX_EXPONENT = 64
"""Larger powers are refused: they would be too large to say."""

_OPERATORS = {"plus": 1, "minus": 1, "times": 2, "divided by": 2, "to the power of": 3}
"""Binary operators in spoken form, with their precedence."""

_SYNONYMS = (
    (r"\bmultiplied (?:by|with)\b|\bx\b", "times"),
    (r"\b(?:divided|over)(?: by)?\b", "divided by"),
    (r"\bto the power(?: of)?\b|\braised to(?: the power(?: of)?)?\b", "to the power of"),
    (r"\b(?:added to|and then add)\b", "plus"),
    (r"\b(?:less|take away|subtract)\b", "minus"),
    (r"\bpercent of\b", "percent times"),
    (r"\bper cent\b", "percent"),
    (r"\b(half|quarters?|thirds?|dozen) of\b", r"\1 times"),
    (r"\b(?:double|twice)\b", "two times"),
    (r"\bnegative\b", "minus"),
)
_REORDERED = (
    (r"(?:subtract|take) (.+) from (.+)", r"\2 minus \1"),
    (r"add (.+?) (?:and|to|with) (.+)", r"\1 plus \2"),
    (r"(?:the )?sum of (.+?) and (.+)", r"\1 plus \2"),
    (r"(?:the )?difference (?:between|of) (.+?) and (.+)", r"\1 minus \2"),
    (r"multiply (.+?) (?:by|and|with) (.+)", r"\1 times \2"),
    (r"(?:the )?product of (.+?) and (.+)", r"\1 times \2"),
    (r"divide (.+?) by (.+)", r"\1 divided by \2"),
)


@tool(
    "(?:(?:what|how much) (?:is|are|does|do|makes?)|calculate|compute|work out|and)? ?"
    "(?P<expression>.+?)(?: is| are| equals?| makes?)?",
)
def calculate(expression: str) -> str:
    """Work out a calculation and say the result.

    Args:
        expression: such as "seven times eight", "3.5 + 2 * 4" or "fifteen percent of eighty".
    """
    tokens = _tokens(normalise(expression))
    if len(tokens) < 2:
        raise NotUnderstoodError("there is nothing to work out")
    reader = _Reader(tokens)
    try:
        value = reader.read_all()
    except ZeroDivisionError:
        return "Sorry, nothing can be divided by zero."
    except OverflowError:
        return "Sorry, that number is too big for me."
    if abs(value) >= LARGEST_SPOKEN:
        return "Sorry, that number is too big for me."
    result = (
        f"about {spoken_number(round(value, 2))}" if is_rounded(value) else spoken_number(value)
    )
    if reader.is_single_step:
        left, operator, right = tokens
        return sentence(f"{_said(left)} {operator} {_said(right)} is {result}")
    return sentence(f"the answer is {result}")


def _said(token: Fraction | str) -> str:
    return token if isinstance(token, str) else spoken_number(token)


def _tokens(words: str) -> list[Fraction | str]:
    """Return numbers and operators in spoken order."""
    for pattern, replacement in _REORDERED:
        words = re.sub(rf"^{pattern}$", replacement, words)
    for pattern, replacement in _SYNONYMS:
        words = re.sub(pattern, replacement, words)
    said = words.split()
    tokens: list[Fraction | str] = []
    position = 0
    while position < len(said):
        number = read_number(said, position)
        if number is not None:
            tokens.append(number[0])
            position = number[1]
            continue
        for operator in (*_OPERATORS, "the square root of", "square root of"):
            if said[position : position + operator.count(" ") + 1] == operator.split():
                tokens.append(operator.removeprefix("the "))
                position += operator.count(" ") + 1
                break
        else:
            if said[position] not in ("percent", "squared", "cubed", "(", ")"):
                raise NotUnderstoodError(f"{said[position]!r} is not arithmetic")
            tokens.append(said[position])
            position += 1
    return tokens


@dataclass
class _Reader:
    """Reads tokens as an expression, each operator with its usual precedence."""

    tokens: list[Fraction | str]
    position: int = 0

    @property
    def is_single_step(self) -> bool:
        """Whether this is one operator between two whole numbers that are short to say."""
        numbers = [token for token in self.tokens[::2] if isinstance(token, Fraction)]
        return (
            len(self.tokens) == 3
            and len(numbers) == 2
            and all(number.denominator == 1 and number < 10**6 for number in numbers)
        )

    def read_all(self) -> Fraction:
        value = self._expression(1, depth=0)
        if self.position != len(self.tokens):
            raise NotUnderstoodError("the calculation does not end where its words do")
        return value

    def _next(self) -> Fraction | str | None:
        return self.tokens[self.position] if self.position < len(self.tokens) else None

    def _expression(self, precedence: int, depth: int) -> Fraction:
        value = self._operand(depth)
        while True:
            operator = self._next()
            binding = _OPERATORS.get(operator, 0) if isinstance(operator, str) else 0
            if binding < precedence:
                return value
            self.position += 1
            right = self._expression(binding + (operator != "to the power of"), depth)
            value = _apply(str(operator), value, right)

    def _operand(self, depth: int) -> Fraction:
        token = self._next()
        self.position += 1
        if depth > 50:
            raise NotUnderstoodError("the calculation is nested too deeply")
        if token == "minus":
            return -self._expression(3, depth + 1)
        if token == "square root of":
            return _square_root(self._expression(3, depth + 1))
        if token == "(":
            value = self._expression(1, depth + 1)
            if self._next() != ")":
                raise NotUnderstoodError("a bracket is not closed")
            self.position += 1
        elif isinstance(token, Fraction):
            value = token
        else:
            raise NotUnderstoodError("a number is missing")
        while (after := self._next()) in ("percent", "squared", "cubed"):
            self.position += 1
            value = value / 100 if after == "percent" else value ** (2 if after == "squared" else 3)
            _check_size(value)
        return value


def _apply(operator: str, left: Fraction, right: Fraction) -> Fraction:
    if operator == "plus":
        result = left + right
    elif operator == "minus":
        result = left - right
    elif operator == "times":
        result = left * right
    elif operator == "divided by":
        result = left / right
    else:
        result = _power(left, right)
    _check_size(result)
    return result


def _power(base: Fraction, exponent: Fraction) -> Fraction:
    if exponent == Fraction(1, 2):
        return _square_root(base)
    if exponent.denominator != 1:
        raise NotUnderstoodError("only whole powers are known here")
    if abs(exponent) > MAX_EXPONENT:
        raise OverflowError
    return base ** int(exponent)


def _square_root(value: Fraction) -> Fraction:
    if value < 0:
        raise NotUnderstoodError("there is no square root of a negative number")
    # Rounding makes the roots of squares exact again.
    root = Fraction(float(value) ** 0.5).limit_denominator(10**6)
    return root if root * root == value else Fraction(float(value) ** 0.5)


def _check_size(value: Fraction) -> None:
    if abs(value) >= 10**40 or value.denominator >= 10**40:
        raise OverflowError
