# ruff: noqa: F811  (fixtures of another module are imported by name, and asked for as parameters)
"""The wall of the live room in a real Chromium: signs in once, reads from afar, comes back by itself, does not grow."""

from __future__ import annotations

import contextlib
import json
import os
import re

import pytest
from playwright.sync_api import expect

from ingest.model.finding import Cleared, Key, Place
from tests.dashboard_api.conftest import T0, Town
from tests.dashboard_api.people import People
from tests.dashboard_api.test_page import browser, serving  # noqa: F401

SIZES = {"1080p": {"width": 1920, "height": 1080}, "4K": {"width": 3840, "height": 2160}}
SHORT = {"width": 1280, "height": 720}
BACK_MS = 10_000
pytestmark = [pytest.mark.xdist_group("chromium"), pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def city(tmp_path_factory):
    """A lit town with a dead circuit and a dark lamp, and a token for displays."""
    town = Town(tmp_path_factory.mktemp("wall"))
    town.write_live([2] * 40)
    town.darken(3)
    town.raise_circuit()
    town.secret = People(town.city, lambda: T0).token("wall", "display")
    yield town
    town.engine.dispose()


@pytest.fixture(scope="module")
def port(city):
    with serving(city.city) as port:
        yield port


@contextlib.contextmanager
def wall(browser, size=SHORT, **options):
    """A page of a wall whose own errors, and whatever its policy refuses, fail the test."""
    errors = []
    with contextlib.closing(browser.new_context(viewport=size, **options)) as context:
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if "Content Security" in message.text else None)
        yield page
        assert errors == []


def open_wall(page, port, city, query="?lang=en"):
    page.goto(f"http://127.0.0.1:{port}/live{query}#token={city.secret}")
    expect(page.locator(".counts")).to_be_visible(timeout=30_000)


def figures(page):
    """Numbers of lamps by state as the wall shows them."""
    rows = page.locator(".counts li").evaluate_all("all => all.map(e => [e.className, e.querySelector('b').innerText])")
    return {name: int(re.sub(r"\D", "", text)) for name, text in rows}


def test_the_token_is_taken_from_the_address_once_and_the_figures_are_the_summarys(browser, city, port):
    asked = []
    with wall(browser) as page:
        page.on("request", lambda request: asked.append(request.url))
        open_wall(page, port, city)
        assert "token" not in page.url
        assert (
            page.evaluate("document.cookie + JSON.stringify(localStorage) + JSON.stringify(sessionStorage)") == "{}{}"
        )
        summary = page.request.get(f"http://127.0.0.1:{port}/api/v1/summary").json()["lamps"]
        assert figures(page) == {name: summary[name] for name in ("lit", "dark", "off", "silent", "unmetered")}
        assert page.locator(".share b").inner_text() == f"{int(summary['lit_share'] * 1000) / 10:g}%"
        expect(page.locator(".worst li").first).to_contain_text("Circuit without power")
        expect(page.locator(".happened li").first).to_contain_text("Circuit without power")
        assert page.locator(".status").inner_text() == "live"
        page.reload()  # by its cookie
        expect(page.locator(".counts")).to_be_visible(timeout=30_000)
        expect(page.locator(".maplibregl-canvas")).to_be_attached(timeout=30_000)
        # it may only show
        assert page.request.post(f"http://127.0.0.1:{port}/api/v1/maintenance", data={}).status == 403
    own = re.compile(rf"(blob:)?http://127\.0\.0\.1:{port}/|data:")
    assert [url for url in asked if not own.match(url) or city.secret in url] == []


def test_the_citys_language_is_spoken_where_the_address_asks_for_none(browser, city, port):
    with wall(browser, locale="id-ID") as page:
        open_wall(page, port, city, query="")
        expect(page.locator(".open")).to_contain_text("open faults")
        open_wall(page, port, city, query="?lang=id")
        expect(page.locator(".open")).to_contain_text("gangguan terbuka")
        expect(page.locator("html")).to_have_attribute("lang", "id")


@pytest.mark.parametrize(("size", "language"), [("1080p", "en"), ("4K", "id")])
def test_everything_is_large_enough_and_in_the_picture(browser, city, port, size, language):
    with wall(browser, SIZES[size]) as page:
        open_wall(page, port, city, f"?lang={language}")
        page.evaluate("document.fonts.ready.then(() => true)")
        if os.environ.get("TERANG_PICTURES"):
            page.wait_for_timeout(3_000)
            page.screenshot(path=f"{os.environ['TERANG_PICTURES']}/wall-{size}-{language}.png")
        least = SIZES[size]["height"] * 0.0249
        found = page.evaluate(
            """() => [...document.querySelectorAll('#board *')]
              .filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()))
              .map(e => {
                const box = e.getBoundingClientRect(), style = getComputedStyle(e);
                return { text: e.innerText, px: parseFloat(style.fontSize), right: box.right, bottom: box.bottom,
                         cut: e.scrollWidth > e.clientWidth + 1 && style.textOverflow !== 'ellipsis'
                              && style.display !== 'inline' };
              })"""
        )
        assert len(found) > 30
        assert [each for each in found if each["px"] < least or each["cut"]] == []
        width, height = SIZES[size]["width"], SIZES[size]["height"]
        assert [each["text"] for each in found if each["right"] > width or each["bottom"] > height] == []


