"""A broken neutral of one circuit: drivers cut out and meters leave their range, so that sums of them prove nothing."""

import numpy as np

from benchmarks.small_town import city_of
from ingest.detection.engine import Detection


def test_no_unmetered_load_is_told_while_a_neutral_is_broken_and_a_true_one_is_afterwards(kit):
    town = kit.Town(n_poles=6, dims=(), circuit_meters=False, interval_s=120)
    town.fleet.phase[:] = np.arange(town.n) % 3
    town.detection = Detection(town.fleet, city_of(town.limits, town.dims), start_us=town.now_us)
    town.play(40)

    def shift(columns):
        lamp = columns["lamp"]
        volts = np.array([90.0, 300.0, 305.0], np.float32)[town.fleet.phase[lamp]]
        here = town.fleet.lamp_circuit[lamp] == 0
        columns["voltage_v"][here] = volts[here]
        columns["power_w"][here & (volts < 95)] = 0.0

    town.quirk = shift
    town.play(80)
    assert kit.open_codes(town.changes) == {"neutralFailure": 1}
    town.quirk = None
    town.extra_w[:] = 400.0
    town.play(80)
    assert kit.open_codes(town.changes) == {"unmeteredLoad": 1}
