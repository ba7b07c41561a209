# ruff: noqa: F811  (fixtures of another module are imported by name, and asked for as parameters)
"""The wall of the live room in a real Chromium: signs in once, reads from afar, comes back by itself, does not grow."""

from __future__ import annotations

import contextlib
import json
import os
import re

import pytest
from playwright.sync_api import expect

from tests.dashboard_api.conftest import T0, Town
from tests.dashboard_api.people import People
from tests.dashboard_api.test_page import browser, serving  # noqa: F401

SIZES = {"1080p": {"width": 1920, "height": 1080}, "4K": {"width": 3840, "height": 2160}}
SHORT = {"width": 1280, "height": 720}
BACK_MS = 10_000
pytestmark = [pytest.mark.xdist_group("chromium-crew"), pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def city(tmp_path_factory):
    """A lit town with a dead circuit and a dark lamp, and a token for displays."""
    town = Town(tmp_path_factory.mktemp("wall"))
    town.write_live([2] * 40)
    town.darken(3)
    town.raise_circuit()
    town.secret = People(town.city, lambda: T0).token("wall", "display")
    yield town
    town.engine.dispose()


@pytest.fixture(scope="module")
def port(city):
    with serving(city.city) as port:
        yield port


@contextlib.contextmanager
def wall(browser, size=SHORT, **options):
    """A page of a wall whose own errors, and whatever its policy refuses, fail the test."""
    errors = []
    options = {"service_workers": "block", **options}  # what a worker asks for, no route of a test sees
    with contextlib.closing(browser.new_context(viewport=size, **options)) as context:
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if "Content Security" in message.text else None)
        yield page
        page.unroute_all(behavior="ignoreErrors")  # an answer that is under way ends no other test
        assert errors == []


def open_wall(page, port, city, query="?lang=en"):
    page.goto(f"http://127.0.0.1:{port}/live{query}#token={city.secret}")
    expect(page.locator(".counts")).to_be_visible()


def figures(page):
    """Numbers of lamps by state as the wall shows them."""
    rows = page.locator(".counts li").evaluate_all("all => all.map(e => [e.className, e.querySelector('b').innerText])")
    return {name: int(re.sub(r"\D", "", text)) for name, text in rows}


def test_the_token_is_taken_from_the_address_once_and_the_figures_are_the_summarys(browser, city, port):
    asked = []
    with wall(browser) as page:
        page.on("request", lambda request: asked.append(request.url))
        open_wall(page, port, city)
        assert "token" not in page.url
        assert (
            page.evaluate("document.cookie + JSON.stringify(localStorage) + JSON.stringify(sessionStorage)") == "{}{}"
        )
        summary = page.request.get(f"http://127.0.0.1:{port}/api/v1/summary").json()["lamps"]
        assert figures(page) == {name: summary[name] for name in ("lit", "dark", "off", "silent", "unmetered")}
        assert page.locator(".share b").inner_text() == f"{int(summary['lit_share'] * 1000) / 10:g}%"
        expect(page.locator(".worst li").first).to_contain_text("Circuit without power")
        expect(page.locator(".happened li").first).to_contain_text("Circuit without power")
        assert page.locator(".status").inner_text() == "live"
        page.reload()  # by its cookie
        expect(page.locator(".counts")).to_be_visible()
        expect(page.locator(".maplibregl-canvas")).to_be_attached()
        # it may only show
        assert page.request.post(f"http://127.0.0.1:{port}/api/v1/maintenance", data={}).status == 403
    own = re.compile(rf"(blob:)?http://127\.0\.0\.1:{port}/|data:")
    assert [url for url in asked if not own.match(url) or city.secret in url] == []


def test_the_citys_language_is_spoken_where_the_address_asks_for_none(browser, city, port):
    with wall(browser, locale="id-ID") as page:
        open_wall(page, port, city, query="")
        expect(page.locator(".open")).to_contain_text("open faults")
        open_wall(page, port, city, query="?lang=id")
        expect(page.locator(".open")).to_contain_text("gangguan terbuka")
        expect(page.locator("html")).to_have_attribute("lang", "id")


