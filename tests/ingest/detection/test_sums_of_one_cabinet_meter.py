"""Sums that only the cabinet's meter sees: the loaded phases count, and an outage may have no witness."""

import numpy as np
import pytest

from tests.ingest.detection.mixed_street import Circuit, Street

HOUR_US = 3_600_000_000


def wandering(street, rng):
    """Phases that go their own ways by some volts, as loads of other customers come and go."""
    usual = street.volts.copy()

    def before(_step):
        street.volts += 0.01 * (usual - street.volts) + rng.normal(0, 0.35, street.volts.shape)

    return before


@pytest.mark.parametrize("knows_phase", [True, False])
@pytest.mark.parametrize("phases", ["R", "T", "RS"])
def test_a_phase_without_lamps_leaves_no_lamps_dark_and_hides_none(phases, knows_phase):
    circuit = Circuit(40, technology="HPS", watt=250.0, phases=phases, metered=0.0)
    street = Street((circuit,), noise=0.002, knows_phase=knows_phase, seed=5)
    before = wandering(street, np.random.default_rng(7))
    street.play(480, before)
    assert street.ever() == set()
    street.factor[4] = 0.0
    street.play(60, before)
    assert street.codes() == {"circuitPowerTooLow": 1}
    (fault,) = street.standing().values()
    assert fault.evidence["lamps_dark"] == 1


@pytest.mark.parametrize("away_h", [0.3, 2, 24])
@pytest.mark.parametrize("has_meter", [True, False])
def test_lamps_that_strike_after_their_controller_was_away_are_not_dark(has_meter, away_h):
    circuits = tuple(Circuit(30, technology=kind, metered=0.0, has_meter=has_meter) for kind in ("LED", "MH"))
    street = Street(circuits, has_contacts=False, seed=2)
    street.play(300)
    street.now_us += int(away_h * HOUR_US)

    def run_up(step):  # cold arcs strike at once, and run up from two thirds of their power
        street.factor[street.is_magnetic] = 1 - 0.35 * np.exp(-60 * step / 180)

    street.play(60, run_up)
    assert street.ever() - {"controllerOffline"} == set()
