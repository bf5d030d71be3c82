"""The Kubernetes base: valid, and at one with the settings, routes and metrics of the code."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from agent.settings import Settings, require_livekit
from services.metrics import CATALOGUE
from tests.support.deploy_files import (
    DEPLOY,
    SECRETS,
    VARIABLES,
    WORKER_LIMIT_BYTES,
    WORKER_RESERVATION_BYTES,
    assert_outlasts_the_drain,
    default_of,
    documents,
    health_paths,
    load,
    metrics_path,
    settings_from,
    size_bytes,
    validate,
)
from tests.support.promql import sample_names

BASE = DEPLOY / "kubernetes"
KUSTOMIZATION = load(BASE / "kustomization.yaml")
NOT_APPLIED = {"kustomization.yaml", "secret.example.yaml", "prometheus-adapter-values.yaml"}
METRICS = {name for metric in CATALOGUE for name in sample_names(metric)}

Resources = dict[tuple[str, str], dict[str, Any]]


@pytest.fixture(scope="module")
def resources() -> Resources:
    """What `kubectl kustomize` puts together, by kind and name."""
    found = {}
    for name in KUSTOMIZATION["resources"]:
        for document in documents(BASE / name):
            key = (document["kind"], document["metadata"]["name"])
            assert key not in found
            found[key] = document
    return found


def pod(resources: Resources, name: str) -> dict[str, Any]:
    return dict(resources["Deployment", name]["spec"]["template"]["spec"])


def container(resources: Resources, name: str) -> dict[str, Any]:
    (only,) = pod(resources, name)["containers"]
    return dict(only)


@pytest.fixture
def settings(
    resources: Resources, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> Callable[[str], Settings]:
    """What the agent makes of the environment of a deployment."""

    def of(name: str) -> Settings:
        secret = load(BASE / "secret.example.yaml")
        filled = {**secret["stringData"], "LIVEKIT_API_KEY": "key", "LIVEKIT_API_SECRET": "s" * 40}
        variables: dict[str, str] = {}
        for source in container(resources, name)["envFrom"]:
            if "configMapRef" in source:
                variables |= resources["ConfigMap", source["configMapRef"]["name"]]["data"]
            else:
                assert source["secretRef"]["name"] == secret["metadata"]["name"]
                variables |= filled
        return settings_from(variables, monkeypatch, caplog)

    return of


def test_every_file_of_the_base_is_applied() -> None:
    assert {path.name for path in BASE.glob("*.yaml")} - NOT_APPLIED == set(
        KUSTOMIZATION["resources"]
    )


def test_every_resource_is_valid(resources: Resources, tmp_path: Path) -> None:
    every = [*resources.values(), *documents(BASE / "secret.example.yaml")]
    together = tmp_path / "all.yaml"
    together.write_text(yaml.safe_dump_all(every))
    said = validate(
        "kubernetes-validate", "--strict", together, install="make setup, then `make test`"
    )
    assert said.count(" passed ") == len(every)


def test_the_namespace_is_one(resources: Resources) -> None:
    assert ("Namespace", KUSTOMIZATION["namespace"]) in resources
    secret = load(BASE / "secret.example.yaml")
    assert secret["metadata"]["namespace"] == KUSTOMIZATION["namespace"]
    assert all("namespace" not in each["metadata"] for each in resources.values())


def test_selectors_find_their_pods(resources: Resources) -> None:
    labels = {
        name: resources["Deployment", name]["spec"]["template"]["metadata"]["labels"]
        for name in ("worker", "web")
    }
    for (kind, name), each in resources.items():
        spec = each.get("spec", {})
        selector = spec.get("selector") or spec.get("podSelector")
        if selector:
            wanted = selector.get("matchLabels", selector)
            assert wanted.items() <= labels[name].items(), (kind, name)
    spreads = [pod(resources, name)["topologySpreadConstraints"] for name in labels]
    for (spread,), own in zip(spreads, labels.values(), strict=True):
        assert spread["labelSelector"]["matchLabels"].items() <= own.items()


def test_only_settings_are_set_and_secrets_are_apart(resources: Resources) -> None:
    public = resources["ConfigMap", "agent-settings"]["data"]
    secret = load(BASE / "secret.example.yaml")["stringData"]
    assert public.keys() | secret.keys() <= VARIABLES.keys()
    assert not public.keys() & SECRETS
    assert secret.keys() >= SECRETS
    assert not any(secret.values())


@pytest.mark.parametrize("name", ["worker", "web"])
def test_the_agent_understands_its_environment(
    settings: Callable[[str], Settings], name: str
) -> None:
    require_livekit(settings(name).livekit)


@pytest.mark.parametrize("name", ["worker", "web"])
def test_pods_run_the_role_they_are_named_after(resources: Resources, name: str) -> None:
    (command,) = container(resources, name)["args"]
    assert command == {"worker": "start", "web": "web"}[name]
    assert container(resources, name)["image"] == "local-voice-agent"
    (port,) = container(resources, name)["ports"]
    setting = {"worker": "WORKER_PORT", "web": "WEB_PORT"}[name]
    assert str(port["containerPort"]) == default_of(setting)


@pytest.mark.parametrize("name", ["worker", "web"])
def test_probes_ask_the_routes_that_are_for_it(resources: Resources, name: str) -> None:
    asked = {
        kind: container(resources, name)[f"{kind}Probe"]["httpGet"]
        for kind in ("startup", "liveness", "readiness")
    }
    # Alive, not ready: a full worker, or one that loads its models, must not be restarted.
    assert asked["startup"]["path"] == asked["liveness"]["path"] == "/healthz"
    assert asked["readiness"]["path"] == "/readyz"
    assert {probe["path"] for probe in asked.values()} <= health_paths()
    assert {probe["port"] for probe in asked.values()} == {"http"}


def test_calls_may_finish_before_a_pod_is_killed(
    resources: Resources, settings: Callable[[str], Settings]
) -> None:
    grace_seconds = pod(resources, "worker")["terminationGracePeriodSeconds"]
    assert_outlasts_the_drain(grace_seconds, settings("worker"))
    web_seconds = pod(resources, "web")["terminationGracePeriodSeconds"]
    assert web_seconds > settings("web").lifecycle.shutdown_seconds


def test_memory_and_cores_are_requested_and_limited(resources: Resources) -> None:
    worker = container(resources, "worker")["resources"]
    assert size_bytes(worker["limits"]["memory"]) == WORKER_LIMIT_BYTES
    assert size_bytes(worker["requests"]["memory"]) == WORKER_RESERVATION_BYTES
    web = container(resources, "web")["resources"]
    assert all({"cpu", "memory"} <= each.keys() for each in (*worker.values(), *web.values()))


def test_pods_are_confined(resources: Resources) -> None:
    for name in ("worker", "web"):
        whole = pod(resources, name)
        assert whole["securityContext"]["runAsNonRoot"]
        assert whole["securityContext"]["runAsUser"] > 0
        assert whole["automountServiceAccountToken"] is False
        only = container(resources, name)["securityContext"]
        assert only["allowPrivilegeEscalation"] is False
        assert only["readOnlyRootFilesystem"]
        assert only["capabilities"] == {"drop": ["ALL"]}
        mounts = {mount["mountPath"] for mount in container(resources, name)["volumeMounts"]}
        assert mounts == {"/tmp"}


def test_the_number_of_workers_is_the_autoscalers(resources: Resources) -> None:
    scaler = resources["HorizontalPodAutoscaler", "worker"]["spec"]
    target = scaler["scaleTargetRef"]
    assert (target["kind"], target["name"]) in resources
    assert "replicas" not in resources["Deployment", "worker"]["spec"]
    assert scaler["minReplicas"] >= 2


def test_the_autoscaler_asks_for_metrics_that_the_adapter_makes_of_ours(
    resources: Resources,
) -> None:
    rules = load(BASE / "prometheus-adapter-values.yaml")["rules"]["custom"]
    made = {rule["name"]["as"] for rule in rules}
    asked = {
        metric["pods"]["metric"]["name"]
        for metric in resources["HorizontalPodAutoscaler", "worker"]["spec"]["metrics"]
    }
    assert asked == made == {"voice_agent_rooms", "voice_agent_memory_share"}
    for rule in rules:
        queries = f"{rule['seriesQuery']} {rule['metricsQuery']}"
        assert set(re.findall(r"\bvoice_agent_\w+", queries)) <= METRICS
        assert rule["metricsQuery"].count("<<.LabelMatchers>>") == rule["metricsQuery"].count("{")
        assert rule["resources"]["overrides"].keys() == {"namespace", "pod"}


def test_the_autoscaler_acts_before_workers_are_full_or_refuse(
    resources: Resources, settings: Callable[[str], Settings]
) -> None:
    targets = {
        metric["pods"]["metric"]["name"]: metric["pods"]["target"]["averageValue"]
        for metric in resources["HorizontalPodAutoscaler", "worker"]["spec"]["metrics"]
    }
    shares = {name: int(value.removesuffix("m")) / 1000 for name, value in targets.items()}
    read = settings("worker")
    assert 0.5 < shares["voice_agent_rooms"] / read.limits.max_rooms < 1
    assert shares["voice_agent_memory_share"] < read.memory.critical_percent / 100


def test_prometheus_is_told_where_the_metrics_are(
    resources: Resources,
) -> None:
    template = resources["Deployment", "worker"]["spec"]["template"]
    assert template["metadata"]["annotations"] == {
        "prometheus.io/scrape": "true",
        "prometheus.io/port": default_of("WORKER_PORT"),
        "prometheus.io/path": metrics_path(),
    }


def test_services_and_the_ingress_lead_to_the_pods(resources: Resources) -> None:
    for name in ("worker", "web"):
        (port,) = resources["Service", name]["spec"]["ports"]
        assert port["targetPort"] == container(resources, name)["ports"][0]["name"]
    assert resources["Service", "worker"]["spec"]["clusterIP"] == "None"
    (rule,) = resources["Ingress", "web"]["spec"]["rules"]
    (path,) = rule["http"]["paths"]
    origins = resources["ConfigMap", "agent-settings"]["data"]["WEB_ALLOWED_ORIGINS"]
    assert origins == f"https://{rule['host']}"
    assert path["backend"]["service"]["name"] == "web"
    assert resources["Ingress", "web"]["spec"]["tls"][0]["hosts"] == [rule["host"]]


def test_everything_else_is_closed(resources: Resources) -> None:
    closed = resources["NetworkPolicy", "nothing-else"]["spec"]
    assert closed["podSelector"] == {}
    assert "ingress" not in closed
    for name in ("nothing-else", "worker", "web"):
        assert resources["NetworkPolicy", name]["spec"]["policyTypes"] == ["Ingress", "Egress"]


def test_workers_may_reach_every_port_of_livekit(resources: Resources) -> None:
    config = load(DEPLOY / "livekit.yaml")
    allowed = {
        (entry["protocol"], entry["port"])
        for rule in resources["NetworkPolicy", "worker"]["spec"]["egress"]
        for entry in rule["ports"]
    }
    assert {
        ("TCP", config["port"]),
        ("TCP", config["rtc"]["tcp_port"]),
        ("UDP", config["rtc"]["udp_port"]),
        ("UDP", config["turn"]["udp_port"]),
    } <= allowed
