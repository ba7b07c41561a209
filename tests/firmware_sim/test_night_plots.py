"""The nights of the documentation: what happens in them, and that they can be drawn again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from firmware_sim.plots.figures import draw
from firmware_sim.plots.nights import BREAK_MINUTE, cable_night

if TYPE_CHECKING:
    from pathlib import Path


def test_cable_break_is_seen_in_silence_load_and_the_voltage_before_it(tmp_path: Path) -> None:
    night = cable_night()
    before, after = BREAK_MINUTE - 1, BREAK_MINUTE + 1
    assert not np.isnan(night.voltage_v[before]).any()
    assert np.isnan(night.voltage_v[after]).tolist() == [False] * 12 + [True] * 8
    assert night.circuit_power_w[before] - night.circuit_power_w[after] > 8 * 120.0
    assert night.voltage_v[after, 11] > night.voltage_v[before, 11] + 1.0
    # dark by day behind an open contactor: unknown, never zero
    assert np.isnan(night.voltage_v[0]).all()
    png = draw(night, ((11, "before"), (12, "behind")), "cut", tmp_path / "cut.png", circuit=night.circuit_power_w)
    assert png.read_bytes().startswith(b"\x89PNG")
