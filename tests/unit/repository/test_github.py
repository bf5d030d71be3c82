"""The files that GitHub reads are of the form that it documents."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tests.support.deploy_files import REPOSITORY, load, validate

GITHUB = REPOSITORY / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
FORMS = sorted(path for path in (GITHUB / "ISSUE_TEMPLATE").glob("*.yml") if path.stem != "config")


@pytest.mark.parametrize(
    ("schema", "files"),
    [
        ("vendor.github-workflows", WORKFLOWS),
        ("custom.github-workflows-require-timeout", WORKFLOWS),
        ("vendor.github-issue-forms", FORMS),
        ("vendor.github-issue-config", [GITHUB / "ISSUE_TEMPLATE" / "config.yml"]),
        ("vendor.dependabot", [GITHUB / "dependabot.yml"]),
    ],
)
def test_github_accepts_its_files(schema: str, files: list[Path]) -> None:
    assert files
    validate(
        "check-jsonschema", "--builtin-schema", schema, *files, install="`pip install -e .[dev]`"
    )


def test_the_oldest_python_that_is_supported_is_tested() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    jobs = load(GITHUB / "workflows" / "ci.yml")["jobs"]
    oldest = jobs["python"]["strategy"]["matrix"]["python"][0]
    assert project["requires-python"] == f">={oldest}"
