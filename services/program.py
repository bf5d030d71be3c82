"""How a person starts this program, for sentences that say what to run."""

from __future__ import annotations

from typing import Final

FROM_SOURCE: Final = "python -m agent"

_program = FROM_SOURCE


def program() -> str:
    """Return the words that start this program, without a command of it."""
    return _program


def run_as(words: str) -> None:
    """Set them, before anything else runs."""
    global _program
    _program = words
