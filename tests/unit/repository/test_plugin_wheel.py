"""The plugin's wheel has what it imports, and says what it needs."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from scripts import plugin
from tests.unit.repository.test_repository import PROJECT, imported

DESCRIPTION = tomllib.loads((plugin.SOURCES / "pyproject.toml").read_text())["project"]
PACKAGE = "livekit/plugins/local_speech"
NOT_WANTED = ("aiohttp", "openai", "opentelemetry", "prometheus_client")
"""A plugin needs no web server, no metrics and nobody's service."""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plugin's project, ready to be built."""
    return plugin.assemble(tmp_path_factory.mktemp("assembled") / "plugin")


def modules(project: Path) -> Iterator[tuple[str, ast.Module]]:
    for path in sorted((project / PACKAGE).rglob("*.py")):
        yield str(path.relative_to(project)), ast.parse(path.read_text())


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[\s\[<>=!~]", line)[0] for line in requirements}


def test_it_has_the_project_s_version_and_bounds() -> None:
    assert DESCRIPTION["version"] == PROJECT["project"]["version"]
    extra = DESCRIPTION["optional-dependencies"]["tts"]
    assert set(DESCRIPTION["dependencies"]) | set(extra) <= set(PROJECT["project"]["dependencies"])


def test_what_it_imports_is_what_it_says_it_needs(project: Path) -> None:
    provided_by = packages_distributions()
    needed = set()
    for _, tree in modules(project):
        tops = {module.split(".")[0] for module in imported(tree)} - sys.stdlib_module_names
        needed |= {provided_by.get(top, [top])[0].lower() for top in tops if top != "livekit"}
        assert not tops & {"agent", "services", *NOT_WANTED}
    declared = names(DESCRIPTION["dependencies"])
    voice = names(DESCRIPTION["optional-dependencies"]["tts"])
    assert needed <= declared | voice
    of_livekit = {name for name in declared if name.startswith("livekit")}
    assert declared - of_livekit <= needed


def test_it_names_nothing_of_the_tree_that_it_was_built_from(project: Path) -> None:
    for name, tree in modules(project):
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("getLogger"):
                (logger,) = node.args
                assert ast.literal_eval(logger).startswith("livekit.plugins.local_speech"), name
    assert not (project / "livekit" / "__init__.py").exists()
    assert not (project / "livekit" / "plugins" / "__init__.py").exists()
