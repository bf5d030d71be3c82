"""The benchmark of threads runs for anybody, with the models that are in the package."""

import pytest

from benchmarks.threads import Plan, Turn, line, main


@pytest.mark.own_copy
def test_each_plan_has_a_line_for_each_number_of_rooms(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--asr", "demo", "--voice", "demo", "--turns", "1", "--rooms", "2"]
    assert main([*arguments, "--plans", "2x1", "1x2"]) == 0
    ran = capsys.readouterr()
    assert ran.err == ""
    lines = ran.out.splitlines()
    assert [text.split(" | ")[:2] for text in lines[2:]] == [["| 2 × 1", "2"], ["| 1 × 2", "2"]]


def test_a_line_gives_median_and_worst_of_both_waits_and_of_their_sum() -> None:
    turns = [Turn(0.1, 0.05), Turn(0.3, 0.15)]
    assert line(Plan(2, 1), 4, turns) == "| 2 × 1 | 4 | 200 / 290 | 100 / 145 | 300 / 435 |"


@pytest.mark.parametrize("text", ["2", "2x", "0x1", "2x1x1", "axb"])
def test_a_plan_that_is_none_is_refused(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--plans", text])
    assert "is not CALLSxTHREADS" in capsys.readouterr().err
