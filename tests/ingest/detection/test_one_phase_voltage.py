"""Metered circuits on three phases whose meter sees the voltage of one, where no cabinet meter sees the others."""

import numpy as np
import pytest

from tests.ingest.detection.mixed_street import NIGHT_US, Circuit, Street

DAY_US = 86_400_000_000
HOUR_US = 3_600_000_000
TAU_S = 900
WANDER_V = 1.4  # of each phase for itself
SAG_V = 6.0  # of all phases together, in the evening


class Wander:
    """Nights in which each phase wanders for itself, and all of them sag in the evening."""

    def __init__(self, seed: int, ballast: float = 2.0) -> None:
        circuits = tuple(Circuit(n, 150, technology="HPS", metered=0, has_meter=True) for n in (50, 30, 50, 40))
        self.street = street = Street(
            circuits, seed=seed, has_cabinet_meter=False, has_contacts=False, noise=0.002, ballast=ballast
        )
        self.first_us = NIGHT_US - 3 * HOUR_US // 2
        self.rng = np.random.default_rng(seed)
        self.own_v = WANDER_V * self.rng.standard_normal(3)
        street.quirk = self.see_one_phase

    def before(self, _step: int) -> None:
        keep = np.exp(-60 / TAU_S)
        self.own_v = keep * self.own_v + WANDER_V * np.sqrt(1 - keep**2) * self.rng.standard_normal(3)
        hour = (self.street.now_us / HOUR_US + 7) % 24
        self.street.volts[0] = 229 + self.own_v - SAG_V * np.exp(-(((hour - 19.5) / 2.2) ** 2))

    def see_one_phase(self, columns: dict) -> None:
        seen = self.street.volts[0, 0] * (1 + 0.001 * self.rng.standard_normal(len(columns["circuit"])))
        columns["circuit_voltage_v"] = seen.astype(np.float32)

    def night(self, number: int, hours: float = 9.5) -> None:
        self.street.now_us = self.first_us + number * DAY_US
        self.street.play(60 * hours, self.before)


@pytest.mark.parametrize(("seed", "ballast"), [(1, 2.0), (4, 2.2), (5, 1.7)])
def test_phases_that_wander_for_themselves_and_sag_together_have_no_dark_lamps(seed, ballast):
    wander = Wander(seed, ballast)
    for number in range(2):
        wander.night(number)
    assert wander.street.changes == []


def test_lamps_that_are_dark_are_counted_all_the_same():
    wander = Wander(2)
    wander.night(0)
    wander.night(1, 5)
    street = wander.street
    street.factor[street.where(0, 5, 9)] = 0
    street.play(90, wander.before)
    ((key, told),) = street.standing().items()
    assert (key.code, key.place.circuit) == ("circuitPowerTooLow", "1")
    assert abs(told.evidence["lamps_dark"] - 5) <= 1