def test_a_server_that_is_away_leaves_the_picture_with_its_age_and_is_found_again(browser, city):
    with wall(browser) as page:
        with serving(city.city) as port:
            open_wall(page, port, city)
            before = figures(page)
        expect(page.locator(".status")).to_contain_text("No connection since", timeout=15_000)
        expect(page.locator(".status")).to_contain_text("old")
        assert figures(page) == before
        with serving(city.city, port):
            expect(page.locator(".status")).to_have_text("live", timeout=BACK_MS)


def test_a_cut_of_the_network_is_overcome(browser, city, port):
    with wall(browser) as page:
        open_wall(page, port, city)
        page.context.set_offline(True)
        expect(page.locator(".status")).to_contain_text("No connection", timeout=15_000)
        page.context.set_offline(False)
        expect(page.locator(".status")).to_have_text("live", timeout=BACK_MS)


def test_another_build_is_loaded_once_all_of_it_is_there(browser, city, port):
    served = {"is_there": False}
    loads = []

    def tell(route):
        answer = route.fetch()
        route.fulfill(response=answer, body=json.dumps({**answer.json(), "page": "0123456789abcdef"}))

    def document(route):
        loads.append(route.request.is_navigation_request())
        if not served["is_there"]:
            route.fulfill(status=502, body="")
            return
        answer = route.fetch()
        body = re.sub(r'(name="build" content=")[0-9a-f]+', r"\g<1>0123456789abcdef", answer.text())
        route.fulfill(response=answer, body=body)

    with wall(browser) as page:
        open_wall(page, port, city)
        page.evaluate("window.isOld = true")
        page.route(re.compile(r"/live(\?lang=en)?$"), document)
        page.route(re.compile(r"/api/v1/live"), tell)
        expect(page.locator(".counts")).to_be_visible()
        page.wait_for_function("() => performance.getEntriesByType('resource').some(e => /:\\d+\\/live/.test(e.name))")
        assert page.evaluate("window.isOld")  # half a version is no version
        assert True not in loads
        served["is_there"] = True
        page.wait_for_function("() => window.isOld === undefined", timeout=BACK_MS)
        expect(page.locator(".counts")).to_be_visible(timeout=30_000)
        n = len(loads)
        page.wait_for_timeout(4_500)
        assert len(loads) == n  # and no second time


def test_a_token_that_is_revoked_ends_the_picture(browser, tmp_path):
    town = Town(tmp_path)
    town.write_live([2] * 40)
    people = People(town.city, lambda: T0)
    town.secret = people.token("wall", "display")
    with serving(town.city) as port, wall(browser) as page:
        open_wall(page, port, town)
        people.accounts.revoke_token("wall", T0)
        expect(page.get_by_role("alert")).to_contain_text("token", timeout=15_000)
        assert page.locator(".counts").count() == 0
        expect(page.locator("#map")).not_to_be_visible()
    town.engine.dispose()


def test_without_a_token_it_says_what_it_needs(browser, city, port):
    with wall(browser) as page:
        page.goto(f"http://127.0.0.1:{port}/live?lang=en")
        expect(page.get_by_role("alert")).to_contain_text("needs a token", timeout=15_000)


def test_who_asks_for_less_motion_gets_none(browser, city, port):
    with wall(browser, reduced_motion="reduce") as page:
        page.clock.install()
        open_wall(page, port, city)
        expect(page.locator(".maplibregl-canvas")).to_be_attached(timeout=30_000)
        assert page.locator("#board").evaluate("e => getComputedStyle(e).transitionDuration") == "0s"


STEP_MS = 10_000
STEPS = 36  # of a turn, after which something happens to a lamp
# a clock that goes on when it is told to, and counts the answers that came
CLOCK = """() => {
  let now = Date.now(), last = 0;
  const began = now, jobs = new Map(), plain = window.fetch;
  const add = (work, ms, every) => { jobs.set(++last, { at: now + Math.max(0, ms || 0), work, every }); return last; };
  window.setTimeout = (work, ms, ...rest) => add(() => work(...rest), ms, null);
  window.setInterval = (work, ms, ...rest) => add(() => work(...rest), ms, ms);
  window.requestAnimationFrame = work => add(() => work(now - began), 16, null);
  window.clearTimeout = window.clearInterval = window.cancelAnimationFrame = key => { jobs.delete(key); };
  Date.now = () => now;
  performance.now = () => now - began;
  window.n_answers = 0;
  window.fetch = (...what) => {
    const answer = plain(...what);
    if (String(what[0]).startsWith('/api/v1/live'))
      window.asked = answer.then(it => it.clone().text()).then(() => { window.n_answers += 1; }, () => undefined);
    return answer;
  };
  const pass = ms => {
    now += ms;
    for (const [key, job] of [...jobs]) {
      if (job.at > now || !jobs.has(key)) continue;
      if (job.every === null) jobs.delete(key); else job.at = now + job.every;
      job.work();
    }
  };
  const settled = () => new Promise(done => {
    const turn = new MessageChannel();
    turn.port1.onmessage = done;
    turn.port2.postMessage(0);
  });
  window.live = async (n, ms) => {
    for (let step = 0; step < n; step += 1) {
      pass(ms);
      await window.asked;
      await settled();
    }
  };
}"""


