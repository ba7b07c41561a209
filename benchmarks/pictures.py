"""The pictures of the pages in ``docs/images``, of a demo that runs.

    PORT=8000 make demo
    python -m benchmarks.pictures [--port 8000] [--out docs/images] [--only live-room …] [--chromium PATH]

Each view is taken as its reader sees it: the map on a desk, the crew's page on a phone, the wall in full HD. The
demo needs no accounts. Pictures have 256 colours and at most 300 kB.
"""

from __future__ import annotations

import argparse
import io
import json
import shutil
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

_FLAGS: Final = [
    "--no-sandbox",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--use-fake-device-for-media-stream",  # the view that scans labels shows a camera's picture
    "--use-fake-ui-for-media-stream",
]
_MOST_BYTES: Final = 300_000
_DESK: Final = {"viewport": {"width": 1440, "height": 900}}
_PHONE: Final = {"viewport": {"width": 360, "height": 740}, "device_scale_factor": 2, "is_mobile": True}
_SHEET: Final = {"viewport": {"width": 794, "height": 1123}}  # A4 at 96 dots an inch
_WALL: Final = {"viewport": {"width": 1920, "height": 1080}}
_MAP_MS: Final = 120_000  # a machine without a graphics card
_DRAWN_MS: Final = 25_000


@dataclass(frozen=True, slots=True)
class View:
    """A picture: of which address, on which screen, once what is there."""

    name: str
    address: str
    screen: dict[str, Any]
    there: str
    is_map: bool = False
    language: str = "en"
    scheme: str = "dark"
    prepare: Callable[[Page], None] | None = None


def _report_repair(page: Page) -> None:
    page.get_by_role("button", name="Sudah diperbaiki").click()
    page.wait_for_timeout(500)  # the form scrolls itself into sight
    page.evaluate("document.getElementById('panel').scrollTo(0, 0)")
    page.evaluate("window.scrollTo(0, 0)")


def _repair_without_network(page: Page) -> None:
    page.context.set_offline(True)
    page.locator("[data-do=repair]").click()
    page.locator("[data-form=repair] .chip").nth(1).click()
    page.locator("[data-form=repair] [type=submit]").click()
    page.wait_for_selector(".report")


def _unsent(page: Page) -> None:
    _repair_without_network(page)
    page.locator("[data-tab=outbox]").click()
    page.wait_for_selector(".outbox .report")


def _my_repairs(page: Page) -> None:
    _repair_without_network(page)
    page.locator("[data-tab=repairs]").click()
    page.wait_for_selector(".repairs .report")


def _at_the_worst(page: Page) -> None:
    page.wait_for_selector(".worst li.here", timeout=60_000)
    page.wait_for_timeout(12_000)  # the journey there


VIEWS: Final = (
    View("page", "/", _DESK, "#faults .row", is_map=True),
    View("fault", "/?fault={cable}", _DESK, ".detail .back", is_map=True),
    View("lamp", "/lamp/{lamp}", _DESK, ".detail canvas", is_map=True),
    View("cabinet", "/cabinet/{cabinet}", _DESK, ".pole", is_map=True),
    View("controllers", "/controllers", _DESK, ".detail .back", is_map=True),
    View("live-room", "/live", _WALL, ".counts", is_map=True, language="id", prepare=_at_the_worst),
    View("crew-list", "/crew", _PHONE, "a.row", language="id", scheme="light"),
    View("crew-fault", "/crew?fault={lamp_fault}", _PHONE, ".detail h2", language="id", prepare=_report_repair),
    View("crew-tour", "/crew?view=tour", _PHONE, ".tour a.row", language="id"),
    View("crew-morning", "/crew?view=morning", _PHONE, ".morning", language="id", scheme="light"),
    View("crew-repairs", "/crew?fault={lamp_fault}", _PHONE, ".detail h2", language="id", prepare=_my_repairs),
    View("crew-outbox", "/crew?fault={lamp_fault}", _PHONE, ".detail h2", language="en", prepare=_unsent),
    View("crew-cabinet", "/crew?cabinet={cabinet}", _PHONE, ".detail a.row", language="id"),
    View("crew-print", "/crew?view=print", _SHEET, ".paper td", language="id", scheme="light"),
    View("labels", "/labels?cabinet_id={cabinet}", _SHEET, "svg", language="id", scheme="light"),
    View("crew-scan", "/crew?view=scan", _PHONE, ".scan form", language="id"),
    View("sign-in", "/sign-in", _PHONE, "h1", language="id"),
    View("report", "/lapor", _PHONE, "form", language="id", scheme="light"),
    View("open-data", "/open", _DESK, "h1", scheme="light"),
)


def main() -> None:
    """Take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8000, help="of the demo")
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    parser.add_argument("--only", nargs="*", help="names of pictures")
    parser.add_argument("--chromium", default=shutil.which("chromium"))
    options = parser.parse_args()
    if options.chromium is None:
        parser.exit(2, "Chromium is missing: apt-get install chromium, or --chromium PATH\n")
    host = f"http://127.0.0.1:{options.port}"
    names = names_of(host)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=options.chromium, args=_FLAGS)
        for view in VIEWS:
            if not options.only or view.name in options.only:
                path = options.out / f"{view.name}.png"
                path.write_bytes(packed(taken(browser, host, view, names)))
                print(f"{path}: {path.stat().st_size / 1000:.0f} kB", flush=True)
        browser.close()


def names_of(host: str) -> dict[str, str]:
    """What the addresses name: a broken cable, else the worst fault, its cabinet, and a dark lamp."""
    with urllib.request.urlopen(f"{host}/api/v1/faults?order=priority&limit=100") as answer:  # noqa: S310  (this machine)
        faults = json.load(answer)["items"]
    cable = next((fault for fault in faults if fault["code"] == "cableFailure"), faults[0])
    lamp = next(fault for fault in faults if fault["code"] == "lampFailure")
    return {"cable": cable["id"], "cabinet": cable["cabinet_id"], "lamp": lamp["lamp_id"], "lamp_fault": lamp["id"]}


def taken(browser: Browser, host: str, view: View, names: dict[str, str]) -> bytes:
    """A view as PNG."""
    context = browser.new_context(**view.screen, color_scheme=view.scheme, locale=f"{view.language}-ID")
    try:
        page = context.new_page()
        address = view.address.format(**names)
        page.goto(f"{host}{address}{'&' if '?' in address else '?'}lang={view.language}")
        page.wait_for_selector(view.there)
        if view.is_map:
            page.wait_for_selector(".maplibregl-canvas", timeout=_MAP_MS)
            page.wait_for_timeout(_DRAWN_MS)
        if view.prepare:
            view.prepare(page)
        page.wait_for_timeout(1_000)
        return page.screenshot(timeout=_MAP_MS)
    finally:
        context.close()


def packed(png: bytes) -> bytes:
    """The same picture in as many colours, up to 256, as fit the size that the repository bears."""
    with Image.open(io.BytesIO(png)) as whole:
        for colours in (256, 192, 128, 96, 64):
            sink = io.BytesIO()
            few = whole.convert("RGB").quantize(colours, Image.Quantize.MAXCOVERAGE, 2, dither=Image.Dither.NONE)
            few.save(sink, "PNG", optimize=True)
            if sink.tell() <= _MOST_BYTES:
                break
    return sink.getvalue()


if __name__ == "__main__":
    main()
