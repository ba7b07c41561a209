"""One detection sweep over 10^4 to 10^7 lamps, beside the time that copying the same readings takes.

    make bench-detect            # all sizes
    make bench-detect BENCH=6    # up to 10^6 lamps

A sweep is a whole ``Detection.judge``: screening, every rule, counters, state, grouping and explanation, on a city at
night with 2 % of the replies lost and one lamp in two hundred failing in one way or another. The copy is
``numpy.copyto`` of the columns that the lamp rules read, from memory of their own: neither finds in the processor's
cache what the other has just read. Both are timed in turns within one run, in CPU time, since the machine is shared;
medians are told. On a small sample the verdicts are compared with a plain loop that shares no code.
"""

from __future__ import annotations

import json
import platform
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.detect_oracle import dark_lamps
from benchmarks.filled_batch import filled_batch
from ingest.detection.engine import Detection
from ingest.detection.memory.lamp_state import LIT_YES
from ingest.model.batch import Batch
from ingest.model.finding import Raised
from ingest.model.fleet import Fleet
from ingest.model.good_values import with_good_values
from ingest.process_memory import collect_rarely, keep_memory
from ingest.schema.city import City
from ingest.schema.sections import CitySection

LAMPS_PER_CONTROLLER = 200
EVENING_US = 1_795_438_800_000_000  # 2026-11-23 20:00 in Jakarta
MINUTE_US = 60_000_000
COPIED = (
    "voltage_v",
    "current_a",
    "power_w",
    "power_factor",
    "temperature_c",
    "switch_count",
    "level",
    "status",
    "quality",
)
N_VARIANTS = 3  # sweeps played in turn, so that nothing is frozen


