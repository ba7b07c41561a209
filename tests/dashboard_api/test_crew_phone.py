# ruff: noqa: F811  (fixtures of another module are imported by name, and asked for as parameters)
"""What happens to a crew's phone: a tap before the page is whole, a full quota, a new service worker, another crew."""

from __future__ import annotations

import contextlib
import io
import re
import socket
import threading
import time

import pytest
import uvicorn
from PIL import Image
from playwright.sync_api import expect

from dashboard_api.app import create_app
from tests.dashboard_api.conftest import T0
from tests.dashboard_api.test_crew_page import (
    NO_SYNC,
    PHONE,
    base,
    database_url,  # noqa: F401
    faults,
    open_crew,
    report_repaired,
    wait_for_worker,
    wait_until,
    wait_until_repaired,
)
from tests.dashboard_api.test_page import browser, lit_town, port, serving  # noqa: F401

LATE_VIEWS = re.compile(r"/assets/late_views-[^/]+\.js")
SMALL_QUOTA = 100_000
LONG_MS = 20_000
pytestmark = [pytest.mark.xdist_group("chromium-crew"), pytest.mark.timeout(180)]


@contextlib.contextmanager
def phone_of(browser, **options):
    """A page of a phone's screen whose own errors fail the test."""
    errors = []
    options = {"viewport": PHONE, "locale": "en-GB", "has_touch": True, "is_mobile": True, **options}
    with contextlib.closing(browser.new_context(**options)) as context:
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        yield page
        if not page.is_closed():
            page.unroute_all(behavior="ignoreErrors")  # an answer that is under way ends no other test
        assert errors == []


@pytest.fixture
def phone(browser):
    with phone_of(browser, service_workers="block") as page:
        yield page


def detail(page, port):
    (fault,) = faults(page, port)
    return page.request.get(f"{base(port)}/api/v1/faults/{fault['id']}").json()


def test_a_tap_before_the_other_views_are_there_is_followed_in_place(lit_town, port, phone):
    lit_town.darken(3, 4)
    held = []

    def hold(route):
        held.append(route)

    phone.route(LATE_VIEWS, hold)
    phone.goto(f"{base(port)}/crew?lang=en")
    expect(phone.locator("a.row")).to_have_count(2)
    phone.evaluate("window.isSame = true")
    phone.locator("a.row").last.tap()
    expect(phone.locator("main")).to_contain_text("Loading")
    assert "fault=" in phone.url
    phone.keyboard.press("Escape")
    expect(phone.locator("a.row")).to_have_count(2)
    phone.locator("[data-tab=tour]").tap()
    expect(phone.locator("main")).to_contain_text("Loading")
    phone.locator("[data-tab=work]").tap()
    phone.locator("a.row").first.tap()
    wait_until(phone, lambda: held)
    held[0].continue_()
    expect(phone.locator(".detail .headline")).to_be_visible(timeout=LONG_MS)
    assert phone.evaluate("window.isSame") is True  # one document from the first tap on


def test_on_a_small_screen_a_form_that_opens_is_in_sight(lit_town, browser, port):
    lit_town.darken(3)
    with phone_of(browser, service_workers="block", viewport={"width": 320, "height": 568}) as phone:
        open_crew(phone, port, "?lang=id")
        phone.locator("a.row").tap()
        phone.locator("[data-do=repair]").tap()
        chips = phone.locator("[data-form=repair] .chip")
        for nth in range(3):
            expect(chips.nth(nth)).to_be_in_viewport(ratio=1)
        under = "([x, y]) => document.elementFromPoint(x, y).className"
        box = chips.nth(2).bounding_box()
        assert "chip" in phone.evaluate(under, [box["x"] + box["width"] / 2, box["y"] + box["height"] / 2])


def picture():
    out = io.BytesIO()
    Image.effect_noise((1200, 900), 40).convert("RGB").save(out, "JPEG")
    return {"name": "pole.jpg", "mimeType": "image/jpeg", "buffer": out.getvalue()}


def test_a_quota_that_is_used_up_keeps_nothing_in_silence(lit_town, port, phone):
    lit_town.darken(3)
    storage = phone.context.new_cdp_session(phone)
    # from the beginning: the browser looks at a quota from time to time
    storage.send("Storage.overrideQuotaForOrigin", {"origin": base(port), "quotaSize": SMALL_QUOTA})
    open_crew(phone, port)
    phone.locator("a.row").tap()
    expect(phone.locator("[data-do=acknowledge]")).to_be_visible()
    phone.wait_for_load_state("networkidle")
    phone.locator("input[name=photo]").set_input_files(picture())
    expect(phone.locator(".told")).to_contain_text("Sent", timeout=LONG_MS)
    phone.context.set_offline(True)
    phone.locator("input[name=photo]").set_input_files(picture())
    expect(phone.locator(".told")).to_contain_text("NOT kept and NOT sent", timeout=LONG_MS)
    phone.context.set_offline(False)
    phone.locator("[data-do=acknowledge]").tap()  # kept or sent at once: there may be room for so little
    wait_until(phone, lambda: detail(phone, port)["state"] == "acknowledged")
    assert len(detail(phone, port)["photos"]) == 1


