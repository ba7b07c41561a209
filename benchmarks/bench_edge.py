"""What the agent costs: sweep time against the wire's limit, memory, start-up, CPU, bytes stored, nothing lost.

    python -m benchmarks.bench_edge [--sweeps 5] [--kills 6] [--profile lamp-node|pzem-016] [--seed 1]

The real agent in a process of its own, a real broker, a host that counts and acknowledges, and simulated meters on
pseudo-terminals in another process, which has real-time priority where that is allowed: a wire does not wait. First
two buses of 125 meters with the true timing of 9600 baud; the wire's limit is the sum over the requests of the slower
bus of request + 3.5 characters + turnaround + reply + 3.5 characters.
Then two small buses without timing, ten sweeps a second, and `kill -9` of the agent at random moments: every number
that the host has not seen is lost, every number or sweep that it has seen twice with other contents is doubled.
"""

import argparse
import json
import os
import platform
import random
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.edge_city import BAUD, ROOT, TURNAROUND_S, simulate, simulated_meters, write_config
from benchmarks.edge_host import CountingHost, running_broker
from benchmarks.mobile_link import MobileLink
from edge_agent.config import load_config
from edge_agent.serial.plan import plan_bus
from edge_agent.serial.profile_file import load_profiles

N_LAMPS = 125
N_LAMPS_CHAOS = 10
SWEEP_INTERVAL_S = 8.0
CHAOS_INTERVAL_S = 0.1
MUST_REACH = 1 / 0.95


