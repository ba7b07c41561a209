"""Energy and lit hours of every cabinet, hour by hour, from whatever counters it has.

Pure. A cabinet's own counter says it best; without one its circuits' counters are summed, and for what they do not
cover the lamps' own. Lamps without any counter are estimated: hours lit by rated power, and kept apart from what was
counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from edge_agent.wire.schedule import night_steps
from ingest.energy.counters_to_energy import US_PER_H, energy_by_period, lit_hours_by_period
from ingest.energy.from_parquet import Counters, Samples
from ingest.lighting.expected_power import CURVES, IS_DISCHARGE
from ingest.model.fleet import Fleet
from ingest.schema.city import City

MAX_GAP_US: Final = 45 * 60_000_000  # three slow sweeps of the default: less is counted, more is interpolated
LIT_GAP_US: Final = 20 * 60_000_000  # a sample holds so long at most; thinned telemetry has one a quarter of an hour
MARGIN_US: Final = 26 * US_PER_H  # how far a gap may reach beyond the hours asked for: a day of silent meters
_LIT_W: Final = 6.0  # beyond any driver's standby
_LIT_SHARE: Final = 0.1  # of the rating: half of an LED's lowest step
_LED: Final = 0

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class HourEnergy:
    """Energy by cabinet and hour; K cabinets, B hours.

    Attributes:
        hour_us: int64 (B,) the hours' starts.
        measured_wh: float64 (K, B); so interpolated_wh, estimated_wh.
        lit_hours: float64 (K, B) mean over the cabinet's lamps.
    """

    hour_us: npt.NDArray[np.int64]
    measured_wh: Floats
    interpolated_wh: Floats
    estimated_wh: Floats
    lit_hours: Floats


def hour_edges(start_us: int, end_us: int) -> npt.NDArray[np.int64]:
    """Edges of the hours that cover a time; the last hour may be cut short (int64 (B + 1,))."""
    first = start_us // US_PER_H * US_PER_H
    return np.append(np.arange(first, end_us, US_PER_H, dtype=np.int64), np.int64(max(end_us, first)))


def roll_up(counters: Counters, fleet: Fleet, city: City, edges_us: npt.NDArray[np.int64]) -> HourEnergy:
    """Reckon every cabinet's hours.

    Args:
        counters: with a margin around the hours (`MARGIN_US`, `LIT_GAP_US`).
        fleet: K cabinets, Q circuits, L lamps.
        city: its schedule and zone, for lamps that nobody hears.
        edges_us: int64 (B + 1,).
    """
    n_cabinets = fleet.n_cabinets
    has_cabinet = _is_counted(counters.cabinets, n_cabinets)
    has_circuit = _is_counted(counters.circuits, fleet.n_circuits)
    has_lamp = _is_counted(counters.lamps, fleet.n_lamps)
    lamp_cabinet = fleet.lamp_cabinet.astype(np.int64)
    by_cabinet = np.append(has_cabinet, False)[lamp_cabinet]
    by_circuit = np.append(has_circuit, False)[fleet.lamp_circuit]
    is_fed = lamp_cabinet >= 0
    use_circuit = has_circuit & ~has_cabinet[fleet.circuit_cabinet]
    use_lamp = is_fed & has_lamp & ~by_cabinet & ~by_circuit
    guess_lamp = is_fed & ~has_lamp & ~by_cabinet & ~by_circuit

    shape = (n_cabinets, len(edges_us) - 1)
    measured, interpolated = np.zeros(shape), np.zeros(shape)
    every_cabinet = np.arange(n_cabinets)
    for samples, home, is_used in (
        (counters.cabinets, every_cabinet, has_cabinet),
        (counters.circuits, fleet.circuit_cabinet.astype(np.int64), use_circuit),
        (counters.lamps, lamp_cabinet, use_lamp),
    ):
        _add(samples, home, is_used, edges_us, measured, interpolated)
    lit, is_heard = _lit_hours(counters.power, fleet, edges_us)
    needs_schedule = ~is_heard
    needs_schedule[lamp_cabinet[guess_lamp]] = True
    scheduled, shared = _scheduled(fleet, city, edges_us, np.flatnonzero(needs_schedule))
    lit_hours = np.where(is_heard[:, None], lit, scheduled)
    estimated = _estimated(fleet, guess_lamp, lit_hours, scheduled, shared)
    return HourEnergy(edges_us[:-1], measured, interpolated, estimated, lit_hours)


def _is_counted(samples: Samples, n: int) -> npt.NDArray[np.bool_]:
    """Meters with at least two readings: one says nothing about energy."""
    counted: npt.NDArray[np.bool_] = np.bincount(samples.meter, minlength=n) >= 2
    return counted


def _add(
    samples: Samples,
    home: npt.NDArray[np.int64],
    is_used: npt.NDArray[np.bool_],
    edges_us: npt.NDArray[np.int64],
    measured: Floats,
    interpolated: Floats,
) -> None:
    """Add the energy of the meters in use to their cabinets' rows."""
    used = np.flatnonzero(is_used)
    if not len(used):
        return
    number = np.full(len(is_used), -1, np.int64)
    number[used] = np.arange(len(used))
    is_mine = is_used[samples.meter]
    energy = energy_by_period(
        number[samples.meter[is_mine]],
        samples.at_us[is_mine],
        samples.value[is_mine],
        edges_us,
        n_meters=len(used),
        max_gap_us=MAX_GAP_US,
    )
    np.add.at(measured, home[used], energy.measured_wh)
    np.add.at(interpolated, home[used], energy.interpolated_wh)


