"""Discharge lamps: ignition, run-up over minutes, going out at a dip, and the wait before a hot restrike.

Run-up is exponential from a start fraction of full power. Figures by technology are in
:mod:`firmware_sim.electrical.technology`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from firmware_sim.electrical import technology as tech

if TYPE_CHECKING:
    from firmware_sim.electrical.plant import Plant
    from firmware_sim.electrical.state import State


@dataclass(frozen=True, slots=True, kw_only=True)
class ArcFigures:
    """Figures of each discharge lamp of a plant, float32 (n_discharge,) each; made once."""

    run_up_s: NDArray[np.float32]
    start_fraction: NDArray[np.float32]
    start_current: NDArray[np.float32]
    restrike_s: NDArray[np.float32]


def arc_figures(technology: NDArray[np.int8]) -> ArcFigures:
    """Return the figures of discharge lamps by their technology codes, int8 (n_discharge,)."""
    return ArcFigures(
        run_up_s=tech.column("run_up_s")[technology],
        start_fraction=tech.column("start_fraction")[technology],
        start_current=tech.column("start_current")[technology],
        restrike_s=tech.column("restrike_s")[technology],
    )


def restrike_wait(
    figures: ArcFigures,
    rows: NDArray[np.int64] | slice,
    arc_s: NDArray[np.float32],
    trait: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Return how long lamps that go out now must cool before they ignite again, float32 (n,) [s].

    Args:
        figures: of all discharge lamps of the plant.
        rows: which of them.
        arc_s: age of their arcs: a cold arc tube ignites at once [s].
        trait: uniform 0..1; lamps differ by 30 % in their wait.
    """
    heat = 1.0 - np.exp(-arc_s / figures.run_up_s[rows])
    wait: NDArray[np.float32] = (figures.restrike_s[rows] * heat * (0.7 + 0.3 * trait)).astype(np.float32)
    return wait


def burn(
    plant: Plant,
    state: State,
    dt_s: float,
    level: NDArray[np.uint8],
    is_recycled: NDArray[np.int64],
) -> tuple[NDArray[np.bool_], NDArray[np.float32], NDArray[np.float32]]:
    """Advance the arcs of the discharge lamps.

    Args:
        plant: the lamps.
        state: changed in place: ``arc_s``, ``wait_s``.
        dt_s: since the last step [s].
        level: uint8 (n_lamps,), 0 = no supply to the lamp.
        is_recycled: lamps whose cycle already holds the wait, so that they ignite at once.

    Returns:
        For ``plant.discharge``: whether the arc burns, share of full power, share of the warm power factor.
    """
    lamps, figures = plant.discharge, plant.arc_figures
    state.wait_s[is_recycled] = 0.0
    arc_s, wait_s, was_lit = state.arc_s[lamps], state.wait_s[lamps], state.is_lit[lamps]
    wants = level[lamps] > 0
    wait_s = np.maximum(wait_s - np.float32(dt_s), np.float32(0.0))
    went_out = was_lit & ~wants
    wait_s = np.where(went_out, restrike_wait(figures, slice(None), arc_s, state.trait[lamps]), wait_s)
    is_lit = wants & (wait_s <= 0.0)
    # a newly struck arc has age 0: when within the step it struck is not known
    arc_s = np.where(is_lit & was_lit, arc_s + np.float32(dt_s), np.float32(0.0))
    state.arc_s[lamps] = arc_s
    state.wait_s[lamps] = wait_s
    warm = 1.0 - np.exp(-arc_s / figures.run_up_s)
    share = figures.start_fraction + (1.0 - figures.start_fraction) * warm
    current = figures.start_current + (1.0 - figures.start_current) * warm
    return is_lit, (share * is_lit).astype(np.float32), (share / current).astype(np.float32)
