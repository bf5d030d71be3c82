"""The benchmark of recognition runs for anybody, with the model that is in the package."""

import pytest

from benchmarks.recognition import main


@pytest.mark.own_copy
def test_it_says_how_well_people_are_heard_by_context_and_kind(
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = ["--model", "demo", "--contexts", "auto,full", "--kinds", "word", "digits"]
    assert main([*arguments, "--every", "10", "--show"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("## demo, threads: 1\n")
    for line in ("| auto | ", "| full | ", "| word | ", "| digits | "):
        assert line in text
    assert "was heard as" in text
