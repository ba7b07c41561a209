# ruff: noqa: F811  (fixtures of another module are imported by name, and asked for as parameters)
"""The crew's page on a phone's screen: light, offline, nothing lost or doubled, four taps to "repaired"."""

from __future__ import annotations

import contextlib
import io
import re

import pytest
import segno
from PIL import Image
from playwright.sync_api import expect

from ingest.model.finding import Cleared, Key, Place
from tests.dashboard_api.test_page import OFFLINE_FLAGS, browser, lit_town, port, serving  # noqa: F401

T0 = 1_790_000_000_000_000
MINUTE = 60_000_000
PHONE = {"width": 360, "height": 740}
FIRST_LIST_BYTES = 45_000
# The browser wakes the service worker at once where it takes itself for connected, whatever a test lets the page reach.
NO_SYNC = "Object.defineProperty(ServiceWorkerRegistration.prototype, 'sync', { value: undefined })"
pytestmark = [pytest.mark.xdist_group("chromium-crew"), pytest.mark.timeout(300)]


@pytest.fixture
def database_url(tmp_path):
    """One kind of database: the page cannot tell them apart."""
    return f"sqlite:///{tmp_path}/terang.db"


@pytest.fixture
def phone(browser):
    """A page of a phone's screen whose own errors fail the test."""
    errors = []
    options = {"viewport": PHONE, "locale": "en-GB", "has_touch": True, "is_mobile": True}
    with contextlib.closing(browser.new_context(**options)) as context:
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        yield page
        page.unroute_all(behavior="ignoreErrors")  # an answer that is under way ends no other test
        assert errors == []


def base(port):
    return f"http://127.0.0.1:{port}"


def open_crew(page, port, query=""):
    page.goto(f"{base(port)}/crew{query}")
    expect(page.locator(".age")).to_contain_text(re.compile("data"))


def faults(page, port, **query):
    return page.request.get(f"{base(port)}/api/v1/faults", params={"state": "any", **query}).json()["items"]


def open_first(page):
    """Tap the first row, which loads a document until the later views are there, and wait for what can be reported."""
    page.locator("a.row").first.tap()
    expect(page.locator("[data-do=acknowledge]")).to_be_visible()


def report_repaired(page):
    """From the open app to "repaired": four taps, nothing typed."""
    page.locator("a.row").first.tap()
    report_repair_here(page)


def report_repair_here(page):
    """The three taps on the fault that is open."""
    page.locator("[data-do=repair]").tap()
    page.locator("[data-form=repair] .chip").nth(1).tap()
    page.locator("[data-form=repair] [type=submit]").tap()
    expect(page.locator(".told")).to_contain_text("Kept on this phone")  # on disk


def wait_until(page, is_so):
    """Look at the server again and again for some seconds."""
    for _attempt in range(300):
        if is_so():
            return
        page.wait_for_timeout(100)
    raise AssertionError(is_so)


def wait_until_repaired(page, port):
    wait_until(page, lambda: [fault["state"] for fault in faults(page, port)] == ["repaired"])


def kept_notes(page):
    """Notes of the drafts that are on the phone."""
    return page.evaluate(
        """() => new Promise((done, failed) => {
            const opening = indexedDB.open("terang-crew");
            opening.onerror = failed;
            opening.onsuccess = () => {
                const all = opening.result.transaction("drafts").objectStore("drafts").getAll();
                all.onerror = failed;
                all.onsuccess = () => {
                    opening.result.close();
                    done(all.result.map((draft) => draft.note));
                };
            };
        })"""
    )


def wait_for_worker(page):
    page.evaluate(
        """async () => {
            await navigator.serviceWorker.ready;
            if (navigator.serviceWorker.controller) return;
            await new Promise((done) => navigator.serviceWorker.addEventListener("controllerchange", done));
        }"""
    )


def test_four_taps_without_typing_report_a_repair(lit_town, port, phone):
    lit_town.darken(3)
    open_crew(phone, port)
    report_repaired(phone)
    wait_until_repaired(phone, port)
    expect(phone.locator(".report")).to_have_count(0)  # sent: nothing waits any more
    expect(phone.locator(".detail .result")).to_contain_text("Waiting for the next night")
    (fault,) = faults(phone, port)
    repair = phone.request.get(f"{base(port)}/api/v1/faults/{fault['id']}").json()["repair"]
    assert (repair["cause"], repair["part"]) == ("driver", "LED driver")


