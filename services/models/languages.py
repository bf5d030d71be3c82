"""Codes and names of languages, as settings, Whisper and Piper write them."""

from .piper_list import language_names

_SAME: dict[str, str] = {"cmn": "zh", "nb": "no"}
"""Codes of espeak-ng, by which Piper's voices read, that Whisper calls otherwise."""


def base_language(tag: str) -> str:
    """Return the code that Whisper has for a language: `de` for `de`, `de-DE` and `de_AT`."""
    code = tag.replace("_", "-").partition("-")[0].lower()
    return _SAME.get(code, code)


def english_name(tag: str) -> str:
    """Return the English name of a language that Piper has voices for, else its code."""
    code = base_language(tag)
    return next(iter(language_names(code)), code)