@pytest.mark.parametrize(("size", "language"), [("1080p", "en"), ("4K", "id")])
def test_everything_is_large_enough_and_in_the_picture(browser, city, port, size, language):
    with wall(browser, SIZES[size]) as page:
        open_wall(page, port, city, f"?lang={language}")
        page.evaluate("document.fonts.ready.then(() => true)")
        if os.environ.get("TERANG_PICTURES"):
            page.wait_for_timeout(3_000)
            page.screenshot(path=f"{os.environ['TERANG_PICTURES']}/wall-{size}-{language}.png")
        least = SIZES[size]["height"] * 0.0249
        found = page.evaluate(
            """() => [...document.querySelectorAll('#board *')]
              .filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()))
              .map(e => {
                const box = e.getBoundingClientRect(), style = getComputedStyle(e);
                return { text: e.innerText, px: parseFloat(style.fontSize), right: box.right, bottom: box.bottom,
                         cut: e.scrollWidth > e.clientWidth + 1 && style.textOverflow !== 'ellipsis'
                              && style.display !== 'inline' };
              })"""
        )
        assert len(found) > 30
        assert [each for each in found if each["px"] < least or each["cut"]] == []
        width, height = SIZES[size]["width"], SIZES[size]["height"]
        assert [each["text"] for each in found if each["right"] > width or each["bottom"] > height] == []


def test_a_server_that_is_away_leaves_the_picture_with_its_age_and_is_found_again(browser, city):
    with wall(browser) as page:
        with serving(city.city) as port:
            open_wall(page, port, city)
            before = figures(page)
        expect(page.locator(".status")).to_contain_text("No connection since", timeout=15_000)
        expect(page.locator(".status")).to_contain_text("old")
        assert figures(page) == before
        with serving(city.city, port):
            expect(page.locator(".status")).to_have_text("live", timeout=BACK_MS)


def test_a_cut_of_the_network_is_overcome(browser, city, port):
    with wall(browser) as page:
        open_wall(page, port, city)
        page.context.set_offline(True)
        expect(page.locator(".status")).to_contain_text("No connection", timeout=15_000)
        page.context.set_offline(False)
        expect(page.locator(".status")).to_have_text("live", timeout=BACK_MS)


def test_another_build_is_loaded_once_all_of_it_is_there(browser, city, port):
    served = {"is_there": False}
    loads = []

    def tell(route):
        answer = route.fetch()
        route.fulfill(response=answer, body=json.dumps({**answer.json(), "page": "0123456789abcdef"}))

    def document(route):
        loads.append(route.request.is_navigation_request())
        if not served["is_there"]:
            route.fulfill(status=502, body="")
            return
        answer = route.fetch()
        body = re.sub(r'(name="build" content=")[0-9a-f]+', r"\g<1>0123456789abcdef", answer.text())
        route.fulfill(response=answer, body=body)

    with wall(browser) as page:
        open_wall(page, port, city)
        page.evaluate("window.isOld = true")
        page.route(re.compile(r"/live(\?lang=en)?$"), document)
        page.route(re.compile(r"/api/v1/live"), tell)
        expect(page.locator(".counts")).to_be_visible()
        page.wait_for_function("() => performance.getEntriesByType('resource').some(e => /:\\d+\\/live/.test(e.name))")
        assert page.evaluate("window.isOld")  # half a version is no version
        assert True not in loads
        served["is_there"] = True
        page.wait_for_function("() => window.isOld === undefined", timeout=BACK_MS)
        expect(page.locator(".counts")).to_be_visible()
        n = len(loads)
        page.wait_for_timeout(4_500)
        assert len(loads) == n  # and no second time


def test_a_token_that_is_revoked_ends_the_picture_until_there_is_another(browser, tmp_path):
    town = Town(tmp_path)
    town.write_live([2] * 40)
    people = People(town.city, lambda: T0)
    town.secret = people.token("wall", "display")
    with serving(town.city) as port, wall(browser) as page:
        open_wall(page, port, town)
        people.accounts.revoke_token("wall", T0)
        expect(page.get_by_role("alert")).to_contain_text("token")
        assert page.locator(".counts").count() == 0
        expect(page.locator("#map")).not_to_be_visible()
        page.evaluate("window.isSame = true")
        secret = people.token("second wall", "display")
        page.goto(f"http://127.0.0.1:{port}/live?lang=en#token={secret}")  # differs by its fragment: no page is loaded
        expect(page.locator(".counts")).to_be_visible()
        assert secret not in page.url
        assert page.evaluate("window.isSame") is True
    town.engine.dispose()


def test_without_a_token_it_says_what_it_needs(browser, city, port):
    with wall(browser) as page:
        page.goto(f"http://127.0.0.1:{port}/live?lang=en")
        expect(page.get_by_role("alert")).to_contain_text("needs a token")


def test_who_asks_for_less_motion_gets_none(browser, city, port):
    with wall(browser, reduced_motion="reduce") as page:
        page.clock.install()
        open_wall(page, port, city)
        expect(page.locator(".maplibregl-canvas")).to_be_attached()
        assert page.locator("#board").evaluate("e => getComputedStyle(e).transitionDuration") == "0s"
