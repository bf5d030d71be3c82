"""Each language has everything that the agent says by itself, or says what it leaves to English."""

from __future__ import annotations

import string
from dataclasses import asdict
from pathlib import Path

import pytest

from agent.languages import (
    ENGLISH,
    FOLDER,
    LanguagePackError,
    language_name,
    language_pack,
    languages,
    phrases_in,
    read_pack,
)


@pytest.mark.parametrize("language", languages())
def test_every_pack_is_complete_or_says_what_it_leaves_to_english(language: str) -> None:
    pack = language_pack(language)
    assert pack.code == language
    for name, text in asdict(pack.phrases).items():
        assert text.strip() == text != "", name
        assert text[-1] in string.punctuation, name


def test_english_and_german_are_complete_and_nothing_is_left_in_english() -> None:
    assert {"de", "en"} <= set(languages())
    german = language_pack("de")
    assert german.in_english == ()
    english = asdict(ENGLISH)
    assert not [name for name, text in asdict(german.phrases).items() if text == english[name]]


@pytest.mark.parametrize("language", ["de", "de-AT", "de_CH", "DE"])
def test_a_country_makes_no_other_language(language: str) -> None:
    assert phrases_in(language).still_there == "Sind Sie noch da?"


@pytest.mark.parametrize("language", ["xx", "", "../en", "tlh"])
def test_a_language_without_a_pack_is_spoken_in_english(language: str) -> None:
    assert phrases_in(language) == ENGLISH


def test_languages_are_named_in_english() -> None:
    assert [language_name(code) for code in ("de", "fr-CA", "cmn", "nb", "tlh")] == [
        "German",
        "French",
        "Chinese",
        "Norwegian",
        "tlh",
    ]


def test_a_pack_may_leave_phrases_to_english_where_it_says_so(tmp_path: Path) -> None:
    text = (FOLDER / "de.toml").read_text(encoding="utf-8")
    shorter = "\n".join(line for line in text.splitlines() if not line.startswith("waking"))
    path = tmp_path / "la.toml"
    path.write_text(shorter.replace("in_english = []", 'in_english = ["waking"]'), "utf-8")
    pack = read_pack(path)
    assert pack.phrases.waking == ENGLISH.waking
    assert pack.phrases.back != ENGLISH.back


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("waking = ", "awaking = ", r"la\.toml has phrases that do not exist: awaking"),
        ("in_english = []", 'in_english = ["back"]', r"la\.toml lacks nothing, but .* names back"),
        ("Sind Sie noch da?", " ", r"la\.toml has empty phrases: still_there"),
    ],
)
def test_a_pack_with_a_mistake_is_refused_by_name(
    tmp_path: Path, old: str, new: str, complaint: str
) -> None:
    path = tmp_path / "la.toml"
    text = (FOLDER / "de.toml").read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(LanguagePackError, match=complaint):
        read_pack(path)


def test_a_pack_that_lacks_a_phrase_without_saying_so_is_refused(tmp_path: Path) -> None:
    text = (FOLDER / "de.toml").read_text(encoding="utf-8")
    path = tmp_path / "la.toml"
    path.write_text("\n".join(t for t in text.splitlines() if not t.startswith("back")), "utf-8")
    with pytest.raises(LanguagePackError, match=r"la\.toml lacks back, but"):
        read_pack(path)