class Life:
    """Lamps that go dark, are repaired and go dark again, while a wall looks."""

    def __init__(self, town, n_lamps):
        self.town = town
        self.n_lamps = n_lamps
        self.at_us = T0
        self.dark = []

    def go_on(self, n):
        """One event, at every tenth a new live picture."""
        self.at_us += 60_000_000
        row = (n * 7919) % self.n_lamps
        self.town.darken(row, at_us=self.at_us)
        self.dark.append(row)
        if len(self.dark) > 30:
            lamp_id = self.town.register.lamps.lamp_id[self.dark.pop(0)]
            word = Cleared(Key("lampFailure", Place(lamp_id=lamp_id)), self.at_us, True, {"power_w": 90.0})
            self.town.book.apply([word], self.at_us)
        if n % 10 == 0:
            states = [2] * self.n_lamps
            for one in self.dark:
                states[one] = 3
            self.town.write_live(states, self.at_us)


def heap_bytes(session):
    """Bytes of the page's heap that are in use, after two collections of garbage."""
    session.send("HeapProfiler.collectGarbage")
    session.send("HeapProfiler.collectGarbage")
    return session.send("Runtime.getHeapUsage")["usedSize"]


def run_wall(page, port, town, life, *, hours, hours_warm, step_ms=STEP_MS):
    """Play so many hours of the wall's clock; the heap once it is warm, at the end, and the number of answers."""
    page.add_init_script(f"({CLOCK})()")
    page.goto(f"http://127.0.0.1:{port}/live?lang=en#token={town.secret}")
    session = page.context.new_cdp_session(page)
    page.locator("#board").wait_for()
    turn_h = STEPS * step_ms / 3_600_000
    warm, told_h = 0, 0
    for n in range(round(hours / turn_h)):
        page.evaluate(f"window.live({STEPS}, {step_ms})")
        life.go_on(n)
        hour = (n + 1) * turn_h
        if not warm and hour >= hours_warm:
            warm = heap_bytes(session)
        if hour >= told_h + 6:  # of a campaign
            told_h = round(hour)
            print(f"{told_h} h: heap {heap_bytes(session) / 1e6:.2f} MB", flush=True)
    expect(page.locator(".counts")).to_be_visible()
    return warm, heap_bytes(session), page.evaluate("window.n_answers")


@pytest.mark.skipif(not os.environ.get("TERANG_SOAK"), reason="TERANG_SOAK=1 plays hours of the wall")
def test_the_heap_does_not_grow_in_a_sample_of_the_hours(browser, tmp_path):
    town = Town(tmp_path)
    town.write_live([2] * 40)
    town.secret = People(town.city, lambda: T0).token("wall", "display")
    with serving(town.city) as port, wall(browser, {"width": 320, "height": 180}) as page:
        warm, end, n_answers = run_wall(page, port, town, Life(town, 40), hours=2, hours_warm=1)
        assert page.locator(".maplibregl-canvas").count() == 1
    town.engine.dispose()
    assert n_answers > 600
    assert end <= 1.1 * warm, (warm, end)


@pytest.mark.skipif(not os.environ.get("TERANG_SOAK"), reason="TERANG_SOAK=1 plays hours of the wall")
@pytest.mark.timeout(3_600)
def test_the_heap_does_not_grow_in_72_hours_at_100_000_lamps(browser, tmp_path):
    n_lamps = 100_000
    town = Town(tmp_path, n_lamps, n_cabinets=500)
    town.write_live([2] * n_lamps)
    town.darken(*range(0, n_lamps, 1_000), at_us=T0 - 86_400_000_000)
    town.secret = People(town.city, lambda: T0).token("wall", "display")
    with serving(town.city) as port, wall(browser, {"width": 640, "height": 360}) as page:
        life = Life(town, n_lamps)
        warm, end, n_answers = run_wall(page, port, town, life, hours=72, hours_warm=6, step_ms=3 * STEP_MS)
        assert page.locator(".maplibregl-canvas").count() == 1
    town.engine.dispose()
    print(f"\nheap {warm / 1e6:.2f} MB after 6 hours, {end / 1e6:.2f} MB after 72; {n_answers} answers")
    assert n_answers > 8_000
    assert end <= 1.1 * warm, (warm, end)
