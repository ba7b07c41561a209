"""What the page costs its readers: bytes and seconds to the list and the map, bytes while idle, frames while panning.

    python -m benchmarks.bench_page [--lamps 200000] [--faults 2000] [--seconds 30] [--seed 1] [--chromium PATH]

The built page in Chromium against the real API over a city on SQLite; the server counts every byte that it sends, head
and body. The first list is timed on a slow phone (400 ms, 400 kbit/s, CPU divided by 4, cold cache). Frames are timed
on a desktop while the map is panned by the keyboard, and once more with every tile empty, in the same run. Without a
graphics card Chromium draws in software: frame times are those of the CPU, and only their ratio means something.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.page_server import Counted, Shown, picture, serving
from benchmarks.tall_city import build

MUST_REACH: Final = {
    "list_kb": 45.0,
    "list_s": 2.0,
    "page_kb": 100.0,
    "map_kb": 600.0,
    "map_data_kb": 130.0,
    "idle_kb_per_min": 20.0,
    "changing_kb_per_min": 60.0,
    "frame_ratio": 2.0,
    "longest_task_ms": 100.0,
}
CHANGES_PER_MIN: Final = 100
_FLAGS: Final = [
    "--no-sandbox",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-background-networking",
]
_SETTLED_S: Final = 4.0
_WATCH: Final = """
window.firstRow = null; window.tasks = [];
new PerformanceObserver((list) => { for (const e of list.getEntries()) window.tasks.push(e.duration); })
  .observe({ type: "longtask", buffered: true });
const look = () => {
  if (document.querySelector(".rows .row")) window.firstRow = performance.now();
  else requestAnimationFrame(look);
};
requestAnimationFrame(look);
"""
_PAN: Final = """
async (seconds) => {
  const canvas = document.querySelector(".maplibregl-canvas");
  canvas.focus();
  window.tasks.length = 0;
  const frames = [];
  const keys = ["ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp"];
  const began = performance.now();
  let last = began, n = 0, pressed = began - 1000;
  await new Promise((done) => {
    const frame = (now) => {
      frames.push(now - last); last = now;
      if (now - pressed > 350) {
        pressed = now;
        const key = keys[Math.floor(n++ / 3) % 4];
        canvas.dispatchEvent(new KeyboardEvent("keydown", { key, code: key, keyCode: 37 + ["ArrowLeft", "ArrowUp",
          "ArrowRight", "ArrowDown"].indexOf(key), bubbles: true }));
      }
      if (now - began < seconds * 1000) requestAnimationFrame(frame); else done();
    };
    requestAnimationFrame(frame);
  });
  return { frames: frames.slice(2), tasks: window.tasks };
}
"""
# what comes for the map alone: "layers" holds MapLibre, which the wall's page shares; lamps of cabinets are its lines
_MAP_PARTS: Final = ("/tiles/", "night_map", "maplibre", "/assets/layers-", "/lamps")
_OFFLINE_PARTS: Final = ("service-worker", "icon", "manifest")


def main() -> None:
    """Build the cities, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lamps", type=int, nargs="*", default=[2_000, 50_000, 200_000])
    parser.add_argument("--faults", type=int, default=2_000, help="open faults per 200,000 lamps")
    parser.add_argument("--seconds", type=float, default=30.0, help="of each idle and panning phase")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--chromium", default=shutil.which("chromium"))
    options = parser.parse_args()
    if options.chromium is None:
        parser.exit(2, "Chromium is missing: apt-get install chromium, or --chromium PATH\n")
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    figures: dict[str, float] = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=options.chromium, args=_FLAGS)
        print(f"Chromium {browser.version}, software rendering")
        for n_lamps in options.lamps:
            with tempfile.TemporaryDirectory(prefix="bench-page-") as folder:
                figures = measure(browser, Path(folder), n_lamps, options)
            print(f"{n_lamps:,} lamps")
            for name, value in figures.items():
                limit = MUST_REACH.get(name)
                print(f"  {name:22} {value:10.1f}" + ("" if limit is None else f"   must reach {limit:g}"))
        browser.close()
    print(json.dumps({"lamps": options.lamps[-1], **{name: round(value, 2) for name, value in figures.items()}}))