def _lit_hours(power: Samples, fleet: Fleet, edges_us: npt.NDArray[np.int64]) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Mean lit hours of each cabinet's lamps that were heard (K, B), and which cabinets had any (K,)."""
    rated = np.nan_to_num(fleet.rated_power_w.astype(np.float64))
    is_lit = power.value > np.maximum(_LIT_W, _LIT_SHARE * rated)[power.meter]
    hours = lit_hours_by_period(
        power.meter, power.at_us, is_lit, edges_us, n_lamps=fleet.n_lamps, max_gap_us=LIT_GAP_US
    )
    heard = np.flatnonzero((np.bincount(power.meter, minlength=fleet.n_lamps) > 0) & (fleet.lamp_cabinet >= 0))
    home = fleet.lamp_cabinet[heard].astype(np.int64)
    total = np.zeros((fleet.n_cabinets, len(edges_us) - 1))
    np.add.at(total, home, hours[heard])
    n_heard = np.bincount(home, minlength=fleet.n_cabinets)
    return total / np.maximum(n_heard, 1)[:, None], n_heard > 0


def _scheduled(
    fleet: Fleet, city: City, edges_us: npt.NDArray[np.int64], wanted: npt.NDArray[np.int64]
) -> tuple[Floats, Floats]:
    """Hours that the schedule has lamps on, and the same weighed by an LED's power at its level; (K, B) each.

    Only the cabinets in ``wanted`` are looked up; the others' rows stay 0.
    """
    shape = (fleet.n_cabinets, len(edges_us) - 1)
    hours, weighed = np.zeros(shape), np.zeros(shape)
    first = datetime.fromtimestamp(int(edges_us[0]) // 1_000_000, UTC).date() - timedelta(days=2)
    n_days = int((edges_us[-1] - edges_us[0]) // (24 * US_PER_H)) + 4
    latitude, longitude = _filled(fleet.cabinet_latitude), _filled(fleet.cabinet_longitude)
    for cabinet in wanted.tolist():
        place = (float(latitude[cabinet]), float(longitude[cabinet]))
        for day in range(n_days):
            steps = night_steps(city.schedule, first + timedelta(days=day), *place, city.city.timezone)
            for (begin_s, level), (end_s, _) in pairwise(steps):
                begin, end = begin_s * 1_000_000, end_s * 1_000_000
                inside = np.minimum(end, edges_us[1:]) - np.maximum(begin, edges_us[:-1])
                part = np.maximum(inside, 0) / US_PER_H * (level > 0)
                hours[cabinet] += part
                weighed[cabinet] += part * float(CURVES[_LED, level])
    full = np.diff(edges_us) / US_PER_H  # nights overlap where the city's zone is not its lamps'
    return np.minimum(hours, full), np.minimum(weighed, full)


def _filled(degrees: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    known = degrees[np.isfinite(degrees)]
    return np.where(np.isfinite(degrees), degrees, known.mean() if len(known) else 0.0)


def _estimated(
    fleet: Fleet, is_guessed: npt.NDArray[np.bool_], lit_hours: Floats, scheduled: Floats, weighed: Floats
) -> Floats:
    """Rated power by lit hours of lamps without any counter (K, B); a lamp without a rating adds nothing."""
    guessed = np.flatnonzero(is_guessed)
    rated = np.nan_to_num(fleet.rated_power_w[guessed].astype(np.float64))
    home = fleet.lamp_cabinet[guessed]
    is_discharge = IS_DISCHARGE[fleet.technology[guessed]]
    n_cabinets = fleet.n_cabinets
    full = np.bincount(home, rated * is_discharge, minlength=n_cabinets)  # discharge lamps do not dim
    dimmed = np.bincount(home, rated * ~is_discharge, minlength=n_cabinets)
    share = np.divide(weighed, scheduled, out=np.ones_like(weighed), where=scheduled > 0)
    estimated: Floats = lit_hours * (full[:, None] + dimmed[:, None] * share)
    return estimated
