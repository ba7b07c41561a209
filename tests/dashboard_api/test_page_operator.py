# ruff: noqa: F811  (fixtures of another module are imported by name, and asked for as parameters)
"""What an operator does on the page: begins work, defers it, repairs with cause and part, looks at neighbours."""

from __future__ import annotations

import json
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

pytestmark = [pytest.mark.xdist_group("chromium-page"), pytest.mark.timeout(300)]


def fault_now(desk, port):
    base = f"http://127.0.0.1:{port}/api/v1/faults"
    return desk.request.get(f"{base}/{desk.request.get(base).json()['items'][0]['id']}").json()


def sent(desk):
    bodies = []

    def note(route):
        bodies.append(json.loads(route.request.post_data))
        route.continue_()

    desk.route("**/actions", note)
    return bodies


def test_work_is_begun_once_and_shown_as_begun(lit_town, port, quiet_desk):
    lit_town.darken(3)
    open_page(quiet_desk, port)
    rows(quiet_desk).first.click()
    expect(quiet_desk.locator("[data-action=start]")).to_have_count(0)  # nobody has it yet
    quiet_desk.locator("[name=assignee]").fill("Regu 2")
    quiet_desk.locator("[data-action=assign]").click()
    quiet_desk.locator("[data-action=start]").click()
    expect(quiet_desk.locator("[data-started]")).to_contain_text("work begun")
    expect(quiet_desk.locator("[data-state]")).to_have_attribute("data-state", "assigned")
    expect(quiet_desk.locator("[data-action=start]")).to_have_count(0)
    assert fault_now(quiet_desk, port)["started_at"] is not None


def test_a_fault_is_deferred_with_reason_and_date_in_the_citys_zone(lit_town, port, quiet_desk):
    lit_town.darken(3)
    open_page(quiet_desk, port)
    rows(quiet_desk).first.click()
    quiet_desk.locator(".more summary", has_text="Cannot be repaired now").click()
    quiet_desk.locator("[data-action=cannot_repair]").click()
    expect(quiet_desk.locator(".message.error")).to_contain_text("reason")
    until = quiet_desk.locator("[name=until]")
    day = until.get_attribute("max")
    until.fill(day)
    quiet_desk.locator("[name=note]").fill("road is closed")
    quiet_desk.locator("[data-action=cannot_repair]").click()
    expect(quiet_desk.locator("[data-deferred]")).to_contain_text("cannot be repaired before")
    fault = fault_now(quiet_desk, port)
    assert fault["state"] == "acknowledged"
    assert fault["deferred_until"].endswith("T17:00:00Z")  # midnight in Jakarta
    expect(quiet_desk.locator(".timeline")).to_contain_text("road is closed")


def test_a_repair_tells_cause_and_part_and_when_it_was_tapped(lit_town, port, quiet_desk):
    lit_town.darken(3)
    bodies = sent(quiet_desk)
    open_page(quiet_desk, port)
    rows(quiet_desk).first.click()
    quiet_desk.locator(".more summary", has_text="Cause and part").click()
    quiet_desk.locator("[name=cause]").fill("driver")
    quiet_desk.locator("[name=part]").fill("LED driver 90 W")
    quiet_desk.locator("[data-action=repair]").click()
    expect(quiet_desk.locator(".repair.wait")).to_contain_text("driver · LED driver 90 W")
    expect(quiet_desk.locator(".timeline")).to_contain_text("LED driver 90 W")
    (body,) = bodies
    assert (body["cause"], body["part"]) == ("driver", "LED driver 90 W")
    assert 0 <= body["age_s"] < 60
    repair = fault_now(quiet_desk, port)["repair"]
    assert (repair["cause"], repair["part"]) == ("driver", "LED driver 90 W")


def test_a_lamp_shows_its_neighbours_on_the_circuit(lit_town, port, quiet_desk):
    lit_town.darken(4)
    quiet_desk.goto(f"http://127.0.0.1:{port}/lamp/L-003")
    beside = quiet_desk.locator(".neighbours a")
    expect(beside).to_have_count(2)
    expect(beside.nth(0)).to_contain_text("L-002")
    expect(beside.nth(1)).to_contain_text("L-004")
    expect(beside.nth(1).locator(".bulb")).to_have_class(re.compile("dark"))
    beside.nth(1).click()
    expect(quiet_desk.locator(".detail h2")).to_have_text("L-004")


def test_the_cabinet_shows_its_circuit_in_order_and_a_lamp_is_one_tap_away(lit_town, port, quiet_desk):
    quiet_desk.goto(f"http://127.0.0.1:{port}/cabinet/C-2")
    poles = quiet_desk.locator(".pole")
    expect(poles).to_have_count(20)
    names = poles.evaluate_all("all => all.map((each) => each.getAttribute('aria-label'))")
    assert [name.split(",")[0] for name in names] == [f"{n} L-{19 + n:03d}" for n in range(1, 21)]
    poles.nth(4).click()
    expect(quiet_desk.locator(".detail h2")).to_have_text("L-024")