def measure(browser: Browser, folder: Path, n_lamps: int, options: argparse.Namespace) -> dict[str, float]:
    """Figures of one city."""
    now_us = time.time_ns() // 1000
    n_faults = max(60, options.faults * n_lamps // 200_000)
    build(folder, n_lamps, n_faults, options.seed, now_us)
    with serving(folder) as (port, server), picture(folder, n_lamps) as shown:
        url = f"http://127.0.0.1:{port}/"
        # the first request of all makes the server read its register: not what a reader waits for
        figures = {"cold_server_s": first_list(browser, url, server)["list_s"]}
        runs = [first_list(browser, url, server) for _ in range(3)]
        figures |= {name: statistics.median(run[name] for run in runs) for name in runs[0]}
        print(f"{n_lamps:,} lamps: first list {figures}", flush=True)
        figures |= whole_map(browser, url, server, shown, options.seconds)
    return figures


def first_list(browser: Browser, url: str, server: Counted) -> dict[str, float]:
    """Bytes and seconds to the first list on a slow phone."""
    server.n_bytes.clear()
    size = {"width": 360, "height": 740}
    with contextlib.closing(browser.new_context(viewport=size, is_mobile=True, has_touch=True)) as context:  # type: ignore[arg-type]
        page = context.new_page()
        page.add_init_script(_WATCH)
        session = context.new_cdp_session(page)
        session.send("Network.enable")
        speed = {"latency": 400, "downloadThroughput": 50_000, "uploadThroughput": 50_000}
        session.send("Network.emulateNetworkConditions", {"offline": False, **speed})
        session.send("Emulation.setCPUThrottlingRate", {"rate": 4})
        page.goto(url, wait_until="commit")
        page.wait_for_selector(".rows .row", state="attached", timeout=120_000)
        list_kb = server.kb() - server.kb(*_MAP_PARTS)
        while (first := page.evaluate("window.firstRow")) is None:  # seen by the next frame
            page.wait_for_timeout(20)
        list_s = float(first) / 1000
        return {"list_kb": list_kb, "list_s": list_s}


def whole_map(browser: Browser, url: str, server: Counted, shown: Shown, seconds: float) -> dict[str, float]:
    """Bytes of page and map, bytes while idle and while lamps change, frames while panning."""
    server.n_bytes.clear()
    # the service worker keeps views that nobody has opened, at leisure: they are not of the list page
    size: Any = {"width": 1280, "height": 800}
    with contextlib.closing(browser.new_context(viewport=size, service_workers="block")) as context:
        page = context.new_page()
        page.add_init_script(_WATCH)
        page.goto(url)
        settle(page, server)
        map_kb, data_kb = server.kb(*_MAP_PARTS), server.kb("/tiles/")
        page_kb = server.kb() - map_kb - server.kb(*_OFFLINE_PARTS)
        heap_mb = float(page.evaluate("performance.memory.usedJSHeapSize")) / 1e6
        page.wait_for_timeout(8_000)
        print(f"map {map_kb:.0f} kB, of which data {data_kb:.0f} kB", flush=True)
        idle = rate(page, server, seconds)
        shown.changes_per_min = CHANGES_PER_MIN
        changing = rate(page, server, seconds)
        shown.changes_per_min = 0
        full = page.evaluate(_PAN, seconds / 2)
    server.is_without_tiles = True
    with contextlib.closing(browser.new_context(viewport={"width": 1280, "height": 800})) as context:
        page = context.new_page()
        page.add_init_script(_WATCH)
        page.goto(url)
        settle(page, server)
        empty = page.evaluate(_PAN, seconds / 2)
    server.is_without_tiles = False
    p95 = {name: float(np.percentile(run["frames"], 95)) for name, run in (("full", full), ("empty", empty))}
    return {
        "page_kb": page_kb,
        "map_kb": map_kb,
        "map_data_kb": data_kb,
        "idle_kb_per_min": idle,
        "changing_kb_per_min": changing,
        "frame_p95_ms": p95["full"],
        "empty_frame_p95_ms": p95["empty"],
        "frame_ratio": p95["full"] / p95["empty"],
        "longest_task_ms": max(full["tasks"], default=0.0),
        "empty_longest_task_ms": max(empty["tasks"], default=0.0),
        "heap_mb": heap_mb,
    }


def settle(page: Page, server: Counted) -> None:
    """Wait until the map stands and nothing more of it comes."""
    page.wait_for_selector(".maplibregl-canvas", timeout=60_000)
    before, since = -1.0, time.monotonic()
    while time.monotonic() - since < _SETTLED_S:
        page.wait_for_timeout(250)
        now = server.kb(*_MAP_PARTS)
        if now != before:
            before, since = now, time.monotonic()


def rate(page: Page, server: Counted, seconds: float) -> float:
    """Kilobytes a minute."""
    before = server.kb()
    page.wait_for_timeout(seconds * 1000)
    return (server.kb() - before) * 60 / seconds


if __name__ == "__main__":
    main()
