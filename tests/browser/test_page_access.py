"""The page for everybody: keyboard alone, small screens, assistive technology."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.call_page import CallPage, wait_until
from tests.browser.deployment import ROOT
from tests.browser.stand_in_agent import GREETING

pytestmark = pytest.mark.browser

AXE = ROOT / "services" / "web" / "page" / "node_modules" / "axe-core" / "axe.min.js"
SERIOUS = ("serious", "critical")
SCREENS = {"phone": (390, 844), "small phone": (320, 568), "tablet": (820, 1180)}


@pytest.fixture(params=["light", "dark"])
def coloured_page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    # The scanner is put into the page, which its policy rightly forbids.
    context = browser.new_context(
        permissions=["microphone"],
        color_scheme=request.param,
        bypass_csp=True,
        reduced_motion="reduce",
    )
    yield context.new_page()
    context.close()


def serious_findings(page: Page) -> list[str]:
    """What axe finds that keeps people out, one line each."""
    if not page.evaluate("'axe' in window"):
        page.add_script_tag(content=AXE.read_text())
    result: dict[str, Any] = page.evaluate("axe.run({ resultTypes: ['violations'] })")
    return [
        f"{found['id']}: {json.dumps([node['html'][:120] for node in found['nodes']])}"
        for found in result["violations"]
        if found["impact"] in SERIOUS
    ]


def test_axe_finds_nothing_serious_in_any_state(coloured_page: Page, page_url: str) -> None:
    call = CallPage(coloured_page, page_url)
    call.open("?debug")
    call.button("Check microphone").click()
    call.button("Name and room").click()
    expect(coloured_page.get_by_label("Your name")).to_be_visible()
    assert serious_findings(coloured_page) == []
    call.join()
    call.button("Captions").click()
    call.button("Sound").click()
    call.type("notice Something is not as it should be.")
    call.type("hear some | some words")
    call.type("say " + "still " * 300)
    expect(call.said_by("agent").last.locator("mark")).to_be_visible()
    call.button("Mute").click()
    assert serious_findings(coloured_page) == []
    call.leave()
    assert serious_findings(coloured_page) == []


@pytest.mark.parametrize("screen", SCREENS)
def test_everything_fits_on_a_small_screen(browser: Browser, page_url: str, screen: str) -> None:
    width, height = SCREENS[screen]
    context = browser.new_context(
        permissions=["microphone"],
        viewport={"width": width, "height": height},
        has_touch=True,
        is_mobile=True,
    )
    call = CallPage(context.new_page(), page_url)
    call.open()
    assert overflow(call.page) == (0, 0) if screen != "small phone" else overflow(call.page)[0] == 0
    call.button("Join").tap()
    call.expect_said(GREETING)
    assert overflow(call.page) == (0, 0)
    for name in ("Mute", "Repeat", "Captions", "Sound", "Leave", "Timings", "Copy", "Save"):
        expect(call.button(name)).to_be_in_viewport(ratio=1)
    for name in ("Mute", "Stop", "Repeat", "Captions", "Sound", "Leave", "Send"):
        box = call.button(name).bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 40
    call.type("say something to read")
    call.expect_said("something to read")
    expect(call.said_by("agent").last).to_be_in_viewport()
    context.close()


def overflow(page: Page) -> tuple[int, int]:
    """By how many pixels the page is wider and higher than the screen."""
    size: list[int] = page.evaluate(
        """() => {
            const root = document.documentElement;
            return [root.scrollWidth - innerWidth, root.scrollHeight - innerHeight];
        }"""
    )
    return max(0, size[0]), max(0, size[1])


def test_a_whole_call_by_keyboard_alone(page: Page, page_url: str) -> None:
    call = CallPage(page, page_url)
    call.open()
    tab_to(page, "Join")
    page.keyboard.press("Enter")
    call.expect_said(GREETING)
    call.expect_state("Listening")
    page.keyboard.press("Space")
    expect(call.state).to_contain_text("you are muted")
    page.keyboard.press("Space")
    expect(call.state).not_to_contain_text("you are muted")
    tab_to(page, "Type to the agent")
    page.keyboard.insert_text("say " + "on " * 300)
    page.keyboard.press("Enter")
    reply = call.said_by("agent").filter(has_text="on on")
    expect(reply).to_be_visible()
    call.expect_state("Speaking")
    page.keyboard.press("Escape")
    call.expect_state("Listening")
    expect(reply).to_contain_text("interrupted")
    tab_to(page, "Sound")
    page.keyboard.press("Enter")
    expect(page.get_by_role("combobox", name="Microphone")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("combobox", name="Microphone")).to_have_count(0)
    tab_to(page, "Leave")
    page.keyboard.press("Enter")
    call.expect_state("You left the call.")
    tab_to(page, "Rejoin")
    page.keyboard.press("Enter")
    call.expect_state("Listening")


def test_escape_closes_the_devices_as_soon_as_they_are_drawn(page: Page, page_url: str) -> None:
    call = CallPage(page, page_url)
    call.open()
    call.join()
    closed = page.evaluate(
        """async () => {
            const shown = () => document.getElementById('devices') !== null;
            const settled = async (wanted) => {
                for (let turn = 0; turn < 1000 && shown() !== wanted; turn += 1)
                    await Promise.resolve();
                return shown() === wanted;
            };
            document.querySelector('[aria-controls=devices]').click();
            if (!await settled(true)) return 'not opened';
            dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape', code: 'Escape' }));
            return await settled(false);
        }"""
    )
    assert closed is True


def tab_to(page: Page, name: str) -> None:
    """Press Tab until the control of that name has the focus, which must be seen."""
    for _ in range(40):
        page.keyboard.press("Tab")
        focused = page.evaluate(
            """() => {
                const element = document.activeElement;
                const label = element.labels?.[0]?.textContent;
                const name = element.ariaLabel ?? label ?? element.textContent;
                const style = getComputedStyle(element);
                return [name.trim(), style.outlineStyle !== 'none'];
            }"""
        )
        if focused[0] == name:
            assert focused[1], f"the focus on {name} is not visible"
            return
    raise AssertionError(f"Tab does not reach {name}")


def test_less_motion_is_respected(browser: Browser, page_url: str) -> None:
    context = browser.new_context(reduced_motion="reduce")
    call = CallPage(context.new_page(), page_url)
    call.open()
    drawn = "document.querySelector('canvas.contours').toDataURL()"
    wait_until(call.page, f"{drawn}.length > 2000")
    first = call.page.evaluate(drawn)
    call.page.wait_for_timeout(400)
    assert call.page.evaluate(drawn) == first
    context.close()
