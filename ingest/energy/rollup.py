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
from ingest.lighting.schedules import Schedules
from ingest.model.fleet import Fleet
from ingest.schema.city import City

MAX_GAP_US: Final = 45 * 60_000_000  # three slow sweeps of the default: less is counted, more is interpolated
LIT_GAP_US: Final = 20 * 60_000_000  # a sample holds so long at most; thinned telemetry has one a quarter of an hour
MARGIN_US: Final = 26 * US_PER_H  # how far a gap may reach beyond the hours asked for: a day of silent meters
_LIT_W: Final = 6.0  # beyond any driver's standby
_LIT_SHARE: Final = 0.1  # of the rating: half of an LED's lowest step
_LED: Final = 0
NEVER: Final = int(np.iinfo(np.int64).max) // 2
_ABOVE_SUPPLY: Final = 1.5  # of the contracted power
_ABOVE_RATING: Final = 4.0  # of a lamp's
_LEAST_LAMP_W: Final = 1000.0
_UNKNOWN_LAMP_W: Final = 4000.0
_LEAST_CABINET_W: Final = 1000.0
_UNKNOWN_SUPPLY_W: Final = 69_000.0  # three phases of 100 A

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


@dataclass(frozen=True, slots=True)
class Connections:
    """What the register and the store say of K cabinets.

    Attributes:
        supply_va: float64 (K,) contracted power, NaN unknown.
        since_us: int64 (K,) commissioned or first heard: nothing is estimated before. `NEVER` = neither yet.
    """

    supply_va: Floats
    since_us: npt.NDArray[np.int64]


def most_power_w(fleet: Fleet, supply_va: Floats) -> tuple[Floats, Floats, Floats]:
    """The most that each cabinet (K,), circuit (Q,) and lamp (L,) can draw [W]: beyond it a counter is wrong.

    Wide, since ratings and contracted powers of registers are often wrong: fuses bear half more than is contracted, and
    old lamps draw more than their rating.
    """
    rated = np.nan_to_num(fleet.rated_power_w.astype(np.float64))
    is_fed = fleet.lamp_cabinet >= 0
    by_lamps = _ABOVE_RATING * np.bincount(fleet.lamp_cabinet[is_fed], rated[is_fed], minlength=fleet.n_cabinets)
    by_supply = np.where(np.isnan(supply_va), _UNKNOWN_SUPPLY_W, _ABOVE_SUPPLY * supply_va)
    cabinet = np.maximum(np.maximum(by_lamps, by_supply), _LEAST_CABINET_W)
    lamp = np.where(rated > 0, np.maximum(_ABOVE_RATING * rated, _LEAST_LAMP_W), _UNKNOWN_LAMP_W)
    return cabinet, cabinet[fleet.circuit_cabinet], lamp


def roll_up(
    counters: Counters,
    fleet: Fleet,
    city: City,
    edges_us: npt.NDArray[np.int64],
    connections: Connections | None = None,
    schedules: Schedules | None = None,
) -> HourEnergy:
    """Reckon every cabinet's hours.

    Args:
        counters: with a margin around the hours (`MARGIN_US`, `LIT_GAP_US`).
        fleet: K cabinets, Q circuits, L lamps.
        city: its schedule and zone, for lamps that nobody hears.
        edges_us: int64 (B + 1,).
        connections: None = nothing is known of their supply, and they were always there.
        schedules: of the controllers; None = all have the city's.
    """
    if connections is None:
        connections = Connections(np.full(fleet.n_cabinets, np.nan), np.zeros(fleet.n_cabinets, np.int64))
    most_cabinet_w, most_circuit_w, most_lamp_w = most_power_w(fleet, connections.supply_va)
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
    for samples, home, is_used, most_w in (
        (counters.cabinets, every_cabinet, has_cabinet, most_cabinet_w),
        (counters.circuits, fleet.circuit_cabinet.astype(np.int64), use_circuit, most_circuit_w),
        (counters.lamps, lamp_cabinet, use_lamp, most_lamp_w),
    ):
        _add(samples, home, is_used, most_w, edges_us, measured, interpolated)
    lit, is_heard = _lit_hours(counters.power, fleet, edges_us)
    needs_schedule = ~is_heard
    needs_schedule[lamp_cabinet[guess_lamp]] = True
    scheduled, shared = _scheduled(
        fleet, city.city.timezone, schedules or Schedules(city.schedule), edges_us, np.flatnonzero(needs_schedule)
    )
    there = _share_there(connections.since_us, edges_us)
    lit_hours = np.where(is_heard[:, None], lit, scheduled * there)
    estimated = _estimated(fleet, guess_lamp, lit_hours, scheduled, shared) * (there > 0)
    return HourEnergy(edges_us[:-1], measured, interpolated, estimated, lit_hours)


def _share_there(since_us: npt.NDArray[np.int64], edges_us: npt.NDArray[np.int64]) -> Floats:
    """The share of each hour for which each cabinet was there, float64 (K, B)."""
    length = np.maximum(np.diff(edges_us), 1)
    share: Floats = np.clip((edges_us[1:] - since_us[:, None]) / length, 0.0, 1.0)
    return share


def _is_counted(samples: Samples, n: int) -> npt.NDArray[np.bool_]:
    """Meters with at least two readings: one says nothing about energy."""
    counted: npt.NDArray[np.bool_] = np.bincount(samples.meter, minlength=n) >= 2
    return counted


def _add(
    samples: Samples,
    home: npt.NDArray[np.int64],
    is_used: npt.NDArray[np.bool_],
    most_w: Floats,
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
        most_w=most_w[used],
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
    fleet: Fleet,
    timezone: str,
    schedules: Schedules,
    edges_us: npt.NDArray[np.int64],
    wanted: npt.NDArray[np.int64],
) -> tuple[Floats, Floats]:
    """Hours that the schedule has lamps on, and the same weighed by an LED's power at its level; (K, B) each.

    Only the cabinets in ``wanted`` are looked up; the others' rows stay 0.
    """
    shape = (fleet.n_cabinets, len(edges_us) - 1)
    hours, weighed = np.zeros(shape), np.zeros(shape)
    first = datetime.fromtimestamp(int(edges_us[0]) // 1_000_000, UTC).date() - timedelta(days=2)
    n_days = int((edges_us[-1] - edges_us[0]) // (24 * US_PER_H)) + 4
    latitude, longitude = _filled(fleet.cabinet_latitude), _filled(fleet.cabinet_longitude)
    of_cabinet = schedules.by_cabinet(fleet)
    for cabinet in wanted.tolist():
        place = (float(latitude[cabinet]), float(longitude[cabinet]))
        for day in range(n_days):
            steps = night_steps(of_cabinet.of(cabinet), first + timedelta(days=day), *place, timezone)
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
