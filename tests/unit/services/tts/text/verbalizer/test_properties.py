"""What is written is read once: no digit, sign or letter is lost, and none is said twice."""

from __future__ import annotations

import logging
import random
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agent.tools.spoken.numbers import parse_number
from benchmarks.spoken_text import corpus, errors
from services.tts.text.normalization import speakable_words
from services.tts.text.sentences import SentenceSplitter, split_sentences
from tests.support.word_errors import normal_words

WORDS = st.text("abcdefghijklmnopqrstuvwxyz", min_size=3, max_size=9)
NUMBERS = st.integers(0, 999_999)
SMALL = st.integers(1, 99)
SEPARATORS = {".", ",", "-", " ", "/", ":", "(", ")"}

FORMS = st.one_of(
    NUMBERS.map(str),
    NUMBERS.map(lambda n: f"{n:,}"),
    st.tuples(SMALL, st.integers(0, 999)).map(lambda n: f"{n[0]}.{n[1]}"),
    NUMBERS.map(lambda n: f"{n:,}%"),
    SMALL.map(lambda n: f"${n}.{100 - n:02}"),
    st.tuples(SMALL, st.sampled_from(["km", " kg", "°C", " km/h", "GB", " m²", " mg/l"])).map(
        lambda n: f"{n[0]}{n[1]}"
    ),
    st.tuples(SMALL, SMALL).map(lambda n: f"{n[0]}–{n[0] + n[1]}"),
    st.tuples(SMALL, SMALL, SMALL).map(lambda n: f"v{n[0]}.{n[1]}.{n[2]}"),
    st.integers(0, 9_999_999_999).map(lambda n: f"code {n:010}"),
    st.integers(0, 9999).map(lambda n: f"555-010-{n:04}"),
    st.tuples(SMALL, SMALL).map(lambda n: f"{n[0]} + {n[1]}"),
    st.tuples(SMALL, SMALL).map(lambda n: f"{n[0]}×{n[1]} = {n[0] * n[1]}"),
    SMALL.map(lambda n: f"-{n}"),
    st.tuples(st.sampled_from("ABDFGH"), st.integers(10, 99)).map(lambda n: f"{n[0]}{n[1]}"),
)


class Records(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


def spoken(text: str) -> str:
    return " ".join(word.spoken for word in speakable_words(text) if word.spoken)


def digits(text: str) -> str:
    """The digits that a reading names, in order."""
    text = re.sub(r"\b(?:squared?|square)\b", " ", text.replace("oh ", "zero "))
    return "".join(c for c in " ".join(normal_words(text)) if c.isdigit())


@given(st.lists(st.one_of(WORDS, FORMS), min_size=1, max_size=8))
@example(["1000000", "abc", "500000"])
@example(["11111", "-5", "100"])
def test_every_digit_is_named_once(parts: list[str]) -> None:
    # A word between them, as "20 5" and "25" sound alike.
    text = " then ".join(parts)
    written = "".join(c for c in text if c.isascii() and c.isdigit())
    assert digits(spoken(text)) == written


@given(st.integers(0, 10**12 - 1))
def test_a_number_of_any_size_keeps_its_value(number: int) -> None:
    assert parse_number(spoken(f"{number:,}")) == number


@given(st.lists(WORDS, min_size=1, max_size=12))
def test_plain_words_stay_as_they_are(words: list[str]) -> None:
    text = " ".join(words)
    assert spoken(text).replace("'", "") == re.sub(r"(\w)\1{4,}", r"\1\1\1", text)


@pytest.mark.parametrize(
    ("sign", "name"),
    [
        ("+", "plus"),
        ("-", "minus"),
        ("−", "minus"),
        ("×", "times"),
        ("÷", "divided by"),
        ("=", "equals"),
        ("≠", "not equal"),
        ("≥", "greater than or equal"),
        ("<", "less than"),
        ("≈", "about"),
        ("±", "plus or minus"),
    ],
)
@given(st.lists(SMALL, min_size=2, max_size=5).map(lambda n: sorted(n, reverse=True)))
def test_every_sign_is_named_once(sign: str, name: str, numbers: list[int]) -> None:
    text = f" {sign} ".join(map(str, [n + k for k, n in enumerate(reversed(numbers))][::-1]))
    assert spoken(text).count(name) == text.count(sign)


@given(st.text(max_size=60))
@example("$" * 30)
@example("1" * 60)
@example("\\frac{1}{" * 5)
def test_any_text_keeps_its_written_words_and_no_rule_fails(text: str) -> None:
    handler = Records()
    logger = logging.getLogger("services.tts")
    logger.addHandler(handler)
    try:
        words = speakable_words(text)
    finally:
        logger.removeHandler(handler)
    assert [word.written for word in words] == re.findall(r"\S+", text)
    assert handler.records == []


@given(st.lists(FORMS, min_size=1, max_size=6), st.data())
def test_signs_and_digits_in_any_order_break_no_rule(parts: list[str], data: st.DataObject) -> None:
    characters = list("".join(parts))
    data.draw(st.randoms(use_true_random=False)).shuffle(characters)
    test_any_text_keeps_its_written_words_and_no_rule_fails.hypothesis.inner_test(  # type: ignore[attr-defined]
        "".join(characters)
    )


def test_the_corpus_is_read_as_it_should_be() -> None:
    wrong = {
        line.written: said
        for line in corpus("en")
        for said in [" ".join(map(spoken, split_sentences(line.written)))]
        if errors(said, line)[0]
    }
    assert wrong == {}


def test_no_line_of_the_corpus_is_cut_in_the_wrong_place_whatever_pieces_it_comes_in() -> None:
    chance = random.Random(5)
    for line in corpus("en"):
        splitter = SentenceSplitter()
        found: list[str] = []
        rest = line.written
        while rest:
            size = chance.randint(1, 9)
            found += splitter.push(rest[:size])
            rest = rest[size:]
        assert found + splitter.flush() == split_sentences(line.written)


def test_what_may_go_on_is_held() -> None:
    splitter = SentenceSplitter()
    assert splitter.push("It costs about $5.") == []
    assert splitter.push("99 today. ") == ["It costs about $5.99 today."]
    assert splitter.push("We all met James T.") == []
    assert splitter.push(" Kirk at No.") == []
    assert splitter.push(" 5, approx.") == []
    assert splitter.push(" at 7 p.m. Then") == [
        "We all met James T. Kirk at No. 5, approx. at 7 p.m."
    ]
    assert splitter.flush() == ["Then"]


def test_a_date_is_not_cut_at_its_comma() -> None:
    splitter = SentenceSplitter()
    start = "The committee that looks after the gardens in the north met on December 25, "
    assert splitter.push(start) == []
    found = splitter.push("2024 in the town hall, and everyone came. ")
    assert found[0].startswith(start + "2024")
