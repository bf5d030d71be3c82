"""A decoder's tokens become text within the audio, text behind it, and a measure of trust."""

import numpy as np
import pytest

from services.asr.decoded_tokens import DecodedTokens, read_tokens

END, FIRST_TIME = 8, 10


def step(token: int, probability: float = 0.5) -> tuple[int, np.ndarray]:
    """A token and logits that give it this probability and the rest to token 0."""
    logits = np.full(FIRST_TIME + 1500, -np.inf, dtype=np.float32)
    logits[0] = np.log(1 - probability) + 3.0
    logits[token] = np.log(probability) + 3.0
    return token, logits


def at(seconds: float) -> tuple[int, np.ndarray]:
    return step(FIRST_TIME + round(seconds / 0.02), 0.01)


def read(*steps: tuple[int, np.ndarray], seconds: float = 2.0) -> DecodedTokens:
    return read_tokens(steps, end_of_text=END, timestamp_begin=FIRST_TIME, audio_seconds=seconds)


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
    assert read() == DecodedTokens([], [], 0.0, 0, None)
