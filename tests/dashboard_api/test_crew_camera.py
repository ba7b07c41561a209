# ruff: noqa: F811  (fixtures of another module are imported by name, and asked for as parameters)
"""The crew's camera reads a pole's label: Chromium films a file, and the decoder comes from the page's own server."""

from __future__ import annotations

import contextlib

import pytest
import segno
from PIL import Image
from playwright.sync_api import expect

from tests.dashboard_api.conftest import Town
from tests.dashboard_api.test_page import OFFLINE_FLAGS, browser, serving  # noqa: F401

pytestmark = [pytest.mark.xdist_group("chromium"), pytest.mark.timeout(120)]
WIDTH, HEIGHT = 640, 480
# a service worker would tell the decoder's size as unpacked
PHONE = {"viewport": {"width": 360, "height": 740}, "permissions": ["camera"], "service_workers": "block"}
MOST_DECODER_BYTES = 850_000
ADDRESS = "https://terang.example/crew?lamp=L-003"  # labels outlive a server's name


def film(path, text):
    """A film of one picture (YUV4MPEG2, grey): a label, somewhat askew, on a pole."""
    label = path.with_suffix(".png")
    segno.make_qr(text, error="m").save(str(label), scale=6, border=4)
    picture = Image.new("L", (WIDTH, HEIGHT), 90)
    turned = Image.open(label).convert("L").rotate(7, expand=True, fillcolor=90)
    picture.paste(turned, ((WIDTH - turned.width) // 2, (HEIGHT - turned.height) // 2))
    colour = bytes([128]) * (WIDTH * HEIGHT // 2)
    header = f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F10:1 Ip A1:1 C420mpeg2\nFRAME\n"
    path.write_bytes(header.encode() + picture.tobytes() + colour)


@contextlib.contextmanager
def filming(chromium, program, path):
    """A phone whose camera shows the film."""
    flags = ["--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={path}"]
    with (
        contextlib.closing(chromium.launch(executable_path=str(program), args=[*OFFLINE_FLAGS, *flags])) as own,
        contextlib.closing(own.new_context(**PHONE)) as context,
    ):
        yield context.new_page()


def test_the_camera_reads_a_label_with_a_decoder_from_the_pages_own_server(tmp_path, browser, require_debian):
    town = Town(tmp_path)
    town.darken(3)
    film(tmp_path / "label.y4m", ADDRESS)
    with (
        serving(town.city) as port,
        filming(browser.browser_type, require_debian("chromium"), tmp_path / "label.y4m") as page,
    ):
        asked = {}
        page.on("request", lambda request: asked.setdefault(request.url, None))
        page.goto(f"http://127.0.0.1:{port}/crew?lang=en")
        expect(page.locator("a.row")).to_have_count(1)
        before = set(asked)
        assert not any("code_reader" in url or ".wasm" in url for url in before)
        page.locator("[data-tab=scan]").click()
        expect(page.locator(".detail h2").first).to_have_text("L-003")
        expect(page.locator(".detail a.row")).to_have_count(1)
        sizes = page.evaluate(
            """() => performance.getEntriesByType("resource")
                .filter(({ name }) => /code_reader|\\.wasm$/.test(name))
                .map(({ name, encodedBodySize }) => [name, encodedBodySize])"""
        )
        assert len(sizes) == 2
        assert 0 < sum(size for _name, size in sizes) <= MOST_DECODER_BYTES, sizes
        assert {url.split("/")[2] for url in asked if url.startswith("http")} == {f"127.0.0.1:{port}"}
        # the camera is let go with the view
        assert page.evaluate("document.querySelectorAll('video').length") == 0
    town.engine.dispose()
