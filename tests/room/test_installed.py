"""The wheel, installed where nothing of this checkout is, serves from an empty folder."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import aiohttp
import pytest

from services.livekit_server.program import find_program
from tests.room.processes import free_port, running
from tests.support.wheels import REPOSITORY, build_wheel, copy_sources, install

_PATH = f"{Path(find_program('')).parent}:/usr/bin:/bin"
"""Where the LiveKit server is."""


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of this tree, to build in."""
    return copy_sources(tmp_path_factory.mktemp("sources"))


@pytest.fixture(scope="module")
def programs(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment in which only the wheel was installed."""
    wheel = build_wheel(sources, tmp_path_factory.mktemp("wheels"))
    return install(tmp_path_factory.mktemp("installed"), wheel)


def test_an_installation_has_a_command_that_knows_its_files(programs: Path, tmp_path: Path) -> None:
    before = _files(programs.parent)
    # Wide, so that no path in the help is broken.
    home = {"PATH": _PATH, "HOME": str(tmp_path), "MODELS": "demo", "COLUMNS": "1000"}
    home |= {"WEB_PORT": str(free_port()), "WORKER_PORT": str(free_port())}

    def output(*words: str) -> str:
        ended = subprocess.run(
            [programs / "voice-agent", *words],
            env=home,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    assert output("--version") == f"{_version()}\n"
    helped = output("--help")
    assert helped.startswith("usage: voice-agent ")
    (listed,) = re.findall(r"from \.env; (\S+) lists them all", helped)
    assert Path(listed).read_text() == (REPOSITORY / ".env.example").read_text()
    assert "en_US-joe-medium" in output("download-files", "--list")
    assert f"models in {tmp_path}/.cache/local-voice-agent/models" in output("doctor")
    assert _files(programs.parent) == before


async def test_an_installation_serves_the_page_from_an_empty_folder(
    programs: Path, tmp_path: Path
) -> None:
    before = _files(programs.parent)
    async with running("dev", tmp_path, {"PATH": _PATH}, program=programs / "voice-agent") as agent:
        await agent.wait_until_ready()
        async with aiohttp.ClientSession(agent.address) as browser, browser.get("/") as page:
            script = re.search(r'src="([^"]+\.js)"', await page.text())
            assert script
            async with browser.get(script[1]) as answer:
                assert answer.status == 200
        assert await agent.end() == 0
    assert _files(programs.parent) == before


def test_a_wheel_without_the_page_is_not_built(sources: Path, tmp_path: Path) -> None:
    page = sources / "services" / "web" / "static" / "index.html"
    kept = page.rename(tmp_path / "index.html")
    try:
        with pytest.raises(AssertionError, match=r"The page is not built.*run `make page` first"):
            build_wheel(sources, tmp_path)
    finally:
        kept.rename(page)


def _version() -> str:
    (found,) = re.findall(r'^version = "(.+)"$', (REPOSITORY / "pyproject.toml").read_text(), re.M)
    return str(found)


def _files(environment: Path) -> set[Path]:
    """What is installed, without what Python compiles by itself."""
    return {path for path in environment.rglob("*") if "__pycache__" not in path.parts}
