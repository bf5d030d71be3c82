"""Phonemes shared out among the words of a clause."""

from __future__ import annotations

from services.tts.piper.alignment import WordSounds, match_words, word_sounds


def matched(text: str, alone: list[str]) -> list[str]:
    ranges = match_words([word_sounds(list(word)) for word in alone], list(text))
    return [text[start:end] for start, end in ranges]


def test_words_and_groups_of_phonemes_match_one_to_one() -> None:
    assert matched("ɪɾ ɪz tˈɛn.", ["ɪt", "ɪz", "tˈɛn"]) == ["ɪɾ", "ɪz", "tˈɛn"]


def test_a_number_takes_several_groups() -> None:
    assert matched("ɡɛt twˈɛnti fˈaɪv nˈaʊ", ["ɡɛt", "twˈɛnti fˈaɪv", "nˈaʊ"]) == [
        "ɡɛt",
        "twˈɛnti fˈaɪv",
        "nˈaʊ",
    ]


def test_words_that_merged_share_a_group() -> None:
    assert matched("ðɪ ˈɛnd ʌvðə dˈeɪ", ["ðə", "ˈɛnd", "ʌv", "ðə", "dˈeɪ"]) == [
        "ðɪ",
        "ˈɛnd",
        "ʌv",
        "ðə",
        "dˈeɪ",
    ]


def test_ranges_never_go_back() -> None:
    ranges = match_words([WordSounds(3, 9), WordSounds(0, 0), WordSounds(5, 1)], list("a bc d."))
    flat = [at for pair in ranges for at in pair]
    assert flat == sorted(flat)
    assert ranges[-1][1] == 6


def test_nothing_to_share() -> None:
    assert match_words([WordSounds(1, 2)], [".", " "]) == [(0, 0)]
    assert match_words([], ["a"]) == []
