# ruff: noqa: F811  (fixtures of another module are imported by name, and asked for as parameters)
"""Windows and the service worker share one outbox and its storage: what one sends is shown as sent by the others."""

from __future__ import annotations

import contextlib

import pytest
from playwright.sync_api import expect

from tests.dashboard_api.test_crew_page import (
    NO_SYNC,
    PHONE,
    base,
    database_url,  # noqa: F401
    open_crew,
    phone,  # noqa: F401
    report_repaired,
    wait_for_worker,
    wait_until,
    wait_until_repaired,
)
from tests.dashboard_api.test_page import browser, lit_town, port, serving  # noqa: F401

pytestmark = [pytest.mark.xdist_group("chromium-crew"), pytest.mark.timeout(300)]


@pytest.fixture
def waiting(lit_town, port, browser):
    """A page that cannot send, and says of one report that it waits."""
    lit_town.darken(3)
    options = {"viewport": PHONE, "locale": "en-GB", "has_touch": True, "is_mobile": True}
    with contextlib.closing(browser.new_context(**options)) as context:
        page = context.new_page()
        context.add_init_script(NO_SYNC)
        page.route("**/actions", lambda route: route.abort())
        open_crew(page, port)
        report_repaired(page)
        page.locator("[data-tab=outbox]").tap()
        expect(page.locator(".report.waiting")).to_contain_text("network", timeout=20_000)
        yield page
        page.unroute_all(behavior="ignoreErrors")  # an answer that is under way ends no other test


def test_what_another_window_sends_is_shown_as_sent(port, waiting):
    other = waiting.context.new_page()
    open_crew(other, port)
    expect(waiting.locator(".report.sent")).to_contain_text("LED driver", timeout=20_000)


def test_what_the_service_worker_sends_is_shown_as_sent(port, waiting):
    wait_for_worker(waiting)
    session = waiting.context.new_cdp_session(waiting)
    registrations = []
    session.on("ServiceWorker.workerRegistrationUpdated", lambda event: registrations.extend(event["registrations"]))
    session.send("ServiceWorker.enable")
    wait_until(waiting, lambda: registrations)
    sync = {"origin": base(port), "registrationId": registrations[0]["registrationId"], "tag": "terang-crew-outbox"}
    session.send("ServiceWorker.dispatchSyncEvent", {**sync, "lastChance": False})
    expect(waiting.locator(".report.sent")).to_contain_text("LED driver", timeout=20_000)
    wait_until_repaired(waiting, port)


def test_a_cleared_storage_is_reported_with_what_it_took_along(lit_town, phone):
    lit_town.darken(3)
    with serving(lit_town.city) as port:
        open_crew(phone, port)
        wait_for_worker(phone)
    phone.reload()
    report_repaired(phone)
    expect(phone.locator(".report.waiting")).to_be_visible()
    phone.wait_for_function("() => /\\.1$/.test(localStorage.getItem('terang-crew-mark') ?? '')")
    lines = phone.context.new_cdp_session(phone)
    lines.send("Storage.clearDataForOrigin", {"origin": base(port), "storageTypes": "indexeddb"})
    phone.goto(f"{base(port)}/crew")
    expect(phone.locator("[data-alarm=cleared]")).to_contain_text("1 report had not been sent")
