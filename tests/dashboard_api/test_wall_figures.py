# ruff: noqa: F811  (fixtures of another module are imported by name, and asked for as parameters)
"""Whatever the figures and names, nothing on the wall is cut, runs into something else or leaves the picture."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import expect

from languages.catalogue import load_languages
from tests.dashboard_api.test_page import browser, serving  # noqa: F401
from tests.dashboard_api.test_wall import city, open_wall, port, wall  # noqa: F401

SIZES = {
    "720": {"width": 1280, "height": 720},
    "768": {"width": 1366, "height": 768},
    "1080": {"width": 1920, "height": 1080},
    "2160": {"width": 3840, "height": 2160},
}
STREET = "Jalan Jenderal Sudirman"
LONG = "Jalan Raya Prof. Dr. Hajjah Raden Ayu Kusumowardhani Sosrodiningrat Utara"
# Texts that are wider than their place; those that leave the picture, and pairs that cover each other. A street
# may end in an ellipsis where another line of the wall says it in full, or says more.
MAY = ".tile.oldest .note:last-child, .what"
CUT = f"""() => [...document.querySelectorAll('#board *')]
  .filter(e => e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).display !== 'inline')
  .filter(e => e.innerText.trim() && !e.matches('{MAY}'))
  .map(e => `${{e.className || e.tagName}}: ${{e.innerText}}`)"""
LAID = """() => {
  const texts = document.createTreeWalker(document.getElementById('board'), NodeFilter.SHOW_TEXT), found = [];
  const boxes = [];
  while (texts.nextNode()) {
    const node = texts.currentNode, range = document.createRange();
    if (!node.data.trim()) continue;
    range.selectNodeContents(node);
    for (const { left, right, top, bottom, height } of range.getClientRects()) {
      const clip = { left, right };  // what an ellipsis hides covers nothing
      for (let each = node.parentElement; each.id !== 'board'; each = each.parentElement)
        if (getComputedStyle(each).overflow === 'hidden') {
          const outer = each.getBoundingClientRect();
          clip.left = Math.max(clip.left, outer.left);
          clip.right = Math.min(clip.right, outer.right);
        }
      if (clip.right - clip.left > 1)  // letters are lower than their line
        boxes.push({ ...clip, node, text: node.data.trim(), top: top + height * 0.18, bottom: bottom - height * 0.18 });
    }
  }
  boxes.forEach((a, n) => {
    if (a.left < 0 || a.top < 0 || a.right > innerWidth || a.bottom > innerHeight) found.push(`outside: ${a.text}`);
    for (const b of boxes.slice(n + 1))
      if (a.node !== b.node && a.left < b.right - 1 && b.left < a.right - 1
          && a.top < b.bottom - 1 && b.top < a.bottom - 1) found.push(`${a.text} covers ${b.text}`);
  });
  return found;
}"""


def many(room):
    """Ten thousand faults in a city of a million lamps, years old."""
    room["summary"]["faults"] |= {
        "open": 12_999,
        "by_severity": {"critical": 12_345, "major": 14_321, "minor": 11_222, "warning": 12_111},
    }
    room["summary"]["lamps"] |= {"lit": 1_100_234, "dark": 98_765, "silent": 12_345, "unmetered": 23_223}
    room["energy"] |= {"measured_kwh": 1_234_567.8, "estimated_kwh": 135_801.7, "newest_hour": room["now"]}
    room["repairs"] |= {"verified": 12_345, "still_dark": 123, "waiting": 4_567, "is_whole": False}
    for fault in [*room["worst"], room["oldest"]]:
        fault["since"] = "2024-11-01T12:00:00Z"


def every_title(language):
    titles = [
        text
        for one in load_languages()
        if one.language == language
        for name, text in one.messages.items()
        if re.fullmatch(r"fault\.\w+\.title", name)
    ]

    def change(room):
        """The longest titles of the catalogue, each in a street of usual length."""
        fault = room["worst"][0]
        longest = sorted(titles, key=len)[-5:]
        room["worst"] = [{**fault, "id": str(n), "title": text} for n, text in enumerate(longest)]
        for fault in [*room["worst"], room["oldest"], *(event["fault"] for event in room["events"])]:
            fault |= {"street": STREET, "district": "Kota Baru", "since": "2026-09-21T12:00:00Z"}

    return change


def nothing(room):
    """No fault, no event, no reading, no energy."""
    room["worst"], room["oldest"], room["events"] = [], None, []
    room["summary"]["faults"] |= {"open": 0, "by_severity": {}}
    room["summary"]["lamps"] |= {"lit": 0, "dark": 0, "off": 0, "silent": 0, "unmetered": 0, "lit_share": None}
    room["summary"]["live_age_s"] = None
    room["energy"] |= {"newest_hour": None}


def long_names(room):
    for fault in [*room["worst"], room["oldest"], *(event["fault"] for event in room["events"])]:
        fault |= {"street": LONG, "district": "Kecamatan Pangkalan Kerinci Barat Daya"}


def new_year(room):
    room["now"] = "2026-12-31T17:00:30Z"  # half a minute after midnight in Jakarta


def shown(page, port, city, language, change):
    """Open the wall with its room changed."""

    def alter(route):
        answer = route.fetch()
        room = answer.json()
        change(room)
        route.fulfill(response=answer, body=json.dumps(room))

    page.route("**/wall_map-*.js", lambda route: route.abort())  # seconds without a graphics card
    page.route(re.compile("/api/v1/live"), alter)
    open_wall(page, port, city, f"?lang={language}")
    page.evaluate("document.fonts.ready.then(() => true)")


def in_each_size(page):
    """Give the page each screen's size, one after the other; yields its name once the page is laid out anew."""
    for name, size in SIZES.items():
        page.set_viewport_size(size)
        page.wait_for_function("size => innerWidth === size.width && innerHeight === size.height", arg=size)
        page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        yield name


