"""Ingest at full speed: MQTT bytes to decoded, judged, durable Parquet and acknowledged, on a real Mosquitto.

``make bench-ingest``; ``BENCH="--controllers 1000 --seconds 20"`` changes the run. What is measured is CPU time of the
ingest process per reading, all in (its own clock in /proc, so that neighbours do not count), and how many readings a
second it sustains with broker and generator on the same cores.

With ``BENCH="--kills 8"`` nothing is timed: ingest is killed at random moments of the flood and started again, the
controllers send again what stays unacknowledged, and every record and every fault is counted at the end.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

from benchmarks.flood_controller import sizes_of
from benchmarks.ingest_kills import Killer, reported_faults
from ingest.schema.segments import table_files

ROOT = Path(__file__).parents[1]
GROUP = "bench"
TICKS = os.sysconf("SC_CLK_TCK")
RESEND_AFTER_S = 4.0  # of controllers whose host is killed
DARK_EVERY = 10  # one lamp of every so many controllers is dark then


def loop_s() -> float:
    """CPU seconds of a fixed loop: how much slower the neighbours make a CPU second just now."""
    began = time.process_time()
    table: dict[int, int] = {}
    for i in range(60_000):
        table[i & 1023] = i * 3
    return time.process_time() - began


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def write_city(folder: Path, sizes: list[int], port: int) -> None:
    """A register of controllers with so many lamps each."""
    lamps = [
        (
            "lamp_id,cabinet_id,circuit,position,position_source,latitude,longitude,rated_power_w,technology,bus,"
            "address,profile,phase,dimmable"
        )
    ]
    cabinets = ["cabinet_id,controller_id,name,latitude,longitude,switching"]
    for c, n_lamps in enumerate(sizes):
        latitude = 0.5 + c * 1e-4
        cabinets.append(f"C-{c:05d},PJU-{c:05d},Panel {c},{latitude:.5f},102.0,lamp")
        lamps += [
            f"L-{c:05d}-{i:03d},C-{c:05d},{i // 67 + 1},{i % 67 + 1},survey,{latitude + i * 1e-6:.6f},102.0,90,LED,"
            f"{'AB'[i >= -(-n_lamps // 2)]},{i % -(-n_lamps // 2) + 1},lamp-node,{'RST'[i // 67 % 3]},true"
            for i in range(n_lamps)
        ]
    (folder / "lamps.csv").write_text("\n".join(lamps) + "\n")
    (folder / "cabinets.csv").write_text("\n".join(cabinets) + "\n")
    (folder / "city.toml").write_text(
        f'[city]\nname = "Bench"\ngroup = "{GROUP}"\n[broker]\nurl = "mqtt://127.0.0.1:{port}"\n'
    )


def cpu_s(pid: int) -> float:
    """CPU seconds that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def rss_mb(pid: int) -> float:
    """Its peak memory."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return 0.0


def wait_for(port: int, timeout_s: float) -> None:
    """Until somebody listens."""
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise TimeoutError(f"nothing listens on {port}")


def stored(folder: Path) -> dict[str, float]:
    """What the store holds, counted from its files."""
    root = folder / "data" / "telemetry"
    lamps = [str(path) for path in table_files(root, "lamps")]
    records = [str(path) for path in table_files(root, "cabinets")]
    (n_readings,) = duckdb.execute("SELECT count(*) FROM read_parquet($1)", [lamps]).fetchone() or (0,)
    query = "SELECT count(*), count(DISTINCT (controller_id, epoch, sequence)) FROM read_parquet($1)"
    n_records, n_different = duckdb.execute(query, [records]).fetchone() or (0, 0)
    size = sum(path.stat().st_size for path in root.rglob("*.parquet"))
    return {"readings": n_readings, "records": n_records, "different": n_different, "bytes": size, "files": len(lamps)}


def main() -> None:
    """Run once and print; the last line is JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--controllers", type=int, default=1000)
    parser.add_argument("--lamps", default="200", help="per message; 29-213: cabinets of every size between")
    parser.add_argument("--window", type=int, default=16, help="unacknowledged records of a controller")
    parser.add_argument("--warm", type=float, default=6.0, help="seconds before the measurement")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--kills", type=int, default=0, help="how often to kill ingest instead of measuring it")
    parser.add_argument(
        "--without-agent-metrics", action="store_true", help="messages hold only what ingest has a use for"
    )
    parser.add_argument("--profile", type=Path, help="write a cProfile of the ingest process here")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="terang-bench-"))
    processes: list[subprocess.Popen[str]] = []
    try:
        run(options, folder, processes)
    finally:
        for process in reversed(processes):
            process.terminate()
            process.wait(30)
        shutil.rmtree(folder)


