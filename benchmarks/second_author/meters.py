"""What the meters of a cabinet show: noise, gain errors, lost and garbled replies, counters that never rest."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from .physics import State
from .stage import Stage

Singles = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]
Counts = npt.NDArray[np.uint32]

UNKNOWN_COUNT: Final = 0xFFFF_FFFF
_SILENT_BELOW_V: Final = 80.0


@dataclass(frozen=True)
class Shown:
    """Readings in the order of `Lamps/Id`, (t, m); cabinet (t, 3); circuits (t, c); counters truthful while unheard."""

    volt: Singles
    amp: Singles
    watt: Singles
    factor: Singles
    celsius: Singles
    energy_wh: Counts
    hours: Counts
    switchings: Counts
    level: Bytes
    status: Bytes
    quality: Bytes
    cabinet_v: Singles
    cabinet_a: Singles
    cabinet_w: Singles
    cabinet_wh: npt.NDArray[np.uint64]
    circuit_v: Singles
    circuit_a: Singles
    circuit_w: Singles
    circuit_wh: Counts
    is_slow: npt.NDArray[np.bool_]


def _quantised(values: Singles, unit: float) -> Singles:
    return (np.round(values / np.float32(unit)) * np.float32(unit)).astype(np.float32)


def read(stage: Stage, state: State) -> Shown:
    """Return what the agent of this cabinet reads at each sweep."""
    street, rng, grid = stage.street, stage.rng, stage.grid
    who = street.metered
    source = street.meter_of[who]
    t, m = len(grid.at_s), len(who)
    noise = rng.choice((0.002, 0.004, 0.005))

    def gained(values: Singles, spread: float, jitter: float) -> Singles:
        gain = 1.0 + rng.normal(0, spread, m).astype(np.float32)
        return values * gain * (1.0 + np.float32(jitter) * rng.standard_normal((t, m), np.float32))

    volt = _quantised(gained(state.volt[:, source], 0.002, noise / 3), 0.1)
    amp = _quantised(gained(state.amp[:, source], 0.004, noise), 0.001)
    watt = _quantised(gained(state.watt[:, source], 0.004, noise), 0.1)
    watt = np.minimum(watt, _quantised(volt * amp + 0.3, 0.1))
    factor = state.factor[:, source] * (1.0 + 0.01 * rng.standard_normal((t, m), np.float32))
    factor = np.where(amp > 0.004, np.clip(factor, 0, 1.0), 0)
    _hold_frozen(stage.is_frozen[:, source], (volt, amp, watt))
    _read_before_step(stage, (volt, amp, watt))
    absurd = stage.is_absurd[:, source]
    watt[absurd] = watt[absurd] * 3 + 40
    quality = _quality(stage, state, source, rng)
    level = np.where(
        street.habits.photocell,
        255,
        np.where(street.is_hps[who], np.where(grid.is_on[:, None], 100, 0), grid.level[:, None]),
    ).astype(np.uint8)
    if not street.habits.photocell and street.index % 4 == 3:
        level = np.where((quality != 0) & (rng.random((t, m)) < 0.5), 255, level).astype(np.uint8)
    good = quality == 0
    for values in (volt, amp, watt, factor):
        values[quality == 1] = np.nan
    bad = np.flatnonzero((quality == 2).ravel())
    for values, top in ((volt, 6500.0), (amp, 0.4), (watt, 6500.0), (factor, 6.5)):
        values.ravel()[bad] = rng.uniform(0, top, len(bad))
    celsius = _celsius(stage, state, source, good)
    cabinet_v, cabinet_a, cabinet_w = _cabinet(stage, state, rng)
    circuit_v, circuit_a, circuit_w, circuit_gap = _circuits(stage, state, rng)
    hours = grid.step_s[:, None] / 3600.0
    energy = np.cumsum(state.watt[:, source].astype(np.float64) * hours, axis=0) + rng.integers(5_000, 900_000, m)
    burnt = np.cumsum(state.is_lit[:, source] * hours, axis=0) + rng.integers(100, 20_000, m)
    rises = np.diff(state.is_lit[:, source], axis=0, prepend=state.is_lit[:1, source]) & state.is_lit[:, source]
    switched = np.cumsum(rises, axis=0) + rng.integers(50, 4_000, m)
    for k in np.flatnonzero(stage.counter_jump[source] >= 0):
        j = stage.counter_jump[source[k]]
        for counter in (energy, burnt, switched):
            counter[j:, k] -= counter[j, k]
    is_slow = np.zeros(t, bool)
    is_slow[np.unique(grid.at_s // 900, return_index=True)[1]] = True
    circuit_wh = np.cumsum(np.maximum(state.circuit_w, 0) * hours, axis=0) + 5e5
    return Shown(
        volt.astype(np.float32), amp.astype(np.float32), watt.astype(np.float32), factor.astype(np.float32), celsius,
        _counted(energy, good), _counted(burnt, good), _counted(switched, good), level,
        _status(stage, state, source, good), quality, cabinet_v, cabinet_a, cabinet_w,
        (np.cumsum(state.cabinet_w.sum(axis=1) * hours[:, 0]) + 4e6).astype(np.uint64),
        circuit_v, circuit_a, circuit_w,
        np.where(circuit_gap, UNKNOWN_COUNT, circuit_wh).astype(np.uint32), is_slow,
    )  # fmt: skip


def _hold_frozen(is_frozen: npt.NDArray[np.bool_], quantities: tuple[Singles, ...]) -> None:
    for k in np.flatnonzero(is_frozen.any(axis=0)):
        rows = np.flatnonzero(is_frozen[:, k])
        for values in quantities:
            values[rows, k] = values[rows[0], k]


def _read_before_step(stage: Stage, quantities: tuple[Singles, ...]) -> None:
    """Give half of the lamps the values of the sweep before, where a sweep of twenty seconds ran over a dim step."""
    at_s = stage.grid.at_s
    for night in stage.grid.nights:
        for step_s, _ in night.steps()[1:]:
            i = int(np.searchsorted(at_s, step_s))
            if 0 < i < len(at_s) and at_s[i] - step_s < 20:
                early = stage.rng.random(quantities[0].shape[1]) < 0.5
                for values in quantities:
                    values[i, early] = values[i - 1, early]


def _quality(stage: Stage, state: State, source: npt.NDArray[np.int64], rng: np.random.Generator) -> Bytes:
    t, m = len(stage.grid.at_s), len(source)
    reaches = state.is_fed[:, source] & (state.volt[:, source] >= _SILENT_BELOW_V)
    if stage.street.habits.own_supply:
        reaches = np.ones_like(reaches)
    answers = reaches & stage.node[:, stage.street.metered]
    is_lost = rng.random((t, m), np.float32) < 0.02
    is_garbled = (rng.random((t, m), np.float32) < 0.001) | stage.is_garbled[:, source]
    # Three sweeps without a good reply are a fault by the rule's letter, so chance must not make them.
    is_bad = is_lost | is_garbled
    third = is_bad[2:] & is_bad[1:-1] & is_bad[:-2]
    is_lost[2:] &= ~third
    is_garbled[2:] &= ~third
    garbled = answers & is_garbled & ~is_lost
    answers &= ~is_lost
    return np.where(garbled, 2, np.where(answers, 0, 1)).astype(np.uint8)


def _celsius(stage: Stage, state: State, source: npt.NDArray[np.int64], good: npt.NDArray[np.bool_]) -> Singles:
    """Housing temperature: ambient with the hour, and a first-order rise of about 20 min with the power."""
    ambient = 27.0 + 3.5 * np.cos((stage.grid.at_s / 3600.0 + 7 - 14) / 24 * 2 * np.pi)
    rated = np.maximum(stage.street.power_w[source], 1)
    rise = 24.0 * np.minimum(state.watt[:, source] / rated, 1.5)
    celsius = ambient[:, None] + rise + stage.extra_c[:, source] + stage.rng.normal(0, 0.4, rise.shape)
    return np.where(good, _quantised(celsius.astype(np.float32), 0.1), np.nan).astype(np.float32)


def _status(stage: Stage, state: State, source: npt.NDArray[np.int64], good: npt.NDArray[np.bool_]) -> Bytes:
    fed = state.is_fed[:, source]
    told = stage.night_on[:, source] if stage.street.habits.switching == "lamp" else np.ones_like(fed)
    closed = (told | stage.is_welded[:, source]) & ~stage.relay_open[:, source]
    boot = np.diff(fed.astype(np.int8), axis=0, prepend=fed[:1].astype(np.int8)) > 0
    dipped = stage.is_out[:, source]
    boot |= np.diff(dipped.astype(np.int8), axis=0, prepend=np.zeros((1, len(source)), np.int8)) > 0
    # The bit stays until somebody reads it.
    pending = np.zeros(len(source), bool)
    bits = (closed.astype(np.uint8) | stage.status[:, source]).astype(np.uint8)
    for i in np.flatnonzero(boot.any(axis=1)):
        pending = boot[i]
        for j in range(i, min(i + 12, len(boot))):
            bits[j][pending & good[j]] |= 16
            pending &= ~good[j]
            if not pending.any():
                break
    return np.where(good, bits, 0).astype(np.uint8)


def _counted(values: npt.NDArray[np.float64], good: npt.NDArray[np.bool_]) -> Counts:
    return np.where(good, np.maximum(values, 0), UNKNOWN_COUNT).astype(np.uint32)


def _cabinet(stage: Stage, state: State, rng: np.random.Generator) -> tuple[Singles, Singles, Singles]:
    shape = state.cabinet_w.shape
    gain = 1.0 + rng.normal(0, 0.003, 3)
    dead = ~stage.has_supply.any(axis=1)
    out = []
    for values, unit, jitter in (
        (state.cabinet_v, 0.1, 0.001),
        (state.cabinet_a, 0.01, 0.003),
        (state.cabinet_w, 1.0, 0.004),
    ):
        shown = _quantised((values * gain * (1 + jitter * rng.standard_normal(shape))).astype(np.float32), unit)
        shown[dead] = np.nan
        out.append(shown)
    return out[0], out[1], out[2]


def _circuits(
    stage: Stage, state: State, rng: np.random.Generator
) -> tuple[Singles, Singles, Singles, npt.NDArray[np.bool_]]:
    shape = state.circuit_w.shape
    gone = ~stage.circuit_meter | ~stage.has_supply.any(axis=1)[:, None]
    if stage.street.habits.meters_below_contactor:
        gone |= ~stage.contactor[:, None]
    upstream = state.cabinet_v.max(axis=1)[:, None] + np.zeros(shape, np.float32)
    gain = 1.0 + rng.normal(0, 0.004, shape[1])
    if stage.street.habits.reversed_circuit:
        gain[0] = -gain[0]
    noisy = 1 + 0.004 * rng.standard_normal(shape)
    watt = (state.circuit_w * gain * noisy).astype(np.float32)
    amp = (state.circuit_a * (1 + 0.004 * rng.standard_normal(shape))).astype(np.float32)
    volt = (upstream * (1 + 0.001 * rng.standard_normal(shape))).astype(np.float32)
    for values in (volt, amp, watt):
        values[gone] = np.nan
    return _quantised(volt, 0.1), _quantised(amp, 0.001), _quantised(watt, 0.1), gone
