"""Number words, lengths of time and dates, both ways."""

from __future__ import annotations

from datetime import date, datetime, time
from fractions import Fraction
from random import Random

import pytest

from agent.tools.spoken.dates import (
    capitalised_day,
    next_moment,
    parse_date,
    parse_time,
    spoken_date,
    spoken_time,
)
from agent.tools.spoken.durations import before_noun, parse_duration, said_duration, spoken_duration
from agent.tools.spoken.numbers import (
    is_rounded,
    parse_number,
    parse_ordinal,
    spoken_number,
    spoken_ordinal,
    spoken_year,
)
from agent.tools.spoken.text import (
    MAX_TEXT_CHARACTERS,
    enumeration,
    normalise,
    sentence,
    turned_around,
)

SATURDAY = date(2026, 11, 21)
AFTERNOON = datetime(2026, 11, 21, 15, 45)


@pytest.mark.parametrize(
    ("words", "number"),
    [
        ("zero", 0),
        ("twenty one", 21),
        ("a hundred and five", 105),
        ("one hundred twenty three thousand four hundred and six", 123406),
        ("three point five", Fraction(7, 2)),
        ("three point one four", Fraction(314, 100)),
        ("point five", Fraction(1, 2)),
        ("two and a half", Fraction(5, 2)),
        ("half", Fraction(1, 2)),
        ("three quarters", Fraction(3, 4)),
        ("a dozen", 12),
        ("minus five", -5),
        ("2.5 million", 2_500_000),
        ("1234.5", Fraction(12345, 10)),
    ],
)
def test_number_words_are_understood(words: str, number: Fraction) -> None:
    assert parse_number(words) == number


@pytest.mark.parametrize(
    "words", ["", "a", "nine nine", "twenty ten", "one hundred and", "hundred", "1.2.3", "١٢", "x"]
)
def test_words_that_are_no_number_are_none(words: str) -> None:
    assert parse_number(words) is None


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "zero"),
        (56, "fifty six"),
        (105, "one hundred and five"),
        (9305, "nine thousand three hundred and five"),
        (1_000_001, "one million and one"),
        (-5, "minus five"),
        (Fraction(7, 2), "three point five"),
        (Fraction(-1, 20), "minus zero point zero five"),
        (Fraction(10, 3), "three point three three three"),
    ],
)
def test_numbers_are_spoken(number: Fraction, words: str) -> None:
    assert spoken_number(number) == words


def test_spoken_numbers_are_understood_again() -> None:
    random = Random(1)
    for _ in range(2000):
        number = Fraction(random.randrange(-(10 ** random.randrange(1, 15)), 10**12))
        assert parse_number(spoken_number(number)) == number
    for thousandths in range(2000):
        number = Fraction(thousandths, 1000)
        assert parse_number(spoken_number(number)) == number


def test_numbers_too_large_for_words_are_refused() -> None:
    with pytest.raises(ValueError, match="not spoken"):
        spoken_number(10**15)


def test_only_endless_decimals_are_rounded() -> None:
    assert is_rounded(Fraction(1, 3))
    assert not is_rounded(Fraction(1, 8))


def test_ordinals_and_years() -> None:
    assert [spoken_ordinal(n) for n in (1, 2, 3, 5, 8, 9, 12, 20, 21, 30)] == [
        "first",
        "second",
        "third",
        "fifth",
        "eighth",
        "ninth",
        "twelfth",
        "twentieth",
        "twenty first",
        "thirtieth",
    ]
    assert parse_ordinal("twenty first") == parse_ordinal("21 st") == 21
    assert parse_ordinal("banana") is None
    assert [spoken_year(y) for y in (1066, 1900, 1907, 1999, 2000, 2005, 2026)] == [
        "ten sixty six",
        "nineteen hundred",
        "nineteen oh seven",
        "nineteen ninety nine",
        "two thousand",
        "two thousand and five",
        "twenty twenty six",
    ]


@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        ("five minutes", 300),
        ("ninety seconds", 90),
        ("an hour and a half", 5400),
        ("a minute and a half", 90),
        ("half an hour", 1800),
        ("three quarters of an hour", 2700),
        ("two and a half hours", 9000),
        ("1 hour 30 minutes", 5400),
        ("one hour and thirty minutes", 5400),
        ("5 min", 300),
        ("a couple of minutes", 120),
        ("a quarter of an hour", 900),
    ],
)
def test_lengths_of_time_are_understood(words: str, seconds: int) -> None:
    assert parse_duration(words) == seconds


@pytest.mark.parametrize(
    "words", ["", "five", "minutes", "ten minutes and", "banana", "zero seconds", "a", "and"]
)
def test_words_that_are_no_length_of_time_are_none(words: str) -> None:
    assert parse_duration(words) is None


