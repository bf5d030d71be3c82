"""Sentences cut out of text that arrives in pieces."""

from __future__ import annotations

import random

import pytest

from services.tts.text.sentences import SentenceSplitter, SplitRules, split_sentences

REPLY = (
    "Yes. It is three o'clock. Dr. Smith paid 3.50 at 5 p.m. Then he left... and came back. "
    'He said "Stop!" loudly. “Who?” she asked. "Go home now." Then Mr. J. K. Rowling came, '
    "e.g. today. What?! Really?! I live in the U.S. and like it. So do I. Visit example.com soon.\n"
    "1. First thing here\n2. Second item there"
)
SENTENCES = [
    "Yes. It is three o'clock.",
    "Dr. Smith paid 3.50 at 5 p.m.",
    "Then he left... and came back.",
    'He said "Stop!" loudly.',
    "“Who?” she asked.",
    '"Go home now."',
    "Then Mr. J. K. Rowling came, e.g. today.",
    "What?! Really?!",
    "I live in the U.S. and like it.",
    "So do I. Visit example.com soon.",
    "1. First thing here",
    "2. Second item there",
]


def in_pieces(text: str, sizes: list[int]) -> list[str]:
    splitter = SentenceSplitter()
    found: list[str] = []
    at = 0
    for size in sizes:
        found += splitter.push(text[at : at + size])
        at += size
    return found + splitter.push(text[at:]) + splitter.flush()


def test_a_reply_is_cut_into_its_sentences() -> None:
    assert split_sentences(REPLY) == SENTENCES


def test_the_pieces_that_text_arrives_in_do_not_matter() -> None:
    assert in_pieces(REPLY, [1] * len(REPLY)) == SENTENCES
    chance = random.Random(3)
    for _ in range(20):
        assert in_pieces(REPLY, [chance.randint(1, 12) for _ in range(60)]) == SENTENCES


def test_a_sentence_is_released_with_the_space_behind_it() -> None:
    splitter = SentenceSplitter()
    assert splitter.push("It is ten past three.") == []
    assert splitter.push(" ") == ["It is ten past three."]
    assert splitter.push("Anything else?\n") == ["Anything else?"]


def test_the_last_sentence_is_released_by_flush() -> None:
    splitter = SentenceSplitter()
    assert splitter.push("It is ten past three.") == []
    assert splitter.flush() == ["It is ten past three."]
    assert splitter.flush() == []
    assert splitter.push("And") == []
    assert splitter.flush() == ["And"]


@pytest.mark.parametrize(
    "text",
    [
        "Mr. Brown met Dr. Green and Mrs. White, e.g. on Mon. 3 May.",
        "That costs 3.50, vs. 2.75 before tax etc. and more.",
        "The U.S. economy and the e.u. one are at no. 5 now.",
        "Visit www.example.com or mail a.b@example.com today.",
        "Version 1.2.3 is out, see chapter 4.5.",
        "“Really?” he wondered, “in June?” and left.",
    ],
)
def test_a_full_stop_within_a_sentence_does_not_end_it(text: str) -> None:
    assert split_sentences(text) == [text]
    assert in_pieces(text, [1] * len(text)) == [text]


def test_a_short_sentence_goes_with_the_next() -> None:
    assert split_sentences("Yes. No. It is three o'clock.") == ["Yes. No. It is three o'clock."]
    assert split_sentences("Yes.") == ["Yes."]


def test_a_long_open_sentence_is_released_at_a_clause() -> None:
    text = "The weather in London is rather nice today, and the wind is weak, so that you may go"
    splitter = SentenceSplitter()
    found = [s for c in text for s in splitter.push(c)]
    assert found == ["The weather in London is rather nice today, and the wind is weak,"]
    assert splitter.flush() == ["so that you may go"]


def test_text_without_an_end_is_cut_between_words() -> None:
    sentences = split_sentences("word " * 1000)
    assert all(len(s) <= 300 for s in sentences)
    assert " ".join(sentences).split() == ["word"] * 1000


