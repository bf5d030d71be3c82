"""What the page says and does when something is refused, missing or lost."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from services.livekit_server.server import LiveKitServer
from services.web.routes.status import AgentStatus
from services.web.routes.tokens import TokenIssuer
from tests.browser.call_page import CallPage, wait_until
from tests.browser.conftest import AUTOPLAY, PATIENCE_MS, LaunchBrowser
from tests.browser.deployment import AgentNursery, Deployment, LoopThread, livekit_server
from tests.browser.stand_in_agent import GREETING

pytestmark = pytest.mark.browser

PLAIN_HTTP_HOST = "voice.test"

# Chromium counts every look of a test as a click, so its own refusal cannot be had here.
SOUND_ON_SECOND_CLICK = """
let clicks = 0;
addEventListener('click', () => { clicks += 1; }, { capture: true });
const play = HTMLMediaElement.prototype.play;
HTMLMediaElement.prototype.play = function () {
    const refusal = new DOMException('play() needs a click', 'NotAllowedError');
    return clicks < 2 ? Promise.reject(refusal) : play.call(this);
};
"""


@pytest.fixture(scope="module")
def bare_browser(launch_browser: LaunchBrowser) -> Browser:
    """Chromium without a microphone, that finds the page under another name too."""
    return launch_browser(f"--host-resolver-rules=MAP {PLAIN_HTTP_HOST} 127.0.0.1", *AUTOPLAY)


@pytest.fixture
def bare_page(bare_browser: Browser) -> Iterator[Page]:
    context = bare_browser.new_context(permissions=["microphone"])
    context.set_default_timeout(PATIENCE_MS)
    yield context.new_page()
    context.close()


def test_a_refused_microphone_is_explained_and_the_call_goes_on_in_writing(
    browser: Browser, page_url: str
) -> None:
    context = browser.new_context(permissions=[])
    call = CallPage(context.new_page(), page_url)
    call.open()
    call.join()
    expect(call.notices).to_contain_text("The microphone is blocked for this page. Allow it")
    expect(call.button("Mute")).to_be_disabled()
    call.type("say I can read you")
    call.expect_said("I can read you")
    context.grant_permissions(["microphone"])
    call.button("Try again").click()
    expect(call.notices).not_to_contain_text("microphone")
    expect(call.button("Mute")).to_be_enabled()
    context.close()


def test_a_missing_microphone_is_explained(bare_page: Page, page_url: str) -> None:
    call = CallPage(bare_page, page_url)
    call.open()
    call.button("Check microphone").click()
    expect(call.notices).to_contain_text("No microphone was found. Connect one, then try again")
    call.join()
    expect(call.notices).to_contain_text("No microphone was found")


def test_plain_http_is_explained_and_the_call_works_in_writing(
    bare_page: Page, beside: Deployment
) -> None:
    address = beside.start_web(allowed_origins=[f"http://{PLAIN_HTTP_HOST}"])
    call = CallPage(bare_page, address.replace("localhost", PLAIN_HTTP_HOST))
    call.open()
    expect(call.notices).to_contain_text("browsers allow the microphone only on https or localhost")
    expect(call.button("Check microphone")).to_be_disabled()
    call.join()
    call.type("say written words")
    call.expect_said("written words")


def test_busy_agents_are_said_within_seconds_and_one_that_comes_free_is_taken(
    page: Page, deployment: Deployment
) -> None:
    deployment.status = AgentStatus(ready=True, rooms=2, capacity=2)
    address = deployment.start_web()
    deployment.start_agent(capacity=0)
    call = CallPage(page, address)
    call.open()
    expect(call.notices).to_contain_text("All agents are busy at the moment")
    call.button("Join").click()
    expect(call.notices).to_contain_text("All agents are busy. Retrying", timeout=15_000)
    call.expect_state("All agents are busy")
    deployment.status = AgentStatus(ready=True, rooms=0, capacity=2)
    deployment.start_agent()
    call.button("Try now").click()
    call.expect_said(GREETING)
    expect(call.notices).not_to_contain_text("busy")
    expect(call.said_by("agent")).to_have_count(1)


def test_no_agent_at_all_is_said_and_one_that_starts_later_comes_by_itself(
    page: Page, deployment: Deployment
) -> None:
    deployment.status = AgentStatus(ready=False, rooms=0, capacity=2)
    call = CallPage(page, deployment.start_web())
    call.open()
    expect(call.notices).to_contain_text("No agent is ready yet")
    call.button("Join").click()
    expect(call.notices).to_contain_text("No agent is running right now. Retrying")
    deployment.start_agent()
    call.expect_said(GREETING)


def test_sound_that_the_browser_holds_back_is_enabled_by_one_tap(page: Page, page_url: str) -> None:
    page.add_init_script(SOUND_ON_SECOND_CLICK)
    call = CallPage(page, page_url)
    call.open()
    call.join()
    expect(call.notices).to_contain_text("Your browser is blocking sound")
    call.button("Turn on sound").click()
    expect(call.notices).not_to_contain_text("is blocking sound")
    heard = "[...document.querySelectorAll('audio')].some(voice => !voice.paused)"
    wait_until(page, heard)


def test_an_agent_that_freezes_is_replaced(page: Page, deployment: Deployment) -> None:
    deployment.start_agent()
    call = CallPage(page, deployment.start_web())
    call.open()
    call.join()
    call.type("freeze 30")
    expect(call.notices).to_contain_text("stopped answering. Another one has taken over")
    expect(call.said_by("agent").filter(has_text=GREETING)).to_have_count(2)
    call.expect_state("Listening")
    expect(call.notices).not_to_contain_text("stopped answering")


def test_a_server_that_is_gone_is_said_and_joined_when_it_is_back(
    page: Page, beside: Deployment
) -> None:
    call = CallPage(page, beside.start_web())
    call.open()
    port = beside.stop_web()
    call.button("Join").click()
    expect(call.notices).to_contain_text("The server does not answer")
    call.expect_state("Waiting for the server")
    beside.start_web(port=port)
    call.expect_said(GREETING)
    expect(call.notices).not_to_contain_text("does not answer")


def test_waiting_for_a_server_can_be_cancelled(page: Page, deployment: Deployment) -> None:
    call = CallPage(page, deployment.start_web())
    call.open("?debug")
    deployment.stop_web()
    call.button("Join").click()
    expect(call.notices).to_contain_text("The server does not answer")
    call.button("Cancel").click()
    call.expect_state("You left the call.")
    for kind in ("audio-context", "media-stream", "room"):
        expect(page.locator(f'.debug [data-kind="{kind}"]')).to_have_count(0)


def test_a_media_server_that_dies_is_survived(
    page: Page, loop_thread: LoopThread, nursery: AgentNursery
) -> None:
    server: LiveKitServer = livekit_server()
    deployment = Deployment(loop_thread.run(server.start()), nursery)
    try:
        deployment.start_agent()
        call = CallPage(page, deployment.start_web())
        call.open()
        call.join()
        assert server.process_id is not None
        os.kill(server.process_id, signal.SIGKILL)
        expect(call.notices).to_contain_text("The connection was lost.")
        call.expect_state("Listening")
        call.type("say back again")
        call.expect_said("back again")
        expect(call.notices).not_to_contain_text("connection")
        expect(call.said_by("agent").first).to_contain_text(GREETING)
    finally:
        deployment.close()
        loop_thread.run(server.stop())


def test_the_access_key_is_asked_for_and_remembered(page: Page, beside: Deployment) -> None:
    call = CallPage(page, beside.start_web(access_key="open sesame"))
    call.open()
    key = page.get_by_label("Access key")
    key.fill("wrong")
    call.button("Join").click()
    expect(page.get_by_role("alert")).to_contain_text("requires an access key")
    key.fill("open sesame")
    call.join()
    call.leave()
    page.reload()
    expect(page.get_by_label("Access key")).to_have_value("open sesame")


def test_a_wrong_room_name_is_corrected_in_the_lobby(
    context: BrowserContext, page: Page, page_url: str
) -> None:
    call = CallPage(page, page_url)
    call.open("?room=a/b")
    call.button("Join").click()
    expect(page.get_by_role("alert")).to_contain_text("letters, digits, spaces")
    page.get_by_label("Room").fill("a better room")
    call.join()


def test_tokens_of_an_identity_service_are_used_and_not_left_in_the_address(
    page: Page, beside: Deployment
) -> None:
    issuing = replace(beside)
    issuer_address = issuing.start_web()
    address = beside.start_web(tokens=False)
    call = CallPage(page, address)
    call.open()
    expect(call.notices).to_contain_text("open the link from your own sign-in page")
    response = page.request.post(f"{issuer_address}/api/token", data={})
    issuing.stop_web()
    page.goto("about:blank")
    call.open(f"/#token={response.json()['token']}")
    assert "token" not in page.url
    call.join()


def test_a_token_that_has_run_out_is_explained(page: Page, beside: Deployment) -> None:
    livekit = beside.livekit
    issuer = TokenIssuer(livekit.api_key, livekit.api_secret, "", "", ttl_seconds=-600)
    call = CallPage(page, beside.start_web(tokens=False))
    call.open(f"/#token={issuer.issue().token}")
    call.button("Join").click()
    call.expect_state("The media server did not accept your token: it has expired")
