"""The page gives back what it takes: after calls, and when it goes away."""

from __future__ import annotations

import contextlib
import re

import pytest
from playwright.sync_api import CDPSession, Page, expect

from tests.browser.call_page import CallPage, wait_until
from tests.browser.conftest import AUTOPLAY, FAKE_MICROPHONE, LaunchBrowser

pytestmark = pytest.mark.browser

TIMERS_SECONDS = 30
CYCLES = 20
SETTLED_AFTER = 3
MEBIBYTE = 1024 * 1024

# Everything of these kinds that was ever made, without keeping it alive.
WATCH_NATIVE_OBJECTS = """
(() => {
    const made = { contexts: [], connections: [], tracks: [], urls: new Set() };
    const watch = (name, list) => {
        const Original = window[name];
        window[name] = class extends Original {
            constructor(...options) {
                super(...options);
                list.push(new WeakRef(this));
            }
        };
    };
    watch('AudioContext', made.contexts);
    watch('RTCPeerConnection', made.connections);
    const ask = navigator.mediaDevices?.getUserMedia.bind(navigator.mediaDevices);
    if (ask) {
        navigator.mediaDevices.getUserMedia = async (constraints) => {
            const stream = await ask(constraints);
            for (const track of stream.getTracks()) made.tracks.push(new WeakRef(track));
            return stream;
        };
    }
    const create = URL.createObjectURL.bind(URL);
    URL.createObjectURL = (blob) => {
        const url = create(blob);
        made.urls.add(url);
        return url;
    };
    const revoke = URL.revokeObjectURL.bind(URL);
    URL.revokeObjectURL = (url) => {
        made.urls.delete(url);
        revoke(url);
    };
    const alive = (list, isAlive) => list.filter((ref) => {
        const object = ref.deref();
        return object !== undefined && isAlive(object);
    }).length;
    window.nativeObjects = () => ({
        made: made.contexts.length + made.connections.length + made.tracks.length,
        alive: {
            contexts: alive(made.contexts, (context) => context.state !== 'closed'),
            connections: alive(made.connections, (one) => one.connectionState !== 'closed'),
            tracks: alive(made.tracks, (track) => track.readyState !== 'ended'),
            urls: made.urls.size,
            elements: document.querySelectorAll('audio, video').length,
        },
    });
})();
"""
CLOSED_WITHIN_MS = 5000


def expect_nothing(page: Page) -> None:
    """Wait until no native object lives, which closes a little later than it is asked to.

    Fails when none was ever made.
    """
    none_lives = "!Object.values(window.nativeObjects().alive).some(Boolean)"
    with contextlib.suppress(AssertionError):
        wait_until(page, none_lives, CLOSED_WITHIN_MS)
    counts = page.evaluate("window.nativeObjects()")
    assert counts["made"] > 0
    assert not any(counts["alive"].values()), counts["alive"]


def heap_bytes(devtools: CDPSession) -> int:
    """Bytes in use after a forced collection."""
    for _ in range(3):
        devtools.send("HeapProfiler.collectGarbage")
    return int(devtools.send("Runtime.getHeapUsage")["usedSize"])


@pytest.fixture
def interpreted_page(launch_browser: LaunchBrowser) -> Page:
    """A tab that compiles nothing: compiled code grows with use, whatever the page holds."""
    flags = "--js-flags=--no-sparkplug --no-maglev --no-turbofan"
    browser = launch_browser(*FAKE_MICROPHONE, *AUTOPLAY, flags)
    return browser.new_page(permissions=["microphone"])


def test_twenty_calls_leave_nothing_behind(interpreted_page: Page, page_url: str) -> None:
    page = interpreted_page
    page.add_init_script(WATCH_NATIVE_OBJECTS)
    devtools = page.context.new_cdp_session(page)
    call = CallPage(page, page_url)
    call.open()
    settled = 0
    for cycle in range(1, CYCLES + 1):
        call.button("Join" if cycle == 1 else "Rejoin").click()
        call.expect_state("Listening|Speaking")
        expect(call.button("Mute")).to_be_enabled()
        call.leave()
        if cycle == SETTLED_AFTER:
            settled = heap_bytes(devtools)
    expect_nothing(page)
    # The media client keeps its own timers for some seconds after a call, and what they hold.
    for _ in range(TIMERS_SECONDS):
        grown = heap_bytes(devtools) - settled
        if grown < MEBIBYTE:
            break
        page.wait_for_timeout(1000)
    assert grown < MEBIBYTE


def test_the_debug_panel_lists_what_is_open_and_a_call_returns_all_of_it(
    page: Page, page_url: str
) -> None:
    call = CallPage(page, page_url)
    call.open()
    expect(page.locator(".debug")).to_have_count(0)
    page.evaluate("localStorage.setItem('DEBUG_MEMORY', '1')")
    page.reload()
    opened = page.locator(".debug [data-kind]")
    # By then the panel has looked again.
    expect(opened.filter(has_text="debug panel")).to_contain_text(re.compile(r"[1-9] s$"))
    lobby = set(opened.evaluate_all("rows => rows.map(row => row.dataset.kind)"))
    call.join()
    for kind in ("audio-context", "media-stream", "room", "media-element", "meter"):
        assert kind not in lobby
        expect(page.locator(f'.debug [data-kind="{kind}"]')).not_to_have_count(0)
    call.leave()
    beyond = "".join(f':not([data-kind="{kind}"])' for kind in lobby)
    expect(page.locator(f".debug [data-kind]{beyond}")).to_have_count(0)


def test_a_failed_join_and_a_tried_microphone_are_returned_too(page: Page, page_url: str) -> None:
    page.add_init_script(WATCH_NATIVE_OBJECTS)
    call = CallPage(page, page_url)
    call.open("?room=a/b")
    call.button("Check microphone").click()
    expect(page.get_by_text("You can be heard.")).to_be_visible()
    call.button("Join").click()
    expect(page.get_by_role("alert")).to_be_visible()
    expect_nothing(page)


def test_a_page_that_goes_away_leaves_the_room_and_closes_everything(
    page: Page, page_url: str
) -> None:
    page.add_init_script(WATCH_NATIVE_OBJECTS)
    call = CallPage(page, page_url)
    call.open("?debug")
    call.join()
    page.evaluate("window.dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))")
    expect_nothing(page)
    page.evaluate("window.dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    call.button("Rejoin").click()
    call.expect_state("Listening")
    canvas = page.locator("canvas.contours")
    expect(canvas).to_have_attribute("data-caller-level", re.compile("[1-9]"))
