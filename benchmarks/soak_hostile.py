"""``make soak-hostile``: the demo for hours under hostile MQTT and HTTP traffic, beside busy loops; nothing may end.

The last line is one JSON object: what was sent, which processes ended, how the API answered, how the memory of each
process grew, and how many acknowledged records were lost or doubled. Exit code 1 if a process ended, the API was not
ready at the end, no record was stored in the last part of the run, or a record was lost or doubled.
"""

from __future__ import annotations

import argparse
import csv
import json
import multiprocessing
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any, Final

from benchmarks.hostile_http import HostileHttp
from benchmarks.hostile_mqtt import HostileMqtt
from benchmarks.soak_count import compare, outbox_files, read_outbox
from firmware_sim.demo.city_folder import free_port

_READY_S: Final = 300
_LOOK_S: Final = 5.0
_END_S: Final = 60.0
_OUTPUT: Final = ".log"
_BROKER_FILES: Final = (".mosquitto.conf", ".mosquitto.log")
_ENDED: Final = re.compile(r"ended with|was ended by")


def main() -> None:
    """Play, send, look, and say what happened."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--lamps", type=int, default=1000)
    parser.add_argument("--busy", type=int, default=2, help="busy loops beside it")
    parser.add_argument("--pause", type=float, default=0.5, help="seconds between two attacks of each kind of traffic")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--mosquitto", action="store_true", help="Mosquitto with deploy/mosquitto.conf as the broker")
    parser.add_argument("--keep", action="store_true", help="leave the city's folder and the logs where they are")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="terang-soak-"))
    try:
        result = _run(given, folder)
    finally:
        if given.keep:
            print(f"kept: {folder}", flush=True)
        else:
            shutil.rmtree(folder, ignore_errors=True)
            for suffix in (_OUTPUT, *_BROKER_FILES):
                folder.with_suffix(suffix).unlink(missing_ok=True)
    print(json.dumps(result), flush=True)
    sys.exit(0 if result["passed"] else 1)


def _run(given: argparse.Namespace, folder: Path) -> dict[str, Any]:
    port, broker_port = given.port or free_port(), free_port()
    output = folder.with_suffix(_OUTPUT)
    command = [sys.executable, "-m", "firmware_sim.demo", "--folder", str(folder), "--lamps", str(given.lamps)]
    command += ["--port", str(port), "--broker-port", str(broker_port)]
    broker = _start_mosquitto(broker_port, folder) if given.mosquitto else None
    if broker:
        command.append("--no-embedded")
    loops = [multiprocessing.Process(target=_spin, daemon=True) for _ in range(given.busy)]
    with output.open("w") as log:
        demo = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    stop = threading.Event()
    try:
        _wait_until_ready(demo, port, output)
        for loop in loops:
            loop.start()
        with (folder / "cabinets.csv").open(encoding="utf-8") as file:
            nodes = sorted({row["controller_id"] for row in csv.DictReader(file) if row["controller_id"]})
        attacks = (HostileMqtt(broker_port, "terang", nodes, "terang", given.seed), HostileHttp(port, given.seed))
        threads = [threading.Thread(target=_attack, args=(each, stop, given.pause), daemon=True) for each in attacks]
        for thread in threads:
            thread.start()
        looks = _look([demo, broker] if broker else [demo], port, time.monotonic() + 60 * given.minutes)
        stop.set()
        for thread in threads:
            thread.join(30)
        for each in attacks:
            each.close()
        time.sleep(15)  # what was held open has been let go
        is_ready = _answer(port, "/readyz")[0] == 200
        text = output.read_text(errors="replace")
        files = outbox_files(folder)
        is_running = demo.poll() is None
        for loop in loops:
            loop.terminate()
        demo.send_signal(signal.SIGTERM)
        demo.wait(_END_S)
        counts = compare(folder, [read_outbox(*item) for item in files.items()])
        if broker and broker.poll() is not None:
            text += f"\nmosquitto ended with {broker.returncode}"
        return _result(given, looks, attacks, text, counts, is_ready=is_ready and is_running)
    finally:
        stop.set()
        for loop in loops:
            if loop.is_alive():
                loop.terminate()
        demo.send_signal(signal.SIGTERM)
        try:
            demo.wait(_END_S)
        except subprocess.TimeoutExpired:
            demo.kill()
        if broker:
            broker.terminate()
            broker.wait(_END_S)


def _start_mosquitto(port: int, folder: Path) -> subprocess.Popen[bytes]:
    """Mosquitto as it is deployed, listening on ``port``; its log goes to a file beside ``folder``."""
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    if program is None:
        sys.exit("Mosquitto is not installed")
    settings = Path(__file__).parents[1] / "deploy" / "mosquitto.conf"
    ours, output = (folder.with_suffix(suffix) for suffix in _BROKER_FILES)
    ours.write_text(
        settings.read_text(encoding="utf-8").replace("listener 1883 ", f"listener {port} "), encoding="utf-8"
    )
    with output.open("wb") as log:
        return subprocess.Popen([program, "-c", str(ours)], stdout=log, stderr=subprocess.STDOUT)


def _result(
    given: argparse.Namespace,
    looks: list[dict[str, Any]],
    attacks: tuple[Any, ...],
    text: str,
    counts: dict[str, int],
    *,
    is_ready: bool,
) -> dict[str, Any]:
    ended = [line for line in text.splitlines() if _ENDED.search(line)]
    answered = [look["answer_s"] for look in looks if look["status"] == 200]
    last = looks[-max(1, len(looks) // 4) :]
    is_moving = len({look["live_at"] for look in last if look["live_at"]}) > 1
    quarter = max(1, len(looks) // 4)
    names = sorted({name for look in looks for name in look["rss_mb"]})
    memory = {
        name: [max((look["rss_mb"].get(name, 0) for look in part), default=0) for part in _quarters(looks, quarter)]
        for name in names
    }
    return {
        "benchmark": "soak-hostile",
        "minutes": given.minutes,
        "sent": {name: n for each in attacks for name, n in each.n_sent.items()},
        "ended": ended,
        "asked": len(looks),
        "answered": len(answered),
        "answer_s_max": round(max(answered, default=0.0), 2),
        "rss_mb_by_quarter": memory,
        **counts,
        "passed": not ended and is_ready and is_moving and counts["acknowledged"] > 0 and not _harmed(counts),
    }


def _quarters(looks: list[dict[str, Any]], n: int) -> list[list[dict[str, Any]]]:
    return [looks[:n], looks[n : 2 * n], looks[-2 * n : -n], looks[-n:]]


def _harmed(counts: dict[str, int]) -> bool:
    return counts["lost"] > 0 or counts["doubled"] > 0


def _look(processes: list[subprocess.Popen[bytes]], port: int, until: float) -> list[dict[str, Any]]:
    looks = []
    pids = [process.pid for process in processes]
    while time.monotonic() < until and all(process.poll() is None for process in processes):
        began = time.monotonic()
        status, body = _answer(port, "/api/v1/summary")
        live_at = json.loads(body).get("live_at") if status == 200 else None
        took = time.monotonic() - began
        looks.append({"status": status, "answer_s": took, "live_at": live_at, "rss_mb": _memory_mb(pids)})
        time.sleep(_LOOK_S)
    return looks


def _answer(port: int, path: str) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as answer:
            return answer.status, answer.read()
    except OSError as error:
        return getattr(error, "code", 0), b""


def _memory_mb(pids: list[int]) -> dict[str, int]:
    """Resident memory [MB] of these processes and their children by what they are."""
    ours = {str(pid) for pid in pids}
    found: dict[str, int] = {}
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            fields = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
        except OSError:
            continue
        if ours.isdisjoint({fields["Pid"].strip(), fields["PPid"].strip()}) or "VmRSS" not in fields:
            continue
        try:
            words = status.with_name("cmdline").read_bytes().decode().split("\0")
        except OSError:
            continue
        name = words[2] if len(words) > 2 and words[1] == "-m" else fields["Name"].strip()
        found[name] = found.get(name, 0) + int(fields["VmRSS"].split()[0]) // 1024
    return found


def _wait_until_ready(demo: subprocess.Popen[bytes], port: int, output: Path) -> None:
    deadline = time.monotonic() + _READY_S
    while _answer(port, "/readyz")[0] != 200:
        if demo.poll() is not None or time.monotonic() > deadline:
            sys.exit(f"the demo did not come up:\n{output.read_text(errors='replace')}")
        time.sleep(1.0)


def _attack(attack: Any, stop: threading.Event, pause_s: float) -> None:
    while not stop.wait(pause_s):
        attack.turn()


def _spin() -> None:
    parent = os.getppid()
    while os.getppid() == parent:
        sum(range(100_000))


if __name__ == "__main__":
    main()
