# ruff: noqa: F811  (fixtures of another module are imported by name, and asked for as parameters)
"""Faults that the page once had, each held by a test: addresses, time-outs, drafts, focus, honest words."""

from __future__ import annotations

import contextlib
import re
import time

import pytest
from playwright.sync_api import expect

from ingest.model.finding import Cleared
from tests.dashboard_api.test_page import browser, lit_town, open_page, port, quiet_desk, rows, serving, wide_page  # noqa: F401

T0 = 1_790_000_000_000_000
MINUTE = 60_000_000
pytestmark = [pytest.mark.xdist_group("chromium"), pytest.mark.timeout(180)]


@pytest.fixture
def desk(quiet_desk):
    return quiet_desk


def base(port):
    return f"http://127.0.0.1:{port}"


def first_fault(page, port):
    return page.request.get(f"{base(port)}/api/v1/faults").json()["items"][0]


@pytest.mark.parametrize(
    ("address", "word"),
    [
        ("/?fault={fault}", "Lamp dark"),
        ("/?lamp=L-003", "L-003"),
        ("/lamp/L-003", "L-003"),
        ("/cabinet/C-1", "Panel 1"),
        ("/?lang=en&fault={fault}", "Lamp dark"),
    ],
)
def test_an_address_opens_what_it_names(lit_town, port, desk, address, word):
    lit_town.darken(3)
    desk.goto(base(port) + address.format(fault=first_fault(desk, port)["id"]))
    expect(desk.locator(".detail h2")).to_contain_text(word)
    desk.wait_for_timeout(1_000)  # nothing that loads later takes it away
    expect(desk.locator(".detail h2")).to_contain_text(word)
    desk.reload()
    expect(desk.locator(".detail h2")).to_contain_text(word)


def test_back_and_forward_go_through_the_views(lit_town, port, desk):
    lit_town.darken(3)
    open_page(desk, port)
    rows(desk).first.click()
    expect(desk.locator(".detail h2")).to_contain_text("Lamp dark")
    desk.locator(".facts a[data-view=lamp]").click()
    expect(desk).to_have_url(re.compile("/lamp/L-003"))
    desk.locator(".facts a[data-view=cabinet]").click()
    expect(desk.locator(".detail h2")).to_contain_text("Panel 1")
    desk.go_back()
    expect(desk.locator(".detail h2")).to_contain_text("L-003")
    desk.go_back()
    expect(desk.locator(".detail h2")).to_contain_text("Lamp dark")
    desk.go_back()
    expect(rows(desk)).to_have_count(1)
    assert desk.url.startswith(base(port))
    desk.go_forward()
    expect(desk.locator(".detail h2")).to_contain_text("Lamp dark")


@pytest.mark.parametrize("how", ["abort", "500", "half", "no JSON"])
@pytest.mark.parametrize("path", ["faults?", "city", "summary"])
def test_the_page_recovers_from_a_failed_answer(lit_town, port, desk, how, path):
    lit_town.darken(3)
    broken = {"n": 2}

    def answer(route):
        if broken["n"] == 0:
            route.continue_()
            return
        broken["n"] -= 1
        if how == "abort":
            route.abort("timedout")
        elif how == "500":
            route.fulfill(status=500, body="{}")
        else:
            route.fulfill(
                status=200, content_type="application/json", body='{"items": [{"id"' if how == "half" else "<p>"
            )

    desk.route(re.compile(rf"/api/v1/{re.escape(path)}"), answer)
    open_page(desk, port, "index.html")  # the plain document, which carries no answers
    expect(rows(desk)).to_have_count(1)
    expect(desk.locator("h1")).to_have_text("Kota Uji")
    expect(desk.locator(".summary .share")).not_to_contain_text("Loading")


def test_live_turns_grey_within_seconds_after_the_server_stopped(lit_town, desk):
    with serving(lit_town.city) as port:
        open_page(desk, port)
        expect(desk.locator(".link")).to_have_text("live")
    stopped = time.monotonic()
    expect(desk.locator(".link.lost")).to_be_visible(timeout=12_000)
    assert time.monotonic() - stopped < 12


def test_live_turns_grey_within_seconds_when_the_server_stalls(lit_town, port, desk):
    open_page(desk, port)
    expect(desk.locator(".link")).to_have_text("live")
    desk.route(re.compile("/api/v1/lamps/changes"), lambda _route: None)  # taken, and never answered
    expect(desk.locator(".link.lost")).to_be_visible(timeout=14_000)
    desk.unroute(re.compile("/api/v1/lamps/changes"))
    expect(desk.locator(".link")).to_have_text("live", timeout=14_000)


def test_search_finds_lamps_streets_and_cabinets(lit_town, port, desk):
    open_page(desk, port)
    search = desk.locator("input[type=search]")
    search.fill("L-010")
    desk.locator(".found a", has_text="L-010").click()
    expect(desk.locator(".detail h2")).to_have_text("L-010")
    desk.go_back()
    search.fill("panel 2")
    desk.locator(".found a", has_text="Panel 2").click()
    expect(desk.locator(".detail h2")).to_have_text("Panel 2")
    desk.go_back()
    search.fill("melati")
    expect(desk.locator(".found button", has_text="Jalan Melati")).to_be_visible()


def test_a_closed_fault_says_when_it_was_closed_and_not_for_how_long_it_is(lit_town, port, desk):
    lit_town.darken(3)
    fault = first_fault(desk, port)
    lit_town.book.apply([Cleared(key, T0 + 5 * MINUTE) for key in [key_of(lit_town, 3)]], T0 + 5 * MINUTE)
    desk.goto(f"{base(port)}/?fault={fault['id']}")
    tags = desk.locator(".headline .tags")
    expect(tags).to_contain_text("closed")
    expect(tags).to_contain_text("had stood for 5 minutes")


def key_of(town, row):
    from ingest.model.finding import Key, Place  # noqa: PLC0415

    return Key("lampFailure", Place(lamp_id=town.register.lamps.lamp_id[row]))


def test_a_lamp_of_a_dead_circuit_is_shown_as_it_is(lit_town, port, desk):
    lit_town.write_live([2] * 40)
    lit_town.raise_circuit()
    desk.goto(f"{base(port)}/lamp/L-025")
    expect(desk.locator("[data-lamp-state]")).to_have_attribute("data-lamp-state", "dark")
    expect(desk.locator(".repair.bad")).to_contain_text("Circuit without power")
    expect(desk.locator(".chart")).to_contain_text("No readings")  # and no axis of a chart without a figure
    expect(desk.locator(".chart canvas")).to_have_count(0)
    desk.goto(f"{base(port)}/cabinet/C-2")
    expect(desk.locator(".pole .bulb.dark")).to_have_count(20)


def test_there_is_a_main_landmark_and_the_browsers_language_is_respected(lit_town, port, browser):
    for locale, word in (("id-ID", "Tidak ada gangguan"), ("en-GB", "No faults"), ("fr-FR", "No faults")):
        with contextlib.closing(browser.new_context(locale=locale)) as context:
            page = context.new_page()
            page.goto(base(port))
            expect(page.locator("main .rows")).to_contain_text(word)
            assert page.locator("main").count() == 1
