import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from agent.settings import Settings
from agent.settings.environment import variables_of
from scripts.env_example import env_example

REPOSITORY = Path(__file__).parents[3]
LOCKS = sorted(REPOSITORY.glob("requirements*.lock"))
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
LATER: frozenset[str] = frozenset()
"""Settings that no code reads yet; whoever makes one work takes it out of here."""


@cache
def tracked() -> tuple[Path, ...]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, check=True, text=True
    )
    paths = (REPOSITORY / name for name in listed.stdout.split("\0") if name)
    return tuple(path for path in paths if path.is_file())


def texts() -> Iterator[tuple[str, str]]:
    for path in tracked():
        try:
            yield str(path.relative_to(REPOSITORY)), path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


def modules(*packages: str) -> Iterator[tuple[str, ast.Module]]:
    for package in packages:
        for path in sorted((REPOSITORY / package).rglob("*.py")):
            if "node_modules" not in path.parts:
                name = str(path.relative_to(REPOSITORY))
                yield name, ast.parse(path.read_text(encoding="utf-8"), filename=name)


def imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module or ""


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_locks_pin_every_package_with_hashes_and_name_no_address(lock: Path) -> None:
    text = lock.read_text()
    assert "://" not in text
    assert "--index" not in text
    assert "--find-links" not in text
    entries = re.split(r"^(?=\S)", text, flags=re.MULTILINE)[1:]
    assert len(entries) == len(re.findall(r"^[\w.-]+==\S+", text, flags=re.MULTILINE))
    assert all("--hash=sha256:" in entry for entry in entries)


def test_the_lock_of_the_page_names_no_address() -> None:
    locks = [path for path in tracked() if path.name == "package-lock.json"]
    assert locks
    for lock in locks:
        text = lock.read_text()
        assert '"resolved"' not in text
        assert '"integrity": "sha512-' in text


def test_locks_agree_and_leave_pytorch_out() -> None:
    pinned: dict[str, dict[str, set[str]]] = {}
    for lock in LOCKS:
        for name, version in re.findall(r"^([\w.-]+)==(\S+)", lock.read_text(), re.MULTILINE):
            pinned.setdefault(lock.name, {}).setdefault(name, set()).add(version)
    assert not {"torch", "transformers"} & {name for lock in pinned.values() for name in lock}
    running, developing = pinned["requirements.lock"], pinned["requirements-dev.lock"]
    assert {name: developing[name] for name in running} == running


def test_every_imported_package_is_a_direct_dependency() -> None:
    declared = {
        re.split(r"[\s\[<>=!~]", entry)[0].lower().replace("_", "-")
        for entry in PROJECT["project"]["dependencies"]
    }
    provided_by = packages_distributions()
    missing = set()
    for name, tree in modules("agent", "services"):
        for module in imported(tree):
            top = module.split(".")[0]
            if top in sys.stdlib_module_names or top in ("agent", "services", "livekit"):
                continue
            packages = {item.lower().replace("_", "-") for item in provided_by.get(top, [top])}
            if not packages & declared:
                missing.add(f"{name}: {module}")
    assert sorted(missing) == []


def test_modules_begin_with_a_sentence_of_what_they_are_for() -> None:
    silent = []
    for name, tree in modules("agent", "services", "scripts"):
        sentence = (ast.get_docstring(tree) or "").split("\n\n")[0]
        if not sentence.endswith((".", ":")):
            silent.append(name)
    assert silent == []


def test_the_repository_stands_alone() -> None:
    # Put together here, so that this file does not find itself.
    forbidden = re.compile(
        "|".join(
            (
                r"\.\./" + "shared",
                r"(?<![\w.])/" + r"work/(?:main|shared|\.)",
                r"/" + "tmp/lab",
                r"/" + r"root/(?!\.)",
                r"(?:files\.)?python" + r"hosted\.org",
                r"registry\." + r"npmjs\.org",
                r"proxy\." + r"golang\.org",
            )
        )
    )
    found = [
        f"{name}: {match.group()}" for name, text in texts() if (match := forbidden.search(text))
    ]
    assert found == []


def test_built_things_are_not_committed() -> None:
    names = [str(path.relative_to(REPOSITORY)) for path in tracked()]
    built = ("services/web/static/", ".venv", "node_modules/", "__pycache__/", ".env")
    assert not [
        name
        for name in names
        if name != ".env.example" and any(part in name for part in built[:-1])
    ]
    assert ".env" not in names


def test_env_example_is_what_the_settings_say() -> None:
    text = (REPOSITORY / ".env.example").read_text()
    assert text == env_example(), "run `make env-example`"
    written = dict(re.findall(r"^#([A-Z][A-Z0-9_]*)=(.*)$", text, flags=re.MULTILINE))
    expected = {bound.name: bound.default for bound in variables_of(Settings)}
    assert written == expected
    for bound in variables_of(Settings):
        assert bound.explanation in text


def test_every_setting_is_read_somewhere() -> None:
    attributes = {
        node.attr
        for name, tree in modules("agent", "services")
        if "agent/settings/" not in name
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
    }
    read_by_other_name = {
        "greeting": "spoken_greeting",
        "dispatch": "dispatch_name",
        "language_voices": "by_language",
    }
    unread = {
        bound.name
        for bound in variables_of(Settings)
        if read_by_other_name.get(bound.field, bound.field) not in attributes
    }
    assert sorted(unread - LATER) == []
    assert sorted(LATER - unread) == []


def test_the_package_takes_its_data_along() -> None:
    patterns = PROJECT["tool"]["setuptools"]["package-data"]
    for package, globs in patterns.items():
        folder = REPOSITORY / package.replace(".", "/")
        covered = {path for glob in globs for path in folder.glob(glob) if path.is_file()}
        data = {
            path
            for path in tracked()
            if path.is_relative_to(folder / "demo") and path.suffix != ".py"
        }
        assert data <= covered
    assert (REPOSITORY / "LICENSE").read_text().lstrip().startswith("GNU GENERAL PUBLIC LICENSE")
