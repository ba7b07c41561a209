# ruff: noqa: F811  (fixtures of another module are imported by name, and asked for as parameters)
"""Citizens' reports of which no fault is known: a crew sees them in its list and answers, with or without a network."""

from __future__ import annotations

import contextlib
import re

import pytest
from playwright.sync_api import expect

from tests.dashboard_api.conftest import Town
from tests.dashboard_api.test_page import browser, serving  # noqa: F401
from tests.dashboard_api.test_page_access import SIZES, axe, findings  # noqa: F401

pytestmark = [pytest.mark.xdist_group("chromium"), pytest.mark.timeout(180)]


def test_a_report_on_a_healthy_lamp_is_checked_offline_once(tmp_path, browser, axe):
    town = Town(tmp_path)
    town.write_live([2] * 40)
    with (
        serving(town.city) as port,
        contextlib.closing(browser.new_context(viewport=SIZES["phone"], locale="en-GB")) as context,
    ):
        base = f"http://127.0.0.1:{port}"
        page = context.new_page()
        for lamp_id in ("L-003", "L-030"):
            page.request.post(f"{base}/lapor", form={"place": lamp_id, "service": "lamp_dark"})
        page.goto(f"{base}/crew")
        to_checks = page.locator("[data-do=checks]")
        expect(to_checks).to_have_text(re.compile("2 reports of citizens to check"))
        to_checks.click()
        checks = page.locator("[data-check]")
        expect(checks).to_have_count(2)
        check = checks.filter(has_text="L-003")
        assert findings(page, axe) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        context.set_offline(True)
        check.locator("[data-outcome=in_order]").click()
        expect(checks).to_have_count(1)
        page.locator("[data-tab=outbox]").click()
        expect(page.locator(".report.waiting")).to_contain_text("In order")
        assert len(page.request.get(f"{base}/api/v1/checks").json()["items"]) == 2
        context.set_offline(False)
        expect(page.locator(".report.sent")).to_contain_text("In order")
        left = page.request.get(f"{base}/api/v1/checks").json()["items"]
        assert [each["lamp_id"] for each in left] == ["L-030"]
    town.engine.dispose()
