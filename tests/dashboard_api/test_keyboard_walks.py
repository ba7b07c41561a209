# ruff: noqa: F811  (fixtures of another module are imported by name, and asked for as parameters)
"""The crew's page, the citizens' form, the open data and the wall by keys alone: reached, seen, in order, and left."""

from __future__ import annotations

import contextlib
import io
import re

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.dashboard_api.conftest import T0, Town
from tests.dashboard_api.keyboard import Keys, out_of_order
from tests.dashboard_api.people import People
from tests.dashboard_api.test_page import browser, serving  # noqa: F401

DESKTOP = {"width": 1024, "height": 800}
pytestmark = [pytest.mark.xdist_group("chromium-crew"), pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    made = Town(tmp_path_factory.mktemp("keys"))
    made.write_live([2] * 40)
    made.darken(*range(9))
    made.raise_circuit()
    yield made
    made.engine.dispose()


@pytest.fixture(scope="module")
def port(town):
    with serving(town.city) as port:
        yield port


@pytest.fixture
def page(browser):
    errors = []
    with contextlib.closing(browser.new_context(viewport=DESKTOP, locale="en-GB")) as context:
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        yield page
        assert errors == []


def fault_at(page, port, lamp_id):
    """The lamp's fault as the server has it."""
    answer = page.request.get(f"http://127.0.0.1:{port}/api/v1/faults", params={"state": "any", "lamp_id": lamp_id})
    return answer.json()["items"][0]


def open_crew(page, port, query="", n=10):
    page.goto(f"http://127.0.0.1:{port}/crew?lang=en{query}")
    expect(page.locator("a.row")).to_have_count(n)
    page.wait_for_load_state("networkidle")


def open_fault(keys, lamp_id):
    """From the list to a fault of a lamp; answers its id."""
    row = keys.page.locator("a.row", has_text=lamp_id)
    fault_id = row.get_attribute("data-fault")
    keys.tab_to(f"a[data-fault='{fault_id}']")
    keys.press("Enter")
    expect(keys.page.locator(".detail .headline")).to_be_visible()
    keys.lands_on(".detail")
    return fault_id


def test_the_crews_list_is_walked_as_it_is_seen_and_each_tab_holds_no_one(town, port, page):
    open_crew(page, port)
    keys = Keys(page)
    found = keys.whole_round()
    assert len(found) > 20
    assert out_of_order(found) == []
    for tab in ("tour", "repairs", "outbox", "scan", "work"):
        keys.tab_to(f"[data-tab={tab}]")
        keys.press("Enter")
        expect(page.locator(f"[data-tab={tab}]")).to_have_attribute("aria-current", "page")
        keys.lands_on(f"[data-tab={tab}]")
        if tab == "scan":  # what stands below moves up once it is known that there is no camera
            expect(page.locator(".scan .hint").first).to_be_hidden()
        assert out_of_order(keys.whole_round()) == [], tab
    keys.tab_to("[data-do=filter]")
    keys.press("Space")
    keys.tab_to("input[type=search]")
    keys.type("L-004")
    expect(page.locator("a.row")).to_have_count(1)


def test_a_fault_is_read_reported_on_and_left_and_the_row_has_the_focus_again(town, port, page):
    open_crew(page, port)
    keys = Keys(page)
    fault_id = open_fault(keys, "L-001")
    assert out_of_order(keys.whole_round()) == []
    keys.tab_to("[data-do=acknowledge]")
    keys.press("Enter")
    expect(page.locator(".detail [data-state]")).to_have_text("acknowledged")
    expect(page.locator("[data-do=acknowledge]")).to_have_count(0)
    keys.lands_in_main()  # its button is gone

    keys.tab_to("[data-do=cannot_repair]")
    keys.press("Space")
    expect(page.locator("[data-form=cannot_repair]")).to_be_visible()
    keys.tab_to("[data-form=cannot_repair] .chip")
    keys.press("Escape")
    expect(page.locator("[data-form=cannot_repair]")).to_have_count(0)
    keys.lands_on("[data-do=cannot_repair]")

    keys.tab_to("[data-do=comment]")
    keys.press("Enter")
    keys.tab_to("[data-form=comment] textarea")
    keys.type("ladder")
    keys.tab_to("[data-form=comment] [type=submit]")
    keys.press("Enter")
    expect(page.locator("[data-form=comment]")).to_have_count(0)
    keys.lands_on("[data-do=comment]")

    photo = io.BytesIO()
    Image.new("RGB", (64, 48), "gray").save(photo, "JPEG")
    keys.tab_to("input[name=photo]")
    with page.expect_file_chooser() as chosen:
        keys.press("Enter")
    chosen.value.set_files({"name": "pole.jpg", "mimeType": "image/jpeg", "buffer": photo.getvalue()})
    expect(page.locator(".told")).to_contain_text("Photo kept")

    keys.tab_to("[data-do=cannot_repair]", key="Shift+Tab")
    keys.press("Enter")
    keys.tab_to("[data-form=cannot_repair] .picks:nth-of-type(1) .chip")
    keys.press("Space")
    keys.tab_to("[data-form=cannot_repair] h3 + .picks ~ .picks .chip")
    keys.press("Space")
    keys.tab_to("[data-form=cannot_repair] [type=submit]")
    keys.press("Enter")
    expect(page.locator("[data-form=cannot_repair]")).to_have_count(0)
    keys.lands_in_main()

    keys.press("Escape")
    expect(page.locator(".detail")).to_have_count(0)
    keys.lands_on(f"a[data-fault='{fault_id}']")
    expect(page.locator(".n")).to_have_count(0)  # everything has gone out
    detail = page.request.get(f"http://127.0.0.1:{port}/api/v1/faults/{fault_id}").json()
    kinds = [entry["kind"] for entry in detail["timeline"] if entry["actor"] != "telemetry"]
    assert (sorted(kinds), len(detail["photos"])) == (["acknowledge", "cannot_repair", "comment"], 1)


def test_a_repair_with_cause_and_part_and_a_conflict_that_is_decided(town, port, page):
    open_crew(page, port)
    keys = Keys(page)
    other = {"action_id": "01JDB2M7Z8Q5W3N4T6V9X0Y1KC", "action": "assign", "assignee": "Sari"}
    fault = fault_at(page, port, "L-002")
    page.request.post(f"http://127.0.0.1:{port}/api/v1/faults/{fault['id']}/actions", data=other)
    page.route(
        re.compile(rf"/api/v1/faults/{fault['id']}$"), lambda route: route.abort()
    )  # the page has not heard of it
    open_fault(keys, "L-002")
    keys.tab_to("[data-do=repair]")
    keys.press("Enter")
    keys.tab_to("[data-form=repair] .chip:nth-child(2)")
    keys.press("Space")
    keys.tab_to("[data-form=repair] [name=part]")
    keys.tab_to("[data-form=repair] [type=submit]")
    keys.press("Space")
    expect(page.locator(".report.conflict")).to_contain_text("Sari")
    keys.lands_in_main()  # the form is gone
    keys.tab_to("[data-decide=again]", key="Shift+Tab" if keys.is_on("[data-do]") else "Tab")
    keys.press("Enter")
    expect(page.locator(".report")).to_have_count(0)
    keys.lands_in_main()
    assert fault_at(page, port, "L-002")["state"] == "repaired"


def test_a_label_that_the_camera_cannot_read_is_typed(town, port, page):
    open_crew(page, port)
    keys = Keys(page)
    keys.tab_to("[data-tab=scan]")
    keys.press("Enter")
    keys.tab_to("input[name=label]", key="Shift+Tab")
    keys.tab_to("input[name=lamp]")
    keys.type("L-003")
    keys.press("Enter")
    expect(page.locator(".detail h2").first).to_have_text("L-003")
    keys.lands_on(".detail")
    keys.press("Escape")
    expect(page.locator(".scan")).to_be_visible()
    keys.lands_in_main()


def test_a_citizen_reports_a_lamp_in_three_actions(town, port, page):
    page.goto(f"http://127.0.0.1:{port}/lapor?lang=en")
    keys = Keys(page)
    assert out_of_order(keys.whole_round()) == []
    page.reload()
    keys.tab_to("#place")  # 1
    keys.type("L-003")  # 2
    keys.press("Enter")  # 3
    page.wait_for_url(re.compile("/lapor/[2-9A-Z]{10}"))
    expect(page.locator("dl")).to_contain_text("L-003")


def test_a_citizen_chooses_the_lamp_on_the_map(town, port, page):
    page.goto(f"http://127.0.0.1:{port}/lapor?lang=en")
    keys = Keys(page)
    keys.tab_to("#map button")
    with page.expect_response(re.compile("/lapor/lamps$")):
        keys.press("Enter")
    expect(page.locator("#map canvas")).to_be_focused()
    page.wait_for_load_state("networkidle")
    keys.press("ArrowDown", "ArrowDown", "+", "+", "ArrowDown")
    page.wait_for_load_state("networkidle")
    keys.press("Enter")
    expect(page.locator("#place")).to_have_value(re.compile("L-0"))
    keys.tab_to("button:not([type=button])")
    keys.press("Enter")
    page.wait_for_url(re.compile("/lapor/[2-9A-Z]{10}"))


@pytest.mark.parametrize("address", ["/open?lang=en", "/open?lang=id"])
def test_every_link_of_the_open_data_is_reached_in_order(town, port, page, address):
    page.goto(f"http://127.0.0.1:{port}{address}")
    found = Keys(page).whole_round()
    assert len(found) >= page.locator("a[href]:visible").count() > 3
    assert out_of_order(found) == []


def test_the_wall_holds_no_focus(town, port, page):
    secret = People(town.city, lambda: T0).token("wall", "display")
    page.goto(f"http://127.0.0.1:{port}/live?lang=en#token={secret}")
    expect(page.locator(".counts")).to_be_visible()
    assert len(Keys(page).whole_round(most=10)) < 10
