"""Every word of a text keeps its time, however and in whatever script the text is written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.asr.transcription import RecognizedWord
from services.asr.words import (
    TimedPiece,
    estimated_words,
    join_pieces,
    words_of,
    written_words,
)


def pieces(*texts: str) -> list[TimedPiece]:
    return [TimedPiece(text, i, i + 0.9, 1.0 - i / 10) for i, text in enumerate(texts)]


def words(*texts: str) -> tuple[RecognizedWord, ...]:
    return tuple(RecognizedWord(text, i, i + 0.9, 1.0) for i, text in enumerate(texts))


def texts_of(found: tuple[RecognizedWord, ...]) -> list[str]:
    return [word.text for word in found]


def squashed(text: str) -> str:
    return "".join(text.split())


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ((" It", " cost", "s", " $", "5", ".", "99", "."), ["It", "costs", "$5.99."]),
        ((" Hello", "?", " Are", " you", " there", "?"), ["Hello?", "Are", "you", "there?"]),
        ((" 16", "-", "ounce"), ["16-ounce"]),
        ((' "', "Yes", '"', ",", " he", " said"), ['"Yes",', "he", "said"]),
        ((" -", " No"), ["- No"]),
        (("No", " way"), ["No", "way"]),
        ((" ", " you"), ["you"]),
        ((" O", "'", "B", "rien", "'s"), ["O'Brien's"]),
        ((" Bon", "jour", " !", " Ça", " va", "\u00a0", "?"), ["Bonjour !", "Ça", "va\u00a0?"]),
        ((" «", " Non", " »", " dit", "-", "il"), ["« Non »", "dit-il"]),
        ((" ¿", "Qué", " tal", "?"), ["¿Qué", "tal?"]),
        ((" A", " &", " B", " =", " 100", " %"), ["A &", "B", "=", "100 %"]),
        ((" wait", " ..."), ["wait ..."]),
        ((" ...",), ["..."]),
        ((" 안녕", "하세요", ",", " 저", "는"), ["안녕하세요,", "저는"]),
        ((" Привет", ",", " мир", "!"), ["Привет,", "мир!"]),
        ((), []),
    ],
)
def test_marks_stay_with_their_words(found: tuple[str, ...], expected: list[str]) -> None:
    assert texts_of(join_pieces(pieces(*found))) == expected


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (("今天", "天气", "，", "很", "好", "。"), ["今天", "天气，", "很", "好。"]),
        (("他说", "：“", "你好", "”。"), ["他说：", "“你好”。"]),
        (("「", "はい", "」", "と", "言", "っ", "た"), ["「はい」", "と", "言っ", "た"]),
        (("コン", "ピ", "ュー", "タ", "を", "使", "う"), ["コンピュータ", "を", "使", "う"]),
        (("20", "24", "年", "3", ".", "5", "%"), ["2024", "年", "3.5%"]),
        (("我", "用", "Py", "thon", "写"), ["我", "用", "Python", "写"]),
        (("我", "用", " Py", "thon", " 写"), ["我", "用", "Python", "写"]),
        (("เ", "ป", "็", "น", "ๆ"), ["เป็", "นๆ"]),
        ((" I", " said", " 你好", "吗", "。"), ["I", "said", "你好", "吗。"]),
    ],
)
def test_without_spaces_words_begin_where_their_script_lets_them(
    found: tuple[str, ...], expected: list[str]
) -> None:
    assert texts_of(join_pieces(pieces(*found))) == expected


def test_a_word_has_the_time_of_what_is_spoken_and_the_mean_probability_of_its_tokens() -> None:
    (word,) = join_pieces(
        [
            TimedPiece(" (", 0.0, 0.5, 0.1),
            TimedPiece("six", 0.5, 1.0, 0.9, tokens=1),
            TimedPiece("teen", 1.0, 1.6, 0.6, tokens=2),
            TimedPiece(".", 1.6, 9.0, 0.1),
        ]
    )
    assert (word.text, word.start_seconds, word.end_seconds) == ("(sixteen.", 0.5, 1.6)
    assert word.probability == pytest.approx(0.7)


_WRITING = st.text(
    alphabet=st.sampled_from(
        list(" .,!?-'\"()«»¿「」。、，“”abcZ59$€%+今天日本のコーッはไทยเ็ครับ안녕éñж😀\u0301")
    ),
    max_size=40,
)


@given(st.lists(_WRITING, max_size=12))
def test_nothing_of_any_text_is_lost_or_doubled(texts: list[str]) -> None:
    found = join_pieces(pieces(*texts))
    text = "".join(texts).strip()
    assert squashed("".join(texts_of(found))) == squashed(text)
    assert "".join(written_words(text, found)) == (text if found else "")
    assert squashed("".join(texts_of(estimated_words(text, 0, 1, 1)))) == squashed(text)


@given(_WRITING, st.data())
def test_a_shortened_text_keeps_exactly_its_own_words(text: str, data: st.DataObject) -> None:
    whole = join_pieces(pieces(*text))
    left = "".join(c for c in text if data.draw(st.booleans()))
    assert squashed("".join(texts_of(words_of(left, whole)))) == squashed(left)


def test_a_text_that_was_cut_keeps_the_words_that_are_left() -> None:
    said = words("Tell", "me", "a", "joke.", "Tell", "me", "a", "joke.")
    found = words_of("Tell me a joke", said)
    assert texts_of(found) == ["Tell", "me", "a", "joke"]
    assert [word.start_seconds for word in found] == [0, 1, 2, 3]
    assert words_of("", said) == ()


def test_a_text_without_spaces_keeps_all_its_words() -> None:
    said = words("今天", "天气，", "很", "好。")
    assert words_of("今天天气，很好。", said) == said


def test_a_word_that_was_cut_short_is_written_as_in_the_text() -> None:
    said = words("the", "ummmmmmmmmm", "train")
    assert texts_of(words_of("the um train", said)) == ["the", "um", "train"]


def test_words_of_another_text_are_replaced_by_its_own_within_their_time() -> None:
    found = words_of("something else", words("not", "this"))
    assert texts_of(found) == ["something", "else"]
    assert (found[0].start_seconds, found[-1].end_seconds) == (0, 1.9)


def test_words_that_are_not_those_of_the_text_are_refused() -> None:
    with pytest.raises(ValueError, match="not those of the text"):
        written_words("something else", words("not", "this"))
