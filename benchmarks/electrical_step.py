"""What one step of the electrical model costs per lamp: ``python benchmarks/electrical_step.py [N_LAMPS …]``.

Prints what it ran on, one line per case, and one JSON object last. Medians of ten steps.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import sys
import time

import numpy as np

from firmware_sim.electrical import LampFault, build_plant, healthy, initial_state, step
from firmware_sim.electrical import technology as tech

LAMPS_PER_CIRCUIT = 33
CIRCUITS_PER_CABINET = 4
N_STEPS = 10


def cost_ns(n_lamps: int, *, is_mixed: bool, share_faulty: float) -> float:
    """Return the median cost of one step per lamp [ns].

    Args:
        n_lamps: size of the plant.
        is_mixed: 40 % discharge lamps, half of them on reactor ballasts; otherwise LED alone.
        share_faulty: share of lamps with a cause set.
    """
    rng = np.random.default_rng(1)
    row = np.arange(n_lamps)
    codes = rng.choice([tech.LED, tech.LED, tech.LED, tech.HPS, tech.IND], n_lamps) if is_mixed else tech.LED
    plant = build_plant(
        rated_power_w=rng.uniform(20.0, 250.0, n_lamps),
        technology=codes,
        cabinet=row // (LAMPS_PER_CIRCUIT * CIRCUITS_PER_CABINET),
        circuit=row // LAMPS_PER_CIRCUIT,
        phase=row // LAMPS_PER_CIRCUIT % 3,
        is_dimmable=np.asarray(codes) == tech.LED,
    )
    condition, state = healthy(plant), initial_state(plant, rng)
    faulty = np.flatnonzero(rng.random(n_lamps) < share_faulty)
    condition.flags[faulty] = 1 << rng.integers(0, len(LampFault), len(faulty))
    took_s = []
    for minute in range(N_STEPS + 3):
        level = 100 if minute % 4 else 50
        began = time.perf_counter()
        step(plant, condition, state, 1_795_424_400_000_000 + minute * 60_000_000, level, True, rng)
        took_s.append(time.perf_counter() - began)
    return statistics.median(took_s[3:]) / n_lamps * 1e9


def main() -> None:
    """Run all cases and print them."""
    sizes = [int(size) for size in sys.argv[1:]] or [200, 10_000, 1_000_000]
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, numpy {np.__version__}, one thread")
    results: dict[str, float] = {}
    for n_lamps in sizes:
        for name, is_mixed, share in (("led", False, 0.0), ("mixed", True, 0.0), ("mixed_1pc_faulty", True, 0.01)):
            results[f"{name}_{n_lamps}"] = round(cost_ns(n_lamps, is_mixed=is_mixed, share_faulty=share), 1)
            print(f"{n_lamps:>9} lamps {name:<17} {results[f'{name}_{n_lamps}']:>9.1f} ns per lamp and step")
    print(json.dumps({"ns_per_lamp_step": results}))


if __name__ == "__main__":
    main()
