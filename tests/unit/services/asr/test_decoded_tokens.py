"""A decoder's tokens become text within the audio, text behind it, and a measure of trust."""

import numpy as np
import pytest

from services.asr.decoded_tokens import DecodedTokens, TokenKinds, read_tokens

END, FIRST_TIME = 8, 10
_VOCABULARY = {"One": 1, "\u0120two": 2, "three": 3, "\u0120four": 4, ".": 5, ",": 6}
KINDS = TokenKinds.of({**_VOCABULARY, "<|endoftext|>": END, "<|0.00|>": FIRST_TIME}, END)


def step(token: int, probability: float = 0.5) -> tuple[int, np.ndarray]:
    """A token and logits that give it this probability and the rest to token 0."""
    logits = np.full(FIRST_TIME + 1500, -np.inf, dtype=np.float32)
    logits[0] = np.log(1 - probability) + 3.0
    logits[token] = np.log(probability) + 3.0
    return token, logits


def at(seconds: float) -> tuple[int, np.ndarray]:
    return step(FIRST_TIME + round(seconds / 0.02), 0.01)


def read(*steps: tuple[int, np.ndarray], seconds: float = 2.0) -> DecodedTokens:
    return read_tokens(
        steps,
        end_of_text=END,
        timestamp_begin=FIRST_TIME,
        audio_seconds=seconds,
        kinds=KINDS,
    )


def test_only_text_counts_and_only_its_probability() -> None:
    found = read(at(0.0), step(1, 0.5), step(2, 0.25), at(1.0), step(END, 0.001))
    assert found.spoken == [1, 2]
    assert found.beyond == []
    assert found.mean_log_probability == pytest.approx(np.log(0.5 * 0.25) / 2, abs=1e-4)
    assert found.count == 3


def test_a_segment_that_begins_behind_the_audio_is_set_apart() -> None:
    found = read(at(0.0), step(1), at(1.0), at(1.0), step(2), at(7.0), at(7.0), step(3), step(4))
    assert (found.spoken, found.beyond, found.count) == ([1, 2], [3, 4], 5)


def test_a_segment_that_ends_behind_the_audio_was_said() -> None:
    found = read(at(0.0), step(1), at(7.0))
    assert (found.spoken, found.beyond) == ([1], [])


@pytest.mark.parametrize(
    ("times", "resumes_at"),
    [
        ((1.0, 1.0), 1.0),
        ((1.0, 1.2), 1.2),
        ((1.0,), None),
        ((2.5, 2.5), None),
        ((), None),
    ],
)
def test_two_times_at_the_end_begin_a_segment_that_was_not_written_down(
    times: tuple[float, ...], resumes_at: float | None
) -> None:
    found = read(at(0.0), step(1), *map(at, times))
    assert found.resumes_at_seconds == (None if resumes_at is None else pytest.approx(resumes_at))


def test_without_times_all_is_said() -> None:
    found = read(step(1), step(2), seconds=0.0001)
    assert (found.spoken, found.beyond, found.count) == ([1, 2], [], 2)


def test_nothing_written_is_no_guess() -> None:
    assert read() == DecodedTokens([], [], 0.0, 0, None, None)


def after_a_word(**probabilities: float) -> tuple[int, np.ndarray]:
    """A full stop, and logits that give these tokens these probabilities."""
    logits = np.full(FIRST_TIME + 1500, -np.inf, dtype=np.float32)
    for text, probability in probabilities.items():
        logits[_VOCABULARY.get(text, _VOCABULARY.get("\u0120" + text))] = np.log(probability)
    logits[_VOCABULARY["."]] = np.log(1.0 - sum(probabilities.values()))
    return _VOCABULARY["."], logits


def test_the_end_of_the_text_is_the_last_word_and_whether_another_might_follow() -> None:
    found = read(at(0.0), step(1, 0.5), step(2, 0.9), step(3, 0.25), after_a_word(four=0.2), at(1))
    assert found.end is not None
    assert found.end.last_word_log_probability == pytest.approx(np.log(0.25), abs=1e-4)
    assert found.end.closing_log_odds == pytest.approx(np.log(0.8 / 0.2), abs=1e-4)


def test_a_comma_within_is_not_the_end_of_the_text() -> None:
    found = read(at(0.0), step(1), step(6, 0.9), step(4, 0.7), after_a_word(two=0.1), at(1.0))
    assert found.end is not None
    assert found.end.last_word_log_probability == pytest.approx(np.log(0.7), abs=1e-4)
    assert found.end.closing_log_odds == pytest.approx(np.log(0.9 / 0.1), abs=1e-4)


@pytest.mark.parametrize("after", [[], [at(1.0)]])
def test_where_the_decoder_stops_the_last_word_is_known(
    after: list[tuple[int, np.ndarray]],
) -> None:
    found = read(at(0.0), step(4, 0.3), *after)
    assert found.end is not None
    assert found.end.last_word_log_probability == pytest.approx(np.log(0.3), abs=1e-4)
    # Neither a stop nor a word was thought of.
    assert abs(found.end.closing_log_odds) < 0.01


def test_marks_alone_are_no_words() -> None:
    assert read(step(5), step(6)).end is None


def test_marks_of_other_scripts_close_sentences() -> None:
    marks = {"\u00e3\u0122\u0124": 1, "\u00d8\u0141": 2, "\u00e6\u0139\u00a5": 3}
    kinds = TokenKinds.of({**marks, "<|endoftext|>": 4}, 4)
    # The ideographic full stop, the Arabic question mark, and a word.
    assert kinds.closing.tolist() == [False, True, True, False, False]
    assert kinds.words.tolist() == [False, False, False, True, False]
