"""Bounds on texts that a language model reads."""

from __future__ import annotations


def cut(text: str, most: int) -> str:
    """Return at most `most` characters of a text, of which the last ones say that it was longer."""
    if len(text) <= most:
        return text
    mark = f"… [cut: {len(text)} characters in all]"
    return f"{text[: max(0, most - len(mark))]}{mark}"
