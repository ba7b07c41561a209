"""The demo's clock and its supervisor of processes."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from firmware_sim.demo.city_folder import CityFolderError, held_folder
from firmware_sim.demo.night import clock_offset_s
from firmware_sim.demo.processes import ChildError, Supervisor
from firmware_sim.fleet.schedule import SimulatedTimetable, parse_schedule

HOUR_US = 3_600_000_000


@pytest.mark.parametrize(
    "place", [("Asia/Jakarta", 0.79, 102.0), ("America/Chicago", 40.1, -88.2), ("Asia/Jakarta", 40.1, -88.2)]
)
@pytest.mark.parametrize("hour", range(0, 24, 3))
def test_whatever_the_hour_the_town_is_in_its_night_and_never_in_the_future(hour, place):
    timezone, latitude, longitude = place
    level = SimulatedTimetable(parse_schedule({}, timezone), latitude, longitude).level
    now_us = round(datetime(2026, 11, 23, hour, 17, tzinfo=UTC).timestamp() * 1e6)
    offset_s = clock_offset_s(now_us, level)
    played_us = now_us + round(offset_s * 1e6)
    assert [level(played_us - HOUR_US // 2), level(played_us), level(played_us + 2 * HOUR_US)] == [100, 100, 100]
    assert -86_400 < offset_s <= 0


def test_within_the_night_the_clock_is_the_readers_own():
    level = SimulatedTimetable(parse_schedule({}, "Asia/Jakarta"), 0.79, 102.0).level
    assert clock_offset_s(round(datetime(2026, 11, 23, 14, 0, tzinfo=UTC).timestamp() * 1e6), level) == 0  # 21:00 there


def test_every_child_is_gone_afterwards_even_a_stubborn_one(tmp_path):
    stubborn = (
        "import signal,time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    )
    with Supervisor(tmp_path, os.environ) as supervisor:
        first = supervisor.start("plain", [sys.executable, "-c", "import time; time.sleep(60)"])
        second = supervisor.start("stubborn", [sys.executable, "-c", stubborn])
        deadline = time.monotonic() + 10
        while b"up" not in second.log.read_bytes() and time.monotonic() < deadline:
            time.sleep(0.02)
        supervisor.check()
    assert first.process.poll() is not None
    assert second.process.poll() is not None


def test_a_child_that_dies_is_reported_with_its_last_words(tmp_path):
    with Supervisor(tmp_path, os.environ) as supervisor:
        child = supervisor.start("api", [sys.executable, "-c", "print('port 8000 is in use'); raise SystemExit(2)"])
        child.process.wait(10)
        with pytest.raises(ChildError, match=r"(?s)api ended with 2.*port 8000 is in use"):
            supervisor.check()


def test_a_child_that_ends_is_started_again_and_the_others_go_on(tmp_path):
    now_s = 100.0
    with Supervisor(tmp_path, os.environ, lambda: now_s) as supervisor:
        steady = supervisor.start("steady", [sys.executable, "-c", "import time; time.sleep(60)"])
        child = supervisor.start(
            "agent", [sys.executable, "-c", "print('up', flush=True); import time; time.sleep(60)"]
        )
        first, other = child.process, steady.process
        assert supervisor.tend() == []
        first.kill()
        first.wait(10)
        (line,) = supervisor.tend()
        assert "agent was ended by SIGKILL; it is started again in 2 s" in str(line.message)
        assert supervisor.tend() == []
        now_s += 2.0
        assert [str(event.message) for event in supervisor.tend()] == ["agent is running again."]
        assert child.process is not first
        assert child.process.poll() is None
        assert steady.process is other
        assert other.poll() is None


def test_a_child_that_keeps_ending_is_started_more_and_more_rarely(tmp_path):
    now_s = 0.0
    with Supervisor(tmp_path, os.environ, lambda: now_s) as supervisor:
        child = supervisor.start("api", [sys.executable, "-c", "print('port in use'); raise SystemExit(2)"])
        starts = []
        for _ in range(600):
            process = child.process
            if child.due_s is None:
                process.wait(10)
            supervisor.tend()
            if child.process is not process:
                starts.append(now_s)
            now_s += 1.0
    assert 10 <= len(starts) <= 16
    assert max(later - earlier for earlier, later in itertools.pairwise(starts)) <= 62
    assert b"port in use\nport in use\n" in child.log.read_bytes()


def test_a_process_that_was_made_for_another_one_is_started_again_after_it(tmp_path):
    now_s = 0.0
    ready = tmp_path / "ready"
    idle = [sys.executable, "-c", "import time; time.sleep(60)"]
    with Supervisor(tmp_path / "log", os.environ, lambda: now_s) as supervisor:
        above = supervisor.start("fleet", idle, before=lambda: ready.unlink(missing_ok=True))
        below = supervisor.start("agent", idle, may_start=ready.exists, depends_on=above)
        ready.touch()
        old = below.process
        above.process.kill()
        above.process.wait(10)
        supervisor.tend()
        now_s += 2.0
        supervisor.tend()  # the file of the ended process is gone, and nothing is started on it
        assert above.process.poll() is None
        assert old.poll() is not None
        assert below.process is old
        ready.touch()
        now_s += 1.0
        assert [str(event.message) for event in supervisor.tend()] == ["agent is running again."]
        assert below.process is not old


def test_two_demos_find_places_of_their_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with held_folder(None, 8000) as first, held_folder(None, 8001) as second:
        assert (first.name, second.name) == ("demo-city", "demo-city-8001")
        with pytest.raises(CityFolderError, match="another demo plays there"), held_folder(first, 8002):
            pass
    with held_folder(None, 8001) as again:
        assert again.name == "demo-city"


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's word to orphans is Linux's own")
def test_the_children_of_a_killed_demo_end_by_themselves(tmp_path):
    script = (
        "import sys, time; from pathlib import Path; from firmware_sim.demo.processes import Supervisor\n"
        "supervisor = Supervisor(Path(sys.argv[1]), {}).__enter__()\n"
        "child = supervisor.start('idle', [sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print(child.process.pid, flush=True); time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script, tmp_path], stdout=subprocess.PIPE, text=True)
    child = Path(f"/proc/{int(parent.stdout.readline())}")
    parent.kill()
    parent.communicate()
    deadline = time.monotonic() + 10
    while child.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not child.exists()
