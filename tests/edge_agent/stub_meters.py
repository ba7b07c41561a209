"""Meters that answer at once, for tests of everything after the serial side."""

from __future__ import annotations

import random
from array import array
from collections.abc import Callable
from dataclasses import replace

from edge_agent.outbox.layout import Layout
from edge_agent.outbox.record import METRIC_OF
from edge_agent.serial.reading import LAMP_FAST, LAMP_SLOW, CabinetReading, SweepReadings

CONTACT_PATHS = frozenset({"cabinet.door_open", "cabinet.contactor_closed", "cabinet.supply_present"})


def lamp_layout(n_lamps: int, *, is_dimmable: bool = True, has_contactor: bool = False) -> Layout:
    paths = LAMP_FAST | LAMP_SLOW | (CONTACT_PATHS if has_contactor else frozenset())
    return Layout(
        lamp_ids=tuple(f"L-{i:04d}" for i in range(n_lamps)),
        measured=frozenset(METRIC_OF[path] for path in paths),
        is_dimmable=(is_dimmable,) * n_lamps,
        has_contactor=has_contactor,
    )


class StubMeters:
    """Plausible seeded readings; keeps the switch commands it got."""

    def __init__(self, n_lamps: int, now_ms: Callable[[], int], seed: int = 1) -> None:
        self._n_lamps = n_lamps
        self._now_ms = now_ms
        self._random = random.Random(seed)
        self.levels: dict[int, int] = {}
        self.is_closed: bool | None = None
        self.n_writes = 0
        self.deaf: set[int] = set()

    def sweep(self, slow: bool) -> SweepReadings:
        sweep = SweepReadings.unknown(
            self._now_ms(), self._n_lamps, 0, LAMP_FAST | CONTACT_PATHS | (LAMP_SLOW if slow else set())
        )
        draw = self._random.uniform
        for i in range(self._n_lamps):
            if i in self.deaf:
                continue
            sweep.quality[i] = 0
            sweep.voltage[i] = round(draw(220, 235), 1)
            sweep.current[i] = round(draw(0.3, 0.5), 3)
            sweep.power[i] = round(draw(85, 95), 1)
            sweep.power_factor[i] = round(draw(0.93, 0.97), 2)
            sweep.status[i] = 1
            sweep.driven_level[i] = self.levels.get(i, 100)
            if slow:
                sweep.energy_wh[i] = 1000 + i
        cabinet = CabinetReading(door_open=False, contactor_closed=self.is_closed, supply_present=True)
        return replace(sweep, cabinet=cabinet, duration_s=0.1)

    def write_dim(self, lamp_index: int, level: int) -> bool:
        self.n_writes += 1
        if lamp_index in self.deaf:
            return False
        self.levels[lamp_index] = level
        return True

    def set_contactor(self, closed: bool) -> bool:
        self.is_closed = closed
        return True


def bytes_array(values: bytes) -> array[int]:
    return array("B", values)
