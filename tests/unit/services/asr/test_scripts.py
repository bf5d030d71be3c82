"""Text of any script is split where its words begin, and joined as it is written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.asr.scripts import columns, join_texts, join_words, split_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("turn off  the light.", ["turn ", "off  ", "the ", "light."]),
        ("今天天气，很好。", ["今", "天", "天", "气，", "很", "好。"]),
        ("「東京」へ行った", ["「東", "京」", "へ", "行っ", "た"]),
        ("กำลัง", ["กำ", "ลั", "ง"]),
        ("ខ្មែរ", ["ខ្មែ", "រ"]),
        ("བོད་ཡིག", ["བོད་", "ཡིག"]),
        ("", []),
    ],
)
def test_words_begin_as_the_script_has_them(text: str, words: list[str]) -> None:
    assert split_words(text) == words


@given(st.text())
def test_split_words_joined_are_the_text(text: str) -> None:
    assert "".join(split_words(text)) == text


@pytest.mark.parametrize(
    "text", ["turn off the light", "今天天气，很好。", "ใช่ ครับ", "我用 Python 写"]
)
def test_words_join_to_their_text_even_without_their_spaces(text: str) -> None:
    words = split_words(text)
    assert join_words(words) == text
    stripped = join_words(word.strip() for word in words)
    assert stripped.replace(" ", "") == text.replace(" ", "")
    if text.isascii():
        assert stripped == text


def test_sentences_join_with_a_space_only_where_their_script_has_one() -> None:
    assert join_texts(["Hello.", "", " There."]) == "Hello. There."
    assert join_texts(["你好。", "再见。"]) == "你好。再见。"
    assert join_texts(["はい", "OK", "です"]) == "はい OK です"
    assert join_texts(["안녕하세요.", "저는"]) == "안녕하세요. 저는"
    assert join_texts(["สวัสดี", "ครับ"]) == "สวัสดี ครับ"


def test_wide_characters_take_more_room_and_combining_ones_none() -> None:
    assert columns("abc") == 3
    assert columns("日本", wide=2.6) == pytest.approx(5.2)
    assert columns("e\u0301") == 1
