"""The outgoing cable: what it is made of, and how the voltage falls from pole to pole under load.

A *run* is all lamps of one circuit on one phase, in order along the cable. Owns the drop and the sizing;
is independent of lamps beyond the current they draw.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

#: Resistance of standard aluminium conductors at 20 C [ohm/km], IEC 60228 class 2, for 10 to 150 mm2.
ALUMINIUM_OHM_PER_KM: Final = (3.08, 1.91, 1.20, 0.868, 0.641, 0.443, 0.320, 0.253, 0.206)

#: Drop that a designer allows from cabinet to last pole, as a share of 230 V.
DESIGN_DROP: Final = 0.035

NOMINAL_V: Final = 230.0


def voltage_drop(
    current_a: NDArray[np.float32],
    resistance_ohm: NDArray[np.float32],
    run_first: NDArray[np.int64],
    run_length: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Return how far below the head of its run each lamp's voltage lies.

    Every span carries the current of all lamps behind it, so the drop at a lamp is the sum of
    ``R_span * I_behind`` over the spans before it.

    Args:
        current_a: active current of each lamp, (n_lamps,) in order along the runs [A].
        resistance_ohm: loop resistance of the span before each lamp, (n_lamps,) [ohm].
        run_first: index of each run's first lamp, (n_runs,).
        run_length: lamps in each run, (n_runs,).

    Returns:
        float64 (n_lamps,) [V].
    """
    # float64: the running sum goes over a million lamps, and differences of it are wanted to a milliampere
    total = np.cumsum(current_a, dtype=np.float64)
    last = run_first + run_length - 1
    behind = np.repeat(total[last], run_length)
    behind -= total
    behind += current_a
    behind *= resistance_ohm
    before_run = behind[run_first]
    drop = np.cumsum(behind, out=total)
    drop -= np.repeat(drop[run_first] - before_run, run_length)
    return drop


def size_cables(
    power_w: NDArray[np.float64],
    span_m: NDArray[np.float64],
    return_factor: NDArray[np.float64],
    run_first: NDArray[np.int64],
    run_length: NDArray[np.int64],
) -> NDArray[np.float32]:
    """Return the ohm per metre of the thinnest standard conductor that keeps each run within the design drop.

    Args:
        power_w: full power of each lamp, (n_lamps,) in order along the runs [W].
        span_m: length of the span before each lamp, (n_lamps,) [m].
        return_factor: 2 where the neutral carries the current back, 1 in a balanced three-phase run.
        run_first: index of each run's first lamp, (n_runs,).
        run_length: lamps in each run, (n_runs,).

    Returns:
        float32 (n_lamps,) [ohm/m]; a run that no standard conductor serves gets as many in parallel as it needs.
    """
    amps = (power_w / (NOMINAL_V * 0.95)).astype(np.float32)
    per_ohm = voltage_drop(amps, (span_m * return_factor).astype(np.float32), run_first, run_length)
    worst = per_ohm[run_first + run_length - 1]
    allowed = DESIGN_DROP * NOMINAL_V / np.maximum(worst, 1e-9)
    standard = np.array(ALUMINIUM_OHM_PER_KM[::-1]) / 1000.0
    choice = np.searchsorted(standard, allowed, side="right") - 1
    fitting = np.where(choice >= 0, standard[np.maximum(choice, 0)], allowed)
    return np.repeat(fitting, run_length).astype(np.float32)
