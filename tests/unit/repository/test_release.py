"""A release is what its tag says, made with actions that nobody can change afterwards."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scripts.release_notes import release_notes
from tests.support.deploy_files import REPOSITORY, load
from tests.unit.repository.test_repository import PROJECT

WORKFLOW = REPOSITORY / ".github" / "workflows" / "release.yml"
VERSION = PROJECT["project"]["version"]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree with a version of its own."""
    for name in ("pyproject.toml", "deploy/plugin/pyproject.toml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text('[project]\nversion = "1.2.3"\n')
    return tmp_path


def test_the_version_of_this_tree_is_in_its_changelog() -> None:
    assert "### Added" in release_notes(VERSION)
    page = load(REPOSITORY / "services" / "web" / "page" / "package.json")
    assert page["version"] == VERSION


def test_the_notes_are_the_section_of_the_version(tree: Path) -> None:
    (tree / "CHANGELOG.md").write_text(
        "# Changelog\n\n## [Unreleased]\n\n- Later.\n\n## [1.2.3] - 2030-01-02\n\n- Now.\n\n"
        "## [1.2.2] - 2029-01-02\n\n- Before.\n"
    )
    assert release_notes("1.2.3", tree) == "- Now."
    with pytest.raises(ValueError, match=r"pyproject\.toml has version 1\.2\.3, not 1\.2\.4"):
        release_notes("1.2.4", tree)


@pytest.mark.parametrize("heading", ["## [Unreleased]", "## [1.2.3]", "## [1.2.3] - 2030-01-02"])
def test_a_version_without_a_dated_text_is_no_release(tree: Path, heading: str) -> None:
    (tree / "CHANGELOG.md").write_text(f"# Changelog\n\n{heading}\n\n## [1.2.2] - 2029-01-02\n")
    with pytest.raises(ValueError, match=r"CHANGELOG\.md has no"):
        release_notes("1.2.3", tree)


def test_each_action_is_pinned_to_a_commit_with_its_version() -> None:
    lines = [line for line in WORKFLOW.read_text().splitlines() if "uses:" in line]
    assert len(lines) > 5
    for line in lines:
        assert re.search(r"uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line), line


def test_only_what_publishes_may_write() -> None:
    workflow = load(WORKFLOW)
    assert workflow["permissions"] == {"contents": "read"}
    may = {name: job.get("permissions", {}) for name, job in workflow["jobs"].items()}
    assert [name for name, granted in may.items() if granted.get("contents") == "write"] == [
        "publish"
    ]
