"""Containers on one machine: the compose file, and what it mounts into the containers."""

from __future__ import annotations

import ipaddress
import re
from typing import Any

import pytest

from agent.settings import Settings, require_livekit
from agent.settings.environment import near_matches
from services.web.http.guard import Guard
from tests.support.deploy_files import (
    DEPLOY,
    REPOSITORY,
    SECRETS,
    VARIABLES,
    WORKER_LIMIT_BYTES,
    WORKER_RESERVATION_BYTES,
    assert_outlasts_the_drain,
    default_of,
    duration_seconds,
    load,
    settings_from,
    size_bytes,
    validate,
    variables_in,
)

COMPOSE = DEPLOY / "compose.yaml"
EXAMPLE = DEPLOY / "env.example"
PROMETHEUS = DEPLOY / "prometheus" / "prometheus.yaml"
CADDYFILE = DEPLOY / "caddy" / "Caddyfile"
LIVEKIT = DEPLOY / "livekit.yaml"

SERVED = ("worker", "web")
OURS = (*SERVED, "speech")
FILLED_IN = {"LIVEKIT_API_KEY": "key-of-this-test", "LIVEKIT_API_SECRET": "s" * 40}
REFERENCE = re.compile(r"\$\{([A-Z_]+)(?::([-?])([^}]*))?\}")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return dict(load(COMPOSE))


def env_file() -> dict[str, str]:
    """`.env` as its reader would fill it in at least."""
    return {**variables_in(EXAMPLE), **FILLED_IN}


def interpolated(text: object) -> str:
    """A value as compose hands it on."""

    def value(found: re.Match[str]) -> str:
        name, kind, default = found.groups()
        given = env_file().get(name, "")
        return given if given or kind != "-" else default

    return REFERENCE.sub(value, str(text))


def environment_of(service: dict[str, Any]) -> dict[str, str]:
    """What the agent in a container gets, over what the image sets."""
    own = {name: interpolated(value) for name, value in service["environment"].items()}
    return {"WEB_HOST": "0.0.0.0", "WORKER_HOST": "0.0.0.0", **env_file(), **own}


def ports_of(service: dict[str, Any]) -> set[tuple[str, int, str]]:
    """Address, port of the machine and kind of each published port."""
    found = set()
    for text in service.get("ports", []):
        rest, _, kind = str(text).partition("/")
        *address, outer, inner = rest.split(":")
        assert outer == inner
        found.add((address[0] if address else "", int(outer), kind or "tcp"))
    return found


def test_it_is_what_the_compose_specification_allows() -> None:
    validate(
        "check-jsonschema",
        "--builtin-schema",
        "vendor.compose-spec",
        COMPOSE,
        install="make setup, then `make test`",
    )


def test_every_variable_is_explained_and_no_secret_is_inside(compose: dict[str, Any]) -> None:
    text = COMPOSE.read_text()
    used = {found[0] for found in REFERENCE.findall(text)}
    assert used <= variables_in(EXAMPLE).keys()
    assert not re.findall(r"\$(?![{$])", text)
    for name in SECRETS:
        assert not variables_in(EXAMPLE).get(name)
        for service in compose["services"].values():
            assert name not in service.get("environment", {})
    assert ".env" in (DEPLOY / ".gitignore").read_text().splitlines()


def test_defaults_in_both_files_are_the_same() -> None:
    example = variables_in(EXAMPLE)
    for name, kind, default in REFERENCE.findall(COMPOSE.read_text()):
        if kind == "-":
            assert default == example[name], name
        if name in VARIABLES and name not in ("LIVEKIT_PUBLIC_URL", *SECRETS):
            assert default_of(name) in (default, ""), name


def test_it_does_not_start_without_a_key(compose: dict[str, Any]) -> None:
    keys = compose["services"]["livekit"]["environment"]["LIVEKIT_KEYS"]
    assert {name for name, kind, _ in REFERENCE.findall(keys) if kind == "?"} == {
        "LIVEKIT_API_KEY",
        "LIVEKIT_API_SECRET",
    }