def test_the_first_list_is_light_and_shows_several_rows(lit_town, port, phone):
    lit_town.darken(*range(40))
    phone.add_init_script(
        """new MutationObserver((_changes, observer) => {
            if (!document.querySelector("a.row")) return;
            observer.disconnect();
            window.firstListMs = performance.now();
        }).observe(document, { childList: true, subtree: true })"""
    )
    phone.goto(f"{base(port)}/crew")
    expect(phone.locator("a.row").first).to_be_visible()
    loaded = phone.evaluate(
        """() => [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
            .filter((each) => each.responseEnd <= window.firstListMs)
            .map((each) => [each.name, each.transferSize])"""
    )
    assert any("/api/v1/faults" in name for name, _size in loaded)
    assert 20_000 < sum(size for _name, size in loaded) <= FIRST_LIST_BYTES, loaded
    rows = phone.locator("a.row").evaluate_all(
        "rows => rows.map((row) => row.getBoundingClientRect()).filter((box) => box.bottom < innerHeight - 52).length"
    )
    assert rows >= 6


def test_in_daylight_rows_are_dark_on_a_light_ground(lit_town, port, browser):
    lit_town.darken(3)
    context = browser.new_context(viewport=PHONE, color_scheme="light")
    page = context.new_page()
    open_crew(page, port)
    expect(page.locator("a.row")).to_have_count(1)
    page.locator("a.row").click()  # what is loaded for a fault brings its styles along
    expect(page.locator(".detail h2")).to_be_visible()
    expect(page.locator("body")).to_have_css("background-color", "rgb(251, 251, 253)")
    expect(page.locator(".detail h2")).to_have_css("color", "rgb(19, 26, 39)")
    context.close()


def test_a_thousand_faults_are_a_few_dozen_elements(lit_town, port, phone):
    lit_town.darken(3)
    (fault,) = phone.request.get(f"{base(port)}/api/v1/faults").json()["items"]
    many = [{**fault, "id": f"{n:026d}", "cabinet_id": f"C-{n // 20}"} for n in range(1000)]
    phone.route(re.compile(r"/api/v1/faults\?"), lambda route: route.fulfill(json={"items": many, "next_cursor": None}))
    open_crew(phone, port)
    expect(phone.locator(".counted")).to_have_text("1,000 faults")
    panel = phone.locator("main")
    # once the first rows have been drawn, and their height is known
    wait_until(phone, lambda: panel.evaluate("panel => panel.scrollHeight") >= 1000 * 60)
    for share in (0.3, 0.8, 1.0):
        panel.evaluate(f"panel => panel.scrollTo(0, panel.scrollHeight * {share})")
        phone.wait_for_timeout(100)
        assert 8 <= phone.locator("a.row").count() <= 60
    expect(phone.locator("a.row").last).to_be_in_viewport()


def test_it_opens_offline_keeps_a_report_and_sends_it_by_itself(lit_town, phone):
    lit_town.darken(3, 4)
    with serving(lit_town.city) as port:
        open_crew(phone, port)
        wait_for_worker(phone)
        expect(phone.locator("a.row")).to_have_count(2)
    phone.reload()
    expect(phone.locator("a.row")).to_have_count(2)
    expect(phone.locator(".age.lost")).to_contain_text("data under 1 min old")
    report_repaired(phone)
    expect(phone.locator(".report.waiting")).to_contain_text("LED driver")
    phone.reload()
    expect(phone.locator(".report.waiting")).to_be_visible()
    with serving(lit_town.city, port):
        expect(phone.locator(".report.waiting")).to_have_count(0)
        assert sorted(fault["state"] for fault in faults(phone, port)) == ["open", "repaired"]


