# ruff: noqa: F811  (fixtures of another module are imported by name, and asked for as parameters)
"""What a crew's phone meets: files that are no photo, a storage that refuses, a sign-in that ended, a new build."""

from __future__ import annotations

import contextlib
import io
import re
import struct
import time
import zlib
from datetime import datetime

import httpx
import pytest
from PIL import Image
from playwright.sync_api import expect

from dashboard_api.context import wall_us
from tests.dashboard_api.conftest import T0, Town
from tests.dashboard_api.people import PASSWORD, People
from tests.dashboard_api.test_crew_page import (
    PHONE,
    base,
    faults,
    open_crew,
    open_first,
    report_repair_here,
    report_repaired,
    wait_until,
)
from tests.dashboard_api.test_page import browser, lit_town, port, serving  # noqa: F401

GPS = 0x8825
pytestmark = [pytest.mark.xdist_group("chromium-crew"), pytest.mark.timeout(300)]


@pytest.fixture
def phone(browser):
    """A phone whose page may not fail; its service worker stays out, so that the test decides what is answered."""
    errors = []
    options = {"viewport": PHONE, "locale": "en-GB", "has_touch": True, "is_mobile": True, "service_workers": "block"}
    with contextlib.closing(browser.new_context(**options)) as context:
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        yield page
        page.unroute_all(behavior="ignoreErrors")  # an answer that is under way ends no other test
        assert errors == []


def picture(form, size=(320, 240), **how):
    out = io.BytesIO()
    Image.effect_noise(size, 40).convert("RGB").save(out, form, **how)
    return out.getvalue()


def located():
    """A photo that tells where it was taken and by what."""
    exif = Image.Exif()
    exif[0x010F] = "a phone"
    exif.get_ifd(GPS)[2] = (0.0, 47.0, 21.0)
    return picture("JPEG", exif=exif)


def animated():
    frames = [Image.new("RGB", (64, 48), colour) for colour in ("red", "green", "blue")]
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:], duration=100)
    return out.getvalue()


def bomb(width, height):
    """A PNG of one colour: few bytes, as many pixels as asked for."""

    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    packer = zlib.compressobj(9)
    row = bytes(1 + (width + 7) // 8)
    body = b"".join(packer.compress(row) for _n in range(height)) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


HEIC = b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + bytes(500)
REFUSED = {
    "zero bytes": (b"", "no photo"),
    "a PDF with a photo's name": (b"%PDF-1.7\n" + bytes(2_000), "no photo"),
    "HEIC, which this browser cannot read": (HEIC, "no photo"),
    "cut": (picture("JPEG")[:300], "no photo"),
    "a drawing": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "no photo"),
    "20,000 by 20,000 pixels": (bomb(20_000, 20_000), "too large"),
}
TAKEN = {"a photo with its position": located, "an animation": animated, "WebP": lambda: picture("WEBP")}


def test_files_are_refused_with_their_reason_and_photos_arrive_without_position(lit_town, port, phone, tmp_path):
    lit_town.darken(3)
    open_crew(phone, port)
    (fault,) = faults(phone, port)
    phone.locator("a.row").tap()
    chosen = phone.locator("input[name=photo]")
    for name, (body, reason) in REFUSED.items():
        chosen.set_input_files({"name": "pole.jpg", "mimeType": "image/jpeg", "buffer": body})
        expect(phone.locator(".told"), name).to_contain_text(reason)
        phone.evaluate("document.querySelector('.told').textContent = ''")
    with (tmp_path / "pole.jpg").open("wb") as large:
        large.write(picture("JPEG"))
        large.truncate(70 << 20)
    chosen.set_input_files(tmp_path / "pole.jpg")
    expect(phone.locator(".told")).to_contain_text("too large")
    phone.evaluate("document.querySelector('.told').textContent = ''")
    for name, make in TAKEN.items():
        chosen.set_input_files({"name": "pole.jpg", "mimeType": "image/jpeg", "buffer": make()})
        expect(phone.locator(".told"), name).to_contain_text("Photo kept")
        phone.evaluate("document.querySelector('.told').textContent = ''")
    ids = lambda: phone.request.get(f"{base(port)}/api/v1/faults/{fault['id']}").json()["photos"]  # noqa: E731
    wait_until(phone, lambda: len(ids()) == len(TAKEN))
    expect(phone.locator(".report")).to_have_count(0)  # nothing is left
    for photo_id in ids():
        body = phone.request.get(f"{base(port)}/api/v1/faults/{fault['id']}/photos/{photo_id}").body()
        assert Image.open(io.BytesIO(body)).format == "JPEG"
        assert b"Exif" not in body
        assert b"a phone" not in body


FORBIDDEN = {
    "a private window": "Object.defineProperty(window, 'indexedDB', { get() { throw new DOMException('no') } })",
    "a full disk": "IDBObjectStore.prototype.put = () => { throw new DOMException('full', 'QuotaExceededError') }",
}


