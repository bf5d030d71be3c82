"""The benchmark of recognition counts wrong and repeated words as a reader would."""

import pytest

from benchmarks.recognition import Heard, longest_repetition, main, table


def heard(text: str, said: str, *, seconds: float = 0.1, passes: int = 1) -> Heard:
    return Heard("word", said, text, seconds, 2 * seconds, passes)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", 0),
        ("yes", 0),
        ("no no no", 2),
        ("what time is it what time is it", 4),
        ("a b a b a b c", 4),
        ("a b c b a", 0),
    ],
)
def test_words_said_again_are_counted(text: str, words: int) -> None:
    assert longest_repetition(text.split()) == words


def test_only_what_was_not_said_so_is_a_repeated_text() -> None:
    assert heard("Alexa. Alexa. Alexa. Alexa.", "alexa").repeated
    assert not heard("no no no", "no").repeated
    assert not heard("five five five five", "five five five five").repeated


def test_a_line_has_words_wrong_repeated_texts_and_times() -> None:
    found = [
        heard("2:30", "two thirty", seconds=0.1),
        heard("to thirty", "two thirty", seconds=0.3, passes=2),
        heard("Thank you.", "", seconds=0.2),
    ]
    lines = list(table([("12", found)]))
    assert lines[0] == (
        "| | recordings | words wrong | repeated | decoded twice | p50 ms | p95 ms | CPU ms |"
    )
    assert lines[2] == "| 12 | 3 | 50.0 % (3 of 6) | 0 | 1 | 200 | 300 | 400 |"


def test_where_nothing_is_said_every_word_is_wrong() -> None:
    assert "| 2 words |" in list(table([("nonspeech", [heard("Thank you.", "")])]))[-1]


def test_a_model_that_is_not_there_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--model", "no-such-model"]) == 1
    assert "no-such-model" in capsys.readouterr().err


def test_a_context_that_is_none_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--model", "demo", "--contexts", "5,short"])
    assert "seconds, full or auto" in capsys.readouterr().err
