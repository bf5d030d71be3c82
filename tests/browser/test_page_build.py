"""The page's own unit tests, and its build: small, complete, free of what its policy forbids."""

from __future__ import annotations

import gzip
import json
import re
import subprocess

import pytest

from services.web.routes.page import STATIC
from tests.browser.conftest import require_built_page
from tests.browser.deployment import ROOT

pytestmark = pytest.mark.browser

SOURCE = ROOT / "services" / "web" / "page"
LARGEST_BYTES = 250_000
NAMES_NOT_ASKED = {"www.w3.org", "aomediacodec.github.io"}
"""Hosts that the scripts name, in namespaces and identifiers, and never ask."""


@pytest.fixture(autouse=True)
def built_page() -> None:
    require_built_page()


def test_the_modules_without_a_browser_pass_their_own_tests() -> None:
    command = ["npm", "--prefix", str(SOURCE), "run", "--silent", "test"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert int(re.findall(r"^# pass (\d+)$", run.stdout, re.MULTILINE)[0]) > 0


def test_the_whole_page_weighs_less_than_250_kilobytes_on_the_wire() -> None:
    files = [path for path in STATIC.rglob("*") if path.is_file()]
    assert sum(len(gzip.compress(path.read_bytes())) for path in files) < LARGEST_BYTES


def test_the_page_names_no_host_that_it_could_ask() -> None:
    named = set()
    for path in STATIC.rglob("*"):
        if path.suffix in (".html", ".js", ".css", ".svg"):
            named |= set(re.findall(r"https?://([\w.-]+\.\w{2,})", path.read_text()))
    assert named <= NAMES_NOT_ASKED


def test_nothing_is_inline() -> None:
    html = (STATIC / "index.html").read_text()
    assert not re.search(r"<script(?![^>]*\bsrc=)", html)
    assert "<style" not in html
    assert not re.search(r"\sstyle=|\son\w+=", html)


def test_hashed_names_change_with_their_content() -> None:
    scripts = [path.name for path in (STATIC / "assets").iterdir()]
    assert scripts
    assert all(re.search(r"-[\w-]{8}\.\w+$", name) for name in scripts)


def test_the_lock_file_names_no_registry_and_every_version_is_exact() -> None:
    lock = json.loads((SOURCE / "package-lock.json").read_text())
    assert not [name for name, found in lock["packages"].items() if "resolved" in found]
    package = json.loads((SOURCE / "package.json").read_text())
    for versions in (package["dependencies"], package["devDependencies"]):
        assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in versions.values())