def test_code_comes_out_as_one_sentence() -> None:
    code = "```python\nprint('a. b')\n\nprint('c! d')\n```"
    text = f"Here is the code: {code} That is all of it."
    expected = ["Here is the code:", code, "That is all of it."]
    assert split_sentences(text) == expected
    assert in_pieces(text, [1] * len(text)) == expected
    assert split_sentences("```open. And open") == ["```open. And open"]


def test_scripts_with_their_own_marks() -> None:
    assert split_sentences("今天天气很好我们出去走走吧。你觉得怎么样呢好不好？") == [
        "今天天气很好我们出去走走吧。",
        "你觉得怎么样呢好不好？",
    ]
    assert split_sentences("यह एक अच्छा दिन है। हम बाहर जाएँगे।") == [
        "यह एक अच्छा दिन है।",
        "हम बाहर जाएँगे।",
    ]


@pytest.mark.parametrize(
    "unit", ["a", ". ", "e.g. ", "\n", '"', "...", "```", "`", "🎉", ", ", "1."]
)
def test_hostile_text_comes_out_once_and_in_order(unit: str) -> None:
    text = unit * (20_000 // len(unit))
    sentences = split_sentences(text)
    assert "".join("".join(sentences).split()) == "".join(text.split())
    if unit not in ("```",):
        assert all(len(s) <= 300 for s in sentences)


def test_half_a_surrogate_pair_cannot_break_what_follows() -> None:
    "".join(split_sentences("Broken \ud83d text, all the same.")).encode()


def test_rules_can_be_set() -> None:
    rules = SplitRules(minimum=1)
    assert split_sentences("Yes. No. Maybe.", rules) == ["Yes.", "No.", "Maybe."]


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7, 100])
@pytest.mark.parametrize(
    "text",
    [
        "Look:\n```\nx = 'a. b. c.'\n\n# d\n```\nThat was it. And this is more.",
        "```\n`` ` ``\n` ``` And so it ends here. Or not?",
        "```never closed. " * 3,
        "``````Both are empty blocks. ``````",
    ],
)
def test_a_block_of_code_in_pieces_is_cut_as_it_is_in_one(text: str, size: int) -> None:
    assert in_pieces(text, [size] * (len(text) // size)) == split_sentences(text)


def test_of_an_open_block_of_code_nothing_is_lost_before_its_end() -> None:
    splitter = SentenceSplitter()
    for piece in ("```\n", *["x = 1. "] * 1_000):
        assert splitter.push(piece) == []
    assert splitter.push("`") == []
    assert splitter.push("``") == [f"```\n{'x = 1. ' * 1_000}```"]


@pytest.mark.parametrize(
    ("text", "sentences", "language"),
    [
        ("The U.S. Navy sailed from the U.S. They came back at noon.", 2, "en"),
        ("Apple Inc. CEO Tim Cook spoke. He works at Apple Inc. She does not.", 3, "en"),
        ("It is at 1600 Pennsylvania Ave. NW, P.O. Box 12, near the park.", 1, "en"),
        ("It is on Oak Ave. Turn left at the second light.", 2, "en"),
        ("Add one qt. of water and 16 fl. oz. of milk, Op. 67.", 1, "en"),
        ("We chose plan B. Then we left with J. Smith.", 2, "en"),
        ("Es dauert 10 Min. Verspätung inklusive, also 3 Mrd. Euro.", 1, "de"),
        ("Es dauert noch 10 Min. Dann kommt der Zug.", 2, "de"),
        ("Wilhelm II. war Kaiser in der 2. Hälfte, Hauptstr. 5, Mo.–Fr. 9 Uhr.", 1, "de"),
        ("C'était en 1066 apr. J.-C. dans le nord.", 1, "fr"),
    ],
)
def test_an_abbreviation_ends_a_sentence_only_where_another_begins(
    text: str, sentences: int, language: str
) -> None:
    whole = split_sentences(text, language=language)
    assert len(whole) == sentences
    splitter = SentenceSplitter(language=language)
    assert [s for character in text for s in splitter.push(character)] + splitter.flush() == whole
