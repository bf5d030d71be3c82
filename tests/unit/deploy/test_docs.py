"""The pages for operators: what they name exists in the code as they name it."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml

from agent.runtime import process
from services.admission import Refusal
from services.metrics import CATALOGUE, NOTICE_KINDS
from tests.support.deploy_files import DEPLOY, REPOSITORY, VARIABLES, default_of, variables_in

DOCS = REPOSITORY / "docs"
OPERATIONS = DOCS / "operations.md"
SCALING = DOCS / "scaling.md"
RELIABILITY = DOCS / "reliability.md"
README = DEPLOY / "README.md"
PAGES = (OPERATIONS, SCALING, RELIABILITY, README)

METRICS = {metric.name for metric in CATALOGUE}
OF_LIVEKIT = {"NODE_IP", "REDIS_HOST", "LIVEKIT_KEYS"}
OF_SOURCES = {"HF_ENDPOINT", "HF_HUB_OFFLINE", "PIP_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX"}
"""Variables of the programs whose settings say where models are fetched from."""
NOT_OURS = OF_LIVEKIT | OF_SOURCES
RUNS_THE_PRODUCT = re.compile(
    r"tests/(?:(?:room|browser|faults|llama)/"
    r"|genuine_models/test_(?:commands_\w+|conversation|language_call|listening|memory)\.py"
    r"|(?:unit|engine)/(?:agent/(?:commands|console)/|agent/runtime/test_hard_starts|services/web/))"
)
"""Tests that go through a room, the page, a command or a route."""
ABOUT_A_PART = "About a part: "
"""Begins the reason why no test of the whole product holds a promise, in its row."""
FRAMEWORK_MESSAGES = {"failed to connect to livekit"}


def every_page() -> list[Path]:
    """Each Markdown file of the repository."""
    listed = subprocess.run(
        ["git", "ls-files", "*.md", ":!benchmarks"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    return [path for name in listed.stdout.split() if (path := REPOSITORY / name).is_file()]


def without_blocks(page: Path) -> str:
    """The text outside of blocks of code."""
    return re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)


def code_in(page: Path) -> set[str]:
    """What stands between backticks, outside of blocks."""
    return set(re.findall(r"`([^`]+)`", without_blocks(page)))


def section(page: Path, heading: str) -> str:
    """The text below a heading, up to the next one of its rank."""
    _, found, rest = page.read_text().partition(f"\n## {heading}\n")
    assert found, heading
    return rest.partition("\n## ")[0]


def python_files(*folders: str) -> Iterator[Path]:
    for folder in folders:
        for path in sorted((REPOSITORY / folder).rglob("*.py")):
            if "node_modules" not in path.parts:
                yield path


@cache
def strings_in_code() -> frozenset[str]:
    """Every text constant of the product."""
    return frozenset(
        node.value
        for path in python_files("agent", "services")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


@cache
def constants_in_code() -> frozenset[str]:
    """The names of the product's public constants."""
    return frozenset(
        target.id
        for path in python_files("agent", "services")
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name) and target.id.isupper() and not target.id.startswith("_")
    )


@cache
def every_test() -> dict[str, set[str]]:
    """The names of all tests, by the path of their file."""
    return {
        str(path.relative_to(REPOSITORY)): {
            node.name
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            and node.name.startswith("test_")
        }
        for path in python_files("tests")
        if path.name.startswith("test_")
    }


def leads_somewhere(page: Path, link: str) -> bool:
    """Whether a link to a file of this repository, or to a heading in one, finds it."""
    target, _, anchor = link.partition("#")
    file = page.parent / target if target else page
    if not file.exists() or not anchor:
        return file.exists()
    headings = re.findall(r"^#+ (.+)$", file.read_text(), flags=re.MULTILINE)
    return anchor in {re.sub(r"[^\w -]", "", h).lower().replace(" ", "-") for h in headings}


