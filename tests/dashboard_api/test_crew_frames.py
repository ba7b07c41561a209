# ruff: noqa: F811  (fixtures of another module are imported by name, and asked for as parameters)
"""The crew's list of 1,000 faults scrolls on a slow phone; the figures of a quiet machine belong to the campaigns."""

from __future__ import annotations

import contextlib
import os

import pytest
from playwright.sync_api import expect

from tests.dashboard_api.conftest import Town
from tests.dashboard_api.test_page import browser, serving  # noqa: F401

pytestmark = [pytest.mark.xdist_group("chromium"), pytest.mark.timeout(300)]
N_FAULTS = 1_000
LONGEST_MS = 50.0
SLOWDOWN = 4
SCROLL = """
async (seconds) => {
  const list = document.querySelector("#panel");
  const frames = [];
  const began = performance.now();
  let last = began, shown = 0;
  await new Promise((done) => {
    const frame = (now) => {
      frames.push(now - last); last = now;
      list.scrollBy(0, 60);
      shown = Math.max(shown, document.querySelectorAll("a.row").length);
      if (list.scrollTop + list.clientHeight >= list.scrollHeight - 1) list.scrollTop = 0;
      if (now - began < seconds * 1000) requestAnimationFrame(frame); else done();
    };
    requestAnimationFrame(frame);
  });
  return { frames: frames.slice(2), shown };
}
"""


def test_a_thousand_faults_scroll_without_long_frames(tmp_path, browser, record_property):
    is_soak = os.environ.get("TERANG_SOAK") == "1"
    town = Town(tmp_path, n_lamps=N_FAULTS, n_cabinets=20)
    town.darken(*range(N_FAULTS))
    with (
        serving(town.city) as port,
        contextlib.closing(
            browser.new_context(viewport={"width": 360, "height": 740}, has_touch=True, service_workers="block")
        ) as context,
    ):
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{port}/crew?lang=en")
        expect(page.locator(".counted")).to_have_text("1,000 faults", timeout=60_000)
        context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": SLOWDOWN})
        got = page.evaluate(SCROLL, 20 if is_soak else 2)
    town.engine.dispose()
    frames = sorted(got["frames"])
    p95, longest = frames[int(len(frames) * 0.95)], frames[-1]
    record_property("frame_p95_ms", round(p95, 1))
    record_property("frame_longest_ms", round(longest, 1))
    print(f"{len(frames)} frames, p95 {p95:.1f} ms, longest {longest:.1f} ms")
    assert got["shown"] < 60  # of 1,000 rows those in sight are elements, whatever the machine does
    if is_soak:
        assert longest <= LONGEST_MS
