"""The web page in a real Chromium, against the real API over a real database."""

from __future__ import annotations

import contextlib
import re
import socket
import subprocess
import threading
import time

import pytest
import uvicorn
from playwright._impl._driver import compute_driver_executable
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import expect, sync_playwright

from dashboard_api.app import create_app
from dashboard_api.context import wall_us
from dashboard_api.pages.built_page import DIST
from tests.dashboard_api.conftest import Town
from tests.dashboard_api.people import PASSWORD, People

# What is waited for comes at once on an idle machine, and late on one that runs two other test processes.
expect.set_options(timeout=30_000)
T0 = 1_790_000_000_000_000
OFFLINE_FLAGS = [
    "--no-sandbox",  # tests may run as root
    "--disable-gpu",  # draws in software all the same, with a third less work; WebGL is there
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
pytestmark = [pytest.mark.xdist_group("chromium-page"), pytest.mark.timeout(300)]


@contextlib.contextmanager
def serving(city, port=0):
    """The app on a free port of this machine; yields the port."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    app = create_app(city, lambda: T0)
    config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=0)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.02)
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        server.force_exit = True
        thread.join(10)
        listener.close()


def why_no_driver(command=None):
    """Why the Node in Playwright's package does not run, such as a missing library; None = it does."""
    try:
        done = subprocess.run(
            command or [compute_driver_executable()[0], "--version"],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=60,
            check=False,
        )
    except OSError as error:
        return str(error)
    return None if done.returncode == 0 else (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]


@pytest.fixture(scope="module")
def browser(require_debian, give_up):
    if not (DIST / "index.html").exists():
        pytest.fail("the page is not built: make page")
    program = require_debian("chromium")
    if (reason := why_no_driver()) is not None:
        give_up(f"Playwright's driver does not start: {reason}")
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=str(program), args=OFFLINE_FLAGS)
        except PlaywrightError as error:
            reason = next((line for line in str(error).splitlines() if "error" in line.lower()), str(error)[:200])
            give_up(f"Chromium does not start: {reason.strip()[:200]}")
            return
        yield browser
        browser.close()


@pytest.fixture
def lit_town(tmp_path):
    """On SQLite alone: the page sees nothing of the database but what the routes' own tests compare on both."""
    town = Town(tmp_path)
    town.write_live([2] * 40)
    yield town
    town.engine.dispose()


@pytest.fixture
def port(lit_town):
    with serving(lit_town.city) as port:
        yield port


@pytest.fixture
def wide_page(browser):
    """A page of a wide screen whose own errors fail the test."""
    errors = []
    with contextlib.closing(browser.new_context(viewport={"width": 1280, "height": 800})) as context:
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        yield page
        page.unroute_all(behavior="ignoreErrors")  # an answer that is under way ends no other test
        assert errors == []


@pytest.fixture
def quiet_desk(wide_page):
    """A page without its map, which a machine without a graphics card draws for seconds."""
    wide_page.route("**/night_map-*.js", lambda route: route.abort())
    return wide_page


@pytest.fixture
def desk(quiet_desk):
    return quiet_desk


def open_page(page, port, query=""):
    page.goto(f"http://127.0.0.1:{port}/{query}")
    expect(page.get_by_role("heading", name="Kota Uji")).to_be_visible()
    expect(page.locator(".rows")).not_to_contain_text(re.compile("Loading|Memuat"))


def rows(page):
    return page.locator("#faults .row")


def test_faults_stand_in_the_list_by_priority_and_open_in_words(lit_town, port, desk):
    lit_town.darken(3)
    lit_town.raise_circuit()
    open_page(desk, port)
    expect(rows(desk)).to_have_count(2)
    expect(rows(desk).first).to_contain_text("Circuit without power")
    rows(desk).nth(1).click()
    detail = desk.locator(".detail:visible")
    expect(detail).to_contain_text("Lamp dark")
    expect(detail).to_contain_text("0.4")
    expect(detail).to_contain_text("pole fuse")
    expect(detail.locator(".timeline")).to_contain_text("Opened")
    assert re.search(r"\?.*fault=[0-9A-Z]{26}", desk.url)


def test_a_fault_shows_and_clears_while_the_page_is_open(lit_town, port, desk):
    open_page(desk, port)
    expect(desk.locator(".rows")).to_contain_text("No faults")
    lit_town.darken(5)
    expect(rows(desk)).to_have_count(1, timeout=20_000)
    expect(rows(desk).first).to_contain_text("L-005")


def test_an_action_reaches_the_fault_and_its_timeline(lit_town, port, desk):
    lit_town.darken(3)
    open_page(desk, port)
    rows(desk).first.click()
    desk.locator("[name=assignee]:visible").fill("Regu 2")
    desk.locator("[data-action=assign]:visible").click()
    expect(desk.locator(".detail:visible [data-state]")).to_have_attribute("data-state", "assigned")
    expect(desk.locator(".timeline:visible")).to_contain_text("Regu 2")
    answer = desk.request.get(f"http://127.0.0.1:{port}/api/v1/faults").json()
    assert [(fault["state"], fault["assignee"]) for fault in answer["items"]] == [("assigned", "Regu 2")]


