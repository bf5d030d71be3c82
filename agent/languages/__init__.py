"""What the agent says by itself, in each language: one TOML file for each, beside this module."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Final

from services.models.languages import base_language, english_name

FOLDER: Final = Path(__file__).parent
SOURCE_LANGUAGE: Final = "en"


@dataclass(frozen=True, slots=True)
class Phrases:
    """The agent's own sentences in one language; `en.toml` says when each is said."""

    greeting: str
    back: str
    call_ended: str
    llm_down: str
    llm_slow: str
    llm_cut_off: str
    llm_silent: str
    llm_unspeakable: str
    tools_without_end: str
    waking: str
    one_moment: str
    still_there: str
    nobody_answers: str
    did_not_catch: str
    cannot_hear: str
    voice_out_of_service: str
    tools_down: str
    recorded: str
    written_down: str
    no_voice: str
    builtin_only: str

    @property
    def spoken(self) -> tuple[str, ...]:
        """Those worth keeping ready as audio, without the greeting."""
        return (
            self.back,
            self.llm_down,
            self.llm_slow,
            self.llm_cut_off,
            self.llm_silent,
            self.llm_unspeakable,
            self.tools_without_end,
            self.waking,
            self.one_moment,
            self.still_there,
            self.nobody_answers,
            self.did_not_catch,
            self.cannot_hear,
        )


class LanguagePackError(ValueError):
    """A file of this folder is not a language pack; the text names file and key."""


@dataclass(frozen=True, slots=True)
class LanguagePack:
    """One file: a language's name, and its phrases as far as they are translated."""

    code: str
    name: str
    """In English."""
    phrases: Phrases
    in_english: tuple[str, ...]
    """The phrases that are not translated."""


def languages() -> tuple[str, ...]:
    """Return the codes of the languages that have a pack."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))


@cache
def language_pack(language: str) -> LanguagePack:
    """Return the pack of a language, such as `de` or `de-AT`; that of English where it has none.

    Raises LanguagePackError for a file that is not a pack, or that lacks phrases which it does
    not leave to English.
    """
    code = base_language(language)
    path = FOLDER / f"{code}.toml"
    if not code.isalpha() or not path.is_file():
        path = FOLDER / f"{SOURCE_LANGUAGE}.toml"
    return read_pack(path)


def phrases_in(language: str) -> Phrases:
    """Return what the agent says by itself in a language; see `language_pack`."""
    return language_pack(language).phrases


def language_name(language: str) -> str:
    """Return the English name of a language, for instructions; its code where none is known."""
    pack = language_pack(language)
    return pack.name if pack.code == base_language(language) else english_name(language)


def read_pack(path: Path) -> LanguagePack:
    """Read one file. Raises LanguagePackError."""
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    own = dict(content.get("phrases", {}))
    in_english = tuple(content.get("in_english", ()))
    known = [field.name for field in fields(Phrases)]
    if unknown := sorted(own.keys() - set(known)):
        raise LanguagePackError(f"{path.name} has phrases that do not exist: {', '.join(unknown)}")
    if empty := [name for name, text in own.items() if not str(text).strip()]:
        raise LanguagePackError(f"{path.name} has empty phrases: {', '.join(empty)}")
    missing = [name for name in known if name not in own]
    if sorted(missing) != sorted(in_english):
        raise LanguagePackError(
            f"{path.name} lacks {', '.join(missing) or 'nothing'}, but `in_english` names "
            f"{', '.join(in_english) or 'nothing'}"
        )
    if missing:
        english = phrases_in(SOURCE_LANGUAGE)
        own |= {name: getattr(english, name) for name in missing}
    return LanguagePack(path.stem, str(content["name"]), Phrases(**own), in_english)


ENGLISH: Final = phrases_in(SOURCE_LANGUAGE)
