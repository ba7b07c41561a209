# ruff: noqa: F811  (fixtures of another module are imported by name, and asked for as parameters)
"""Actions from the page: repeats, drafts, several at once, dimming and maintenance."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import expect

from tests.dashboard_api.test_page import browser, lit_town, open_page, port, quiet_desk, rows, serving, wide_page  # noqa: F401
from tests.dashboard_api.test_page_faults import base, desk, first_fault  # noqa: F401

pytestmark = [pytest.mark.xdist_group("chromium"), pytest.mark.timeout(180)]


def sent_actions(desk, n_lost):
    """Bodies of the actions that the page sends; the answers of the first ``n_lost`` are lost after they arrived."""
    bodies = []

    def pass_on(route):
        bodies.append(json.loads(route.request.post_data))
        if len(bodies) <= n_lost:
            route.fetch()
            route.abort("timedout")
        else:
            route.continue_()

    desk.route("**/actions", pass_on)
    return bodies


def notes(desk, port, fault_id):
    timeline = desk.request.get(f"{base(port)}/api/v1/faults/{fault_id}").json()["timeline"]
    return [entry["note"] for entry in timeline if entry["kind"] == "comment"]


def test_a_repeat_is_the_same_request_and_an_edited_note_another(lit_town, port, desk):
    lit_town.darken(3)
    bodies = sent_actions(desk, n_lost=2)
    open_page(desk, port)
    rows(desk).first.click()
    fault_id = first_fault(desk, port)["id"]
    desk.locator("[name=note]").fill("fuse blown")
    desk.locator("[data-action=comment]").click()
    expect(desk.locator(".message.error")).to_contain_text("Not sent")
    with desk.expect_event("requestfailed", lambda request: request.url.endswith("/actions")):
        desk.locator("[data-action=comment]").click()
    expect(desk.locator("[data-action=comment]")).to_have_attribute("aria-disabled", "false")
    ages = [body.pop("age_s") for body in bodies]
    assert ages[0] <= ages[1]  # the same request, dated by the same tap
    assert bodies[1] == bodies[0]
    assert notes(desk, port, fault_id) == ["fuse blown"]
    desk.locator("[name=note]").fill("fuse blown, replaced")
    # the first note raised the version: the page shows that, keeps the text, and the repeat goes through
    with desk.expect_response(re.compile("/actions$")) as answer:
        desk.locator("[data-action=comment]").click()
    if answer.value.status == 409:
        expect(desk.locator(".message.error")).to_contain_text("changed")
        expect(desk.locator("[name=note]")).to_have_value("fuse blown, replaced")
        desk.locator("[data-action=comment]").click()
    expect(desk.locator(".actions .message")).to_have_text("Saved.")
    assert bodies[2]["action_id"] != bodies[0]["action_id"]
    assert notes(desk, port, fault_id) == ["fuse blown", "fuse blown, replaced"]
    expect(desk.locator("[name=note]")).to_have_value("")


def test_typed_text_survives_escape_leaving_and_a_reload(lit_town, port, desk):
    lit_town.darken(3, 30)
    open_page(desk, port)
    rows(desk).first.click()
    note = desk.locator("[name=note]")
    note.fill("ladder needed")
    desk.keyboard.press("Escape")
    rows(desk).nth(1).click()
    expect(note).to_have_value("")
    desk.go_back()
    rows(desk).first.click()
    expect(note).to_have_value("ladder needed")
    desk.reload()
    expect(note).to_have_value("ladder needed")


@pytest.mark.parametrize("action", ["acknowledge", "comment", "repair"])
def test_the_focus_stays_in_the_fault_after_an_action(lit_town, port, desk, action):
    lit_town.darken(3)
    open_page(desk, port)
    rows(desk).first.focus()
    desk.keyboard.press("Enter")
    desk.locator("[name=note]").fill("seen")
    desk.locator(f"[data-action={action}]").focus()
    desk.keyboard.press("Enter")
    expect(desk.locator(".actions .message")).to_have_text("Saved.")
    desk.wait_for_timeout(500)
    assert desk.evaluate("document.activeElement.closest('.detail') !== null")
    desk.keyboard.press("Escape")
    expect(rows(desk)).to_have_count(1)
    desk.wait_for_function("() => document.activeElement.dataset.fault !== undefined")


def test_the_result_of_a_repair_is_told_and_saved_goes_when_it_is_stale(lit_town, port, desk):
    lit_town.darken(3)
    open_page(desk, port)
    rows(desk).first.click()
    desk.locator("[data-action=repair]").click()
    expect(desk.locator(".actions .message")).to_have_text("Saved.")
    expect(desk.locator(".repair.wait")).to_contain_text("waiting for the meter")
    fault = first_fault(desk, port)
    done = desk.request.post(
        f"{base(port)}/api/v1/faults/{fault['id']}/actions",
        data={"action_id": "01KB0000000000000000000009", "action": "reopen", "note": "still dark"},
    )
    assert done.ok
    expect(desk.locator(".repair.bad")).to_contain_text("did not hold", timeout=20_000)
    expect(desk.locator(".actions .message")).to_have_text("")


def test_several_faults_are_assigned_at_once(lit_town, port, desk):
    lit_town.darken(3, 5, 30)
    open_page(desk, port)
    expect(rows(desk)).to_have_count(3)
    desk.locator(".several").click()
    boxes = desk.locator(".choose input")
    boxes.nth(0).check()
    boxes.nth(2).check()
    desk.locator("[name=bulk-assignee]").fill("Regu 7")
    desk.locator(".bulk button").click()
    expect(desk.locator(".bulk .message")).to_contain_text("2 of 2 assigned")
    items = desk.request.get(f"{base(port)}/api/v1/faults").json()["items"]
    assert sorted(item["assignee"] or "" for item in items) == ["", "Regu 7", "Regu 7"]


def test_dim_and_maintenance_are_asked_for_from_the_page(lit_town, port, desk):
    desk.goto(f"{base(port)}/lamp/L-010")
    desk.locator(".dim button").click()
    expect(desk.locator(".dim .facts")).to_contain_text("Asked")
    expect(desk.locator(".dim .facts")).to_contain_text("not yet sent")
    desk.locator("[name=work-note]").fill("pole painted")
    desk.locator(".work button").click()
    expect(desk.locator(".work")).to_contain_text("pole painted")
    windows = desk.request.get(f"{base(port)}/api/v1/maintenance").json()["items"]
    assert [window["lamp_id"] for window in windows] == ["L-010"]
