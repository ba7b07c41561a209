# ruff: noqa: F811  (fixtures of another module are imported by name, and asked for as parameters)
"""Pages of this build with the answers of an older or a newer server: they go on, and say so once."""

from __future__ import annotations

import contextlib
import json
import re

import pytest
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import expect

from tests.dashboard_api.conftest import Town
from tests.dashboard_api.test_page import browser, serving  # noqa: F401
from tests.dashboard_api.test_page_access import SIZES, without_map

pytestmark = [pytest.mark.xdist_group("chromium-page"), pytest.mark.timeout(300)]
NOTICE = re.compile("of another version")
# what a server of any version has told of them; everything else may be missing
ALWAYS = {"id", "code", "items", "next_cursor", "columns", "lamp_id", "mark", "name", "summary", "kind", "at", "now"}
UNKNOWN = {"state": "parked", "severity": "grave", "level": "district", "family": "drone", "kind": "blessed"}


def older(value):
    """The answer of a server that knew little: only names and places of what there is."""
    if isinstance(value, list):
        return [older(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        name: older(each) for name, each in value.items() if name in ALWAYS or (isinstance(each, list) and each != [])
    }


def newer(value):
    """The answer of a server that knows more: further fields, and words that this page has never met."""
    if isinstance(value, list):
        return [newer(each) for each in value]
    if not isinstance(value, dict):
        return value
    changed = {name: UNKNOWN.get(name, newer(each)) if each is not None else None for name, each in value.items()}
    return {**changed, "novelty": {"of": ["tomorrow"]}}


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    town = Town(tmp_path_factory.mktemp("kota"))
    town.write_live([2] * 40)
    town.darken(3, 5)
    town.raise_circuit()
    with serving(town.city) as port:
        yield f"http://127.0.0.1:{port}"
    town.engine.dispose()


@pytest.fixture
def page(browser, request):
    """A page whose API answers as the test's ``answers`` say, and whose own errors fail the test."""
    errors = []
    with contextlib.closing(
        browser.new_context(viewport=SIZES["desktop"], locale="en-GB", service_workers="block")
    ) as context:
        page = without_map(context)
        page.on("pageerror", lambda error: errors.append(error.stack))
        yield page
        page.unroute_all(behavior="ignoreErrors")  # an answer that is under way ends no other test
        assert errors == []


def disguise(page, change):
    """Let every JSON answer of the API pass through ``change``; the plain document asks for all of them."""

    def answer(route):
        with contextlib.suppress(PlaywrightError):  # the page went on meanwhile
            got = route.fetch()
            is_json = got.ok and "json" in got.headers.get("content-type", "")
            route.fulfill(response=got, **({"body": json.dumps(change(got.json()))} if is_json else {}))

    page.route(re.compile(r"/api/v1/(?!events)"), answer)


def nothing_odd(page):
    for words in ("null", "undefined", "NaN", "Invalid", "[object"):
        expect(page.locator("body")).not_to_contain_text(words)


@pytest.mark.parametrize("change", [older, newer])
def test_list_fault_lamp_and_cabinet_go_on_and_say_so_once(address, page, change):
    faults = page.request.get(f"{address}/api/v1/faults").json()["items"]
    lamp_fault = next(each for each in faults if each["code"] == "lampFailure")
    disguise(page, change)
    page.goto(f"{address}/index.html?lang=en")
    rows = page.locator("#faults .row")
    expect(rows).to_have_count(3)
    expect(page.locator(".rows")).to_contain_text("Lamp dark")
    notice = page.locator("#panel .version")
    expect(notice).to_contain_text(NOTICE)
    nothing_odd(page)
    page.locator(f"[data-fault='{lamp_fault['id']}']").click()
    expect(page.locator(".detail h2")).to_have_text("Lamp dark")
    expect(page.locator(".detail .actions")).to_be_visible()
    nothing_odd(page)
    notice.get_by_role("button").click()
    expect(notice).to_have_count(0)
    page.locator(".back").click()
    expect(rows).to_have_count(3)
    expect(page.locator("#panel .version")).to_have_count(0)  # once
    for path, name in (("lamp/L-003", "L-003"), ("cabinet/C-1", re.compile("C-1|Panel 1"))):
        page.goto(f"{address}/{path}?lang=en")
        expect(page.locator(".detail h2")).to_have_text(name)
        expect(page.locator(".detail section").first).to_be_attached()
        expect(page.locator("#panel .version")).to_contain_text(NOTICE)
        nothing_odd(page)


@pytest.mark.parametrize("change", [older, newer])
def test_the_wall_goes_on_and_says_so(address, page, change):
    disguise(page, change)
    page.goto(f"{address}/live?lang=en")
    expect(page.locator(".worst li").first).to_contain_text(
        "Circuit without power" if change is newer else "", timeout=20_000
    )
    expect(page.locator(".worst li")).to_have_count(3)
    expect(page.locator(".status")).to_contain_text(NOTICE)
    nothing_odd(page)


@pytest.mark.parametrize("change", [older, newer])
def test_the_crews_page_goes_on_and_says_so_once(address, page, change):
    disguise(page, change)
    page.goto(f"{address}/crew?lang=en")
    expect(page.locator(".told")).to_contain_text(NOTICE)
    expect(page.locator("a.row")).to_have_count(3)
    nothing_odd(page)
    page.locator("a.row").filter(has_text="Lamp dark").first.click()
    expect(page.locator(".detail h2")).to_have_text("Lamp dark")
    nothing_odd(page)
    for view in ("tour", "repairs", "outbox"):
        page.locator(f"[data-tab={view}]").click()
        expect(page.locator("main section")).to_be_visible()
        nothing_odd(page)


def test_an_answer_without_its_list_is_none_and_no_empty_list(address, page):
    page.route(re.compile(r"/api/v1/faults\?"), lambda route: route.fulfill(status=200, json={"faults": []}))
    page.goto(f"{address}/index.html?lang=en")
    expect(page.locator(".rows")).to_contain_text("Loading")
    expect(page.locator(".rows")).not_to_contain_text("No faults")


def test_the_present_servers_answers_are_whole(address, page):
    page.goto(f"{address}/?lang=en")
    expect(page.locator("#faults .row")).to_have_count(3)
    # the second visit of the crew's page begins with what the phone has kept
    for path in ("lamp/L-003", "cabinet/C-1", "live", "crew", "crew"):
        page.goto(f"{address}/{path}?lang=en")
        expect(page.locator("h1")).to_contain_text("Kota Uji")
        page.wait_for_timeout(700)
        expect(page.locator("body")).not_to_contain_text(NOTICE)
