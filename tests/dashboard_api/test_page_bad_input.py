# ruff: noqa: F811  (fixtures of another module are imported by name, and asked for as parameters)
"""The page with a server that misbehaves, and with registers whose names and gaps no designer had in mind."""

from __future__ import annotations

import contextlib
import re

import pytest
from playwright.sync_api import expect

from tests.dashboard_api.test_page import (  # noqa: F401
    browser,
    lit_town,
    open_page,
    port,
    quiet_desk,
    rows,
    wide_page,
)

pytestmark = [pytest.mark.xdist_group("chromium"), pytest.mark.timeout(180)]
LONG = "Jalan " + "Sangat Panjang " * 33
RTL = "شارع السلام 12 (\u202eNo. 5\u202c)"


def fits(page):
    return page.evaluate(
        "document.documentElement.scrollWidth <= innerWidth"
        " && document.querySelector('#panel').scrollWidth <= document.querySelector('#panel').clientWidth"
    )


@pytest.fixture
def odd_names(lit_town):
    """A town whose streets, cabinets and districts are named at full length, and from right to left."""
    lit_town.darken(3, 30)
    with lit_town.engine.begin() as connection:
        for table in ("lamps", "faults"):
            connection.exec_driver_sql(f"UPDATE {table} SET street = '{LONG}' WHERE lamp_id < 'L-020'")
            connection.exec_driver_sql(f"UPDATE {table} SET street = '{RTL}' WHERE lamp_id >= 'L-020'")
            connection.exec_driver_sql(f"UPDATE {table} SET district = '{LONG}' WHERE lamp_id < 'L-020'")
        connection.exec_driver_sql("UPDATE faults SET revision = revision + 1000")
        connection.exec_driver_sql(f"UPDATE cabinets SET name = '{LONG}'")
    return lit_town


@pytest.mark.parametrize("width", [360, 1280])
def test_names_of_five_hundred_characters_and_right_to_left_ones_fit(odd_names, port, browser, width):
    with contextlib.closing(browser.new_context(viewport={"width": width, "height": 740})) as context:
        page = context.new_page()
        open_page(page, port)
        expect(rows(page)).to_have_count(2)
        assert fits(page)
        assert max(rows(page).evaluate_all("all => all.map((each) => each.offsetHeight)")) < 260
        place = page.locator(".row .place", has_text="شارع")
        assert place.evaluate("(each) => getComputedStyle(each).direction") == "rtl"
        for path in ("lamp/L-003", "lamp/L-030", "cabinet/C-1"):
            page.goto(f"http://127.0.0.1:{port}/{path}")
            expect(page.locator(".detail .facts").first).to_be_visible()
            assert fits(page), path
        fault = page.request.get(f"http://127.0.0.1:{port}/api/v1/faults").json()["items"][0]
        page.goto(f"http://127.0.0.1:{port}/?fault={fault['id']}")
        expect(page.locator(".detail .facts").first).to_be_visible()
        assert fits(page)


def test_a_crews_fault_of_such_a_name_leaves_room_for_its_buttons(odd_names, port, browser):
    with odd_names.engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE faults SET revision = revision + 1000, assignee = '{LONG}'")
    size = {"width": 360, "height": 740}
    with contextlib.closing(browser.new_context(viewport=size, service_workers="block")) as context:
        page = context.new_page()
        faults = page.request.get(f"http://127.0.0.1:{port}/api/v1/faults").json()["items"]
        for fault in faults:
            page.goto(f"http://127.0.0.1:{port}/crew?lang=en&fault={fault['id']}")
            expect(page.locator(".detail .headline")).to_be_visible()
            assert page.locator(".headline").evaluate("each => each.offsetHeight") < 260
            expect(page.get_by_role("button", name="Repaired")).to_be_in_viewport()
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_register_without_districts_streets_and_positions(lit_town, port, quiet_desk):
    lit_town.darken(3)
    with lit_town.engine.begin() as connection:
        for table in ("lamps", "faults"):
            connection.exec_driver_sql(f"UPDATE {table} SET street = NULL, district = NULL")
        connection.exec_driver_sql("UPDATE lamps SET position = NULL, circuit = NULL")
        connection.exec_driver_sql("UPDATE faults SET latitude = NULL, longitude = NULL, revision = revision + 1000")
        connection.exec_driver_sql("UPDATE cabinets SET name = NULL, latitude = NULL, longitude = NULL")
    open_page(quiet_desk, port)
    expect(rows(quiet_desk)).to_have_count(1)
    expect(rows(quiet_desk).first).to_contain_text("L-003")
    for words in ("null", "undefined", "NaN"):
        expect(quiet_desk.locator("body")).not_to_contain_text(words)
    rows(quiet_desk).first.click()
    expect(quiet_desk.locator(".detail h2")).to_contain_text("Lamp dark")
    expect(quiet_desk.locator(".detail a[href^='geo:']")).to_have_count(0)
    for path in ("lamp/L-003", "cabinet/C-1"):
        quiet_desk.goto(f"http://127.0.0.1:{port}/{path}")
        expect(quiet_desk.locator(".detail .facts").first).to_be_visible()
        for words in ("null", "undefined", "NaN"):
            expect(quiet_desk.locator(".detail")).not_to_contain_text(words)


@pytest.mark.parametrize("how", ["stalls", "500", "half"])
@pytest.mark.parametrize("path", ["faults/", "lamps/L-003", "cabinets/C-1"])
def test_a_view_says_that_it_cannot_be_loaded_and_comes_by_itself(lit_town, port, quiet_desk, how, path):
    lit_town.darken(3)
    broken = re.compile(rf"/api/v1/{re.escape(path)}")
    held = []

    def answer(route):
        if how == "stalls":
            held.append(route)
        elif how == "500":
            route.fulfill(status=500, body="")
        else:
            route.fulfill(status=200, content_type="application/json", body='{"lamp_id": "L-0')

    quiet_desk.route(broken, answer)
    fault = quiet_desk.request.get(f"http://127.0.0.1:{port}/api/v1/faults").json()["items"][0]
    address = {"faults/": f"?fault={fault['id']}", "lamps/L-003": "lamp/L-003", "cabinets/C-1": "cabinet/C-1"}[path]
    quiet_desk.goto(f"http://127.0.0.1:{port}/{address}")
    expect(quiet_desk.locator(".detail .back")).to_be_visible()
    if how != "stalls":
        expect(quiet_desk.locator(".detail")).to_contain_text("The server is out of reach")
    quiet_desk.unroute(broken)
    for route in held:
        route.abort()
    lit_town.darken(5)  # something happens: what failed is asked for again
    expect(quiet_desk.locator(".detail .facts").first).to_be_visible()
