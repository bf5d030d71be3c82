"""Prints what the changelog says of a version: `python -m scripts.release_notes 1.2.3`.

Ends with a sentence where the tree is not that version or the changelog does not have it.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

_ROOT = Path(__file__).parents[1]
_PROJECTS = ("pyproject.toml", "deploy/plugin/pyproject.toml")


def release_notes(version: str, root: Path = _ROOT) -> str:
    """Return the section of the version. Raises ValueError with what is to be done first."""
    for name in _PROJECTS:
        found = tomllib.loads((root / name).read_text(encoding="utf-8"))["project"]["version"]
        if found != version:
            raise ValueError(f"{name} has version {found}, not {version}: change it")
    changelog = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    heading = rf"^## \[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d$\n(.*?)(?=^## \[|\Z)"
    section = re.search(heading, changelog, re.MULTILINE | re.DOTALL)
    if section is None or not section[1].strip():
        raise ValueError(f"CHANGELOG.md has no `## [{version}] - YYYY-MM-DD` with text: write it")
    return section[1].strip()


if __name__ == "__main__":
    try:
        print(release_notes(sys.argv[1]))
    except ValueError as error:
        sys.exit(str(error))
