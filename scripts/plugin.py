"""Builds the LiveKit plugin: `python -m scripts.plugin FOLDER` writes its wheel there.

The plugin is `deploy/plugin/` with a copy of those modules of `services/` that it imports; their
imports are relative, so that they work below any package.
"""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).parents[1]
SOURCES: Final = REPOSITORY / "deploy" / "plugin"
_PACKAGE = Path("livekit/plugins/local_speech")
_SERVICES = "_services"
_ROOTS = ("livekit_plugin/__init__.py", "livekit_plugin/command.py")
_FILES = (
    "models/voice_graph.py",
    "models/turn_graph.py",
    "models/piper_voices.json",
    "models/demo",
    "endpointing/acoustic_head.json",
    "py.typed",
)
"""What modules use without importing it."""
_LICENCES = {"LICENSE": "LICENSE", "docs/licences.md": "licences.md"}
_LOGGER = ('getLogger("services.', 'getLogger("livekit.plugins.local_speech.')


def build(folder: Path) -> Path:
    """Build the wheel into `folder`; returns it. Raises CalledProcessError."""
    with tempfile.TemporaryDirectory() as made:
        project = assemble(Path(made) / "plugin")
        subprocess.run(_builder(project, folder), check=True)
    return max(folder.glob("livekit_plugins_local_speech-*.whl"), key=lambda p: p.stat().st_mtime)


def assemble(project: Path) -> Path:
    """Write the whole project of the plugin into a new folder; returns that."""
    shutil.copytree(SOURCES, project, ignore=shutil.ignore_patterns("__pycache__"))
    for licence, name in _LICENCES.items():
        shutil.copy(REPOSITORY / licence, project / name)
    services = REPOSITORY / "services"
    for module in sorted(needed_modules(services)):
        place = project / _PACKAGE / _SERVICES / module.relative_to(services)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(module.read_text(encoding="utf-8").replace(*_LOGGER), encoding="utf-8")
    for name in _FILES:
        source, place = services / name, project / _PACKAGE / _SERVICES / name
        if source.is_dir():
            shutil.copytree(source, place)
        else:
            shutil.copy(source, place)
    return project


def needed_modules(services: Path) -> set[Path]:
    """Return the modules of `services/` that the plugin imports, directly or not."""
    needed: set[Path] = set()
    waiting = [services / root for root in _ROOTS]
    while waiting:
        module = waiting.pop()
        if module in needed:
            continue
        needed.add(module)
        waiting += [p / "__init__.py" for p in module.parents if p.is_relative_to(services)]
        waiting += _imported(module)
    return needed


def _imported(module: Path) -> Iterator[Path]:
    """Yield the files that a module's relative imports name."""
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            package = module.parents[node.level - 1]
            source = package.joinpath(*(node.module or "").split("."))
            for candidate in (source, *(source / alias.name for alias in node.names)):
                if candidate.with_suffix(".py").is_file():
                    yield candidate.with_suffix(".py")
                elif (candidate / "__init__.py").is_file():
                    yield candidate / "__init__.py"


def _builder(project: Path, folder: Path) -> list[str]:
    return [
        *(sys.executable, "-m", "uv", "build", "--quiet", "--wheel"),
        *("--out-dir", str(folder.resolve()), str(project)),
    ]


if __name__ == "__main__":
    print(build(Path(sys.argv[1])))