def main() -> None:
    """Run both parts and print the figures, the JSON object last."""
    options = _options()
    if options.simulate:
        simulate(options.profile, options.simulate, is_instant=options.instant)
        return
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"load {os.getloadavg()[0]:.1f}; 2 buses x {N_LAMPS} {options.profile} at {BAUD} baud, "
        f"turnaround {1000 * TURNAROUND_S:g} ms"
    )
    with tempfile.TemporaryDirectory(prefix="terang-bench-") as folder, running_broker(Path(folder)) as (name, port):
        figures = _measure(Path(folder), port, options)
        print(
            f"sweep {figures['sweep_s']:.3f} s, limit {figures['limit_s']:.3f} s: {figures['sweep_to_limit']:.4f} "
            f"(must be <= {MUST_REACH:.4f})\n"
            f"{figures['rss_mb']:.1f} MB, {figures['cpu_ms_per_sweep']:.0f} ms CPU "
            f"and {figures['card_bytes_per_sweep']:,} bytes to storage a sweep, "
            f"{figures['mobile_bytes_per_sweep']:,} bytes over the mobile link",
            flush=True,
        )
        figures |= _endure(Path(folder), port, options)
        print(
            f"{figures['kills']} x kill -9 through {name}: {figures['records']} records, lost {figures['lost']}, "
            f"doubled {figures['doubled']}, "
            f"start {figures['start_s']:.2f} s, {figures['outbox_writes_per_s']:.1f} outbox writes/s"
        )
    print(json.dumps(figures | {"broker": name, "profile": options.profile}))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sweeps", type=int, default=5)
    parser.add_argument("--kills", type=int, default=12, help="at least 1")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--profile", choices=("lamp-node", "pzem-016"), default="lamp-node")
    parser.add_argument("--simulate", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--instant", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def _measure(folder: Path, port: int, options: argparse.Namespace) -> dict[str, Any]:
    """One agent at the wire's true speed."""
    link = MobileLink(port)
    with simulated_meters(options.profile, N_LAMPS) as ports:
        config = write_config(folder / "measure", link.port, SWEEP_INTERVAL_S, ports, options.profile, N_LAMPS)
        host = CountingHost(port, "bench", "PJU-BENCH")
        agent, _ = _start_agent(config)
        _await_sweeps(host, 2)  # the first one learns the meters' turnaround and reads the slow quantities
        host.sweep_durations_s()
        before, sent_before = _usage(agent.pid), link.traffic
        seconds = _await_sweeps(host, options.sweeps)
        after, sent = _usage(agent.pid), link.traffic - sent_before
        rss_mb = _peak_mb(agent.pid)
        agent.send_signal(signal.SIGTERM)
        agent.wait(20)
        host.close()
    link.close()
    limit_s, sweep_s = _limit_s(config), statistics.median(seconds)
    return {
        "sweep_to_limit": round(sweep_s / limit_s, 4),
        "sweep_s": round(sweep_s, 4),
        "limit_s": round(limit_s, 4),
        "rss_mb": round(rss_mb, 1),
        "cpu_ms_per_sweep": round(1000 * (after[0] - before[0]) / len(seconds), 1),
        "card_bytes_per_sweep": (after[1] - before[1]) // len(seconds),
        "mobile_bytes_per_sweep": sent.n_bytes // len(seconds),
    }


def _endure(folder: Path, port: int, options: argparse.Namespace) -> dict[str, Any]:
    """Kill the agent at random moments; then let the last one deliver what is left."""
    rng = random.Random(options.seed)
    with simulated_meters(options.profile, N_LAMPS_CHAOS, is_instant=True) as ports:
        where = folder / "endure"
        config = write_config(where, port, CHAOS_INTERVAL_S, ports, options.profile, N_LAMPS_CHAOS)
        host = CountingHost(port, "bench", "PJU-BENCH")
        running_s, starts_s = 0.0, []
        for _ in range(options.kills):
            agent, start_s = _start_agent(config)
            starts_s.append(start_s)
            pause_s = rng.uniform(1.5, 4.0)
            time.sleep(pause_s)
            running_s += pause_s
            agent.kill()
            agent.wait()
        n_written = host.n_stored
        config = write_config(where, port, 60.0, ports, options.profile, N_LAMPS_CHAOS)
        agent, _ = _start_agent(config)
        _await_quiet(host)
        agent.send_signal(signal.SIGTERM)
        agent.wait(20)
        host.close()
    return {
        "start_s": round(statistics.median(starts_s), 3),
        "lost": host.n_lost,
        "doubled": host.n_doubled,
        "records": host.n_stored,
        "messages": host.n_messages,
        "kills": options.kills,
        "outbox_writes_per_s": round(n_written / running_s, 1),
    }


def _await_sweeps(host: CountingHost, n_sweeps: int) -> list[float]:
    seconds: list[float] = []
    deadline = time.monotonic() + 3 * SWEEP_INTERVAL_S + n_sweeps * 2 * SWEEP_INTERVAL_S
    while len(seconds) < n_sweeps:
        if time.monotonic() > deadline:
            sys.exit("bench_edge: the agent does not sweep")
        time.sleep(0.05)
        seconds += host.sweep_durations_s()
    return seconds


def _await_quiet(host: CountingHost) -> None:
    """Wait until nothing is missing and nothing new has come for a while, 20 s at most."""
    deadline = time.monotonic() + 20
    n_messages, since = -1, time.monotonic()
    while time.monotonic() < deadline:
        if host.n_messages != n_messages or host.n_lost:
            n_messages, since = host.n_messages, time.monotonic()
        if time.monotonic() - since > 4:
            return
        time.sleep(0.1)


def _limit_s(path: Path) -> float:
    """The wire's limit for a fast sweep of the slower bus [s]."""
    config = load_config(path, {})
    profiles = load_profiles(config.profile_names, path.parent)
    character_s = 10 / BAUD
    return max(
        sum(
            (len(planned.request.wire) + planned.request.reply_length + 2 * 3.5) * character_s + TURNAROUND_S
            for meter in plan_bus(config, bus, profiles)
            for planned in meter.requests[False]
        )
        for bus in config.buses
    )


def _start_agent(config: Path) -> tuple[subprocess.Popen[bytes], float]:
    """Start the agent and wait until it tells systemd that it is ready; give that time, too [s]."""
    address = str(config.parent / "notify")
    Path(address).unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as link:
        link.bind(address)
        link.settimeout(20)
        started = time.monotonic()
        agent = subprocess.Popen(
            ["nice", "-n", "-5", sys.executable, "-m", "edge_agent", "run", "--config", str(config)],  # as its unit
            cwd=ROOT,
            env=os.environ | {"NOTIFY_SOCKET": address},
            stderr=subprocess.DEVNULL,
        )
        while not link.recv(1000).startswith(b"READY=1"):
            pass
        return agent, time.monotonic() - started


def _usage(pid: int) -> tuple[float, int]:
    """CPU time [s] and bytes written to storage by a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    cpu_s = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    lines = dict(line.split(": ") for line in Path(f"/proc/{pid}/io").read_text().splitlines())
    return cpu_s, int(lines["write_bytes"])


def _peak_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


if __name__ == "__main__":
    main()
