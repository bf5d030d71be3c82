"""Every word of a text keeps its time, however the text is punctuated."""

import pytest

from services.asr.transcription import RecognizedWord
from services.asr.words import join_parts, words_of


def parts(*texts: str) -> list[RecognizedWord]:
    return [RecognizedWord(text, i, i + 0.9, 1.0 - i / 10) for i, text in enumerate(texts)]


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ((" It", " costs", " $5", ".99", "."), ["It", "costs", "$5.99."]),
        ((" Hello", "?", " Are", " you", " there", "?"), ["Hello?", "Are", "you", "there?"]),
        ((" 16", "-ounce"), ["16-ounce"]),
        ((' "', "Yes", '"', ",", " he", " said"), ['"Yes",', "he", "said"]),
        ((" -", " No"), ["- No"]),
        (("No", " way"), ["No", "way"]),
        ((" ", " you"), ["you"]),
        ((), []),
    ],
)
def test_marks_stay_with_their_words(found: tuple[str, ...], words: list[str]) -> None:
    assert [word.text for word in join_parts(parts(*found), spaced=True)] == words


def test_without_spaces_every_piece_with_a_letter_is_a_word() -> None:
    found = join_parts(parts("今天", "天气", "，", "很", "好", "。"), spaced=False)
    assert [word.text for word in found] == ["今天", "天气，", "很", "好。"]


def test_a_word_has_the_time_of_its_letters_and_the_doubt_of_its_least_sure_part() -> None:
    (word,) = join_parts(parts(" $5", ".99", "."), spaced=True)
    assert (word.start_seconds, word.end_seconds) == (0, 1.9)
    assert word.probability == pytest.approx(0.9)


def test_a_text_that_was_cut_keeps_the_words_that_are_left() -> None:
    words = parts("Tell", "me", "a", "joke.", "Tell", "me", "a", "joke.")
    assert [w.text for w in words_of("Tell me a joke", words)] == ["Tell", "me", "a", "joke."]
    assert words_of("", words) == ()


def test_a_text_without_spaces_keeps_all_its_words() -> None:
    words = parts("今天", "天气，", "很", "好。")
    assert words_of("今天天气，很好。", words) == tuple(words)


def test_a_word_that_was_cut_short_is_written_as_in_the_text() -> None:
    words = parts("the", "ummmmmmmmmm", "train")
    assert [w.text for w in words_of("the um train", words)] == ["the", "um", "train"]
