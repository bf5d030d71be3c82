"""The alert rules, judged by Prometheus' own tool: each fires for its reason, and alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.promql import names_in, product_names
from tests.support.promtool import promtool

RULES = Path(__file__).parents[4] / "deploy" / "prometheus" / "alerts.yaml"

Series = dict[str, str | None]
"""Values by series, in promtool's notation: `0+10x60` rises by 10 a minute for an hour."""

ANOTHER = 'voice_agent_ready{job="other",instance="another:8081"}'
"""A worker besides the one whose series these are."""

ASR = 'voice_agent_asr_real_time_factor_bucket{le="%s"}'
CALLS = 'voice_agent_inference_calls_total{engine="asr",priority="final",outcome="%s"}'
CIRCUIT = 'voice_agent_circuit_state{engine="asr",state="%s"}'
REFUSED = 'voice_agent_rooms_rejected_total{reason="%s"}'
RESPONSE = 'voice_agent_response_seconds_bucket{prepared="true",le="%s"}'
WAIT = 'voice_agent_inference_wait_seconds_bucket{engine="asr",priority="final",le="%s"}'
CRITICAL_BYTES = 'voice_agent_memory_threshold_bytes{level="critical"}'
NOTICES = 'voice_agent_caller_notices_total{kind="llm_unavailable"}'

HEALTHY: Series = {
    "process_start_time_seconds": "0x600",
    "voice_agent_ready": "1x600",
    "voice_agent_accepting_rooms": "1x600",
    "voice_agent_turns_total": "0+10x600",
    RESPONSE % "0.5": "0+8x600",
    RESPONSE % "1.25": "0+10x600",
    RESPONSE % "3.0": "0+10x600",
    RESPONSE % "5.0": "0+10x600",
    RESPONSE % "+Inf": "0+10x600",
    ASR % "0.1": "0+10x600",
    ASR % "1.0": "0+10x600",
    ASR % "2.0": "0+10x600",
    ASR % "+Inf": "0+10x600",
    WAIT % "0.01": "0+10x600",
    WAIT % "0.5": "0+10x600",
    WAIT % "1.0": "0+10x600",
    WAIT % "+Inf": "0+10x600",
    "voice_agent_loop_lag_p99_seconds": "0.005x600",
    "voice_agent_loops_stuck": "0x600",
    "voice_agent_rooms_admitted_total": "0+1x600",
    "voice_agent_rooms_waiting": "0x600",
    REFUSED % "full": "0x600",
    REFUSED % "memory": "0x600",
    REFUSED % "held": "0+1x600",
    NOTICES: "0x600",
    CIRCUIT % "closed": "1x600",
    CIRCUIT % "half-open": "0x600",
    CIRCUIT % "open": "0x600",
    'voice_agent_circuit_opened_total{engine="asr"}': "0x600",
    CALLS % "done": "0+60x600",
    CALLS % "cancelled": "0+20x600",
    CALLS % "timeout": "0x600",
    "voice_agent_inference_written_off_threads": "0x600",
    "voice_agent_inference_exhausted": "0x600",
    "voice_agent_memory_level": "0x600",
    "voice_agent_memory_process_bytes": "400000000x600",
    CRITICAL_BYTES: "4000000000x600",
    "voice_agent_model_reloads_total": "0x600",
}