@pytest.mark.parametrize("name", SERVED)
def test_the_agent_understands_its_environment(
    compose: dict[str, Any],
    name: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    variables = environment_of(compose["services"][name])
    settings = settings_from(variables, monkeypatch, caplog)
    require_livekit(settings.livekit)
    assert settings.livekit.url == "ws://livekit:7880"
    assert not near_matches(Settings, variables)


def test_settings_in_the_file_are_settings(compose: dict[str, Any]) -> None:
    for name in OURS:
        assert compose["services"][name]["environment"].keys() <= VARIABLES.keys()
    only_here = variables_in(EXAMPLE).keys() - VARIABLES.keys()
    assert only_here <= {found[0] for found in REFERENCE.findall(COMPOSE.read_text())} | {
        "COMPOSE_PROFILES"
    }


def test_memory_is_limited_and_reserved(compose: dict[str, Any]) -> None:
    resources = compose["services"]["worker"]["deploy"]["resources"]
    assert size_bytes(resources["limits"]["memory"]) == WORKER_LIMIT_BYTES
    assert size_bytes(resources["reservations"]["memory"]) == WORKER_RESERVATION_BYTES
    for name, service in compose["services"].items():
        if name != "ollama":
            assert service["deploy"]["resources"]["limits"]["memory"]


def test_calls_may_finish_before_anything_is_killed(
    compose: dict[str, Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    services = compose["services"]
    settings = settings_from(environment_of(services["worker"]), monkeypatch, caplog)
    for name in ("worker", "livekit"):
        grace_seconds = duration_seconds(services[name]["stop_grace_period"])
        assert_outlasts_the_drain(grace_seconds, settings)
    web_seconds = duration_seconds(services["web"]["stop_grace_period"])
    assert web_seconds > settings.lifecycle.shutdown_seconds


def test_containers_are_confined(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert not service.get("privileged")
        if name == "ollama":
            continue
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service.get("cap_add", []) in ([], ["NET_BIND_SERVICE"]), name
        assert "no-new-privileges:true" in service["security_opt"], name


def test_only_what_callers_need_is_open_to_them(compose: dict[str, Any]) -> None:
    services = compose["services"]
    config = load(LIVEKIT)
    media = {
        ("", config["rtc"]["udp_port"], "udp"),
        ("", config["rtc"]["tcp_port"], "tcp"),
        ("", config["turn"]["udp_port"], "udp"),
    }
    assert ports_of(services["livekit"]) == {*media, ("127.0.0.1", config["port"], "tcp")}
    assert ports_of(services["web"]) == {("127.0.0.1", int(default_of("WEB_PORT")), "tcp")}
    for name in services.keys() - {"livekit", "caddy"}:
        assert all(address == "127.0.0.1" for address, _, _ in ports_of(services[name])), name
    everything = [port for service in services.values() for port in ports_of(service)]
    assert len({(port, kind) for _, port, kind in everything}) == len(everything)


def test_livekit_is_the_version_that_the_tests_run_with(compose: dict[str, Any]) -> None:
    setup = (REPOSITORY / "scripts" / "setup.sh").read_text()
    version = re.search(r"^LIVEKIT_VERSION=(\S+)$", setup, re.MULTILINE)
    assert version
    image = compose["services"]["livekit"]["image"]
    assert image == f"livekit/livekit-server:{version.group(1)}"


def test_images_of_others_are_pinned(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        if name not in OURS:
            tag = service["image"].partition(":")[2]
            assert re.match(r"v?\d", tag), service["image"]


def test_the_page_believes_the_proxy_and_nobody_else(compose: dict[str, Any]) -> None:
    (network,) = compose["networks"]["default"]["ipam"]["config"]
    proxy = compose["services"]["caddy"]["networks"]["default"]["ipv4_address"]
    address = ipaddress.ip_address(proxy)
    assert address in ipaddress.ip_network(network["subnet"])
    assert address not in ipaddress.ip_network(network["ip_range"])
    believed = environment_of(compose["services"]["web"])["WEB_TRUSTED_PROXIES"]
    assert [*ipaddress.ip_network(believed)] == [address]
    Guard(bound_host="0.0.0.0", trusted_proxies=[believed])


def test_what_is_mounted_exists(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        for volume in service.get("volumes", []):
            source, target, *options = volume.split(":")
            if source.startswith("./"):
                assert (DEPLOY / source).exists(), source
                assert options == ["ro"]
                assert target.startswith("/")
            else:
                assert source in compose["volumes"]


def test_grafana_finds_what_its_provisioning_names(compose: dict[str, Any]) -> None:
    mounted = dict(
        volume.split(":")[:2][::-1] for volume in compose["services"]["grafana"]["volumes"]
    )
    (providers,) = (DEPLOY / "grafana/provisioning/dashboards").glob("*.yaml")
    (folder,) = [provider["options"]["path"] for provider in load(providers)["providers"]]
    assert mounted[f"{folder}/dashboard.json"] == "./grafana/dashboard.json"
    assert mounted["/etc/grafana/provisioning"] == "./grafana/provisioning"
    (sources,) = (DEPLOY / "grafana/provisioning/datasources").glob("*.yaml")
    (source,) = load(sources)["datasources"]
    assert source["url"] == "http://prometheus:9090"


def test_prometheus_is_content_with_its_configuration() -> None:
    validate(
        "promtool",
        "check",
        "config",
        PROMETHEUS,
        install="`apt-get install --no-install-recommends prometheus`",
    )


def test_prometheus_asks_where_the_parts_answer(compose: dict[str, Any]) -> None:
    jobs = {job["job_name"]: job for job in load(PROMETHEUS)["scrape_configs"]}
    (worker,) = jobs["worker"]["dns_sd_configs"]
    assert worker["names"] == ["worker"]
    port = compose["services"]["worker"]["environment"]["WORKER_PORT"]
    assert str(worker["port"]) == str(port) == default_of("WORKER_PORT")
    ((livekit,),) = [group["targets"] for group in jobs["livekit"]["static_configs"]]
    assert livekit == f"livekit:{load(LIVEKIT)['prometheus']['port']}"
    assert {"worker", "livekit"} <= compose["services"].keys()
    mounted = compose["services"]["prometheus"]["volumes"]
    assert f"./{PROMETHEUS.parent.name}:/etc/prometheus:ro" in mounted
    flag = f"--config.file=/etc/prometheus/{PROMETHEUS.name}"
    assert flag in compose["services"]["prometheus"]["command"]


def test_caddy_is_content_with_its_configuration() -> None:
    validate(
        "caddy",
        "validate",
        "--adapter",
        "caddyfile",
        "--config",
        CADDYFILE,
        install="`apt-get install --no-install-recommends caddy`",
    )


def test_the_proxy_passes_page_and_signalling_on(compose: dict[str, Any]) -> None:
    caddy = compose["services"]["caddy"]["environment"]
    assert caddy["PAGE_ADDRESS"] == f"web:{default_of('WEB_PORT')}"
    assert caddy["LIVEKIT_ADDRESS"] == f"livekit:{load(LIVEKIT)['port']}"
    named = re.findall(r"\{\$([A-Z_]+):([^}]+)\}", CADDYFILE.read_text())
    assert {name for name, _ in named} == caddy.keys()
    for name, default in named:
        if name.endswith("_ADDRESS"):
            assert default.rpartition(":")[2] == caddy[name].rpartition(":")[2]
        else:
            assert default == variables_in(EXAMPLE)[name]


def test_the_proxy_keeps_the_operators_routes_to_itself() -> None:
    refused = re.search(r"@operator path (.+)", CADDYFILE.read_text())
    assert refused
    assert set(refused.group(1).split()) == {"/metrics", "/admin", "/admin/*"}


def test_livekit_has_the_starting_point_of_livekit_yaml_changed_for_a_server() -> None:
    deployed = load(LIVEKIT)
    starting_point = load(REPOSITORY / "livekit.yaml")
    for key in ("port", "room"):
        assert deployed[key] == starting_point[key]
    assert deployed["rtc"]["udp_port"] == starting_point["rtc"]["udp_port"]
    loopback_only = {"node_ip", "enable_loopback_candidate", "ips", "stun_servers"}
    assert loopback_only <= starting_point["rtc"].keys()
    assert not loopback_only & deployed["rtc"].keys()
    assert "keys" not in deployed
