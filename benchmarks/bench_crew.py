"""The crew's list of a thousand faults on a slow phone: frames while it scrolls, and the longest task of a refresh.

    python -m benchmarks.bench_crew [--faults 1000] [--seconds 10] [--runs 3] [--slowdown 4] [--chromium PATH]

The built page in Chromium with the processor divided by ``--slowdown``, against the real API. Frames are by the wall
clock and need a quiet machine; tasks are also given by the CPU time that the page's main thread took, which other work
on the machine does not change. Chromium slows a page down by having its main thread wait in a loop, which counts as
CPU time: a fixed loop is timed with and without the slowdown, and what of the factor is missing is multiplied. A
document of as many plain lines is scrolled in the same browser for comparison: without a graphics card Chromium draws
in software. Prints one JSON object; ends within a few minutes.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.page_server import serving
from benchmarks.tall_city import build

SCREEN: Final[Any] = {"width": 360, "height": 740}
MUST_REACH: Final = {"frames_over_50_ms": 0, "longest_scroll_task_ms": 50.0, "longest_refresh_task_ms": 100.0}
_FLAGS: Final = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
_CATEGORIES: Final = ["toplevel", "devtools.timeline"]
_PIXELS_PER_FRAME: Final = 60
_QUIET_S: Final = 2.0
_LONGEST_S: Final = 60.0
_PLAIN: Final = (
    "<body style='margin:0'><main id='panel' style='height:100vh;overflow:auto;background:#fff'>{}</main></body>"
)
_LINE: Final = "<p style='height:60px;margin:0;contain:strict'>Lamp dark L-0001 4 days 61</p>"
_FIXED_LOOP: Final = "() => { let x = 0; for (let i = 0; i < 3e7; i += 1) x = (x * 31 + i) | 0; window.spent = x; }"
_SCROLL: Final = """
async ([seconds, step]) => {
  const list = document.querySelector("#panel");
  const frames = [];
  const began = performance.now();
  let last = began, way = step;
  await new Promise((done) => {
    const frame = (now) => {
      frames.push(now - last); last = now;
      const before = list.scrollTop;
      list.scrollBy(0, way);
      if (list.scrollTop === before) way = -way;
      if (now - began < seconds * 1000) requestAnimationFrame(frame); else done();
    };
    requestAnimationFrame(frame);
  });
  return frames.slice(2);
}
"""


def main() -> None:
    """Build the city, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faults", type=int, default=1_000)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each scroll")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--slowdown", type=float, default=4.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--no-card", action="store_true", help="compose without the emulation of a graphics card")
    parser.add_argument("--chromium", default=shutil.which("chromium"))
    options = parser.parse_args()
    if options.chromium is None:
        parser.exit(2, "Chromium is missing: apt-get install chromium, or --chromium PATH\n")
    with sync_playwright() as playwright, tempfile.TemporaryDirectory(prefix="bench-crew-") as folder:
        browser = playwright.chromium.launch(
            executable_path=options.chromium, args=[*_FLAGS, *(["--disable-gpu"] if options.no_card else [])]
        )
        build(Path(folder), 10 * options.faults, options.faults, options.seed, time.time_ns() // 1000)
        with serving(Path(folder)) as (port, _server):
            figures = measure(browser, f"http://127.0.0.1:{port}/crew?lang=en", options)
        about = {"chromium": browser.version, "cores": os.cpu_count(), "load": round(os.getloadavg()[0], 1)}
        browser.close()
    for name, limit in MUST_REACH.items():
        print(f"{name:26} {figures[name]:10.1f}   must reach {limit:g}", file=sys.stderr)
    print(json.dumps({"faults": options.faults, "slowdown": options.slowdown, **about, **figures}))


def measure(browser: Browser, url: str, options: argparse.Namespace) -> dict[str, float]:
    """All figures; the worst of the runs where one counts, over all runs otherwise."""
    with contextlib.closing(browser.new_context(viewport=SCREEN, has_touch=True, service_workers="block")) as context:
        page = context.new_page()
        own_speed = min(traced(browser, page, lambda: page.evaluate(_FIXED_LOOP))[1] for _ in range(options.runs))
        context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": options.slowdown})
        slowed = min(traced(browser, page, lambda: page.evaluate(_FIXED_LOOP))[1] for _ in range(options.runs))
        page.goto(url, wait_until="commit")
        page.locator("a.row").first.wait_for(timeout=1e3 * _LONGEST_S)
        page.locator(".counted", has_text=f"{options.faults:,}").wait_for(timeout=1e3 * _LONGEST_S)
        page.wait_for_load_state("networkidle", timeout=1e3 * _LONGEST_S)
        refreshed = [traced(browser, page, lambda: refresh(page))[1] for _ in range(options.runs)]
        page.evaluate(_SCROLL, [2, _PIXELS_PER_FRAME])  # compiled by now, as after the first seconds of use
        scrolled = [scroll(browser, page, options.seconds) for _ in range(options.runs)]
        page.set_content(_PLAIN.format(_LINE * options.faults))
        plain = [scroll(browser, page, options.seconds) for _ in range(options.runs)]
    frames = np.concatenate([run[0] for run in scrolled])
    plain_frames = np.concatenate([run[0] for run in plain])
    missing = options.slowdown / (slowed / own_speed)
    return {
        "slowdown_of_cpu_time": round(slowed / own_speed, 2),
        "frames": int(frames.size),
        "frames_over_50_ms": int((frames > 50.0).sum()),
        "frame_p95_ms": round(float(np.percentile(frames, 95)), 1),
        "frame_max_ms": round(float(frames.max()), 1),
        "plain_frames": int(plain_frames.size),
        "plain_frames_over_50_ms": int((plain_frames > 50.0).sum()),
        "plain_frame_p95_ms": round(float(np.percentile(plain_frames, 95)), 1),
        "longest_scroll_task_ms": round(missing * max(run[1] for run in scrolled), 1),
        "plain_longest_scroll_task_ms": round(missing * max(run[1] for run in plain), 1),
        "longest_refresh_task_ms": round(missing * max(refreshed), 1),
    }


def refresh(page: Page) -> None:
    """Let the page ask for everything anew and keep it, as it does every minute."""
    page.evaluate("window.dispatchEvent(new Event('online'))")
    page.wait_for_timeout(1e3 * _QUIET_S)
    page.wait_for_load_state("networkidle", timeout=1e3 * _LONGEST_S)
    page.wait_for_timeout(1e3 * _QUIET_S)


def scroll(browser: Browser, page: Page, seconds: float) -> tuple[list[float], float]:
    """Times between frames [ms] while the list is scrolled up and down, and the longest task's CPU time [ms]."""
    frames, longest = traced(browser, page, lambda: page.evaluate(_SCROLL, [seconds, _PIXELS_PER_FRAME]))
    return frames, longest


def traced(browser: Browser, page: Page, work: Any) -> tuple[Any, float]:
    """What ``work`` returns, and the longest task of the busiest page's main thread meanwhile, CPU time [ms]."""
    browser.start_tracing(page=page, categories=_CATEGORIES)
    got = work()
    events = json.loads(browser.stop_tracing())["traceEvents"]
    mains = {(e["pid"], e["tid"]) for e in events if e["name"] == "thread_name" and _is_main(e)}
    tasks: dict[tuple[int, int], list[float]] = {thread: [] for thread in mains}
    for event in events:
        thread = event["pid"], event["tid"]
        if thread in mains and event.get("ph") == "X" and "tdur" in event:
            tasks[thread].append(event["tdur"] / 1e3)
    return got, max((max(its) for its in tasks.values() if its), default=0.0)


def _is_main(event: dict[str, Any]) -> bool:
    return bool(event["args"].get("name") == "CrRendererMain")


if __name__ == "__main__":
    main()
