"""A call on the page, from joining to leaving."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from services.protocol import WaitReason
from tests.browser.call_page import CallPage
from tests.browser.stand_in_agent import GREETING, NOTICES

pytestmark = pytest.mark.browser

WAIT_SECONDS = 45.0
LONG = 300
"""Words of a reply that goes on for as long as a test looks at it."""


@pytest.fixture
def call(page: Page, page_url: str) -> CallPage:
    call = CallPage(page, page_url)
    call.open()
    return call


@pytest.fixture(scope="module")
def shared_page(browser: Browser, page_url: str) -> Iterator[CallPage]:
    context = browser.new_context(permissions=["microphone"])
    call = CallPage(context.new_page(), page_url)
    yield call
    context.close()


@pytest.fixture
def talk(shared_page: CallPage) -> CallPage:
    """A call in progress in which nobody speaks; tests share it while it works."""
    if shared_page.page.get_by_text("Listening").is_hidden():
        shared_page.open()
        shared_page.join()
        shared_page.expect_state("Listening")
    return shared_page


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_one_click_joins_and_the_agent_is_seen_and_heard(call: CallPage) -> None:
    call.join()
    call.expect_state("Listening")
    wait_until(lambda: call.level("caller") > 0.3)
    call.type("say " + "la " * LONG)
    call.expect_state("Speaking")
    wait_until(lambda: call.level("agent") > 0.3)


def test_a_call_asks_nobody_but_its_own_servers_and_keeps_to_its_policy(call: CallPage) -> None:
    asked: set[str] = set()
    logged: list[str] = []
    call.page.on("request", lambda request: asked.add(request.url.split("/")[2].split(":")[0]))
    call.page.on("websocket", lambda socket: asked.add(socket.url.split("/")[2].split(":")[0]))
    call.page.on("console", lambda message: logged.append(message.text))
    call.page.reload()
    call.join()
    call.button("Timings").click()
    call.button("Captions").click()
    call.leave()
    assert asked == {"localhost", "127.0.0.1"}
    assert not [text for text in logged if "Content Security Policy" in text]


def test_leaving_and_joining_again_keeps_the_conversation_and_the_room(call: CallPage) -> None:
    call.join()
    call.leave()
    call.expect_state("You left the call.")
    expect(call.said_by("agent")).to_have_count(1)
    call.button("Rejoin").click()
    call.expect_state("Listening")
    call.type("say welcome back")
    call.expect_said("welcome back")
    expect(call.said_by("agent")).to_have_count(2)
    call.leave()
    call.button("New conversation").click()
    call.join()
    expect(call.said_by("agent")).to_have_count(1)


def test_the_callers_words_are_corrected_in_place(talk: CallPage) -> None:
    guessed = talk.said_by("caller").and_(talk.page.locator('[data-final="false"]'))
    for guess in ("what", "what's the thyme"):
        talk.type(f"guess {guess}")
        expect(guessed.locator(".text")).to_have_text(guess)
    talk.type("hear What's the time?")
    expect(guessed).to_have_count(0)
    expect(talk.said_by("caller").get_by_text("What's the time?", exact=True)).to_be_visible()
    # It was typed once.
    expect(talk.said_by("caller").filter(has_text="thyme")).to_have_count(1)


def test_words_that_were_no_words_disappear(talk: CallPage) -> None:
    guessed = talk.said_by("caller").and_(talk.page.locator('[data-final="false"]'))
    talk.type("guess umbrella")
    expect(guessed.locator(".text")).to_have_text("umbrella")
    talk.type("hear ")
    expect(guessed).to_have_count(0)
    # It was typed once.
    expect(talk.said_by("caller").filter(has_text="umbrella")).to_have_count(1)


def test_each_answer_says_why_it_was_waited_for(talk: CallPage) -> None:
    waits = talk.page.get_by_test_id("wait")
    before = waits.count()
    for number in range(len(WaitReason)):
        talk.type(f"say reason {number}")
        expect(waits).to_have_count(before + number + 1)
    found = set()
    for wait in waits.all()[before:]:
        wait.locator("summary").click()
        found.add(wait.get_by_test_id("wait-reason").inner_text())
    assert len(found) == len(WaitReason)
    assert all(text.startswith("Waited 0.31 s after your last word: ") for text in found)
    assert [text for text in found if "dictating" in text]
    expect(waits.filter(has_text="you were dictating")).not_to_have_count(0)


def test_the_word_being_spoken_is_marked(talk: CallPage) -> None:
    talk.record('[data-side="agent"] mark')
    words = "one two three four five six seven eight"
    talk.type(f"say {words}")
    talk.expect_said(words)
    expect(talk.said_by("agent").last.locator("mark")).to_have_count(0)
    marked = talk.recorded()
    assert len(marked) > 1
    assert marked == [word for word in words.split() if word in marked]


def test_a_stopped_reply_is_cut_where_it_was(talk: CallPage) -> None:
    talk.type("say " + " ".join(f"word{number}" for number in range(LONG)))
    talk.expect_state("Speaking")
    expect(talk.said_by("agent").last).to_contain_text("word5")
    talk.button("Stop").click()
    talk.expect_state("Listening")
    reply = talk.said_by("agent").last
    expect(reply).to_contain_text("interrupted")
    assert f"word{LONG - 1}" not in reply.inner_text()


def test_escape_stops_the_agent_and_repeat_says_it_again(talk: CallPage) -> None:
    talk.type("say " + "encore " * LONG)
    replies = talk.said_by("agent").filter(has_text="encore")
    expect(replies).to_have_count(1)
    talk.expect_state("Speaking")
    talk.page.locator("body").press("Escape")
    talk.expect_state("Listening")
    talk.button("Repeat").click()
    talk.expect_state("Speaking")
    expect(replies).to_have_count(2)
    talk.button("Stop").click()
    talk.expect_state("Listening")


def test_mute_by_button_and_by_space_bar(talk: CallPage) -> None:
    talk.button("Mute").click()
    expect(talk.state).to_contain_text("you are muted")
    wait_until(lambda: talk.level("caller") == 0)
    talk.button("Unmute").click()
    expect(talk.state).not_to_contain_text("muted")
    talk.page.get_by_role("list", name="What was said").focus()
    talk.page.keyboard.press("Space")
    expect(talk.button("Unmute")).to_have_attribute("aria-pressed", "true")
    talk.page.keyboard.press("Space")
    wait_until(lambda: talk.level("caller") > 0.3)


def test_space_stays_a_letter_while_typing(talk: CallPage) -> None:
    draft = talk.page.get_by_label("Type to the agent")
    draft.press_sequentially("a b")
    expect(draft).to_have_value("a b")
    draft.clear()
    expect(talk.button("Mute")).to_be_visible()


def test_typed_words_reach_the_agent_and_stand_in_the_conversation(talk: CallPage) -> None:
    talk.type("say <b>not bold</b> & <script>alert(1)</script>")
    talk.expect_said("say <b>not bold</b> & <script>", side="caller")
    talk.expect_said("<b>not bold</b> & <script>alert(1)</script>")


def test_each_turn_shows_where_its_time_went_until_that_is_switched_off(call: CallPage) -> None:
    call.join()
    call.type("say good day")
    call.expect_said("good day")
    wait = call.said_by("agent").last.get_by_test_id("wait")
    expect(wait).to_contain_text("0.44 s")
    wait.locator("summary").click()
    for part in ("End of speech", "Transcript", "First word", "First sound", "0.31 s", "0.10 s"):
        expect(wait).to_contain_text(part)
    history = call.page.get_by_test_id("waits")
    expect(history).to_contain_text("Last answer after 0.44 s, median 0.39 s")
    expect(history.locator("svg g")).to_have_count(2)
    call.button("Timings").click()
    expect(history).to_have_count(0)
    expect(wait).to_have_count(0)
    call.page.reload()
    call.join()
    expect(history).to_have_count(0)


def test_captions_show_the_last_words_large(talk: CallPage) -> None:
    talk.button("Captions").click()
    talk.type("say read my lips")
    captions = talk.page.get_by_test_id("captions")
    expect(captions.get_by_role("log")).to_have_text("Agent: read my lips")
    talk.button("Captions").click()
    expect(captions).to_have_count(0)


def test_the_conversation_can_be_copied_and_kept(
    call: CallPage, context: BrowserContext, tmp_path: Path
) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write", "microphone"])
    call.join()
    call.type("say keep this")
    call.expect_said("keep this")
    call.button("Copy").click()
    expect(call.page.get_by_text("Conversation copied.")).to_be_attached()
    copied = call.page.evaluate("navigator.clipboard.readText()")
    with call.page.expect_download() as download:
        call.button("Save").click()
    path = tmp_path / "conversation.txt"
    download.value.save_as(path)
    assert download.value.suggested_filename.endswith(".txt")
    assert path.read_text() == copied
    lines = [re.sub(r"^\[.*?\] ", "", line) for line in copied.splitlines()[2:]]
    assert lines == [f"Agent: {GREETING}", "You: say keep this", "Agent: keep this"]


def test_an_invited_guest_comes_into_the_same_room(call: CallPage, context: BrowserContext) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write", "microphone"])
    call.join()
    call.button("Invite").click()
    expect(call.page.get_by_text("Invitation link copied.")).to_be_attached()
    link = call.page.evaluate("navigator.clipboard.readText()")
    guest = CallPage(context.new_page(), link)
    guest.open()
    expect(guest.page.get_by_text("You are invited to the room")).to_be_visible()
    guest.button("Name and room").click()
    guest.page.get_by_label("Your name").fill("Grace")
    guest.button("Join").click()
    guest.expect_state("Listening")
    guest.type("say hello both")
    call.expect_said("hello both")
    call.expect_said("say hello both", side="guest")
    expect(call.said_by("guest").locator(".who")).to_contain_text("Grace")
    guest.leave()
    call.expect_state("Listening")


def test_the_agents_notices_are_shown_and_can_be_dismissed(talk: CallPage) -> None:
    talk.type("notice The voice is not available, so I write.")
    notice = talk.page.locator('[data-notice="agent-voice_unavailable"]')
    expect(notice).to_contain_text("The voice is not available, so I write.")
    notice.get_by_role("button", name="Dismiss").click()
    expect(notice).to_have_count(0)


def test_what_callers_should_know_is_one_sentence_with_more_behind_it(call: CallPage) -> None:
    call.join()
    notes = call.page.get_by_test_id("notes")
    expect(notes.get_by_text(NOTICES[0])).to_be_visible()
    expect(notes.get_by_text(NOTICES[1])).to_be_hidden()
    notes.get_by_text(NOTICES[0]).click()
    expect(notes.get_by_text(NOTICES[1])).to_be_visible()
    notes.get_by_role("button", name="Dismiss").click()
    expect(notes).to_have_count(0)
    call.leave()
    call.button("Rejoin").click()
    call.expect_state("Listening")
    expect(notes).to_have_count(0)


def test_an_agent_that_says_goodbye_ends_the_call(call: CallPage) -> None:
    call.join()
    call.type("bye The agent has hung up.")
    call.expect_state("The agent has hung up.")
    expect(call.button("Rejoin")).to_be_visible()


def test_an_agent_that_takes_over_can_ask_what_was_said(call: CallPage) -> None:
    call.join()
    call.type("say one thing")
    call.expect_said("one thing")
    call.type("recall")
    call.expect_said(f"{GREETING} / say one thing / one thing")


def test_the_microphone_is_checked_and_chosen_before_joining(call: CallPage) -> None:
    call.button("Check microphone").click()
    expect(call.page.get_by_text("You can be heard.")).to_be_visible()
    choice = call.page.get_by_role("combobox", name="Microphone")
    expect(choice.locator("option").nth(1)).to_be_attached()
    choice.select_option(index=1)
    chosen = choice.input_value()
    call.join()
    call.button("Sound").click()
    expect(call.page.get_by_role("combobox", name="Microphone")).to_have_value(chosen)
    expect(call.page.get_by_role("combobox", name="Speaker")).to_be_visible()
    call.page.get_by_role("combobox", name="Microphone").select_option(index=0)
    wait_until(lambda: call.level("caller") > 0.3)


def test_the_agent_thinking_is_shown_and_can_be_stopped_before_its_first_word(
    talk: CallPage,
) -> None:
    talk.type("think")
    talk.expect_state("Thinking")
    talk.button("Stop").click()
    talk.expect_state("Listening")
    talk.type("think")
    talk.expect_state("Thinking")
    talk.page.locator("body").press("Escape")
    talk.expect_state("Listening")


def test_colours_follow_the_system_or_the_choice(call: CallPage) -> None:
    background = "getComputedStyle(document.body).backgroundColor"
    call.page.emulate_media(color_scheme="light")
    light = call.page.evaluate(background)
    call.page.emulate_media(color_scheme="dark")
    dark = call.page.evaluate(background)
    assert light != dark
    toggle = call.page.get_by_role("button", name=re.compile("^Colours"))
    body = call.page.locator("body")
    toggle.click()
    expect(body).to_have_css("background-color", light)
    toggle.click()
    call.page.emulate_media(color_scheme="light")
    expect(body).to_have_css("background-color", dark)
