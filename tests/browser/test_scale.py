"""Several real workers behind one page: a caller whose worker dies gets another, and goes on."""

from __future__ import annotations

import itertools
import secrets
import signal
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from agent.languages import ENGLISH
from services.livekit_server.credentials import LiveKitCredentials
from tests.browser.call_page import CallPage
from tests.browser.conftest import require_built_page
from tests.browser.deployment import LoopThread
from tests.room.processes import START_SECONDS, AgentProcess, running
from tests.room.workers import account, start

pytestmark = pytest.mark.browser

_numbers = itertools.count(1)


class Fleet:
    """Processes of the product at one LiveKit server, ended with the test."""

    def __init__(self, livekit: LiveKitCredentials, loop: LoopThread, folder: Path) -> None:
        self._livekit = livekit
        self._loop = loop
        self._folder = folder
        self._settings = {
            **account(livekit, f"fleet-{secrets.token_hex(4)}"),
            "MAX_ROOMS": "1",
            # A busy machine makes loops late, and that is not what these tests are about.
            "LOOP_LAG_LIMIT_SECONDS": "60",
        }
        self._stack = ExitStack()

    def start_web(self) -> str:
        """Start the web role; returns the page's address."""
        web = self._enter(running("web", self._new_folder(), self._settings))
        self._loop.run(web.wait_until_ready(), timeout_seconds=START_SECONDS)
        return web.address

    def start_worker(self) -> AgentProcess:
        """Start one more worker and wait until it is ready."""
        worker = self._enter(start(self._livekit, self._new_folder(), self._settings))
        self._loop.run(worker.wait_for_log("worker ready"), timeout_seconds=START_SECONDS)
        return worker

    def close(self) -> None:
        """End all of them."""
        self._stack.close()

    def _new_folder(self) -> Path:
        folder = self._folder / str(next(_numbers))
        folder.mkdir()
        return folder

    def _enter(self, process: AbstractAsyncContextManager[AgentProcess]) -> AgentProcess:
        entered = self._loop.run(process.__aenter__())
        self._stack.callback(lambda: self._loop.run(process.__aexit__(None, None, None)))
        return entered


@pytest.fixture
def fleet(livekit: LiveKitCredentials, loop_thread: LoopThread, tmp_path: Path) -> Iterator[Fleet]:
    require_built_page()
    fleet = Fleet(livekit, loop_thread, tmp_path)
    yield fleet
    fleet.close()


def test_a_killed_workers_call_goes_on_with_another_by_itself(page: Page, fleet: Fleet) -> None:
    first = fleet.start_worker()
    call = CallPage(page, fleet.start_web())
    call.open()
    call.join("Hello")
    call.expect_state("Listening")
    call.type("what is two plus three")
    call.expect_said("five")
    fleet.start_worker()
    call.type("count to twelve")
    expect(call.said_by("agent").filter(has_text="One, two")).to_be_visible()
    first.send(signal.SIGKILL)
    expect(call.notices).to_contain_text("The agent stopped answering. Another one is on its way")
    call.expect_said(ENGLISH.back)
    expect(call.said_by("agent").filter(has_text="One, two")).to_contain_text("interrupted")
    call.expect_state("Listening")
    expect(call.notices).not_to_contain_text("stopped answering")
    call.type("what did i say")
    expect(call.said_by("agent").last).to_contain_text("count to twelve")
