"""The Grafana dashboard: every query is valid and asks for what there is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.support.promql import names_in, product_names
from tests.support.promtool import promtool

GRAFANA = Path(__file__).parents[4] / "deploy" / "grafana"
DASHBOARD: dict[str, Any] = json.loads((GRAFANA / "dashboard.json").read_text())
VARIABLES = {"$__rate_interval": "5m", "$worker": ".*"}


def panels() -> list[dict[str, Any]]:
    """All panels but the headings of rows."""
    return [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


def queries() -> Iterator[tuple[str, str]]:
    """Each query with its panel's title, with Grafana's variables filled in."""
    for panel in panels():
        for target in panel["targets"]:
            expression = target["expr"]
            for variable, value in VARIABLES.items():
                expression = expression.replace(variable, value)
            yield panel["title"], expression


def test_prometheus_understands_every_query(tmp_path: Path) -> None:
    rules = [
        {"record": f"panel:{number}", "expr": expression}
        for number, (_, expression) in enumerate(queries())
    ]
    file = tmp_path / "queries.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    promtool("check", "rules", str(file))


def test_queries_ask_only_for_metrics_that_exist() -> None:
    for title, expression in queries():
        assert "$" not in expression, title
        names = names_in(expression)
        assert names, title
        assert names <= product_names(), title


def test_panels_neither_overlap_nor_leave_the_page() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert all(0 <= x < 24 for x, _ in cells), panel["title"]
        assert not taken & cells, panel["title"]
        taken |= cells
    identifiers = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(identifiers)) == len(identifiers)


def test_the_dashboard_is_of_no_particular_installation() -> None:
    source = {"type": "prometheus", "uid": "${datasource}"}
    variables = {variable["name"]: variable for variable in DASHBOARD["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource"
    assert variables["worker"]["datasource"] == source
    assert names_in(variables["worker"]["definition"].split("(")[1].split(",")[0]) <= (
        product_names()
    )
    for panel in panels():
        assert panel["datasource"] == source
        assert all(target["datasource"] == source for target in panel["targets"])
    assert "id" not in DASHBOARD
    assert DASHBOARD["uid"] == "voice-agent"