def run(options: argparse.Namespace, folder: Path, processes: list[subprocess.Popen[str]]) -> None:
    """Broker, ingest and fleet, each a process."""
    port, status_port = free_port(), free_port()
    config = (ROOT / "deploy" / "mosquitto.conf").read_text().replace("listener 1883", f"listener {port}")
    (folder / "mosquitto.conf").write_text(config)
    write_city(folder, sizes_of(options.lamps, options.controllers), port)
    path = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}

    def start(*command: str, **more: object) -> subprocess.Popen[str]:
        process = subprocess.Popen(command, env=environment, text=True, **more)  # type: ignore[call-overload]  # pass-through
        processes.append(process)
        return process

    broker = start("mosquitto", "-c", str(folder / "mosquitto.conf"))
    wait_for(port, 10)
    profile = ["-m", "cProfile", "-o", str(options.profile)] if options.profile else []

    def start_ingest() -> subprocess.Popen[str]:
        ingest = start(
            sys.executable, *profile, "-m", "ingest", "--city", str(folder), "--status", f"127.0.0.1:{status_port}"
        )
        wait_for(status_port, 120)
        return ingest

    began = time.monotonic()
    ingest = start_ingest()
    start_s = time.monotonic() - began
    arguments = [f"--{name}={getattr(options, name)}" for name in ("controllers", "lamps", "window", "warm", "seconds")]
    if options.without_agent_metrics:
        arguments.append("--without-agent-metrics")
    if options.kills:
        arguments += [f"--resend-after={RESEND_AFTER_S}", f"--dark-every={DARK_EVERY}"]
    fleet = start(
        *(sys.executable, "-m", "benchmarks.ingest_fleet", str(port), GROUP, *arguments),
        stdout=subprocess.PIPE,
        cwd=ROOT,
    )
    assert fleet.stdout is not None
    killer = Killer(ingest, start_ingest, options.kills)
    marks = {}
    loops = []
    for line in fleet.stdout:
        loops += [loop_s() for _ in range(5)]
        facts = json.loads(line)
        if facts["phase"] == "run":
            killer.start()
        elif facts["phase"] == "drain":
            killer.finish()
        ingest = killer.ingest
        marks[facts["phase"]] = {**facts, "ingest": cpu_s(ingest.pid), "broker": cpu_s(broker.pid)}
    fleet.wait(10)
    peak_mb = rss_mb(ingest.pid)
    ingest.terminate()
    ingest.wait(60)
    faults = reported_faults(folder / "data" / "terang.db")
    if options.kills:
        killer.report(marks, stored(folder), faults, wanted=-(-options.controllers // DARK_EVERY))
        return
    print(f"faults in a healthy city: {faults or 'none'}")
    pace = min(loops) / statistics.median(loops)
    print(f"a fixed loop ran at {pace:.0%} of its best pace beside the run: neighbours slow every CPU second by that")
    report(options, marks, stored(folder), start_s, peak_mb)


def report(
    options: argparse.Namespace,
    marks: dict[str, dict[str, float]],
    kept: dict[str, float],
    start_s: float,
    peak_mb: float,
) -> None:
    """Print what was measured."""
    first, last, done = marks["run"], marks["drain"], marks["done"]
    n_messages = last["acknowledged"] - first["acknowledged"]
    wall_s = last["at"] - first["at"]
    spent = {name: last[name] - first[name] for name in ("ingest", "broker", "cpu_s")}
    n_readings = last["readings"] - first["readings"]
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print(
        f"{options.controllers} controllers x {options.lamps} lamps, window {options.window}, {wall_s:.1f} s measured"
    )
    print(f"messages acknowledged   {n_messages:>12,.0f}   {n_messages / wall_s:>10,.0f} /s")
    print(f"lamp readings           {n_readings:>12,.0f}   {n_readings / wall_s:>10,.0f} /s")
    for name, label in (("ingest", "ingest"), ("broker", "Mosquitto"), ("cpu_s", "generator")):
        print(f"CPU of {label:<16} {spent[name]:>12.2f} s {spent[name] / n_messages * 1e6:>10.1f} us a message")
    print(f"ingest: ready in {start_s:.1f} s, peak memory {peak_mb:.0f} MB; {kept['files']:.0f} segments")
    lost = done["acknowledged"] - kept["different"]
    result = {
        "readings_per_cpu_s": round(n_readings / spent["ingest"]),
        "readings_per_s": round(n_readings / wall_s),
        "cpu_us_per_message": round(spent["ingest"] / n_messages * 1e6, 1),
        "cpu_to_broker": round(spent["ingest"] / max(spent["broker"], 1 / TICKS), 2),
        "bytes_per_reading": round(kept["bytes"] / kept["readings"], 2),
        "lost": int(max(lost, 0) + (done["sent"] - done["acknowledged"])),
        "doubled": int(kept["records"] - kept["different"]),
        "rss_mb": round(peak_mb),
        "start_s": round(start_s, 1),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