def test_a_conflict_shows_the_fault_as_somebody_else_left_it(lit_town, port, desk):
    lit_town.darken(3)
    # this page hears nothing live, as on a train: its version grows old
    for path in ("events", "lamps/changes"):
        desk.route(re.compile(rf"/api/v1/{path}"), lambda route: route.abort())
    open_page(desk, port)
    rows(desk).first.click()
    expect(desk.locator(".timeline:visible")).to_contain_text("Opened")
    fault = desk.request.get(f"http://127.0.0.1:{port}/api/v1/faults").json()["items"][0]
    done = desk.request.post(
        f"http://127.0.0.1:{port}/api/v1/faults/{fault['id']}/actions",
        data={"action_id": "01KB0000000000000000000000", "action": "assign", "assignee": "Regu 1"},
    )
    assert done.ok
    desk.locator("[data-action=acknowledge]:visible").click()
    expect(desk.locator(".message:visible")).to_contain_text("Somebody changed this fault in the meantime")
    expect(desk.locator(".detail:visible [data-state]")).to_have_attribute("data-state", "assigned")


def test_the_page_speaks_both_languages(lit_town, port, desk):
    lit_town.darken(3)
    open_page(desk, port)
    expect(rows(desk).first).to_contain_text("Lamp dark")
    desk.get_by_role("button", name="ID", exact=True).click()
    expect(rows(desk).first).to_contain_text("Lampu mati")
    assert desk.locator("html").get_attribute("lang") == "id"


def test_nothing_is_asked_of_any_other_host(lit_town, port, wide_page):
    asked = []
    wide_page.on("request", lambda request: asked.append(request.url))
    lit_town.darken(3)
    open_page(wide_page, port)
    rows(wide_page).first.click()
    expect(wide_page.locator(".maplibregl-canvas")).to_be_visible()
    wide_page.wait_for_timeout(1_500)
    own = re.compile(rf"(blob:)?http://127\.0\.0\.1:{port}/|data:")
    assert asked
    assert [url for url in asked if not own.match(url)] == []


def test_without_the_server_the_page_opens_and_says_how_old_its_data_is(lit_town, browser):
    lit_town.darken(3)
    with contextlib.closing(browser.new_context()) as context:
        page = context.new_page()
        with serving(lit_town.city) as port:
            open_page(page, port)
            expect(rows(page)).to_have_count(1)
            page.evaluate("navigator.serviceWorker.ready.then(() => true)")
            page.reload()  # from here on the worker holds the page
            expect(rows(page)).to_have_count(1)
        expect(page.locator(".link")).to_contain_text("Connection lost since", timeout=15_000)
        page.reload()
        expect(rows(page)).to_have_count(1)
        expect(page.locator(".link")).to_contain_text("Data of", timeout=15_000)
        with serving(lit_town.city, port):
            expect(page.locator(".link")).to_have_text("live")


def test_a_cheap_phone_gets_the_list_first_and_buttons_for_thumbs(lit_town, port, browser):
    lit_town.darken(3)
    size = {"width": 360, "height": 740}
    with contextlib.closing(browser.new_context(viewport=size, is_mobile=True, has_touch=True)) as context:
        page = context.new_page()
        open_page(page, port)
        expect(rows(page).first).to_be_in_viewport()
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        heights = page.eval_on_selector_all(
            "button, select, input", "all => all.filter(e => e.offsetParent).map(e => [e.className, e.offsetHeight])"
        )
        assert [each for each in heights if each[1] < 44] == []


def test_the_list_is_worked_by_keyboard_alone(lit_town, port, desk):
    lit_town.darken(3, 30)
    open_page(desk, port)
    expect(rows(desk)).to_have_count(2)
    desk.keyboard.press("/")
    desk.keyboard.type("L-030")
    expect(rows(desk)).to_have_count(1)
    rows(desk).first.focus()
    desk.keyboard.press("Enter")
    expect(desk.locator(".detail:visible")).to_contain_text("L-030")
    desk.keyboard.press("Escape")
    expect(desk.locator(".detail:visible")).to_have_count(0)


def test_a_driver_that_cannot_start_is_a_reason_and_no_error(tmp_path):
    """A library that is missing (libatomic1) makes the driver end with 127."""
    broken = tmp_path / "node"
    broken.write_text("#!/bin/sh\necho 'node: error while loading shared libraries: libatomic.so.1' >&2\nexit 127\n")
    broken.chmod(0o755)
    assert "libatomic.so.1" in why_no_driver([str(broken)])
    assert why_no_driver([str(tmp_path / "nothing")]) is not None
    assert why_no_driver() is None


def test_with_accounts_the_page_leads_to_the_sign_in_and_shows_who_is_signed_in(lit_town, desk, port):
    People(lit_town.city, wall_us).add("budi", "operator")
    time.sleep(2.1)  # the running server hears of the first account within two seconds
    refused = []
    desk.on("console", lambda message: refused.append(message.text) if "Content Security" in message.text else None)
    desk.goto(f"http://127.0.0.1:{port}/?fault=none")
    expect(desk).to_have_url(re.compile(r"/sign-in\?next=%2F%3Ffault%3Dnone"))
    desk.fill("#name", "budi")
    desk.fill("#password", PASSWORD)
    desk.locator("form").first.locator("button").click()
    expect(desk.locator(".account")).to_contain_text("budi")
    desk.locator(".account").click()
    desk.locator("form[action='/sign-out'] button").first.click()
    expect(desk.locator("#password")).to_be_visible()
    desk.goto(f"http://127.0.0.1:{port}/")
    expect(desk).to_have_url(re.compile("/sign-in"))
    assert refused == []
