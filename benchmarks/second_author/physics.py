"""Voltages, currents and powers of one cabinet: three phases and a neutral, cables, ballasts and drivers.

Backward/forward sweeps over each circuit's cable with phasors; a lost neutral by the shift of the star point (Millman).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from .stage import Stage

Singles = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]

_TURN: Final = np.exp(-2j * np.pi / 3 * np.arange(3)).astype(np.complex64)
_SOURCE_OHM: Final = 0.04
_DRIVER_MIN_V: Final = 95.0


@dataclass(frozen=True)
class State:
    """What is true at every sweep: lamps (t, n), circuits (t, c) and phases (t, c, 3), the cabinet (t, 3).

    V, A, W; `is_fed` where the conductor is live, `is_lit` where light comes out, `drive` in %.
    """

    volt: Singles
    amp: Singles
    watt: Singles
    factor: Singles
    is_fed: Bools
    is_lit: Bools
    drive: Singles
    circuit_w: Singles
    circuit_a: Singles
    circuit_v: Singles
    cabinet_w: Singles
    cabinet_a: Singles
    cabinet_v: Singles


def _since_struck(is_arc: Bools, at_s: npt.NDArray[np.int64], step_s: npt.NDArray[np.float64]) -> Singles:
    """Seconds since each lamp last struck, (t, n); the strike fell between two sweeps."""
    index = np.arange(len(at_s))[:, None]
    last_off = np.maximum.accumulate(np.where(is_arc, -1, index), axis=0)
    since = at_s[:, None] - at_s[np.maximum(last_off, 0)] - np.minimum(step_s, 60.0)[:, None] / 2
    return np.where(last_off < 0, 1e5, np.maximum(since, 5.0)).astype(np.float32)


def solve(stage: Stage) -> State:
    """Return the electrical state of a stage."""
    street, grid = stage.street, stage.grid
    phase, circuit = street.phase, street.circuit
    is_live = stage.has_supply
    fed = is_live[:, phase] & stage.contactor[:, None] & stage.breaker[:, circuit, phase] & stage.cable & stage.fuse
    drive = np.where(street.is_hps[None, :] | street.habits.photocell, 100, grid.level[:, None]).astype(np.float32)
    if street.habits.switching == "contactor":
        drive[:] = np.where(drive > 0, drive, 100.0)
        told = np.ones_like(fed)
    else:
        told = stage.night_on
    drive = np.where(stage.stuck_level >= 0, stage.stuck_level, drive).astype(np.float32)
    drive[stage.is_welded] = np.maximum(drive[stage.is_welded], 1)
    drive = np.where(drive > 1, drive, np.where(stage.is_welded, 100.0, drive))
    wants = fed & (told | stage.is_welded) & (drive > 0)
    is_arc = wants & (stage.health > 0.02) & ~stage.is_out
    share = drive / 100.0
    full = street.power_w * stage.health * (street.dim_floor + (1 - street.dim_floor) * share)
    if street.is_hps.any():
        since = _since_struck(is_arc, grid.at_s, grid.step_s)
        warm = 1.0 - 0.62 * np.exp(-since / 140.0)
        full = np.where(street.is_hps, street.power_w * stage.health * warm, full)
    idle = np.where(street.is_hps, 0.03 * street.power_w, 0.6)  # ballast of a lamp without arc, driver without LEDs
    base = np.where(is_arc, full, np.where(wants, idle, np.where(fed, 0.35, 0.0))).astype(np.float32)
    dim_pf = np.where(street.is_hps, 1.0, 1.0 - 0.12 * (1 - share) ** 1.5)
    factor = np.where(is_arc, street.power_factor * stage.pf_factor * dim_pf, 0.35).astype(np.float32)
    return _flow(stage, base, factor, fed, is_arc, drive)


def _flow(stage: Stage, base: Singles, factor: Singles, fed: Bools, is_arc: Bools, drive: Singles) -> State:
    street = stage.street
    n_t, n_c = len(stage.grid.at_s), street.habits.n_circuits
    emf = np.where(stage.has_supply, stage.supply_v, 0.0)
    volt = np.where(fed, emf[:, street.phase], 0.0).astype(np.float32)
    phase_w = np.zeros((n_t, n_c, 3), np.float32)
    phase_a = np.zeros((n_t, n_c, 3), np.float32)
    bus_v = emf.astype(np.float32)
    star = np.zeros((n_t, n_c), np.complex64)
    watt, amp = base, base
    exponent = street.exponent.astype(np.float32)
    is_driver = ~street.is_hps
    for turn in range(4):
        ratio = np.clip(volt / 230.0, 0.05, 2.0)
        watt = np.where(exponent > 0, base * ratio**exponent, base)
        watt = np.where(fed & ((volt >= _DRIVER_MIN_V) | ~is_driver), watt, np.float32(0)).astype(np.float32)
        amp = np.where(volt > 20, watt / np.maximum(volt, 20) / factor, 0).astype(np.float32)
        if turn == 3:
            break
        lag = factor - 1j * np.sqrt(1 - np.minimum(factor, 1) ** 2)
        # A current lags the voltage that the lamp really has: where the star point floats, its angle has moved.
        at_bus = (bus_v * _TURN)[:, None, :] - star[:, :, None]
        turned = (at_bus / np.maximum(np.abs(at_bus), 1)).astype(np.complex64)
        phasor = (amp * lag * turned[:, street.circuit, street.phase]).astype(np.complex64)
        for c in range(n_c):
            lamps = street.on_circuit(c)
            flow = phasor[:, lamps]
            behind = np.cumsum(flow[:, ::-1], axis=1)[:, ::-1]
            drop = np.cumsum(behind, axis=1) * np.float32(street.span_ohm[c])  # the neutral's
            for p in range(3):
                mine = np.flatnonzero(street.phase[lamps] == p)
                if not len(mine):
                    continue
                own = np.where(street.phase[lamps] == p, flow, 0)
                fall = np.cumsum(np.cumsum(own[:, ::-1], axis=1)[:, ::-1], axis=1)[:, mine] * np.float32(
                    street.span_ohm[c]
                )
                at_lamp = bus_v[:, p, None] * _TURN[p] - drop[:, mine] - fall - star[:, c, None]
                volt[:, lamps[mine]] = np.where(fed[:, lamps[mine]], np.abs(at_lamp), 0.0)
                total = own.sum(axis=1)
                phase_a[:, c, p] = np.abs(total)
                phase_w[:, c, p] = ((bus_v[:, p] * _TURN[p] - star[:, c]) * total.conj()).real
        load_a = phase_a.sum(axis=1)
        bus_v = np.maximum(emf - _SOURCE_OHM * load_a, 0).astype(np.float32)
        star = _star_point(stage, bus_v, fed)
    shown = np.abs(bus_v * _TURN - np.where(stage.neutral_cabinet, 0, star[:, 0])[:, None])
    tap = np.where(stage.has_supply, stage.tap_w, 0)
    own_w = np.where(stage.has_supply[:, :1], np.array([9.0, 0, 0]), 0)  # the controller itself, on R
    cabinet_w = phase_w.sum(axis=1) + tap + own_w
    cabinet_a = phase_a.sum(axis=1) + (tap + own_w) / 230.0
    live = stage.breaker & stage.has_supply[:, None, :] & stage.contactor[:, None, None]
    circuit_v = np.where(live, shown[:, None, :], 0)
    return State(
        volt, amp, watt, factor, fed, is_arc, drive, phase_w.sum(axis=2), phase_a.sum(axis=2),
        circuit_v.max(axis=2).astype(np.float32), cabinet_w.astype(np.float32), cabinet_a.astype(np.float32),
        shown.astype(np.float32),
    )  # fmt: skip


def _star_point(stage: Stage, bus_v: Singles, fed: Bools) -> npt.NDArray[np.complex64]:
    """Return the shift of each circuit's neutral, (t, c), complex volts; 0 where the neutral is whole."""
    street, n_c = stage.street, stage.street.habits.n_circuits
    shift = np.zeros((len(bus_v), n_c), np.complex64)
    broken = ~stage.neutral_circuit | ~stage.neutral_cabinet[:, None]
    for t in np.flatnonzero(broken.any(axis=1)):
        one_by_one = [np.array([c]) for c in np.flatnonzero(broken[t])]
        for group in one_by_one if stage.neutral_cabinet[t] else [np.arange(n_c)]:
            mine = np.isin(street.circuit, group) & fed[t]
            if not mine.any():
                continue
            emf = bus_v[t] * _TURN
            power = street.power_w * stage.health[t]
            ballast = np.bincount(street.phase[mine], (power * street.is_hps)[mine], 3)
            driver = np.bincount(street.phase[mine], (power * ~street.is_hps)[mine], 3)
            emf = bus_v[t] * _TURN
            star = 0j
            for _ in range(12):
                across = np.clip(np.abs(emf - star), 60, 390)
                # A ballast's square law is a constant admittance; a driver's constant power is not, and is damped here
                # so that the point settles.
                admittance = ballast / 230.0**2 + driver / (0.5 * across**2 + 0.5 * 230.0**2) + 1e-6
                star = 0.5 * star + 0.5 * (emf * admittance).sum() / admittance.sum()
            shift[t, group] = star
    return shift
