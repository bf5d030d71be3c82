"""Sentences cut into clauses, so that sound starts early."""

from __future__ import annotations

import pytest

from services.tts.text.clauses import cut_clauses
from services.tts.text.normalization import speakable_words


def clauses(text: str, language: str = "en") -> list[str]:
    return [
        " ".join(word.written for word in clause)
        for clause in cut_clauses(speakable_words(text, language=language), language=language)
    ]


def test_a_short_sentence_is_spoken_in_one_go() -> None:
    assert clauses("Yes, it is ten past three in the afternoon.") == [
        "Yes, it is ten past three in the afternoon."
    ]
    assert clauses("") == [""]


def test_the_first_clause_ends_at_the_first_comma() -> None:
    assert clauses(
        "I have set a timer for ten minutes, and when it is done I will tell you at once, so stay."
    ) == [
        "I have set a timer for ten minutes,",
        "and when it is done I will tell you at once, so stay.",
    ]


def test_without_a_comma_a_clause_ends_before_a_conjunction() -> None:
    assert clauses(
        "I have set a timer for ten minutes and I will tell you when it is done in the kitchen"
    ) == [
        "I have set a timer for ten minutes and I will tell you",
        "when it is done in the kitchen",
    ]


def test_without_either_before_a_preposition() -> None:
    assert clauses(
        "The annual report of the northern district council appeared during the second week there"
    )[0].endswith("appeared")


def test_no_scrap_is_cut_off() -> None:
    text = "Well, the answer to all of your very many questions today is quite simply forty, yes."
    assert min(len(clause) for clause in clauses(text)) > 12


def test_the_first_sound_never_waits_for_a_long_clause() -> None:
    words = ["word"] * 60
    first, second, *_ = clauses(" ".join(words))
    assert 100 < len(first) <= 130 < len(second)
    later = clauses("Here is something short to begin with, " + " ".join(words))
    assert max(map(len, later)) > 130


def test_other_languages_are_cut_at_marks_only() -> None:
    text = "Pogoda w mieście jest dzisiaj bardzo ładna, and this is not looked at as a conjunction"
    assert clauses(text, "pl")[0] == "Pogoda w mieście jest dzisiaj bardzo ładna,"
    assert len(clauses("słowo " * 20, "pl")) == 1


def test_numbers_count_as_long_as_they_are_spoken() -> None:
    text = "It is 123456 and then 987654 and 555555 in all."
    assert len(clauses(text)) == 3
    assert len(clauses(text.replace("and then", "dann"), "pl")) == 1


@pytest.mark.parametrize("language", ["en", "pl"])
def test_every_word_comes_out_once_and_no_clause_is_endless(language: str) -> None:
    text = "One 🎉 thing and another, or **a** third: " * 40 + "word " * 300
    parts = clauses(text, language)
    assert " ".join(parts) == " ".join(speakable.written for speakable in speakable_words(text))
    assert max(map(len, parts)) <= 260


def test_a_very_long_number_is_spoken_in_parts() -> None:
    for written in ("1,234,567,890,123,456,789,012", "1234567890123456789012"):
        words = speakable_words(f"It is {written}.")
        cut = cut_clauses(words)
        assert len(cut) > 1
        assert [w.written for clause in cut for w in clause if w.written] == [
            "It",
            "is",
            f"{written}.",
        ]
        spoken = " ".join(w.spoken for clause in cut for w in clause)
        assert spoken == " ".join(w.spoken for w in words)
        assert sum(w.share for clause in cut for w in clause) == pytest.approx(3)
        assert len(" ".join(w.spoken for w in cut[0])) < 80
