# ruff: noqa: F811  (fixtures of another module are imported by name, and asked for as parameters)
"""The crew's reports over cuts, failing servers and killed browsers: nothing lost or doubled."""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import signal
import socket
import subprocess
import threading
import time

import pytest
import uvicorn
from PIL import Image
from playwright.sync_api import expect

from dashboard_api.app import create_app
from ingest.model.finding import Cleared, Key, Place
from tests.dashboard_api.test_crew_page import PHONE, base, phone  # noqa: F401
from tests.dashboard_api.test_page import OFFLINE_FLAGS, browser, lit_town, port, serving  # noqa: F401

T0 = 1_790_000_000_000_000
MINUTE = 60_000_000
# TERANG_SEEDS=1-25 plays a part of the campaign
FIRST_SEED, LAST_SEED = (
    int(n)
    for n in os.environ.get("TERANG_SEEDS", "1-1000" if os.environ.get("TERANG_SOAK") == "1" else "1-6").split("-")
)
pytestmark = [pytest.mark.xdist_group("chromium"), pytest.mark.timeout(None if LAST_SEED - FIRST_SEED > 6 else 180)]


@pytest.fixture
def database_url(tmp_path):
    """One kind of database: the page cannot tell them apart."""
    return f"sqlite:///{tmp_path}/terang.db"


class BadServer:
    """The API behind a line that fails by chance: before the app, after it, or never answering."""

    def __init__(self, app, chance):
        self._app = app
        self._chance = chance
        self.is_bad = False
        self.stalled = threading.Event()

    async def __call__(self, scope, receive, send):
        is_report = scope["type"] == "http" and scope["method"] in {"POST", "PUT"}
        luck = self._chance.random() if is_report and self.is_bad else 1.0
        if luck < 0.2:
            await self._fail(send, 500)
        elif luck < 0.4:
            await self._app(scope, receive, self._drop)  # the server did it; the answer is lost
            await self._fail(send, 502)
        elif luck < 0.5:
            await self._app(scope, receive, self._drop)
            await self._fail(send, 200)  # a proxy's page in place of the answer
        elif luck < 0.6:
            await self._fail(send, 401)
        else:
            await self._app(scope, receive, send)
            if is_report:
                self.stalled.set()

    @staticmethod
    async def _drop(_message):
        pass

    @staticmethod
    async def _fail(send, status):
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", b"text/html")]})
        await send({"type": "http.response.body", "body": b"<p>no</p>"})


@contextlib.contextmanager
def serving_badly(city, chance):
    bad = BadServer(create_app(city, lambda: T0), chance)
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(bad, log_level="error", access_log=False, timeout_graceful_shutdown=0))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    try:
        yield bad, listener.getsockname()[1]
    finally:
        server.should_exit = server.force_exit = True
        thread.join(10)
        listener.close()


class KillableBrowser:
    """Chromium with a profile that outlives its process, ended as Android ends an app: at once."""

    def __init__(self, program, folder, chromium):
        self._program = program
        self._folder = folder
        self._chromium = chromium
        self.open()

    def open(self):
        port_file = self._folder / "DevToolsActivePort"
        port_file.unlink(missing_ok=True)
        arguments = [*OFFLINE_FLAGS, "--headless=new", "--remote-debugging-port=0", "--no-first-run", "--lang=en-GB"]
        self._process = subprocess.Popen(
            [self._program, *arguments, f"--user-data-dir={self._folder}", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        until = time.monotonic() + 60
        while not port_file.exists() or not port_file.read_text().strip():
            assert time.monotonic() < until
            time.sleep(0.05)
        address = f"http://127.0.0.1:{port_file.read_text().split()[0]}"
        self._remote = self._chromium.connect_over_cdp(address)
        self.page = self._remote.contexts[0].new_page()
        self.page.set_viewport_size(PHONE)

    def kill(self):
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        with contextlib.suppress(Exception):
            self._remote.close()


def add_photo(page):
    photo = io.BytesIO()
    Image.effect_noise((640, 480), 30).save(photo, "JPEG")
    page.locator("input[name=photo]").set_input_files(
        {"name": "pole.jpg", "mimeType": "image/jpeg", "buffer": photo.getvalue()}
    )
    expect(page.locator(".told")).to_contain_text("Photo kept")


def test_nothing_is_lost_or_doubled_over_cuts_failures_and_killed_browsers(
    lit_town, browser, tmp_path_factory, require_debian
):
    chance = random.Random(2025 + FIRST_SEED)
    program = require_debian("chromium")
    with serving_badly(lit_town.city, chance) as (bad, port):
        phone = KillableBrowser(program, tmp_path_factory.mktemp("profile"), browser.browser_type)
        try:
            for seed in range(FIRST_SEED, LAST_SEED + 1):
                repair_one(lit_town, bad, phone, port, seed, chance)
        finally:
            phone.kill()


def repair_one(town, bad, phone, port, seed, chance):
    """One repair with a photo on a line that fails, sent in the end: once."""
    row = seed % 40
    at_us = T0 + seed // 40 * 10 * MINUTE
    town.darken(row, at_us=at_us)
    lamp_id = f"L-{row:03d}"
    bad.is_bad = False
    page = phone.page
    page.goto(f"{base(port)}/crew?lang=en&q={lamp_id}")
    expect(page.locator("a.row")).to_have_count(1)
    bad.is_bad = True
    bad.stalled.clear()
    page.locator("a.row").click()
    add_photo(page)
    page.locator("[data-do=repair]").click()
    page.locator("[data-form=repair] .chip").nth(seed % 5).click()
    page.locator("[data-form=repair] [type=submit]").click()
    expect(page.locator(".told")).to_contain_text("Kept on this phone")
    if chance.random() < 0.25:  # somewhere between before the request and after its answer
        time.sleep(chance.random() * 0.2)
        phone.kill()
        phone.open()
        page = phone.page
    bad.is_bad = chance.random() < 0.5
    page.goto(f"{base(port)}/crew?lang=en&view=outbox")
    for _attempt in range(60):
        send = page.locator("[data-do=send]")
        if send.count() == 0:
            break
        bad.is_bad = bad.is_bad and chance.random() < 0.8
        with contextlib.suppress(Exception):
            send.click(timeout=500)
        page.wait_for_timeout(300)
    expect(page.locator(".empty")).to_contain_text("Nothing waits", timeout=70_000)  # or a minute of the rate limit
    (fault,) = page.request.get(f"{base(port)}/api/v1/faults?state=repaired&lamp_id={lamp_id}").json()["items"]
    detail = page.request.get(f"{base(port)}/api/v1/faults/{fault['id']}").json()
    kinds = [entry["kind"] for entry in detail["timeline"] if entry["actor"] != "telemetry"]
    assert kinds == ["repair"], json.dumps(detail["timeline"])
    assert len(detail["photos"]) == 1
    cleared = Cleared(Key("lampFailure", Place(lamp_id=lamp_id)), at_us + MINUTE, True, {"power_w": 46.9})
    town.book.apply([cleared], at_us + MINUTE)
