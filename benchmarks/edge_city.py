"""The agent's file for ``bench_edge``, and its meters: simulated ones on pseudo-terminals in a process of their own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).parents[1]
BAUD = 9600
TURNAROUND_S = 0.005
CONFIG = """
[controller]
group = "bench"
id = "PJU-BENCH"
latitude = 0.79
longitude = 102.05
timezone = "Asia/Jakarta"
[broker]
url = "mqtt://127.0.0.1:{broker_port}"
[keys]
working = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
recovery = "PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw"
[sweep]
interval_s = {interval_s}
interval_day_s = {interval_s}
slow_s = 900
[outbox]
path = "outbox.db"
resend_after_s = 2
rate_per_s = 1000
"""


def write_config(folder: Path, port: int, interval_s: float, ports: list[str], profile: str, n_lamps: int) -> Path:
    """Write agent.toml with two buses of ``n_lamps`` meters each."""
    folder.mkdir(exist_ok=True)
    text = CONFIG.format(broker_port=port, interval_s=interval_s)
    for name, device in zip("AB", ports, strict=True):
        lamps = ", ".join(
            f'{{ address = {address}, lamp_id = "{name}{address}", profile = "{profile}" }}'
            for address in range(1, n_lamps + 1)
        )
        text += f'[[bus]]\nname = "{name}"\nport = "{device}"\nbaud = {BAUD}\nlamps = [{lamps}]\n'
    path = folder / "agent.toml"
    path.write_text(text)
    return path


@contextmanager
def simulated_meters(profile: str, n_lamps: int, *, is_instant: bool = False) -> Iterator[list[str]]:
    """Run the simulated meters in a process of their own; gives the two ports."""
    command = [sys.executable, "-m", "benchmarks.bench_edge", "--simulate", str(n_lamps), "--profile", profile]
    command += ["--instant"] if is_instant else []
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()


def simulate(profile: str, n_lamps: int, *, is_instant: bool) -> None:
    """Child process: meters on two pseudo-terminals until the parent goes away."""
    import numpy as np  # noqa: PLC0415 - the simulator's; the parent does not need it

    from firmware_sim import meters  # noqa: PLC0415 - as above

    with suppress(OSError):  # a wire is not preempted by other programs; without the right to say so, it is
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))
    values = meters.LampValues(voltage_v=229.4, current_a=0.41, power_w=90.2, energy_wh=123456, power_factor=0.96)

    def device() -> meters.Pzem | meters.LampNode:
        if profile != "lamp-node":
            return meters.Pzem(lambda: values)
        # by day it drives what the agent commands: one that did not would be commanded again in every sweep
        node = meters.LampNode(lambda: replace(values, level_percent=node.level_percent))
        return node

    buses = [
        meters.MeterBus(
            {address: device() for address in range(1, n_lamps + 1)},
            meters.LineTiming(baud=BAUD, turnaround_s=TURNAROUND_S, is_instant=is_instant),
            meters.LineFaults(),
            np.random.default_rng(seed),
        )
        for seed in (1, 2)
    ]
    for bus in buses:
        bus.start()
    print(json.dumps([bus.port for bus in buses]), flush=True)
    sys.stdin.read()  # until the parent closes it
