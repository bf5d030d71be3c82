"""The page as a person uses it: by what is written on it."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from tests.browser.stand_in_agent import GREETING

_LOOK_AGAIN_MS = 50


def wait_until(page: Page, expression: str, timeout_ms: float = 45_000) -> None:
    """Wait until a JavaScript expression is true; fails with it where it does not become so.

    Playwright's own wait has the page evaluate it, which the page's policy forbids.
    """
    for _ in range(round(timeout_ms / _LOOK_AGAIN_MS)):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(_LOOK_AGAIN_MS)
    raise AssertionError(f"not true: {expression}")


class CallPage:
    """Actions and sights of the page; selectors live here and nowhere else."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self._url = url

    def open(self, query: str = "") -> None:
        """Load the page and wait for its lobby."""
        self.page.goto(self._url + query)
        expect(self.button("Join")).to_be_visible()

    def join(self, greeting: str = GREETING) -> None:
        """Join with one click and wait for the agent's first words."""
        self.button("Join").click()
        self.expect_said(greeting)

    def leave(self) -> None:
        """Leave the call."""
        self.button("Leave").click()
        expect(self.button("Rejoin")).to_be_visible()

    def type(self, text: str) -> None:
        """Type to the agent."""
        draft = self.page.get_by_label("Type to the agent")
        draft.fill(text)
        draft.press("Enter")
        expect(draft).to_have_value("")

    def button(self, name: str) -> Locator:
        """A button by its exact name."""
        return self.page.get_by_role("button", name=name, exact=True)

    @property
    def state(self) -> Locator:
        """The large line that says what is going on."""
        return self.page.get_by_test_id("state")

    @property
    def notices(self) -> Locator:
        """Sentences about what is wrong."""
        return self.page.get_by_label("Notices")

    @property
    def messages(self) -> Locator:
        """What was said, oldest first."""
        return self.page.get_by_role("listitem").and_(self.page.locator("[data-side]"))

    def said_by(self, side: str) -> Locator:
        """What one side said: `agent`, `caller` or `guest`."""
        return self.page.locator(f'[data-side="{side}"]')

    def expect_said(self, text: str, *, side: str = "agent") -> None:
        """Wait for a finished message of a side that holds `text`."""
        finished = self.said_by(side).and_(self.page.locator('[data-final="true"]'))
        expect(finished.filter(has_text=text).last).to_be_visible()

    def expect_state(self, word: str) -> None:
        """Wait for a state."""
        expect(self.state).to_contain_text(re.compile(word))

    def level(self, who: str) -> float:
        """The loudness that the visualiser shows: of `agent` or `caller`, 0 to 1."""
        canvas = self.page.locator("canvas.contours")
        return float(canvas.get_attribute(f"data-{who}-level") or 0)

    def record(self, selector: str) -> None:
        """From now on remember what the elements of `selector` say, also for a moment only."""
        self.page.evaluate(
            """(selector) => {
                window.recorded = [];
                new MutationObserver(() => {
                    for (const element of document.querySelectorAll(selector)) {
                        const text = element.textContent;
                        if (text !== window.recorded.at(-1)) window.recorded.push(text);
                    }
                }).observe(document.body, { subtree: true, childList: true, characterData: true });
            }""",
            selector,
        )

    def recorded(self) -> list[str]:
        """What was remembered, oldest first."""
        texts: list[str] = self.page.evaluate("window.recorded")
        return texts
