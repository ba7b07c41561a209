"""How long people wait: fault lists, lamps and tiles of a large city, asked in an open loop.

    python -m benchmarks.bench_api [--lamps 1000000] [--faults 10000] [--seconds 20] [--seed 1] [--city DIR] [--session]
                                   [--no-ogc]

A city on SQLite, the real ``terang-api`` in a process of its own, and a generator in another: 200 lists and 50 tiles a
second over 64 connections, at random moments (a Poisson stream), every list and tile another one. Lists are a mix of
the fault list, the list within a box, and one lamp; tiles are lamps at zoom 6, 12 and 16. The live picture is replaced
every 10 s meanwhile, as ingest does at this size, so that tiles are drawn anew. ``--city`` keeps the city between runs.
With ``--session`` the city has an account, and every request carries the cookie of its session, as a browser's does.

Then OGC API - Features over 100,000 lamps beside pygeoapi (``benchmarks.ogc_beside_pygeoapi``), unless ``--no-ogc``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.ogc_beside_pygeoapi import compare
from benchmarks.tall_city import build, write_picture
from dashboard_api.tiles.places import project
from ingest.database import open_database
from ingest.register.column_cache import FILE_NAME
from ingest.register.database_table import load_register
from ingest.register.register import Lamps
from ingest.schema.city import read_city

ROOT = Path(__file__).parents[1]
LISTS_PER_S = 200
TILES_PER_S = 50
N_CONNECTIONS = 64
PICTURE_EVERY_S = 10.0
MUST_REACH_MS = {"lists": 20.0, "tiles": 50.0}
ZOOMS = (6, 12, 16)
_NAME = "bench"
_PASSWORD = "a password of the benchmark"  # noqa: S105  # of a city that is made for it


def main() -> None:
    """Build the city, load the API, print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lamps", type=int, default=1_000_000)
    parser.add_argument("--faults", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--city", type=Path, help="build the city here, or take the one that is here")
    parser.add_argument("--session", action="store_true", help="ask with the session cookie of a viewer")
    parser.add_argument("--no-ogc", action="store_true", help="leave out the comparison with pygeoapi")
    options = parser.parse_args()
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    with tempfile.TemporaryDirectory(prefix="bench-api-") as temporary:
        folder = options.city or Path(temporary)
        lamps = prepare(folder, options)
        result = measure(folder, lamps, options)
    beside = {} if options.no_ogc else compare(100_000, 300, options.seed)
    print(json.dumps(result | beside))


def prepare(folder: Path, options: argparse.Namespace) -> Lamps:
    """The city's lamps; builds it where there is none."""
    folder.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    if (folder / "data" / "live.arrow").exists():
        return load_register(open_database(read_city(folder, {})), folder / "data" / FILE_NAME).lamps
    register = build(folder, options.lamps, options.faults, options.seed, time.time_ns() // 1000)
    took_s = time.monotonic() - began
    print(f"{options.lamps:,} lamps, {options.faults:,} open faults on SQLite, made in {took_s:.0f} s")
    return register.lamps


def plan(lamps: Lamps, seconds: float, seed: int) -> list[tuple[float, str, str]]:
    """``(at_s, kind, path)`` by time."""
    dice = random.Random(seed)
    asked = []
    for rate, kinds in ((LISTS_PER_S, ("faults", "bbox", "lamp")), (TILES_PER_S, tuple(f"z{z}" for z in ZOOMS))):
        at = dice.expovariate(rate)
        while at < seconds:
            kind = dice.choice(kinds)
            asked.append((at, kind, path_of(kind, lamps, dice)))
            at += dice.expovariate(rate)
    return sorted(asked)


def path_of(kind: str, lamps: Lamps, dice: random.Random) -> str:
    """A question of that kind about somewhere in the city."""
    row = dice.randrange(len(lamps.lamp_id))
    latitude, longitude = float(lamps.latitude[row]), float(lamps.longitude[row])
    if kind == "lamp":
        return f"/api/v1/lamps/{lamps.lamp_id[row]}"
    if kind == "bbox":
        return f"/api/v1/faults?bbox={longitude - 0.02:.4f},{latitude - 0.02:.4f},{longitude:.4f},{latitude:.4f}"
    if kind == "faults":
        asked = ("", "?order=-opened_at", f"?district={lamps.district[row].replace(' ', '%20')}", "?code=lampFailure")
        return "/api/v1/faults" + dice.choice(asked)
    z = int(kind[1:])
    x, y = (int(steps[0]) >> (30 - z) for steps in project(np.array([latitude]), np.array([longitude])))
    return f"/tiles/lamps/{z}/{x}/{y}.mvt"


def measure(folder: Path, lamps: Lamps, options: argparse.Namespace) -> dict[str, Any]:
    """Start the API, warm it, load it. Returns the keys of the result."""
    if options.session:
        add_viewer(folder)
    began = time.monotonic()
    command = [sys.executable, "-m", "dashboard_api", "--city", str(folder), "--port", "0"]
    api = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    picture = threading.Event()
    try:
        assert api.stdout is not None
        found = re.search(r":(\d+)$", api.stdout.readline().strip())
        assert found is not None, "terang-api did not start"
        port = int(found[1])
        cookie = sign_in(port) if options.session else ""
        get(port, "/api/v1/faults?limit=1", cookie)  # /readyz waits for a picture, which is painted later
        start_s = time.monotonic() - began
        for path in ("/tiles/lamps/12/0/0.mvt", "/api/v1/faults"):
            get(port, path, cookie)
        loaded_s = time.monotonic() - began
        painter = threading.Thread(target=repaint, args=(folder, len(lamps.lamp_id), picture))
        painter.start()
        before_s, at = cpu_s(api.pid), time.monotonic()
        times = load(port, plan(lamps, options.seconds, options.seed), cookie)
        spent_s = cpu_s(api.pid) - before_s
        return report(times, start_s, loaded_s, spent_s / (time.monotonic() - at), rss_mb(api.pid))
    finally:
        picture.set()
        api.terminate()
        api.wait(20)


def get(port: int, path: str, cookie: str = "") -> bytes:
    """One answer, whatever it is."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"Cookie": cookie} if cookie else {})
    with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310  # our own address
        return bytes(answer.read())


def add_viewer(folder: Path) -> None:
    """Give the city an account, so that nobody is served without a session."""
    command = [sys.executable, "-m", "dashboard_api", "user"]
    where = ["--city", str(folder)]
    known = subprocess.run([*command, "list", *where], capture_output=True, text=True, check=True, cwd=ROOT)
    action = ["reset", _NAME] if _NAME in known.stdout else ["add", _NAME, "--role", "viewer"]
    subprocess.run([*command, *action, "--password-stdin", *where], input=_PASSWORD, text=True, check=True, cwd=ROOT)


def sign_in(port: int) -> str:
    """The session's cookie, as a request carries it."""
    body = json.dumps({"name": _NAME, "password": _PASSWORD}).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/api/v1/session", body, headers)
    with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310  # our own address
        cookies = [value for name, value in answer.headers.items() if name.lower() == "set-cookie"]
    return "; ".join(cookie.partition(";")[0] for cookie in cookies)


def repaint(folder: Path, n_lamps: int, is_over: threading.Event) -> None:
    """Play ingest: replace the live picture until it is over."""
    city = read_city(folder, {})
    dice = np.random.default_rng(1)
    while not is_over.wait(PICTURE_EVERY_S):
        write_picture(city.data_folder, np.where(dice.random(n_lamps) < 0.01, 3, 2).astype(np.uint8), 1, _now_us())


def _now_us() -> int:
    return time.time_ns() // 1000


def load(port: int, asked: list[tuple[float, str, str]], cookie: str = "") -> list[tuple[str, float, int, int]]:
    """Let the generator play the plan; ``(kind, latency_s, status, n_bytes)`` of each answer."""
    command = [sys.executable, "-m", "benchmarks.http_load", str(port), str(N_CONNECTIONS)]
    text = json.dumps(asked)
    environment = {**os.environ, "HTTP_LOAD_COOKIE": cookie}
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=True, cwd=ROOT, env=environment)
    return [tuple(one) for one in json.loads(done.stdout)]


def report(
    times: list[tuple[str, float, int, int]], start_s: float, loaded_s: float, cpu: float, rss: float
) -> dict[str, Any]:
    """Print the table. Returns the keys of the result."""
    groups: dict[str, list[tuple[str, float, int, int]]] = {"lists": [], "tiles": []}
    for one in times:
        groups.setdefault(one[0], []).append(one)
        groups["tiles" if one[0].startswith("z") else "lists"].append(one)
    print(f"{'':8} {'n':>6} {'p50 ms':>8} {'p99 ms':>8} {'max ms':>8} {'mean KB':>8} {'failed':>7}")
    result: dict[str, Any] = {}
    n_failed = 0
    for kind, ones in groups.items():
        ms = np.array([one[1] for one in ones]) * 1000
        p50, p99 = np.percentile(ms, [50, 99])
        failed = sum(one[2] >= 400 for one in ones)
        n_failed += failed if kind in MUST_REACH_MS else 0
        size = np.mean([one[3] for one in ones]) / 1000
        print(f"{kind:8} {len(ones):>6} {p50:>8.1f} {p99:>8.1f} {ms.max():>8.1f} {size:>8.1f} {failed:>7}")
        result |= {f"{kind}_p50_ms": round(p50, 1), f"{kind}_p99_ms": round(p99, 1)}
    for kind, limit in MUST_REACH_MS.items():
        reached = "reached" if result[f"{kind}_p99_ms"] <= limit else "NOT reached"
        print(f"{kind}: p99 <= {limit:.0f} ms {reached}")
    print(f"the API was ready in {start_s:.1f} s, its lamps in memory after {loaded_s:.1f} s")
    print(f"{rss:.0f} MB resident, {cpu:.0%} of a core under this load")
    first = {key: result.pop(key) for key in ("lists_p50_ms", "lists_p99_ms", "tiles_p99_ms")}
    more = {"failed": n_failed, "start_s": round(start_s, 1), "loaded_s": round(loaded_s, 1), "rss_mb": round(rss)}
    return first | more | result


def cpu_s(pid: int) -> float:
    """CPU seconds that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rss_mb(pid: int) -> float:
    """Resident memory of a process."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    return int(found[1]) / 1000 if found else 0.0


if __name__ == "__main__":
    main()
