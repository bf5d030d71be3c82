"""The pages for operators: what they name exists in the code as they name it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml

from agent.runtime import application
from agent.settings import Settings
from services import admission
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
RUN_IN = {"room", "browser", "faults", "llama"}
"""Folders of tests in which the product runs as a whole."""
RUN_AS_COMMANDS = ("test_commands_", "test_console_llm", "test_hard_starts")
"""Files whose tests run `python -m agent …`."""
ASKED_OVER_HTTP = {
    "test_memory_admin.py",
    "test_web_doors.py",
    "test_web_server.py",
    "test_web_transcribe.py",
}
"""Files whose tests ask the web server as a client does."""
OF_GENUINE_MODELS = {"test_conversation.py", "test_memory.py"}
"""Files of genuine_models whose tests talk to the product in a process of its own."""
OF_FILES = "what a file says is the promise"
ABOUT_A_PART = {
    "Finals go before guesses, and rooms take turns.": (
        "from outside the order of calls shows only as time, which no test may judge"
    ),
    "Whoever stops a worker waits longer than it drains.": OF_FILES,
    "Containers and services have no rights that they do not need.": OF_FILES,
    "Each fault has its alert, and a healthy worker alerts nobody.": (
        "alerts are fired by Prometheus, whose own program runs the rules"
    ),
    "What these pages name exists.": OF_FILES,
    "A text that goes round in circles, or goes on behind the end of the sound, is decoded once "
    "more with the whole window, and said once.": (
        "only a genuine recogniser makes such texts, of recordings that are kept for that"
    ),
    "a model of anybody's making": "what is read of a file is the promise",
    "lines of the log that callers cause": (
        "the number of lines is counted against a clock, which must be the test's own"
    ),
}
"""Promises about a part by their nature, and why no test of the whole product holds them."""
FRAMEWORK_MESSAGES = {"failed to connect to livekit"}


def code_in(page: Path) -> set[str]:
    """What stands between backticks, outside of blocks."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    return set(re.findall(r"`([^`]+)`", text))


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


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)]+)\)", page.read_text()):
        if "://" in link:
            continue
        target, _, anchor = link.partition("#")
        file = page.parent / target if target else page
        assert file.exists(), link
        if anchor:
            headings = re.findall(r"^#+ (.+)$", file.read_text(), flags=re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", h).lower().replace(" ", "-") for h in headings}


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
        for name, value in vars(application).items()
        if name.startswith("_EXIT_") and isinstance(value, int)
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


def test_the_numbers_of_the_scaling_page_are_those_of_the_code() -> None:
    text = " ".join(SCALING.read_text().split())
    assert admission.ROOM_CORES == 1 / 4
    assert "four rooms a core" in text
    assert admission.ROOM_BYTES == 30 * 2**20
    assert "30 MB each" in text
    assert admission.ROOMS_PER_PROCESS == 10
    assert "ten at most" in text
    assert f"`MAX_ROOMS={Settings().limits.max_rooms}` is the default" in text


def promises() -> dict[str, list[tuple[str, str]]]:
    """Names and files of the tests that hold each promise."""
    rows = re.findall(r"^\| (.+?) \| (.+?) \|$", RELIABILITY.read_text(), flags=re.MULTILINE)
    return {
        promise: re.findall(r"\[(test_\w+)\]\(\.\./(tests/[\w/]+\.py)\)", held_by)
        for promise, held_by in rows
        if promise not in ("promise", "door", "---")
    }


def runs_the_product(file: str) -> bool:
    """Whether the tests of a file go through rooms, the page, commands or routes."""
    folder, name = file.split("/", maxsplit=2)[1:]
    if folder == "genuine_models" and name in OF_GENUINE_MODELS:
        return True
    return folder in RUN_IN or name in ASKED_OVER_HTTP or name.startswith(RUN_AS_COMMANDS)


def test_every_promise_names_tests_that_exist() -> None:
    assert len(promises()) > 30
    assert [promise for promise, named in promises().items() if not named] == []
    missing = [
        f"{path}::{name}"
        for named in promises().values()
        for name, path in named
        if name not in every_test().get(path, ())
    ]
    assert not missing, "docs/reliability.md: no such test: " + ", ".join(missing)


def test_every_promise_is_held_by_the_product_as_it_is_run() -> None:
    of_parts = {
        promise
        for promise, named in promises().items()
        if not any(runs_the_product(path) for _, path in named)
    }
    assert of_parts == ABOUT_A_PART.keys()
