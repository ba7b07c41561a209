"""A night with every kind of lamp rule running or open, for snapshots of detection's memory."""

import numpy as np

from benchmarks.small_town import Town

SNAPSHOT_MINUTE = 75
MINUTES = 130
N_LAMPS = 40


def scene_town():
    """Two cabinets of LED lamps with nodes, one of which is rated wrongly."""
    town = Town(n_cabinets=2, n_circuits=2, n_poles=10, dims=(), seed=11)
    town.lost_replies = 0.02
    town.factor[39] = 1.5  # from its first lit hour on: the register is suspected
    return town


def _freeze(columns, lamp):
    for name, value in (("voltage_v", 225.1), ("current_a", 0.467), ("power_w", 100.3)):
        columns[name][lamp] = value


def act(town, minute):
    """What happens before the sweep of a minute."""
    if minute == 30:
        town.factor[3] = 0.004  # dark
        town.factor[5] = 0.6
        town.power_factor[7] = 0.45
        town.temperature[9] = 95.0
        town.status[11] = 2  # driver fault
        town.status[13] = 4  # derating: no fault
        frozen = town.fleet.lamp_index[town.ids[15]]
        town.quirk = lambda columns: _freeze(columns, frozen)
    if minute >= 32:
        town.factor[17] = 0.004 if minute % 10 < 5 else 1.0  # cycles
    if minute == 73:
        town.factor[19] = 0.004  # runs, but is not open when the snapshot is taken
        town.factor[21] = 1.5
        town.temperature[23] = 95.0
    if minute == 100:
        town.factor[:], town.power_factor[:], town.temperature[:], town.status[:] = 1.0, 0.95, 45.0, 0
        town.factor[39] = 1.5
        town.quirk = None


def play_scene(town, first, end):
    """Play some minutes of the scene; returns the changes."""
    told = []
    for minute in range(first, end):
        act(town, minute)
        told += town.play(1)
    return told


def take_snapshot(path):
    """Write the memory at ``SNAPSHOT_MINUTE``; returns its arrays."""
    town = scene_town()
    play_scene(town, 0, SNAPSHOT_MINUTE)
    memory = town.detection.snapshot()
    np.savez_compressed(path, **memory)
    return memory
