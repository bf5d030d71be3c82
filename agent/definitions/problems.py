"""What is wrong with an agent's file, in one line for its owner."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_LONGEST_LINE_CHARACTERS = 500


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, or that the owner should know."""

    file: str
    text: str

    def __str__(self) -> str:
        return f"{_one_line(self.file)}: {_one_line(self.text)}"


class DefinitionError(Exception):
    """A file does not define a usable agent."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(str(problem) for problem in self.problems))


def wrong(file: Path, text: str) -> DefinitionError:
    """Return the error for one problem of a file."""
    return DefinitionError([Problem(file.name, text)])


def unknown(name: str, known: Iterable[str], what: str) -> str:
    """Return the sentence for a name that is not known, with the nearest one that is."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if near:
        return f"{name!r} is no {what}: did you mean {near[0]!r}?"
    return f"{name!r} is no {what}: there are {', '.join(names)}"


def told(error: BaseException) -> str:
    """Return what an error is and says, whatever an owner's class makes of that."""
    try:
        text = str(error)
    except Exception:
        text = ""
    return f"{type(error).__name__}: {text}".rstrip(": ")


def _one_line(text: str) -> str:
    """Return a text as one short line without anything that a terminal would act on."""
    line = " ".join(text.split())
    if len(line) > _LONGEST_LINE_CHARACTERS:
        line = f"{line[:_LONGEST_LINE_CHARACTERS]}…"
    return "".join(map(_shown, line))


def _shown(character: str) -> str:
    return character if character.isprintable() else ascii(character)[1:-1]
