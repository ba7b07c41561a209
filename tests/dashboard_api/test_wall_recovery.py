# ruff: noqa: F811  (fixtures of another module are imported by name, and asked for as parameters)
"""The wall comes back by itself: after a cut in which packets vanish, and after a restart without a network."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
import time
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.dashboard_api.test_page import browser, serving  # noqa: F401
from tests.dashboard_api.test_wall import BACK_MS, city, open_wall, port, wall  # noqa: F401

SYN_SENT = "02"
FULL_AFTER_S = 45.0  # six connections that no one takes are all that a browser opens by itself


class Gate:
    """A way to a server that can be cut: nothing passes any more, and whoever connects hears nothing."""

    def __init__(self, port):
        self._to = ("127.0.0.1", port)
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(1)
        self.port = self._listener.getsockname()[1]
        self._is_cut = threading.Event()
        self._is_over = threading.Event()
        self._fillers = []
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def _work(self):
        peers = {}
        with selectors.DefaultSelector() as ready:
            ready.register(self._listener, selectors.EVENT_READ)
            while not self._is_over.is_set():
                if self._is_cut.is_set():
                    time.sleep(0.02)
                    continue
                for key, _ in ready.select(0.05):
                    if key.fileobj is self._listener:
                        near, far = self._listener.accept()[0], socket.create_connection(self._to)
                        peers |= {near: far, far: near}
                        ready.register(near, selectors.EVENT_READ)
                        ready.register(far, selectors.EVENT_READ)
                    elif key.fileobj in peers:
                        self._pass_on(key.fileobj, peers, ready)
        for each in [*peers, *self._fillers, self._listener]:
            each.close()

    def _pass_on(self, source, peers, ready):
        sink = peers[source]
        data = b""
        with contextlib.suppress(OSError):
            data = source.recv(65_536)
            sink.sendall(data)
        if not data:
            for each in (source, sink):
                peers.pop(each)
                ready.unregister(each)
                each.close()

    def cut(self):
        """From now on the kernel drops who connects: the queue of those who wait is full."""
        self._is_cut.set()
        time.sleep(0.1)
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", self.port))
            self._fillers.append(filler)

    def mend(self):
        self._is_cut.clear()
        for filler in self._fillers:
            filler.close()

    def end(self):
        self._is_over.set()
        self._thread.join()


@pytest.fixture
def gate(port):
    made = Gate(port)
    yield made
    made.end()


def connecting(port):
    """This machine's ports from which somebody tries to connect to ``port``."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]]
    return {line[1] for line in lines if line[3] == SYN_SENT and line[2].endswith(f":{port:04X}")}


def test_a_cut_that_swallows_everything_is_overcome_however_long_it_lasts(browser, city, gate):
    with wall(browser, {"width": 640, "height": 360}) as page:
        page.route("**/wall_map-*.js", lambda route: route.abort())
        open_wall(page, gate.port, city)
        gate.cut()
        expect(page.locator(".status")).to_contain_text("No connection", timeout=15_000)
        page.wait_for_timeout(FULL_AFTER_S * 1000)
        before = connecting(gate.port)
        page.wait_for_timeout(12_000)
        # connections that were begun long ago are tried again after a minute: there have to be new ones all the time
        assert connecting(gate.port) - before != set()
        gate.mend()
        expect(page.locator(".status")).to_have_text("live", timeout=BACK_MS)


def test_the_page_comes_without_a_network_and_waits_for_the_server(browser, city):
    """A computer that starts again while the server is away shows the wall, not the browser's error page."""
    with wall(browser, {"width": 640, "height": 360}, service_workers="allow") as page:
        with serving(city.city) as port:
            open_wall(page, port, city)
            page.evaluate("navigator.serviceWorker.ready.then(() => true)")
        page.goto(f"http://127.0.0.1:{port}/live?lang=en")
        expect(page.locator("#board")).to_contain_text("connecting")
        with serving(city.city, port):
            expect(page.locator(".status")).to_have_text("live", timeout=BACK_MS)
            expect(page.locator(".counts")).to_be_visible()


def test_a_picture_that_the_graphics_card_has_lost_is_drawn_anew(browser, city, port):
    with wall(browser, {"width": 640, "height": 360}) as page:
        open_wall(page, port, city)
        canvas = page.locator(".maplibregl-canvas")
        expect(canvas).to_be_attached()
        canvas.evaluate(
            "e => { window.lost = e; e.getContext('webgl2').getExtension('WEBGL_lose_context').loseContext(); }"
        )
        page.wait_for_function(
            "() => { const now = document.querySelector('.maplibregl-canvas'); return now && now !== window.lost; }",
            timeout=60_000,
        )