def test_lengths_of_time_are_spoken() -> None:
    assert spoken_duration(300) == "five minutes"
    assert spoken_duration(60) == "one minute"
    assert spoken_duration(5400) == "one hour and thirty minutes"
    assert spoken_duration(3661) == "one hour one minute and one second"
    assert spoken_duration(0) == "no time"
    assert before_noun("one hour and thirty minutes") == "one hour thirty minute"
    assert said_duration("60 min") == "sixty minutes"
    assert said_duration("one minutes") == "one minute"
    assert said_duration("an hour and a half") is None


@pytest.mark.parametrize(
    ("words", "at", "half_is_said"),
    [
        ("seven thirty", time(7, 30), False),
        ("7:30 pm", time(19, 30), True),
        ("half past five", time(5, 30), False),
        ("quarter to six", time(5, 45), False),
        ("ten to twelve", time(11, 50), False),
        ("five oh six", time(5, 6), False),
        ("at five o clock in the afternoon", time(17), True),
        ("twelve pm", time(12), True),
        ("twelve in the morning", time(0), True),
        ("noon", time(12), True),
        ("seventeen thirty", time(17, 30), True),
    ],
)
def test_times_of_day_are_understood(words: str, at: time, half_is_said: bool) -> None:
    assert parse_time(words) == (at, half_is_said)


@pytest.mark.parametrize("words", ["", "banana", "seventy", "five seventy", "13 pm", "past five"])
def test_words_that_are_no_time_of_day_are_none(words: str) -> None:
    assert parse_time(words) is None


def test_an_open_time_is_the_next_that_a_clock_shows() -> None:
    assert next_moment("seven thirty", AFTERNOON) == datetime(2026, 11, 21, 19, 30)
    assert next_moment("three", AFTERNOON) == datetime(2026, 11, 22, 3)
    assert next_moment("seven am", AFTERNOON) == datetime(2026, 11, 22, 7)
    assert next_moment("tomorrow at seven", AFTERNOON) == datetime(2026, 11, 22, 7)
    assert next_moment("banana", AFTERNOON) is None


@pytest.mark.parametrize(
    ("words", "day"),
    [
        ("today", SATURDAY),
        ("tomorrow", date(2026, 11, 22)),
        ("the day before yesterday", date(2026, 11, 19)),
        ("saturday", date(2026, 11, 28)),
        ("next monday", date(2026, 11, 23)),
        ("the fifth of march", date(2027, 3, 5)),
        ("march fifth", date(2027, 3, 5)),
        ("5 march", date(2027, 3, 5)),
        ("monday the fifth of march", date(2027, 3, 5)),
        ("the twenty first of november", SATURDAY),
        ("february 29", date(2028, 2, 29)),
        ("christmas", date(2026, 12, 25)),
    ],
)
def test_dates_are_understood(words: str, day: date) -> None:
    assert parse_date(words, SATURDAY) == day


@pytest.mark.parametrize("words", ["", "banana", "may", "the fortieth of may", "fifth"])
def test_words_that_are_no_date_are_none(words: str) -> None:
    assert parse_date(words, SATURDAY) is None


def test_times_and_dates_are_spoken() -> None:
    assert spoken_time(time(15, 45)) == "three forty five in the afternoon"
    assert spoken_time(time(9, 5)) == "nine oh five in the morning"
    assert spoken_time(time(20)) == "eight in the evening"
    assert (spoken_time(time(0)), spoken_time(time(12))) == ("midnight", "noon")
    assert spoken_date(SATURDAY) == "Saturday the twenty first of November"
    assert capitalised_day("the fifth of march") == "the fifth of March"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("What's 7 x 8?", "what is 7 times 8"),
        ("It's 5 o’clock.", "it is 5 o clock"),
        ("-5 + 2", "minus 5 plus 2"),
        ("twenty-one", "twenty one"),
        ("7:30 p.m.", "7:30 pm"),
        ("1,234.5 * 50%", "1234.5 times 50 percent"),
        ("“Hi” — there…", "hi there"),
        ("😀", ""),
        ("\x00\n\t", ""),
    ],
)
def test_text_becomes_plain_words(text: str, words: str) -> None:
    assert normalise(text) == words


def test_endless_text_is_cut() -> None:
    assert len(normalise("a" * 10**6)) <= MAX_TEXT_CHARACTERS


def test_words_become_sentences() -> None:
    assert sentence("the answer is five") == "The answer is five."
    assert sentence("really?") == "Really?"
    assert sentence(" ") == ""
    assert [enumeration(["a", "b", "c"][:n]) for n in range(4)] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]
    assert turned_around("call my wife for me") == "call your wife for you"