def test_a_storage_that_is_cleared_under_an_open_page_is_used_no_more(lit_town, port, phone):
    lit_town.darken(3)
    open_crew(phone, port)
    phone.locator("a.row").tap()
    expect(phone.locator("[data-do=acknowledge]")).to_be_visible()
    phone.wait_for_load_state("networkidle")
    storage = phone.context.new_cdp_session(phone)
    storage.send("Storage.clearDataForOrigin", {"origin": base(port), "storageTypes": "indexeddb"})
    phone.locator("[data-do=acknowledge]").tap()
    expect(phone.locator(".told")).to_contain_text("Sent", timeout=LONG_MS)
    assert detail(phone, port)["state"] == "acknowledged"


class NewWorker:
    """The API; from some time on its service worker is that of another build, which answers to a message."""

    MORE = b'\nself.addEventListener("message", (event) => event.ports[0].postMessage("new"));\n'

    def __init__(self, app):
        self._app = app
        self.is_new = False

    async def __call__(self, scope, receive, send):
        if not self.is_new or scope.get("path") != "/crew-worker.js":
            await self._app(scope, receive, send)
            return
        plain = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]
        parts = []

        async def keep(message):
            parts.append(message)

        await self._app({**scope, "headers": plain}, receive, keep)
        body = b"".join(part.get("body", b"") for part in parts) + self.MORE
        kind = [(b"content-type", b"text/javascript")]
        await send({"type": "http.response.start", "status": parts[0]["status"], "headers": kind})
        await send({"type": "http.response.body", "body": body})


@contextlib.contextmanager
def serving_workers(city):
    app = NewWorker(create_app(city, lambda: T0))
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False, timeout_graceful_shutdown=0))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    try:
        yield app, listener.getsockname()[1]
    finally:
        server.should_exit = server.force_exit = True
        thread.join(10)
        listener.close()


ACTIVE = """async () => {
    const { active } = await navigator.serviceWorker.ready;
    const { port1, port2 } = new MessageChannel();
    active.postMessage("", [port2]);
    return Promise.race([
        new Promise((done) => { port1.onmessage = ({ data }) => done(data); }),
        new Promise((done) => setTimeout(() => done("old"), 1000)),
    ]);
}"""


def test_a_new_service_worker_leaves_what_waits(lit_town, browser):
    lit_town.darken(3)
    with serving_workers(lit_town.city) as (app, port), phone_of(browser) as page:
        page.context.add_init_script(NO_SYNC)
        page.context.route("**/actions", lambda route: route.abort())
        open_crew(page, port)
        wait_for_worker(page)
        assert page.evaluate(ACTIVE) == "old"
        report_repaired(page)
        expect(page.locator(".report.waiting")).to_be_visible()
        app.is_new = True
        page.evaluate(
            """async () => {
                const registration = await navigator.serviceWorker.ready;
                await registration.update();
                const next = registration.installing ?? registration.waiting;
                while (next.state === "installing") await new Promise((done) => setTimeout(done, 50));
            }"""
        )
        later = page.context.new_page()
        page.close()  # nobody uses the old one any more
        wait_until(later, lambda: later.goto(f"{base(port)}/crew?lang=en") and later.evaluate(ACTIVE) == "new")
        later.locator("[data-tab=outbox]").tap()
        expect(later.locator(".report.waiting")).to_contain_text("LED driver", timeout=LONG_MS)
        later.context.unroute("**/actions")
        later.reload()  # sends at once
        wait_until_repaired(later, port)
        kinds = [entry["kind"] for entry in detail(later, port)["timeline"] if entry["actor"] != "telemetry"]
        assert kinds == ["repair"]


def test_of_two_crews_on_one_fault_the_later_one_is_shown_what_the_other_did(lit_town, port, browser):
    lit_town.darken(3)
    with phone_of(browser, service_workers="block") as first, phone_of(browser, service_workers="block") as second:
        for page in (first, second):
            open_crew(page, port)
            expect(page.locator("a.row")).to_have_count(1)
            page.wait_for_load_state("networkidle")
        first.context.set_offline(True)
        report_repaired(first)
        expect(first.locator(".report.waiting")).to_be_visible()
        second.locator("a.row").tap()
        with second.expect_response("**/actions"):
            second.locator("[data-do=acknowledge]").tap()
        first.context.set_offline(False)
        conflict = first.locator(".report.conflict")
        expect(conflict).to_contain_text("You reported", timeout=LONG_MS)
        assert detail(first, port)["state"] == "acknowledged"  # nothing of the report was taken
        with first.expect_response("**/actions"):
            conflict.locator("[data-decide=note]").tap()
        expect(first.locator(".report")).to_have_count(0, timeout=LONG_MS)
        told = detail(first, port)
        assert told["state"] == "acknowledged"
        assert [entry["kind"] for entry in told["timeline"]][-2:] == ["acknowledge", "comment"]
        assert "LED driver" in told["timeline"][-1]["note"]