FAULTS: dict[str, tuple[str, Series]] = {
    "VoiceAgentAbsent": ("40m", dict.fromkeys(HEALTHY)),
    "VoiceAgentWorkerLost": ("40m", {"voice_agent_ready": "1x30 stale", ANOTHER: "1x600"}),
    "VoiceAgentNotReady": ("40m", {"voice_agent_ready": "0x600"}),
    "VoiceAgentNoRoomForCallers": ("40m", {"voice_agent_accepting_rooms": "0x600"}),
    "VoiceAgentRestarting": (
        "50m",
        {"process_start_time_seconds": "0x9 600x9 1200x9 1800x9 2400x9 3000x60"},
    ),
    "VoiceAgentSlow": ("40m", {RESPONSE % "0.5": "0x600", RESPONSE % "1.25": "0+2x600"}),
    "VoiceAgentSomeAnswersSlow": (
        "40m",
        {RESPONSE % "1.25": "0+8x600", RESPONSE % "3.0": "0+8x600"},
    ),
    "VoiceAgentEngineSlowerThanSpeech": ("40m", {ASR % "0.1": "0x600", ASR % "1.0": "0x600"}),
    "VoiceAgentBacklog": ("40m", {WAIT % "0.01": "0x600", WAIT % "0.5": "0x600"}),
    "VoiceAgentLoopLag": ("40m", {"voice_agent_loop_lag_p99_seconds": "0.2x600"}),
    "VoiceAgentLoopStuck": ("40m", {"voice_agent_loops_stuck": "1x600"}),
    "VoiceAgentCallersWait": ("40m", {"voice_agent_rooms_waiting": "0x34 2x60"}),
    "VoiceAgentRejectsForTrouble": ("40m", {REFUSED % "memory": "0x34 1x60"}),
    "VoiceAgentCallersToldOfProblems": ("40m", {NOTICES: "0+1x600"}),
    "VoiceAgentCircuitOpen": (
        "40m",
        {CIRCUIT % "closed": "1x30 0x600", CIRCUIT % "half-open": "0x30 1x600"},
    ),
    "VoiceAgentCircuitFlaps": (
        "40m",
        {'voice_agent_circuit_opened_total{engine="asr"}': "0x12 1x5 2x5 3x5 4x600"},
    ),
    "VoiceAgentEngineFails": ("40m", {CALLS % "timeout": "0+10x600"}),
    "VoiceAgentThreadsWedged": ("40m", {"voice_agent_inference_written_off_threads": "0x30 1x600"}),
    "VoiceAgentWornOut": ("40m", {"voice_agent_inference_exhausted": "0x30 1x600"}),
    "VoiceAgentMemoryHigh": ("40m", {"voice_agent_memory_level": "2x600"}),
    "VoiceAgentMemoryCritical": ("40m", {"voice_agent_memory_level": "0x36 3x600"}),
    "VoiceAgentMemoryGrows": (
        "600m",
        {"voice_agent_memory_process_bytes": "400000000+30000000x60"},
    ),
    "VoiceAgentModelsReload": ("40m", {"voice_agent_model_reloads_total": "0x10 1x5 2x5 3x600"}),
}


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def case(at: str, series: Series, firing: list[str]) -> dict[str, Any]:
    """What promtool is to expect `at` a time: exactly these alerts, once each."""
    return {
        "interval": _step(at),
        "input_series": [
            {"series": _of_worker(name), "values": values}
            for name, values in series.items()
            if values is not None
        ],
        "promql_expr_test": [
            {
                "expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
                "eval_time": at,
                "exp_samples": [
                    {"labels": f'{{alertname="{alert}"}}', "value": 1} for alert in firing
                ],
            }
        ],
    }


def _step(at: str) -> str:
    """Between samples and between evaluations; wide where hours go by, which would take long."""
    return "10m" if at == "600m" else "1m"


def _of_worker(series: str) -> str:
    if "instance=" in series:
        return series
    name, _, labels = series.rstrip("}").partition("{")
    target = 'job="pods/voice-agent",instance="worker:8081"'
    return f"{name}{{{target}{',' if labels else ''}{labels}}}"


def judge(tmp_path: Path, at: str, series: Series, firing: list[str]) -> None:
    file = tmp_path / "alerts-test.yaml"
    tests = {
        "rule_files": [str(RULES)],
        "evaluation_interval": _step(at),
        "tests": [case(at, series, firing)],
    }
    file.write_text(yaml.safe_dump(tests))
    promtool("test", "rules", str(file))


def test_prometheus_loads_the_rules() -> None:
    promtool("check", "rules", "--lint-fatal", str(RULES))


@pytest.mark.parametrize("at", ["1m", "40m", "600m"])
def test_a_healthy_worker_alerts_nobody(tmp_path: Path, at: str) -> None:
    judge(tmp_path, at, HEALTHY, [])


@pytest.mark.parametrize("alert", FAULTS)
def test_each_fault_has_its_alert(tmp_path: Path, alert: str) -> None:
    at, fault = FAULTS[alert]
    judge(tmp_path, at, {**HEALTHY, **fault}, [alert])


def test_a_worker_that_drains_before_it_ends_is_not_lost(tmp_path: Path) -> None:
    drained: Series = {"voice_agent_ready": "1x25 0x5 stale", ANOTHER: "1x600"}
    judge(tmp_path, "40m", {**HEALTHY, **drained}, [])


def test_every_rule_is_tried_here_and_says_what_to_do() -> None:
    assert [rule["alert"] for rule in rules()] == list(FAULTS)
    for rule in rules():
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert set(rule["annotations"]) == {"summary", "description"}


def test_rules_ask_only_for_metrics_that_exist() -> None:
    for rule in rules():
        names = names_in(rule["expr"])
        assert names
        assert names <= product_names(), rule["alert"]
