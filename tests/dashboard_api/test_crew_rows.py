# ruff: noqa: F811  (fixtures of another module are imported by name, and asked for as parameters)
"""Rows of the crew's list whose elements are used again while it scrolls: each says its own fault, in its own place."""

from __future__ import annotations

import contextlib

import httpx
import pytest
from playwright.sync_api import expect

from tests.dashboard_api.conftest import Town
from tests.dashboard_api.test_page import browser, serving  # noqa: F401

pytestmark = [pytest.mark.xdist_group("chromium-crew"), pytest.mark.timeout(300)]
N_FAULTS = 300
SCREEN = {"width": 360, "height": 740}
# scroll so many frames by steps of random sizes, up and down
SCROLL = """
async ([n, seed]) => {
  const list = document.querySelector("#panel");
  let state = seed;
  for (let k = 0; k < n; k += 1) {
    state = (state * 1103515245 + 12345) % 2147483648;
    list.scrollBy(0, (state % 500) - 150);
    await new Promise(requestAnimationFrame);
  }
}
"""
# what each element of the list says, in the order of the document
ROWS = """
() => [...document.querySelectorAll("ol.rows > li")].map((li) => ({
  top: li.getBoundingClientRect().top + document.querySelector("#panel").scrollTop,
  isHead: li.className === "head",
  fault: li.querySelector("a")?.dataset.fault ?? null,
  href: li.querySelector("a")?.getAttribute("href") ?? "",
  words: li.textContent,
}))
"""
ARE_IN_ORDER = """
() => {
  const tops = [...document.querySelectorAll("ol.rows > li")].map((li) => li.getBoundingClientRect().top);
  return tops.every((top, nth) => nth === 0 || top > tops[nth - 1]);
}
"""
FOCUSED = "() => document.activeElement.dataset.fault ?? null"


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    town = Town(tmp_path_factory.mktemp("rows"), n_lamps=N_FAULTS, n_cabinets=6)
    town.darken(*range(N_FAULTS))
    with serving(town.city) as port:
        yield port
    town.engine.dispose()


@pytest.fixture(scope="module")
def lamps(port):
    """The lamp of each fault."""
    found, cursor = {}, ""
    while cursor is not None:
        answer = httpx.get(f"http://127.0.0.1:{port}/api/v1/faults?limit=100{cursor}").raise_for_status().json()
        found.update({fault["id"]: fault["lamp_id"] for fault in answer["items"]})
        cursor = f"&cursor={answer['next_cursor']}" if answer["next_cursor"] else None
    assert len(found) == N_FAULTS
    return found


@pytest.fixture
def page(port, browser):
    with contextlib.closing(browser.new_context(viewport=SCREEN, has_touch=True, service_workers="block")) as context:
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{port}/crew?lang=en")
        expect(page.locator(".counted")).to_have_text(f"{N_FAULTS} faults", timeout=60_000)
        yield page


def assert_rows_are_their_own(page, lamps):
    """Each element says the lamp of its fault, leads to it, and none is there twice."""
    rows = [row for row in page.evaluate(ROWS) if not row["isHead"]]
    assert len({row["fault"] for row in rows}) == len(rows) > 10
    for row in rows:
        assert lamps[row["fault"]] in row["words"], row
        assert row["fault"] in row["href"], row
    return rows


def test_rows_are_their_own_while_they_scroll_and_in_order_at_rest(page, lamps):
    for seed in range(1, 6):
        page.evaluate(SCROLL, [40, seed])
        assert_rows_are_their_own(page, lamps)
        page.wait_for_function(ARE_IN_ORDER)
        before = {row["fault"]: row["top"] for row in assert_rows_are_their_own(page, lamps)}
    page.evaluate("window.dispatchEvent(new Event('online'))")  # asks anew, and draws
    page.wait_for_load_state("networkidle")
    page.wait_for_function(ARE_IN_ORDER)
    after = {row["fault"]: row["top"] for row in assert_rows_are_their_own(page, lamps)}
    assert before.keys() & after.keys()
    assert all(after[fault] == before[fault] for fault in before.keys() & after.keys())


def test_a_row_with_the_focus_stays_and_the_keyboard_goes_on_below_it(page, lamps):
    page.wait_for_function(ARE_IN_ORDER)
    order = [row["fault"] for row in page.evaluate(ROWS) if not row["isHead"]]
    page.locator("a.row").nth(3).focus()
    page.evaluate(SCROLL, [80, 7])
    assert page.evaluate("document.querySelector('#panel').scrollTop") > 2_000
    assert page.evaluate(FOCUSED) == order[3]
    page.wait_for_function(ARE_IN_ORDER)
    assert_rows_are_their_own(page, lamps)
    assert page.evaluate(FOCUSED) == order[3]
    page.evaluate("document.querySelector('#panel').scrollTo(0, 0)")
    page.wait_for_selector(f"a.row[data-fault='{order[4]}']")  # the keyboard does not wait for the order
    page.keyboard.press("Tab")
    assert page.evaluate(FOCUSED) == order[4]


def test_a_row_that_gets_the_focus_before_the_list_rests_is_followed_by_the_one_below(page, lamps):
    page.evaluate(SCROLL, [40, 3])
    got = page.evaluate(
        """() => {
          document.querySelector("#panel").scrollBy(0, 300);
          return new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => {
            const height = document.querySelector("#panel").getBoundingClientRect();
            const inSight = [...document.querySelectorAll("a.row")].filter((a) => {
              const { top, bottom } = a.getBoundingClientRect();
              return top > height.top + 60 && bottom < height.bottom - 60;
            }).sort((a, b) => a.getBoundingClientRect().top - b.getBoundingClientRect().top);
            inSight[0].focus({ preventScroll: true });
            done(inSight.map((a) => a.dataset.fault));
          })));
        }"""
    )
    assert page.evaluate(FOCUSED) == got[0]
    page.keyboard.press("Tab")
    assert page.evaluate(FOCUSED) == got[1]
    assert_rows_are_their_own(page, lamps)


def test_another_order_of_the_same_faults(page, lamps):
    page.wait_for_function(ARE_IN_ORDER)
    before = [row["fault"] for row in page.evaluate(ROWS) if not row["isHead"]]
    page.evaluate(SCROLL, [30, 5])
    page.context.grant_permissions(["geolocation"])
    page.context.set_geolocation({"latitude": -6.2, "longitude": 106.6})
    page.evaluate("document.querySelector('#panel').scrollTo(0, 0)")
    page.locator("[data-do=near]").click()
    page.wait_for_function("() => /^[\\d.,]+\\s?k?m$/.test(document.querySelector('.away').textContent.trim())")
    page.wait_for_function(ARE_IN_ORDER)
    after = [row["fault"] for row in assert_rows_are_their_own(page, lamps)]
    assert after[:10] != before[:10]
