"""Others in the caller's room: seen by the caller, and never taken for the agent."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from services.protocol import (
    NOT_ALLOWED,
    Method,
    Notice,
    NoticeKind,
    StreamAttribute,
    Topic,
    Turn,
)
from tests.browser.call_page import CallPage
from tests.browser.deployment import Deployment, LoopThread
from tests.browser.guest import Guest
from tests.browser.stand_in_agent import GREETING

pytestmark = pytest.mark.browser

ROOM = "room-with-guests"


@pytest.fixture
def call(page: Page, page_url: str, request: pytest.FixtureRequest) -> CallPage:
    """A caller in a room of a known name, with an agent that has greeted."""
    call = CallPage(page, page_url)
    call.open(f"?room={room_of(request)}")
    call.join()
    return call


def room_of(request: pytest.FixtureRequest) -> str:
    return f"{ROOM}-{abs(hash(request.node.name)) % 10**9}"


@pytest.fixture
def guest(
    call: CallPage,
    page: Page,
    page_url: str,
    loop_thread: LoopThread,
    request: pytest.FixtureRequest,
) -> Iterator[Guest]:
    """A guest who is called like the agent, and listens."""
    guest = Guest.of(page, loop_thread, page_url, room_of(request), "Agent")
    guest.join()
    yield guest
    guest.leave()


def test_whoever_is_in_the_call_is_seen_also_one_who_only_listens(
    call: CallPage,
    page: Page,
    page_url: str,
    loop_thread: LoopThread,
    request: pytest.FixtureRequest,
) -> None:
    people = page.get_by_test_id("people")
    expect(people).to_have_text("In this call: you, the agent")
    eve = Guest.of(page, loop_thread, page_url, room_of(request), "Eve")
    eve.join()
    expect(people).to_have_text("In this call: you, the agent, Eve (guest, listening only)")
    eve.leave()
    expect(people).to_have_text("In this call: you, the agent")
    # Who is there already is seen by one who comes.
    second = CallPage(page.context.new_page(), page_url)
    second.open(f"?room={room_of(request)}")
    second.button("Join").click()
    expect(second.page.get_by_test_id("people")).to_have_text(
        "In this call: you, the agent, Caller (guest)"
    )
    expect(people).to_have_text("In this call: you, the agent, Caller (guest)")


def test_a_guest_who_is_called_like_the_agent_says_nothing_in_its_name(
    call: CallPage, guest: Guest
) -> None:
    turn = Turn("x", 1.0, None, 1.0, 1.0, 1.0, 999.0, prepared=False, interrupted=True)
    guest.send(Topic.TURN, turn.encode())
    for kind in NoticeKind:
        guest.send(Topic.NOTICE, Notice(kind, "Dial 0900 123 to go on.").encode())
    words: dict[str, str] = {StreamAttribute.SEGMENT: "forged", StreamAttribute.FINAL: "true"}
    guest.send(Topic.TRANSCRIPTION, "Tell me your password.", words)
    guest.send(Topic.CHAT, "That was all.")
    call.expect_said("That was all.", side="guest")
    call.expect_said("Tell me your password.", side="guest")
    expect(call.said_by("guest").locator(".who bdi").first).to_have_text("Agent (guest)")
    expect(call.said_by("agent")).to_have_count(1)
    expect(call.page.locator("body")).not_to_contain_text("0900")
    expect(call.page.locator("body")).not_to_contain_text("999")
    # The agent told its own turn; the guest's would be a second one.
    expect(call.page.get_by_test_id("waits").locator("svg g")).to_have_count(1)
    # The call goes on, longer than a farewell would have let it.
    call.page.wait_for_timeout(6000)
    call.type("say I am still here")
    call.expect_said("I am still here")


def test_a_guest_does_not_replace_the_words_of_another(call: CallPage, guest: Guest) -> None:
    call.type("hear I want tea")
    call.expect_said("I want tea", side="caller")
    # The agent's streams say to everybody what its segments are called.
    words: dict[str, str] = {StreamAttribute.SEGMENT: "heard-0"}
    guest.send(Topic.TRANSCRIPTION, "I want beer", words | {StreamAttribute.FINAL: "true"})
    call.expect_said("I want beer", side="guest")
    call.expect_said("I want tea", side="caller")


def test_a_guest_who_has_left_is_not_taken_for_the_agent(
    call: CallPage,
    page: Page,
    page_url: str,
    loop_thread: LoopThread,
    request: pytest.FixtureRequest,
) -> None:
    for number in range(10):
        guest = Guest.of(page, loop_thread, page_url, room_of(request), "Guest")
        guest.join()
        guest.send_and_leave(Topic.CHAT, f"forged line {number}", 0.003 * number)
    last = Guest.of(page, loop_thread, page_url, room_of(request), "Guest")
    last.join()
    last.send(Topic.CHAT, "last line")
    call.expect_said("last line", side="guest")
    # The page waits for so long to learn who somebody was.
    page.wait_for_timeout(5500)
    expect(call.said_by("agent").filter(has_text="forged line")).to_have_count(0)
    last.leave()


def test_a_guest_gets_no_history_and_stops_nobodys_agent(call: CallPage, guest: Guest) -> None:
    call.expect_state("Listening")
    call.type("say " + "on " * 300)
    call.expect_state("Speaking")
    assert guest.call(agent=True, method=Method.STOP) == NOT_ALLOWED
    assert guest.call(agent=True, method=Method.REPEAT) == NOT_ALLOWED
    assert guest.call(agent=False, method=Method.HISTORY) != 0
    call.expect_state("Speaking")


def test_the_link_of_another_page_does_not_lead_into_somebody_elses_room(
    page: Page, page_url: str, loop_thread: LoopThread
) -> None:
    """A token in the address is not used where the server gives out its own."""
    owner = Guest.of(page, loop_thread, page_url, "room-of-a-stranger", "Owner")
    owner.join()
    grant = page.request.post(f"{page_url}/api/token", data={"room": "room-of-a-stranger"}).json()
    call = CallPage(page, page_url)
    call.open(f"/#token={grant['token']}")
    expect(call.notices).to_contain_text("The token in this link is not used")
    call.join(GREETING)
    expect(page.get_by_test_id("people")).to_have_text("In this call: you, the agent")
    assert owner.others() == []
    owner.leave()


def test_a_token_names_its_room_before_it_is_joined(page: Page, beside: Deployment) -> None:
    issuer = beside.start_web()
    grant = page.request.post(f"{issuer}/api/token", data={"room": "the green room"}).json()
    beside.stop_web()
    call = CallPage(page, beside.start_web(tokens=False))
    call.open(f"/#token={grant['token']}")
    expect(page.get_by_text("You are invited to the room “the green room”.")).to_be_visible()
    call.join()
    page.goto("about:blank")
    call.open("/#token=nonsense")
    expect(call.notices).to_contain_text("The token in this link names no room")
