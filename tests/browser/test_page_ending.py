"""How a call of the whole product ends and is taken up again, as the page shows it."""

from __future__ import annotations

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from agent import phrases
from tests.browser.call_page import CallPage

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
    call.expect_state(phrases.CALL_ENDED)
    expect(call.button("Rejoin")).to_be_visible()
    # Longer than the page waits before it asks for another agent.
    call.page.wait_for_timeout(4000)
    assert [url for url in asked if "/api/dispatch" in url or "/api/token" in url] == []
    assert not [text for text in call.recorded() if "stopped answering" in text]
    expect(call.said_by("agent").filter(has_text=phrases.BACK)).to_have_count(0)
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
    call: CallPage, context: BrowserContext, real_page_url: str
) -> None:
    expect_answered(call, "two", "is four")
    # Without a chance to say that it leaves: LiveKit shows the caller for some time more.
    crashing = context.new_cdp_session(call.page)
    with pytest.raises(Exception, match="crash"):
        crashing.send("Page.crash")
    again = CallPage(context.new_page(), real_page_url)
    again.open("?room=a-call-to-be-ended")
    again.button("Join").click()
    again.expect_state("Listening")
    expect_answered(again, "three", "is six")
