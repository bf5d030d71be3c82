"""Chromium, a page that works, and how tests look at it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect, sync_playwright

from services.livekit_server.credentials import LiveKitCredentials
from services.web.routes.page import STATIC
from tests.browser.deployment import AgentNursery, Deployment, LoopThread, livekit_server
from tests.room.processes import START_SECONDS, running

PATIENCE_MS = 45_000
"""How long a test waits for a sight; only a test that fails takes this long."""

expect.set_options(timeout=PATIENCE_MS)

QUIET_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-features=Translate,OptimizationHints,MediaRouter",
    "--disable-dev-shm-usage",
    "--enable-precise-memory-info",
]
FAKE_MICROPHONE = ["--use-fake-device-for-media-stream"]
AUTOPLAY = ["--autoplay-policy=no-user-gesture-required"]

TEST_TIMEOUT_SECONDS = 240
"""For a machine that is busy with much else."""

LaunchBrowser = Callable[..., Browser]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the tests of this folder longer than the others."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.timeout(TEST_TIMEOUT_SECONDS))


@pytest.fixture(scope="session")
def playwright_driver() -> Iterator[Playwright]:
    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="session")
def launch_browser(playwright_driver: Playwright) -> Iterator[LaunchBrowser]:
    """Launch Chromium with more flags than the quiet ones; closed at the end."""
    launched: list[Browser] = []
    program = os.environ.get("CHROMIUM_BIN") or next(
        (path for name in ("chromium", "google-chrome") if (path := shutil.which(name))), None
    )
    assert program, "Chromium is missing: install the package chromium"

    def launch(*flags: str) -> Browser:
        browser = playwright_driver.chromium.launch(
            executable_path=program, args=[*QUIET_FLAGS, *flags]
        )
        launched.append(browser)
        return browser

    yield launch
    for browser in launched:
        browser.close()


@pytest.fixture(scope="session")
def browser(launch_browser: LaunchBrowser) -> Browser:
    """Chromium with a microphone that beeps."""
    return launch_browser(*FAKE_MICROPHONE, *AUTOPLAY)


@pytest.fixture(scope="session")
def loop_thread() -> Iterator[LoopThread]:
    thread = LoopThread()
    yield thread
    thread.close()


@pytest.fixture(scope="session")
def livekit(loop_thread: LoopThread) -> Iterator[LiveKitCredentials]:
    server = livekit_server()
    yield loop_thread.run(server.start())
    loop_thread.run(server.stop())


@pytest.fixture(scope="session")
def nursery() -> Iterator[AgentNursery]:
    nursery = AgentNursery()
    yield nursery
    nursery.close()


@pytest.fixture(scope="session")
def served(livekit: LiveKitCredentials, nursery: AgentNursery) -> Iterator[Deployment]:
    """A deployment with an agent. Replace this fixture to test another one."""
    require_built_page()
    deployment = Deployment(livekit, nursery)
    deployment.start_agent()
    yield deployment
    deployment.close()


@pytest.fixture(scope="session")
def page_url(served: Deployment) -> str:
    """Address of a page behind which everything works."""
    return served.start_web()


@pytest.fixture
def deployment(livekit: LiveKitCredentials, nursery: AgentNursery) -> Iterator[Deployment]:
    """A deployment of the test's own, without an agent; the test starts what it needs."""
    require_built_page()
    deployment = Deployment(livekit, nursery)
    yield deployment
    deployment.close()


@pytest.fixture
def beside(served: Deployment) -> Iterator[Deployment]:
    """The deployment with an agent once more, for a web server of the test's own."""
    deployment = replace(served, web=None, agents=[])
    yield deployment
    deployment.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A fresh profile that allows the microphone."""
    context = browser.new_context(
        permissions=["microphone"], viewport={"width": 1280, "height": 800}
    )
    context.set_default_timeout(PATIENCE_MS)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A tab; what the page logs as an error fails the test."""
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    assert not errors, errors


@pytest.fixture(scope="session")
def real_page_url(
    loop_thread: LoopThread, tmp_path_factory: pytest.TempPathFactory, genuine_cache: Path
) -> Iterator[str]:
    """Address of the product's own page: `python -m agent dev` with genuine models.

    Who asks for no agent gets the built-in assistant, as neither of the two agents is the default.
    """
    require_built_page()
    folder = tmp_path_factory.mktemp("product")
    agents = folder / "agents"
    agents.mkdir()
    for name in ("baker", "florist"):
        (agents / f"{name}.toml").write_text(
            f'title = "The {name}"\npublic = true\ngreeting = "This is the {name}."\n'
        )
    (agents / "hidden.toml").write_text("")
    variables = {
        "MODELS": "auto",
        "WHISPER_MODEL_PATH": str(genuine_cache),
        "AGENTS_DIR": str(agents),
    }
    if program := os.environ.get("LIVEKIT_SERVER_BIN", ""):
        variables["LIVEKIT_SERVER"] = program
    product = running("dev", folder, variables)
    process = loop_thread.run(product.__aenter__())
    loop_thread.run(process.wait_until_ready(), timeout_seconds=START_SECONDS)
    yield process.address
    loop_thread.run(product.__aexit__(None, None, None))


def require_built_page() -> None:
    """Fail with the cure where the page is not built."""
    assert (STATIC / "index.html").is_file(), "the page is not built: make page"