@pytest.mark.parametrize("why", FORBIDDEN)
def test_a_report_that_cannot_be_kept_is_sent_at_once_or_told_as_not_sent(lit_town, port, phone, why):
    lit_town.darken(3)
    phone.add_init_script(FORBIDDEN[why])
    open_crew(phone, port)
    (fault,) = faults(phone, port)
    expect(phone.locator("a.row")).to_have_count(1)
    open_first(phone)  # what comes later may not be missing: it is the report that fails
    phone.context.set_offline(True)
    phone.locator("[data-do=acknowledge]").tap()
    expect(phone.locator(".told")).to_contain_text("NOT kept and NOT sent")
    expect(phone.locator("[data-do=acknowledge]")).to_be_visible()
    phone.context.set_offline(False)
    phone.locator("input[name=photo]").set_input_files(
        {"name": "pole.jpg", "mimeType": "image/jpeg", "buffer": picture("JPEG")}
    )
    expect(phone.locator(".told")).to_contain_text("Sent")
    phone.locator("[data-do=repair]").tap()
    phone.locator("[data-form=repair] .chip").nth(1).tap()
    phone.locator("[data-form=repair] [type=submit]").tap()
    expect(phone.locator(".detail [data-state]")).to_have_text("repaired")
    expect(phone.locator("[data-form]")).to_have_count(0)
    detail = phone.request.get(f"{base(port)}/api/v1/faults/{fault['id']}").json()
    assert (detail["state"], len(detail["photos"]), len(detail["timeline"])) == ("repaired", 1, 2)


def test_a_sign_in_that_ends_while_offline_keeps_reports_until_the_person_is_back(tmp_path, phone):
    town = Town(tmp_path)
    town.write_live([2] * 40)
    town.darken(3)
    People(town.city, wall_us).add("budi", "crew", "*")
    sign_in = {"name": "budi", "password": PASSWORD}
    with serving(town.city) as port:
        assert phone.request.post(f"{base(port)}/api/v1/session", data=sign_in).status == 201
        open_crew(phone, port)
        expect(phone.locator("a.row")).to_have_count(1)
        open_first(phone)
        phone.context.set_offline(True)
        report_repair_here(phone)
        cookies = {cookie["name"]: cookie["value"] for cookie in phone.context.cookies()}
        assert httpx.delete(f"{base(port)}/api/v1/session", cookies=cookies).is_success
        phone.context.set_offline(False)
        phone.goto(f"{base(port)}/crew?lang=en&view=outbox")
        expect(phone.locator(".report.waiting")).to_contain_text("LED driver")
        expect(phone.locator(".alarm")).to_contain_text("Sign in")
        phone.locator(".alarm a").tap()
        phone.wait_for_url(re.compile("/sign-in"))
        phone.locator("input[name=name]").fill("budi")
        phone.locator("input[name=password]").fill(PASSWORD)
        phone.keyboard.press("Enter")
        phone.wait_for_url(re.compile(r":\d+/crew"))
        wait_until(phone, lambda: [one["state"] for one in faults(phone, port)] == ["repaired"])
    town.engine.dispose()


def test_a_report_is_dated_right_though_the_phones_clock_was_a_day_behind_and_is_set(lit_town, port, phone):
    lit_town.darken(3)
    behind = "const real = Date.now; Date.now = () => real() - (localStorage.behind ?? 1) * 86_400_000"
    phone.add_init_script(behind)
    phone.route("**/actions", lambda route: route.abort())
    open_crew(phone, port)
    expect(phone.locator("a.row")).to_have_count(1)
    report_repaired(phone)
    expect(phone.locator(".report.waiting")).to_be_visible()
    phone.evaluate("localStorage.behind = 0")
    phone.unroute("**/actions")
    phone.route("**/api/v1/city", lambda route: (time.sleep(0.5), route.continue_()))  # a slow line
    phone.goto(f"{base(port)}/crew?lang=en")
    wait_until(phone, lambda: [one["state"] for one in faults(phone, port)] == ["repaired"])
    (fault,) = faults(phone, port)
    detail = phone.request.get(f"{base(port)}/api/v1/faults/{fault['id']}").json()
    at = datetime.fromisoformat(detail["timeline"][-1]["at"]).timestamp()
    assert T0 / 1e6 - 300 < at <= T0 / 1e6  # the server's clock stands still


def test_a_page_whose_parts_are_gone_takes_the_new_build_and_keeps_what_waits(lit_town, port, phone):
    lit_town.darken(3)
    phone.route("**/actions", lambda route: route.abort())
    open_crew(phone, port)
    report_repaired(phone)
    expect(phone.locator(".report.waiting")).to_be_visible()
    # an old page from here on: its later part is not on the server any more, and the document names another script
    state = {"is_there": False}
    part = re.compile(r"/assets/late_views-[^/]+\.js")
    phone.route(part, lambda route: route.continue_() if state["is_there"] else route.fulfill(status=404, body=""))
    phone.goto(f"{base(port)}/crew?lang=en")
    expect(phone.locator("a.row")).to_have_count(1)
    phone.locator("a.row").tap()
    expect(phone.locator("main")).to_contain_text("Loading")
    phone.wait_for_timeout(500)
    assert phone.evaluate("window.isOld = true")  # the same build would lack it as well: no reload helps

    def document(route):
        answer = route.fetch()
        state["is_there"] = True
        route.fulfill(response=answer, body=re.sub(r'(src="/assets/crew-[^"]+\.js)"', r'\1?new"', answer.text()))

    phone.route(re.compile(r"/crew(\?.*)?$"), document)
    phone.wait_for_function("() => window.isOld === undefined", timeout=60_000)
    phone.unroute("**/actions")
    expect(phone.locator(".detail .headline")).to_be_visible()
    wait_until(phone, lambda: [one["state"] for one in faults(phone, port)] == ["repaired"])