def test_links_lead_somewhere() -> None:
    links = [
        (page, link)
        for page in every_page()
        for link in re.findall(r"\]\(([^)\s]+)\)", without_blocks(page))
        if "://" not in link
    ]
    assert len(links) > 100
    assert [(str(page), link) for page, link in links if not leads_somewhere(page, link)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_settings_are_settings(page: Path) -> None:
    named = {
        name
        for code in code_in(page)
        for name in re.findall(r"(?<![\w-])[A-Z][A-Z]*(?:_[A-Z]+)+(?![\w…*])", code)
    }
    of_compose = variables_in(DEPLOY / "env.example").keys()
    assert named - VARIABLES.keys() - of_compose - constants_in_code() - NOT_OURS == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_metrics_are_metrics(page: Path) -> None:
    assert set(re.findall(r"\bvoice_agent_\w+", page.read_text())) <= METRICS


def test_log_messages_are_those_of_the_code() -> None:
    messages = {
        code
        for code in code_in(OPERATIONS)
        if re.fullmatch(r"[a-zA-Z][\w',:-]*( [\w',:-]+)+", code)
        and not code.startswith(("python ", "systemctl ", "docker "))
    }
    refusals = {refusal.value for refusal in Refusal}
    known = strings_in_code() | FRAMEWORK_MESSAGES | refusals
    assert len(messages) > 30
    assert sorted(messages - known) == []


def test_every_reason_for_a_refusal_is_explained() -> None:
    table = section(OPERATIONS, "Rooms are refused")
    assert set(re.findall(r"^\| `([^`]+)` \|", table, flags=re.MULTILINE)) == {
        refusal.value for refusal in Refusal
    }


def test_every_exit_status_is_explained() -> None:
    table = section(OPERATIONS, "Crashes and restarts")
    named = {int(number) for number in re.findall(r"^\| (\d+) \|", table, flags=re.MULTILINE)}
    own = {
        value
        for name, value in vars(process).items()
        if name.startswith("EXIT_") and isinstance(value, int)
    }
    assert named == {0, 2, 137} | own


def test_every_alert_has_its_section() -> None:
    rules = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yaml").read_text())
    alerts = {rule["alert"] for group in rules["groups"] for rule in group["rules"]}
    table = section(OPERATIONS, "Alerts")
    assert set(re.findall(r"`(VoiceAgent\w+)`", table)) == alerts
    assert all(f"`{kind}`" in table for kind in NOTICE_KINDS)


def test_routes_and_ports_are_those_of_the_code() -> None:
    for route in re.findall(r"`(?:GET|POST) (/\S+)`", OPERATIONS.read_text()):
        assert route in strings_in_code(), route
    table = section(README, "What reaches what")
    for name in ("WEB_PORT", "WORKER_PORT"):
        assert re.search(rf"^\| {default_of(name)}/tcp \|.*`{name}`", table, re.MULTILINE)


def promises() -> dict[str, str]:
    """What holds each promise or door, as its row says."""
    rows = re.findall(r"^\| (.+?) \| (.+?) \|$", RELIABILITY.read_text(), flags=re.MULTILINE)
    return {promise: held for promise, held in rows if promise not in ("promise", "door", "---")}


def linked_tests(held: str) -> list[tuple[str, str]]:
    """Files and names of the tests that a row links to."""
    return [
        (file, name)
        for name, file in re.findall(r"\[(test_\w+)\]\(\.\./(tests/[\w/]+\.py)\)", held)
    ]


def test_every_promise_names_tests_that_exist() -> None:
    assert len(promises()) > 30
    assert [promise for promise, held in promises().items() if not linked_tests(held)] == []
    missing = [
        f"{file}::{name}"
        for held in promises().values()
        for file, name in linked_tests(held)
        if name not in every_test().get(file, ())
    ]
    assert not missing, "docs/reliability.md: no such test: " + ", ".join(missing)


def test_every_promise_is_held_by_the_product_as_it_is_run() -> None:
    of_parts = {
        promise
        for promise, held in promises().items()
        if not any(RUNS_THE_PRODUCT.match(file) for file, _ in linked_tests(held))
    }
    assert of_parts == {promise for promise, held in promises().items() if ABOUT_A_PART in held}
