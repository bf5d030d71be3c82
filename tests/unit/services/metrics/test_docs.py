"""The page about metrics says what the code says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest
import yaml

from services.admission import Refusal
from services.inference import Outcome, Priority
from services.inference.circuit_breaker import CircuitState
from services.memory import Level
from services.metrics import CATALOGUE, NOTICE_KINDS, REPLY_OUTCOMES, Definition
from services.metrics.catalogue import PREFIX
from services.metrics.recording import OTHER, WYOMING_KINDS, WYOMING_OUTCOMES
from tests.support.promql import names_in, product_names
from tests.support.promtool import promtool

DOCS = Path(__file__).parents[4] / "docs"
PAGE = (DOCS / "metrics.md").read_text()


def rows() -> list[list[str]]:
    """The cells of every row of every table."""
    lines = [line for line in PAGE.splitlines() if line.startswith("| ") and "---" not in line]
    return [
        [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        for line in lines
    ]


def values_of(label: str) -> list[str]:
    [values] = [cells[1] for cells in rows() if cells[0] == label]
    return re.findall(r"`([^`]+)`", values)


@pytest.mark.parametrize("definition", CATALOGUE, ids=lambda definition: definition.name)
def test_each_metric_has_its_row(definition: Definition) -> None:
    labels = ", ".join(f"`{label}`" for label in definition.labels)
    expected = [
        f"`{definition.name}`",
        definition.kind,
        definition.unit,
        labels,
        definition.meaning,
    ]
    assert expected in rows()


def test_no_other_metric_is_named() -> None:
    assert set(re.findall(rf"\b{PREFIX}\w+", PAGE)) <= product_names() | {
        definition.name for definition in CATALOGUE
    }


def test_the_values_of_labels_are_those_of_the_code() -> None:
    assert values_of("`outcome` of replies") == [*REPLY_OUTCOMES, OTHER]
    assert values_of("`kind`") == [*NOTICE_KINDS, OTHER]
    assert values_of("`outcome` of model calls") == list(get_args(Outcome))
    assert values_of("`kind` of Wyoming requests") == [*WYOMING_KINDS, OTHER]
    assert values_of("`outcome` of Wyoming requests") == [*WYOMING_OUTCOMES, OTHER]
    assert values_of("`priority`") == [priority.name.lower() for priority in Priority]
    assert values_of("`state`") == [state.value for state in CircuitState]
    assert values_of("`reason`") == [reason.value for reason in Refusal]
    assert values_of("`level`") == [level.name.lower() for level in Level][1:]


def test_the_questions_can_be_asked(tmp_path: Path) -> None:
    questions = [cells[1].strip("`") for cells in rows() if cells[0].endswith("?")]
    assert questions
    rules = [{"record": f"question:{n}", "expr": expr} for n, expr in enumerate(questions)]
    file = tmp_path / "questions.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "questions", "rules": rules}]}))
    promtool("check", "rules", str(file))
    for question in questions:
        assert names_in(question) <= product_names()
