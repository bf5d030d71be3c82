"""The Grafana dashboard: every query is valid and asks for what there is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from services.metrics import CATALOGUE
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


def test_every_metric_but_a_few_is_shown() -> None:
    asked = {name for _, expression in queries() for name in names_in(expression)}
    unseen = {
        definition.name for definition in CATALOGUE if not asked & set(definition.sample_names)
    }
    assert unseen == {
        "voice_agent_accepting_rooms",
        "voice_agent_asr_audio_seconds_total",
        "voice_agent_circuit_opened_total",
        "voice_agent_desk_exhausted",
        "voice_agent_desk_running",
        "voice_agent_memory_unique_bytes",
        "voice_agent_model_last_reload_timestamp_seconds",
        "voice_agent_temp_files",
        "voice_agent_tts_speech_seconds_total",
    }


def test_every_panel_says_what_it_shows_and_in_which_unit() -> None:
    titles = [panel["title"] for panel in panels()]
    assert len(set(titles)) == len(titles)
    for panel in panels():
        assert panel["description"].endswith("."), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]


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


def test_grafana_is_told_of_prometheus_and_of_the_dashboard() -> None:
    provisioning = GRAFANA / "provisioning"
    sources = yaml.safe_load((provisioning / "datasources" / "prometheus.yaml").read_text())
    [source] = sources["datasources"]
    assert (sources["apiVersion"], source["type"]) == (1, "prometheus")
    assert source["isDefault"]
    found = yaml.safe_load((provisioning / "dashboards" / "voice-agent.yaml").read_text())
    [provider] = found["providers"]
    assert (found["apiVersion"], provider["type"]) == (1, "file")
    assert provider["options"]["path"].startswith("/var/lib/grafana/dashboards")
