from __future__ import annotations

import pytest

from tests.support.word_errors import normal_words, without_numbers, word_error_rate, word_errors

SAME = [
    ("I'd like a 12-ounce mocha.", "i'd like a twelve ounce mocha"),
    ("2:30 PM", "two thirty p m"),
    ("2.30 p.m.", "two thirty p m"),
    ("It's 9am.", "it's nine a m"),
    ("33, 4, 6, 92", "thirty three four six ninety two"),
    ("7562618", "seven five six two six one eight"),
    ("In 1984 there were 2,500 of them.", "in nineteen eighty four there were two thousand five "
     "hundred of them"),
    ("121", "one hundred and twenty one"),
    ("$5 & 10%", "five dollars and ten percent"),
    ("OK, Mr. Smith", "okay mister smith"),
    ("She\u2019s here!", "she's here"),
    ("'Twenty twenty'", "2020"),
    ("3.14", "three point one four"),
    ("1,000,000", "one million"),
    ("The 21st, the 3rd and the 12th.", "the twenty first the third and the twelfth"),
    ("You're right, I can't and won't.", "you are right i cannot and will not"),
    ("The 20th of 100", "the twentieth of a hundred"),
    ("Thursday 26 November", "thursday the twenty sixth of november"),
    ("November 3rd, 2026", "the third of november twenty twenty six"),
]  # fmt: skip


@pytest.mark.parametrize(("written", "spoken"), SAME, ids=[spoken for _, spoken in SAME])
def test_what_sounds_the_same_has_no_errors(written: str, spoken: str) -> None:
    assert word_errors(written, spoken) == 0
    assert normal_words(spoken) == normal_words(written)


def test_words_that_differ_are_counted() -> None:
    assert word_errors("get me a large latte", "get me the large latte please") == 2
    assert word_errors("", "one word") == 2
    assert word_errors("thank you very much", "") == 4


def test_a_wrong_number_counts_by_its_digits() -> None:
    assert word_errors("a 20 ounce latte", "a twelve ounce latte") == 2
    assert word_errors("set a timer for 15 minutes", "set a timer for fifty minutes") == 2
    assert normal_words("five six") != normal_words("eleven")
    assert normal_words("one hundred and a half")[:3] == ["1", "0", "0"]


def test_numbers_can_be_left_aside_and_nothing_else() -> None:
    said = without_numbers("what is forty two plus seventeen")
    assert said == ["what", "is", "#", "plus", "#"]
    assert without_numbers("What is 42 plus 70?") == said
    for other in ("what is forty two plus", "what is forty two minus seventeen", "is 42 plus 17"):
        assert without_numbers(other) != said


def test_the_rate_is_over_all_words_said() -> None:
    assert word_error_rate([("a b c", "a b d"), ("e", "e")]) == 0.25
    assert word_error_rate([]) == 0.0