def test_a_conflict_stands_beside_what_changed_and_a_person_decides(lit_town, phone):
    lit_town.darken(3)
    with serving(lit_town.city) as port:
        open_crew(phone, port)
        wait_for_worker(phone)
        (fault,) = faults(phone, port)
    phone.reload()
    report_repaired(phone)
    expect(phone.locator(".report.waiting")).to_be_visible()
    with serving(lit_town.city, port):
        other = {"action_id": "01JDB2M7Z8Q5W3N4T6V9X0Y1KC", "action": "assign", "assignee": "Sari"}
        phone.request.post(f"{base(port)}/api/v1/faults/{fault['id']}/actions", data=other)
        conflict = phone.locator(".report.conflict")
        expect(conflict).to_contain_text("You reported")
        expect(conflict).to_contain_text("Sari")
        conflict.locator("[data-decide=again]").tap()
        expect(phone.locator(".report")).to_have_count(0)
        (fault,) = faults(phone, port)
        assert (fault["state"], fault["assignee"]) == ("repaired", "Sari")


def test_drafts_and_filters_survive_a_reload(lit_town, port, phone):
    lit_town.darken(3, 30)
    open_crew(phone, port)
    phone.locator("[data-do=filter]").tap()
    phone.locator("select[name=district]").select_option("Mempura")
    expect(phone.locator("a.row")).to_have_count(1)
    expect(phone).to_have_url(re.compile("district=Mempura"))
    phone.locator("a.row").tap()
    phone.locator("[data-do=comment]").tap()
    phone.locator("textarea").fill("ladder too short")
    wait_until(phone, lambda: "ladder too short" in kept_notes(phone))
    phone.reload()
    expect(phone.locator("textarea")).to_have_value("ladder too short")
    phone.locator(".back").tap()
    expect(phone.locator("a.row")).to_have_count(1)


def test_the_crew_sees_that_its_repair_held(lit_town, port, phone):
    lit_town.darken(3)
    open_crew(phone, port)
    report_repaired(phone)
    wait_until_repaired(phone, port)
    cleared = Cleared(Key("lampFailure", Place(lamp_id="L-003")), T0 + MINUTE, True, {"power_w": 46.9})
    lit_town.book.apply([cleared], T0 + MINUTE)
    phone.goto(f"{base(port)}/crew?view=repairs")
    expect(phone.locator(".repaired .result")).to_have_text(re.compile(r"Verified: 46\.9 W at \d\d:\d\d"))
    phone.locator(".repaired").tap()
    expect(phone.locator(".detail .result")).to_contain_text("Verified: 46.9 W")
    phone.goto(f"{base(port)}/crew?view=morning&lang=id")
    expect(phone.locator(".morning")).to_contain_text("masih mati")


def test_a_photo_is_made_small_and_arrives_once(lit_town, port, phone):
    lit_town.darken(3)
    open_crew(phone, port)
    (fault,) = faults(phone, port)
    phone.locator("a.row").tap()
    large = io.BytesIO()
    Image.effect_noise((1900, 1300), 40).save(large, "PNG")
    files = [
        {"name": "pole.png", "mimeType": "image/png", "buffer": large.getvalue()},
        {"name": "pole.txt", "mimeType": "image/png", "buffer": b"no photo"},
    ]
    phone.locator("input[name=photo]").set_input_files(files)
    expect(phone.locator(".told")).to_contain_text("no photo")
    photos = lambda: phone.request.get(f"{base(port)}/api/v1/faults/{fault['id']}").json()["photos"]  # noqa: E731
    wait_until(phone, photos)
    expect(phone.locator(".report")).to_have_count(0)
    (photo,) = photos()
    kept = phone.request.get(f"{base(port)}/api/v1/faults/{fault['id']}/photos/{photo}").body()
    assert max(Image.open(io.BytesIO(kept)).size) <= 1600


def test_a_label_opens_its_lamp_and_the_decoder_comes_from_here(lit_town, port, phone):
    lit_town.darken(3)
    asked = []
    phone.on("request", lambda request: asked.append(request.url))
    open_crew(phone, port)
    assert not any(".wasm" in url for url in asked)
    phone.locator("[data-tab=scan]").tap()
    label = io.BytesIO()
    segno.make_qr("https://terang.siak.go.id/crew?lamp=L-003", error="m").save(label, kind="png", scale=6)
    phone.locator("input[name=label]").set_input_files(
        {"name": "label.png", "mimeType": "image/png", "buffer": label.getvalue()}
    )
    expect(phone.locator(".detail h2").first).to_have_text("L-003")
    expect(phone.locator(".detail a.row")).to_have_count(1)
    assert any(".wasm" in url for url in asked)
    assert {url.split("/")[2] for url in asked if url.startswith("http")} == {f"127.0.0.1:{port}"}
