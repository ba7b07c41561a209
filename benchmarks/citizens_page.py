"""Asks for the citizens' pages at a fixed pace: the form, the form of a label, the lamps of its map, and a report.

    python -m benchmarks.citizens_page [--lamps 100000] [--rate 200] [--seconds 30]

A real ``terang-api`` answers, as a city runs it: with accounts, with its limits on requests per address, behind a proxy
that says from which of 4,000 addresses a request comes. Labels, places on the map and reports differ from request to
request; each kind of page is asked for once before. The last line is one JSON object: the latency from the moment a
request was due, requests per CPU-second of the server, and the bytes of the form with its script and its map.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import numpy as np

from benchmarks.tall_city import build
from ingest.register.register import Register

ROOT: Final = Path(__file__).parents[1]
_CONNECTIONS: Final = 32
_SETTINGS: Final = '[web]\ntrusted_proxies = ["127.0.0.1"]\n'  # all limits are as they are by default
_CITIZENS: Final = 4_000
_REPORTS: Final = 20  # that are filed, and asked for again
_STEP: Final = 2**-10  # degrees: to such corners the form's script rounds the box of its map
_TARGET_S: Final = 0.05
_MOST_BYTES: Final = 100_000


def address_of(citizen: int) -> str:
    """The network address of a citizen."""
    return f"10.{citizen >> 16 & 255}.{citizen >> 8 & 255}.{citizen & 255}"


def report_one(port: int, lamp_id: str, citizen: int = 0) -> str:
    """Report a lamp by the form; the address of the page that shows what becomes of it."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    head = {"Content-Type": "application/x-www-form-urlencoded", "X-Forwarded-For": address_of(citizen)}
    connection.request("POST", "/lapor", urlencode({"service": "lamp-dark", "lamp": lamp_id}), head)
    answer = connection.getresponse()
    answer.read()
    place = answer.getheader("Location")
    assert answer.status == 303, answer.status
    assert place is not None
    return place


def cpu_s(pid: int) -> float:
    """CPU time of a process so far [s]."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def plan_of(
    register: Register, reports: list[str], rate: int, seconds: int, seed: int
) -> list[tuple[float, str, str, str]]:
    """When what is asked for, and from which address."""
    chance = random.Random(seed)
    lamp_ids = list(map(str, register.lamps.lamp_id))

    def box() -> str:
        row = chance.randrange(len(lamp_ids))
        west = int(register.lamps.longitude[row] / _STEP) * _STEP
        south = int(register.lamps.latitude[row] / _STEP - 1) * _STEP
        return "/lapor/lamps?bbox=" + ",".join(
            f"{one:.6f}" for one in (west, south, west + 5 * _STEP, south + 5 * _STEP)
        )

    kinds: dict[str, Callable[[], str]] = {
        "form": lambda: "/lapor",
        "label": lambda: "/lapor?" + urlencode({"lamp": chance.choice(lamp_ids)}),
        "map": box,
        "report": lambda: chance.choice(reports),
    }
    names = chance.choices(list(kinds), (4, 3, 2, 1), k=rate * seconds)
    return [
        (number / rate, name, kinds[name](), address_of(chance.randrange(_CITIZENS)))
        for number, name in enumerate(names)
    ]


def play(port: int, plan: list[tuple[float, str, str, str]]) -> list[tuple[str, float, int, int]]:
    """Ask everything of the plan by another process: ``(kind, latency [s], status, bytes)`` of each request."""
    load = [sys.executable, "-m", "benchmarks.http_load", str(port), str(_CONNECTIONS)]
    run = subprocess.run(load, input=json.dumps(plan), capture_output=True, text=True, check=True, cwd=ROOT)
    times: list[tuple[str, float, int, int]] = json.loads(run.stdout)
    return times


def measure(n_lamps: int, rate: int, seconds: int, seed: int) -> dict[str, Any]:
    """Ask; the figures by kind of page."""
    with tempfile.TemporaryDirectory(prefix="bench-citizens-") as temporary:
        folder = Path(temporary)
        register = build(folder, n_lamps, n_lamps // 1000, seed, time.time_ns() // 1000)
        with (folder / "city.toml").open("a", encoding="utf-8") as settings:
            settings.write(_SETTINGS)
        account = [
            sys.executable,
            "-m",
            "dashboard_api",
            "user",
            "add",
            "ani",
            "--role",
            "viewer",
            "--city",
            str(folder),
        ]
        subprocess.run(account, check=True, capture_output=True, cwd=ROOT)
        command = [sys.executable, "-m", "dashboard_api", "--city", str(folder), "--port", "0"]
        api = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        try:
            assert api.stdout is not None
            found = re.search(r":(\d+)$", api.stdout.readline().strip())
            assert found is not None, "terang-api did not start"
            port = int(found[1])
            reports = [report_one(port, str(register.lamps.lamp_id[n]), _CITIZENS + n) for n in range(_REPORTS)]
            plan = plan_of(register, reports, rate, seconds, seed)
            play(port, [next(one for one in plan if one[1] == kind) for kind in ("form", "label", "map", "report")])
            before_s = cpu_s(api.pid)
            times = play(port, plan)
            used_s = cpu_s(api.pid) - before_s
        finally:
            api.terminate()
            api.wait(20)
    assert {status for _kind, _took, status, _size in times} == {200}, "an answer is no page"
    took = np.array([one[1] for one in times])
    result: dict[str, Any] = {"citizens_per_s": rate, "citizens_requests": len(times), "citizens_lamps": n_lamps}
    result["citizens_per_cpu_s"] = round(len(times) / used_s)  # the same on a busy machine
    result["citizens_cpu_ms"] = round(used_s / len(times) * 1000, 3)
    for percent in (50, 99):
        result[f"citizens_p{percent}_ms"] = round(float(np.percentile(took, percent)) * 1000, 1)
    for kind in sorted({one[0] for one in times}):
        part = np.array([one[1] for one in times if one[0] == kind])
        result[f"citizens_{kind}_p99_ms"] = round(float(np.percentile(part, 99)) * 1000, 1)
        result[f"citizens_{kind}_bytes"] = max(one[3] for one in times if one[0] == kind)  # as they are sent: gzip
    return result


def main() -> None:
    """Measure, and print the result; exit code 1 where a page is late or large."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lamps", type=int, default=100_000)
    parser.add_argument("--rate", type=int, default=200)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    result = measure(options.lamps, options.rate, options.seconds, options.seed)
    print(json.dumps(result))
    n_bytes = result["citizens_form_bytes"] + result["citizens_map_bytes"]
    sys.exit(result["citizens_p99_ms"] > _TARGET_S * 1000 or n_bytes > _MOST_BYTES)


if __name__ == "__main__":
    main()
