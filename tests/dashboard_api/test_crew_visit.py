# ruff: noqa: F811  (fixtures of another module are imported by name, and asked for as parameters)
"""One visit of a crew without a network: a label, several reports on one fault, hasty taps, another crew's work."""

from __future__ import annotations

import io

import pytest
import segno
from playwright.sync_api import expect

from tests.dashboard_api.test_crew_page import (
    base,
    database_url,  # noqa: F401
    faults,
    open_crew,
    open_first,
    phone,  # noqa: F401
    report_repair_here,
    wait_for_worker,
    wait_until,
)
from tests.dashboard_api.test_page import browser, lit_town, serving  # noqa: F401

pytestmark = [pytest.mark.xdist_group("chromium-crew"), pytest.mark.timeout(300)]
KEPT_DECODER = "async () => (await (await caches.open('terang-crew-decoder')).keys()).length"
TAP_OFTEN = """async (selector) => {
    for (let n = 0; n < 200; n += 1) {
        document.querySelector(selector)?.click();
        await new Promise((done) => setTimeout(done, 2));
    }
}"""


def open_with_worker(page, port, query=""):
    open_crew(page, port, query)
    wait_for_worker(page)
    page.wait_for_load_state("networkidle")


def test_a_label_is_scanned_without_a_network_though_nobody_has_scanned_before(lit_town, phone):
    lit_town.darken(3)
    with serving(lit_town.city) as port:
        open_with_worker(phone, port)
        wait_until(phone, lambda: phone.evaluate(KEPT_DECODER) == 1)
    phone.reload()
    phone.locator("[data-tab=scan]").tap()
    label = io.BytesIO()
    segno.make_qr("https://terang.siak.go.id/crew?lamp=L-003", error="m").save(label, kind="png", scale=6)
    chosen = {"name": "label.png", "mimeType": "image/png", "buffer": label.getvalue()}
    phone.locator("input[name=label]").set_input_files(chosen)
    expect(phone.locator(".detail h2").first).to_have_text("L-003")


def test_a_lost_network_is_told_at_once(lit_town, phone):
    with serving(lit_town.city) as port:
        open_with_worker(phone, port)
        phone.context.set_offline(True)
        expect(phone.locator(".age.lost")).to_contain_text("No network", timeout=5_000)
        phone.context.set_offline(False)
        expect(phone.locator(".age.lost")).to_have_count(0)


def test_hasty_taps_are_one_report_each_and_a_comment_is_no_conflict_with_the_repair(lit_town, phone):
    lit_town.darken(3)
    with serving(lit_town.city) as port:
        open_with_worker(phone, port)
        open_first(phone)
        phone.context.set_offline(True)
        phone.evaluate(TAP_OFTEN, "[data-do=acknowledge]")
        phone.locator("[data-do=comment]").tap()
        phone.locator("textarea").fill("the pole leans")
        phone.evaluate(TAP_OFTEN, "[data-form=comment] [type=submit]")
        phone.locator("[data-do=repair]").tap()
        phone.locator("[data-form=repair] .chip").nth(1).tap()
        phone.evaluate(TAP_OFTEN, "[data-form=repair] [type=submit]")
        expect(phone.locator(".report")).to_have_count(3)
        phone.locator("[data-tab=repairs]").tap()
        expect(phone.locator(".repairs .report.waiting")).to_have_count(1)  # what waits is among my repairs
        phone.context.set_offline(False)
        expect(phone.locator(".report")).to_have_count(0)  # sent, each of them
        (fault,) = faults(phone, port)
        told = phone.request.get(f"{base(port)}/api/v1/faults/{fault['id']}").json()["timeline"]
        assert [entry["kind"] for entry in told[1:]] == ["acknowledge", "comment", "repair"]


def test_a_draft_stays_when_something_else_is_reported(lit_town, phone):
    lit_town.darken(3)
    with serving(lit_town.city) as port:
        open_with_worker(phone, port)
        open_first(phone)
        phone.locator("[data-do=comment]").tap()
        phone.locator("textarea").fill("ladder too short")
        phone.locator("[data-do=acknowledge]").tap()
        expect(phone.locator(".told")).to_contain_text("Kept on this phone")
        phone.reload()
        expect(phone.locator("textarea")).to_have_value("ladder too short")


def test_a_conflict_shows_what_another_crew_did(lit_town, phone):
    lit_town.darken(3)
    with serving(lit_town.city) as port:
        open_with_worker(phone, port)
        open_first(phone)
        (fault,) = faults(phone, port)
        phone.context.set_offline(True)
        report_repair_here(phone)
        other = {"action_id": "01JDB2M7Z8Q5W3N4T6V9X0Y1KC", "action": "comment", "note": "cable cut, keep off"}
        answer = phone.request.post(f"{base(port)}/api/v1/faults/{fault['id']}/actions", data=other)
        assert answer.ok
        phone.context.set_offline(False)
        phone.locator("[data-tab=outbox]").tap()
        expect(phone.locator(".report.conflict")).to_contain_text("cable cut, keep off")