@pytest.mark.parametrize("language", ["en", "id"])
def test_large_figures_and_every_title_are_whole(browser, city, port, language):
    for change in (many, every_title(language), nothing, new_year):
        with wall(browser, SIZES["720"]) as page:
            shown(page, port, city, language, change)
            for size in in_each_size(page):
                assert page.evaluate(CUT) == [], (change, size)
                assert page.evaluate(LAID) == [], (change, size)


def test_long_names_end_in_an_ellipsis_and_cover_nothing(browser, city, port):
    def rename(route):
        answer = route.fetch()
        city = answer.json()
        city["branding"] = {"title": f"Kabupaten {LONG}", "accent": None, "logo": None}
        route.fulfill(response=answer, body=json.dumps(city))

    with wall(browser, SIZES["720"]) as page:
        page.route(re.compile("/api/v1/city"), rename)
        shown(page, port, city, "id", long_names)
        expect(page.locator("h1")).to_contain_text("Kusumowardhani")
        for size in in_each_size(page):
            assert page.evaluate(LAID) == [], size
        page.route(re.compile("/api/v1/live"), lambda route: route.abort())
        expect(page.locator(".status")).to_contain_text("Tanpa sambungan", timeout=15_000)
        for size in in_each_size(page):
            assert page.evaluate(LAID) == [], size


def test_old_readings_do_not_shine_as_if_they_were_now(browser, city, port):
    for age_s, words in ((86_400 * 3, "3 days old"), (-86_400, "1 day ahead")):

        def old(room, age_s=age_s):
            room["summary"]["live_age_s"] = age_s

        with wall(browser) as page:
            shown(page, port, city, "en", old)
            expect(page.locator(".status.lost")).to_contain_text(words)
            assert float(page.locator(".headline").evaluate("e => getComputedStyle(e).opacity")) < 0.8