def build_fleet(n_lamps: int) -> Fleet:
    """A fleet of identical cabinets, without the time that reading its register would take."""
    n_controllers = n_lamps // LAMPS_PER_CONTROLLER
    controller = np.repeat(np.arange(n_controllers, dtype=np.int32), LAMPS_PER_CONTROLLER)
    row = np.arange(n_lamps, dtype=np.int64)
    names = tuple(f"C-{i}" for i in range(n_controllers))
    circuit = (row // 50).astype(np.int32)
    n_circuits = n_lamps // 50
    ids = np.broadcast_to(np.array(["L"], dtype=object), n_lamps)
    index = {name: i for i, name in enumerate(names)}
    home = np.arange(n_controllers, dtype=np.int32)
    return Fleet(
        lamp_ids=ids,
        lamp_index={},
        register_row=row,
        lamp_controller=controller,
        lamp_cabinet=controller,
        lamp_circuit=circuit,
        lamp_bus=controller,
        address=(row % LAMPS_PER_CONTROLLER + 1).astype(np.int32),
        position=(row % 50 + 1).astype(np.int32),
        is_surveyed=np.ones(n_lamps, np.bool_),
        rated_power_w=(60 + 10 * (row % 5)).astype(np.float32),
        technology=np.where(row % 10 < 8, 0, 1).astype(np.uint8),  # 80 % LED, 20 % HPS
        phase=np.full(n_lamps, -1, np.int8),
        is_dimmable=row % 10 < 8,
        is_monitored=np.ones(n_lamps, np.bool_),
        is_metered=np.ones(n_lamps, np.bool_),
        is_node=np.ones(n_lamps, np.bool_),
        controller_ids=names,
        controller_index=index,
        controller_start=np.arange(n_controllers + 1, dtype=np.int64) * LAMPS_PER_CONTROLLER,
        home_cabinet=home,
        cabinet_ids=names,
        cabinet_index=index,
        cabinet_controller=home,
        cabinet_latitude=np.full(n_controllers, -6.2),
        cabinet_longitude=np.full(n_controllers, 106.8),
        cabinet_switching=np.ones(n_controllers, np.uint8),
        circuit_names=tuple(str(q % 4 + 1) for q in range(n_circuits)),
        circuit_cabinet=(np.arange(n_circuits) // 4).astype(np.int32),
        circuit_index={},
        controller_circuit_index={},
        circuit_start=np.arange(n_circuits + 1, dtype=np.int64) * 50,
        cable_order=row,
        bus_names=tuple("A" for _ in names),
    )


def build_batch(fleet: Fleet, at_us: int, faulty: Any, rng: np.random.Generator) -> Batch:
    """One sweep of the whole city; ``faulty`` int (L,): 0 healthy, 1 dark, 2 half power, 3 poor power factor, 4 hot."""
    n, n_controllers = fleet.n_lamps, fleet.n_controllers
    f4 = np.float32
    volts = (225 + rng.standard_normal(n, dtype=f4)).astype(f4)
    share = np.where(fleet.technology == 1, (volts / 230) ** 2, f4(1)) * np.where(faulty == 1, f4(0.005), f4(1))
    share *= np.where(faulty == 2, f4(0.6), f4(1))
    power = (fleet.rated_power_w * share * (1 + 0.005 * rng.standard_normal(n, dtype=f4))).astype(f4)
    pf = np.where(faulty == 3, f4(0.45), f4(0.95))
    lost = rng.random(n, dtype=f4) < 0.02
    for column in (volts, power):
        column[lost] = np.nan
    nothing = np.zeros(0, f4)
    phases = np.full((n_controllers, 3), np.nan, f4)
    unknown = np.full(n, 0xFFFFFFFF, np.uint32)
    batch = filled_batch(
        controller=np.arange(n_controllers, dtype=np.int32),
        at_us=np.full(n_controllers, at_us, np.int64),
        is_historical=np.zeros(n_controllers, np.bool_),
        is_clock_synchronised=np.ones(n_controllers, np.bool_),
        interval_s=np.full(n_controllers, 60, np.uint32),
        epoch=np.ones(n_controllers, np.uint64),
        sequence=np.ones(n_controllers, np.uint64),
        lamp_start=fleet.controller_start,
        first_lamp=fleet.controller_start[:-1].astype(np.int32),
        lamp=np.arange(n, dtype=np.int32),
        voltage_v=volts,
        current_a=(power / pf / volts).astype(f4),
        power_w=power,
        power_factor=pf.astype(f4),
        temperature_c=np.where(faulty == 4, f4(92), f4(48)).astype(f4),
        energy_wh=unknown,
        burning_hours=unknown,
        switch_count=unknown,  # a slow quantity: most sweeps leave it out
        level=np.full(n, 100, np.uint8),
        status=np.where(lost, 0, 1).astype(np.uint8),
        quality=lost.astype(np.uint8),
        circuit_start=np.zeros(n_controllers + 1, np.int64),
        circuit=np.zeros(0, np.int32),
        circuit_voltage_v=nothing,
        circuit_current_a=nothing,
        circuit_power_w=nothing,
        circuit_energy_wh=np.zeros(0, np.uint32),
        cabinet_voltage_v=phases,
        cabinet_current_a=phases,
        cabinet_power_w=phases,
        cabinet_energy_wh=np.full(n_controllers, 0xFFFFFFFFFFFFFFFF, np.uint64),
        is_door_open=np.zeros(n_controllers, np.int8),
        is_contactor_closed=np.ones(n_controllers, np.int8),
        is_supply_present=np.ones(n_controllers, np.int8),
        has_cabinet=np.ones(n_controllers, np.bool_),
    )
    return with_good_values(batch)


def warm(detection: Detection, fleet: Fleet) -> None:
    """Put the lamps where an hour of healthy sweeps would have put them."""
    state = detection._state  # noqa: SLF001  # an hour of 10^7 lamps is too long to play
    state.flags[:] = 0
    state.own_w[:] = fleet.rated_power_w
    state.has_fitted[:] = True
    state.level[:] = state.level_raw[:] = state.level_reported[:] = 100
    state.quality[:], state.status[:], state.lit[:] = 0, 1, LIT_YES
    state.switch_count[:] = 700
    state.silent_sweeps[:] = 0
    state.is_listed[:], state.is_fully_listed[:] = True, True
    for start in range(0, fleet.n_lamps, 100_000):
        lamp = np.arange(start, min(start + 100_000, fleet.n_lamps))
        detection._bands.set(state, lamp, state.level[lamp])  # noqa: SLF001  # as above


def measure(n_lamps: int, repeats: int) -> dict[str, float]:
    """Median times of one sweep and of one copy, in nanoseconds per lamp, their ratio, and the sweeps' mean."""
    fleet = build_fleet(n_lamps)
    rng = np.random.default_rng(1)
    faulty = np.where(rng.random(n_lamps) < 0.005, rng.integers(1, 5, n_lamps), 0)
    city = City(city=CitySection(name="bench"), folder=Path())
    detection = Detection(fleet, city, start_us=EVENING_US)
    warm(detection, fleet)
    collect_rarely()  # as ingest does
    keep_memory()
    batches = [build_batch(fleet, EVENING_US, faulty, rng) for _ in range(N_VARIANTS)]
    sources = [[getattr(batch, name).copy() for name in COPIED] for batch in batches]
    scratch = [np.empty_like(column) for column in sources[0]]
    sweeps, copies = [], []
    for step in range(repeats + 14):  # the first minutes open the faults; then nothing new happens
        batch, at_us = batches[step % N_VARIANTS], EVENING_US + step * MINUTE_US
        batch.at_us[:] = at_us
        began = time.thread_time_ns()
        detection.judge(batch, at_us)
        swept = time.thread_time_ns()
        for source, target in zip(sources[step % N_VARIANTS], scratch, strict=True):
            np.copyto(target, source)
        copied = time.thread_time_ns()
        if step >= 14:  # confirm times are 10 minutes
            sweeps.append(swept - began)
            copies.append(copied - swept)
    sweep, copy = statistics.median(sweeps), statistics.median(copies)
    return {
        "ns_per_lamp": sweep / n_lamps,
        "mean_ns_per_lamp": statistics.mean(sweeps) / n_lamps,  # with the samples that are taken every 20 minutes
        "copy_ns_per_lamp": copy / n_lamps,
        "ratio_to_copy": sweep / copy,
    }


def check(n_lamps: int = 2000, sweeps: int = 30) -> int:
    """Compare the dark lamps found with a plain loop's on a small city; returns how many there were."""
    fleet = build_fleet(n_lamps)
    object.__setattr__(fleet, "lamp_ids", np.array([str(i) for i in range(n_lamps)], dtype=object))
    rng = np.random.default_rng(2)
    city = City(city=CitySection(name="bench"), folder=Path())
    detection = Detection(fleet, city, start_us=EVENING_US)
    quiet = np.zeros(n_lamps, np.int64)
    faulty = np.where(rng.random(n_lamps) < 0.03, rng.integers(1, 5, n_lamps), 0)
    found: set[int] = set()
    rows: list[Batch] = []
    for step in range(20 + sweeps):
        at_us = EVENING_US + step * MINUTE_US
        batch = build_batch(fleet, at_us, faulty if step >= 20 else quiet, rng)  # a healthy start
        rows.append(batch)
        for change in detection.judge(batch, at_us):
            if isinstance(change, Raised) and change.key.code == "lampFailure":
                found.add(int(change.lamp_ids[0]))
    expected = dark_lamps(rows, fleet.rated_power_w.tolist(), fleet.technology.tolist())
    if found != expected:
        raise SystemExit(f"the sweep and the plain loop disagree on {sorted(found ^ expected)[:10]}")
    return len(found)


def main() -> None:
    """Run every size and print the table, the JSON object last."""
    largest = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    print(f"Python {platform.python_version()}, numpy {np.__version__}, {platform.machine()}, {platform.processor()}")
    print(f"plain loop agrees on {check()} dark lamps of 2000")
    results = {}
    print(f"{'lamps':>10} {'ns/lamp':>9} {'mean':>9} {'copy':>9} {'ratio':>7}")
    for power in range(4, largest + 1):
        repeats = {4: 60, 5: 40, 6: 30}.get(power, 4)
        result = results[power] = measure(10**power, repeats)
        print(
            f"{10**power:>10} {result['ns_per_lamp']:>9.1f} {result['mean_ns_per_lamp']:>9.1f} "
            f"{result['copy_ns_per_lamp']:>9.1f} {result['ratio_to_copy']:>7.2f}"
        )
    chosen = results.get(6, results[max(results)])
    summary = {name: round(value, 2) for name, value in chosen.items()}
    summary |= {"lamps": 10 ** (6 if 6 in results else max(results))}
    summary["ns_per_lamp_by_size"] = {str(10**p): round(r["ns_per_lamp"], 2) for p, r in results.items()}
    print(json.dumps(summary))


if __name__ == "__main__":
    main()
