# ruff: noqa: F811  (fixtures of another module are imported by name, and asked for as parameters)
"""The crew's list on a phone whose owner has set text of twice the size, or has magnified the page."""

from __future__ import annotations

import contextlib

import pytest
from playwright.sync_api import expect

from tests.dashboard_api.test_page import OFFLINE_FLAGS, browser, lit_town, port  # noqa: F401

pytestmark = [pytest.mark.xdist_group("chromium-crew"), pytest.mark.timeout(180)]
LETTERS = 12  # of a name that are seen at least
SETTINGS = {
    "text of 200 %": ({"width": 360, "height": 740}, 32),
    "a page of 200 %": ({"width": 180, "height": 370}, 16),
}
TABS = (
    """tabs => tabs.map((tab) => tab.getBoundingClientRect()).map(({ left, right, height }) => [left, right, height])"""
)
SHOWN = """row => {
    const cut = row.getBoundingClientRect();
    return [...row.querySelectorAll("strong, .place, .away, .priority")].map((part) => {
        const box = part.getBoundingClientRect();
        const isInside = box.top >= cut.top - 1 && box.bottom <= cut.bottom + 1 && box.right <= innerWidth;
        const letter = parseFloat(getComputedStyle(part).fontSize) * 0.5;
        return [part.className || part.tagName, isInside, Math.floor(box.width / letter)];
    });
}"""


@pytest.mark.parametrize("setting", SETTINGS)
def test_rows_have_names_and_all_tabs_are_in_reach(lit_town, port, browser, require_debian, setting):
    lit_town.darken(3, 4)
    viewport, letters_px = SETTINGS[setting]
    flags = [*OFFLINE_FLAGS, f"--blink-settings=defaultFontSize={letters_px}"]
    program = str(require_debian("chromium"))
    with (
        contextlib.closing(browser.browser_type.launch(executable_path=program, args=flags)) as own,
        contextlib.closing(own.new_context(viewport=viewport, has_touch=True, service_workers="block")) as context,
    ):
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{port}/crew?lang=id")
        expect(page.locator("a.row")).to_have_count(2)
        tabs = page.locator("[data-tab]").evaluate_all(TABS)
        assert len(tabs) == 5
        assert all(left >= -1 and right <= viewport["width"] + 1 and height >= 24 for left, right, height in tabs), tabs
        shown = page.locator("a.row").first.evaluate(SHOWN)
        assert all(is_inside for _name, is_inside, _letters in shown), shown
        assert {name: letters for name, _is_inside, letters in shown}["STRONG"] >= LETTERS, shown
