"""The wall of the live room does not grow in hours of its own clock."""

from __future__ import annotations

import contextlib
import os

import numpy as np
import pytest

from ingest.model.finding import Cleared, Key, Place
from tests.dashboard_api.conftest import T0, Town
from tests.dashboard_api.people import People
from tests.dashboard_api.plain_chromium import PlainPage
from tests.dashboard_api.test_page import OFFLINE_FLAGS, serving

pytestmark = [pytest.mark.xdist_group("chromium-crew"), pytest.mark.timeout(300)]
STEP_MS = 10_000
# A wall draws many frames a second while its map travels, and a step of the played clock one. What a browser compiles
# within a real wall's first minutes it would compile after 20 of the played hours: these come frame by frame.
FIRST_STEPS = 6_000
FIRST_STEP_MS = 100
STEPS = 36  # of a turn, after which something happens to a lamp
# a clock that goes on when it is told to, and counts the answers that came
CLOCK = """() => {
  let now = Date.now(), last = 0;
  const began = now, jobs = new Map();
  const add = (work, ms, every) => { jobs.set(++last, { at: now + Math.max(0, ms || 0), work, every }); return last; };
  window.setTimeout = (work, ms, ...rest) => add(() => work(...rest), ms, null);
  window.setInterval = (work, ms, ...rest) => add(() => work(...rest), ms, ms);
  window.requestAnimationFrame = work => add(() => work(now - began), 16, null);
  window.clearTimeout = window.clearInterval = window.cancelAnimationFrame = key => { jobs.delete(key); };
  Date.now = () => now;
  performance.now = () => now - began;
  window.n_answers = 0;
  window.Worker = class extends window.Worker {
    postMessage(what, ...more) {
      if (String(what?.url).includes('/api/v1/live'))
        window.asked = new Promise(done => this.addEventListener('message', ({ data }) => {
          window.n_answers += data.status === 200 ? 1 : 0;
          done();
        }, { once: true }));
      super.postMessage(what, ...more);
    }
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
        self.n_events = 0

    def go_on(self):
        """One event, at every tenth a new live picture."""
        n, self.n_events = self.n_events, self.n_events + 1
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


@contextlib.contextmanager
def plain_wall(program, folder, port, secret, size):
    """A wall in a browser that records nothing of it."""
    page = PlainPage(str(program), OFFLINE_FLAGS, folder, size)
    try:
        page.open(f"http://127.0.0.1:{port}/live?lang=en#token={secret}", f"({CLOCK})()")
        page.wait_for("document.querySelector('#board') !== null")
        yield page
        assert page.evaluate("document.querySelectorAll('.maplibregl-canvas').length") == 1
    finally:
        page.close()


def run_wall(page, life, *, hours, step_ms=STEP_MS):
    """Play so many hours of the wall's clock; the heap after each turn [bytes].

    What is on the map at that moment makes a tenth of it: only means over some stops of the tour can be compared.
    """
    turn_h = STEPS * step_ms / 3_600_000
    heap, told_h = [], 0
    for n in range(round(hours / turn_h)):
        page.evaluate(f"window.live({STEPS}, {step_ms})")
        life.go_on()
        heap.append(page.heap_bytes())
        hour = (n + 1) * turn_h
        if hour >= told_h + 6:  # of a campaign
            told_h = round(hour)
            print(f"{told_h} h: heap {np.mean(heap[-round(3 / turn_h) :]) / 1e6:.2f} MB, {page.told()}", flush=True)
    page.wait_for("document.querySelector('.counts') !== null")
    return heap


@pytest.mark.skipif(not os.environ.get("TERANG_SOAK"), reason="TERANG_SOAK=1 plays hours of the wall")
def test_the_heap_does_not_grow_in_a_sample_of_the_hours(require_debian, tmp_path):
    town = Town(tmp_path)
    town.write_live([2] * 40)
    secret = People(town.city, lambda: T0).token("wall", "display")
    program = require_debian("chromium")
    with serving(town.city) as port, plain_wall(program, tmp_path / "browser", port, secret, (320, 180)) as page:
        heap = run_wall(page, Life(town, 40), hours=2)
        n_answers = page.evaluate("window.n_answers")
    town.engine.dispose()
    assert n_answers > 600
    assert np.mean(heap[-5:]) <= 1.1 * np.mean(heap[5:10]), heap


@pytest.mark.skipif(not os.environ.get("TERANG_SOAK"), reason="TERANG_SOAK=1 plays hours of the wall")
@pytest.mark.timeout(7_200)
def test_neither_heap_nor_process_grows_in_72_hours_at_100_000_lamps(require_debian, tmp_path):
    n_lamps = 100_000
    town = Town(tmp_path, n_lamps, n_cabinets=500)
    town.write_live([2] * n_lamps)
    town.darken(*range(0, n_lamps, 1_000), at_us=T0 - 86_400_000_000)
    secret = People(town.city, lambda: T0).token("wall", "display")
    program = require_debian("chromium")
    with serving(town.city) as port, plain_wall(program, tmp_path / "browser", port, secret, (640, 360)) as page:
        life = Life(town, n_lamps)
        for _ in range(FIRST_STEPS // 300):
            page.evaluate(f"window.live(300, {FIRST_STEP_MS})")
        heap = run_wall(page, life, hours=9, step_ms=3 * STEP_MS)
        resident_mb, data = page.resident_mb(), page.data_bytes()
        heap += run_wall(page, life, hours=63, step_ms=3 * STEP_MS)
        resident_after_mb, data_after = page.resident_mb(), page.data_bytes()
        n_answers = page.evaluate("window.n_answers")
    town.engine.dispose()
    warm, end = np.mean(heap[20:30]), np.mean(heap[-10:])  # of hours 6 to 9, and of the last three
    print(
        f"\nheap {warm / 1e6:.2f} MB after 6 hours, {end / 1e6:.2f} MB after 72, each over three hours; renderer "
        f"{resident_mb} and {resident_after_mb} MB; without compiled code {data / 1e6:.3f} and {data_after / 1e6:.3f} "
        f"MB; {n_answers} answers"
    )
    assert n_answers > 8_000
    assert end <= 1.1 * warm, (warm, end)
    assert data_after <= 1.02 * data, (data, data_after)
    assert resident_after_mb <= 1.2 * resident_mb, (resident_mb, resident_after_mb)
