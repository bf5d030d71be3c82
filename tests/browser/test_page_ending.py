"""How a call of the whole product ends and is taken up again, as the page shows it."""

from __future__ import annotations

import os
import signal

import pytest
from playwright.sync_api import Browser, Page, expect

from agent.languages import ENGLISH
from tests.browser.call_page import CallPage
from tests.browser.conftest import AUTOPLAY, FAKE_MICROPHONE, LaunchBrowser

pytestmark = pytest.mark.browser

HELLO = "Hello"


@pytest.fixture
def call(page: Page, real_page_url: str) -> CallPage:
    """A call with the product's own agent, which has greeted."""
    call = CallPage(page, real_page_url)
    call.open("?room=a-call-to-be-ended")
    call.join(HELLO)
    return call


def expect_answered(call: CallPage, number: str, answer: str) -> None:
    """Ask something by typing and wait for what the agent says."""
    call.type(f"what is {number} plus {number}")
    call.expect_said(answer)


def test_hang_up_ends_the_call_and_brings_no_other_agent(call: CallPage) -> None:
    asked: list[str] = []
    call.page.on("request", lambda request: asked.append(request.url))
    expect_answered(call, "two", "is four")
    call.record('[data-testid="state"], [data-notice]')
    call.type("hang up")
    call.expect_state(ENGLISH.call_ended)
    expect(call.button("Rejoin")).to_be_visible()
    # Longer than the page waits before it asks for another agent.
    call.page.wait_for_timeout(4000)
    assert [url for url in asked if "/api/dispatch" in url or "/api/token" in url] == []
    assert not [text for text in call.recorded() if "stopped answering" in text]
    expect(call.said_by("agent").filter(has_text=ENGLISH.back)).to_have_count(0)
    call.button("Rejoin").click()
    expect(call.said_by("agent").filter(has_text=HELLO)).to_have_count(2)
    expect_answered(call, "three", "is six")


def test_who_leaves_and_comes_back_at_once_is_heard(call: CallPage) -> None:
    expect_answered(call, "two", "is four")
    for number, answer in (("three", "is six"), ("four", "is eight")):
        call.leave()
        call.button("Rejoin").click()
        call.expect_state("Listening")
        expect_answered(call, number, answer)


def test_who_reloads_the_page_and_joins_the_room_again_is_heard(call: CallPage) -> None:
    expect_answered(call, "two", "is four")
    call.page.reload()
    call.button("Join").click()
    call.expect_state("Listening")
    expect_answered(call, "three", "is six")


def test_who_comes_back_after_a_crash_is_heard(
    page: Page, real_page_url: str, launch_browser: LaunchBrowser
) -> None:
    doomed = launch_browser(*FAKE_MICROPHONE, *AUTOPLAY)
    first = CallPage(doomed.new_context(permissions=["microphone"]).new_page(), real_page_url)
    first.open("?room=a-call-that-crashes")
    first.join(HELLO)
    expect_answered(first, "two", "is four")
    kill_pages(doomed)
    # LiveKit shows the one who crashed for some time more, and the agent stays for that one.
    again = CallPage(page, real_page_url)
    again.open("?room=a-call-that-crashes")
    again.button("Join").click()
    again.expect_state("Listening")
    expect_answered(again, "three", "is six")


def kill_pages(browser: Browser) -> None:
    """Have no page of that browser a chance to say that it leaves."""
    session = browser.new_browser_cdp_session()
    processes = session.send("SystemInfo.getProcessInfo")["processInfo"]
    renderers = [process["id"] for process in processes if process["type"] == "renderer"]
    assert renderers
    for process_id in renderers:
        os.kill(process_id, signal.SIGKILL)
