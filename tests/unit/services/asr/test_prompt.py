"""What the recogniser is told before it listens."""

from __future__ import annotations

from services.asr.whisper import prompt_tokens


def _encode(text: str) -> list[int]:
    return [int(word) for word in text.split()]


def _numbers(first: int, last: int) -> str:
    return " ".join(str(n) for n in range(first, last + 1))


def test_nothing_to_tell_takes_no_tokens() -> None:
    assert prompt_tokens(_encode, " ", "") == []


def test_a_prompt_comes_before_what_was_said() -> None:
    assert prompt_tokens(_encode, "1 2", "3 4", limit=10) == [1, 2, 3, 4]


def test_a_long_talk_keeps_its_end() -> None:
    assert prompt_tokens(_encode, "1", _numbers(2, 20), limit=4) == [1, 18, 19, 20]


def test_a_long_prompt_keeps_its_start() -> None:
    assert prompt_tokens(_encode, _numbers(1, 20), "", limit=4) == [1, 2, 3, 4]


def test_each_gets_half_where_both_are_long() -> None:
    assert prompt_tokens(_encode, _numbers(1, 9), _numbers(11, 19), limit=4) == [1, 2, 18, 19]
