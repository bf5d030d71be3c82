"""The page in another language than English: chosen by the browser, or by the caller."""

from __future__ import annotations

from playwright.sync_api import Browser, expect

from tests.browser.call_page import CallPage
from tests.browser.stand_in_agent import GREETING
from tests.browser.test_page_access import overflow


def test_a_german_browser_gets_a_german_page_which_the_caller_may_switch(
    browser: Browser, page_url: str
) -> None:
    context = browser.new_context(
        permissions=["microphone"], locale="de-AT", viewport={"width": 320, "height": 568}
    )
    page = context.new_page()
    call = CallPage(page, page_url)
    page.goto(page_url)
    html = page.locator("html")
    expect(html).to_have_attribute("lang", "de")
    expect(page.get_by_role("heading", level=1)).to_have_text("Mit the stand-in sprechen")
    call.button("Beitreten").click()
    call.expect_said(GREETING)
    expect(call.state).to_have_text("Hört zu")
    greeting = call.said_by("agent").first
    expect(greeting).to_contain_text("Assistent")
    # What an English agent says is read by an English voice of a screen reader.
    expect(greeting.locator(".text")).to_have_attribute("lang", "en")
    for name in ("Mikro aus", "Nochmal", "Untertitel", "Ton", "Auflegen", "Zeiten", "Senden"):
        expect(call.button(name)).to_be_in_viewport(ratio=1)
    assert overflow(page)[0] == 0
    page.get_by_label("Dem Assistenten schreiben").fill("notice Sorry.")
    call.button("Senden").click()
    expect(page.get_by_label("Hinweise")).to_contain_text("Sorry.")

    page.get_by_label("Sprache").select_option("English")
    expect(html).to_have_attribute("lang", "en")
    expect(call.state).to_have_text("Listening")
    expect(call.said_by("agent").first).to_contain_text("Agent")
    call.leave()
    expect(call.state).to_have_text("You left the call.")
    page.get_by_label("Language").select_option("Deutsch")
    expect(call.state).to_have_text("Sie haben das Gespräch verlassen.")
    page.get_by_label("Sprache").select_option("English")

    page.reload()
    expect(call.button("Join")).to_be_visible()
    context.close()


def test_a_browser_of_a_language_without_a_pack_gets_the_english_page(
    browser: Browser, page_url: str
) -> None:
    context = browser.new_context(locale="is-IS")
    call = CallPage(context.new_page(), page_url)
    call.open()
    expect(call.page.locator("html")).to_have_attribute("lang", "en")
    context.close()
