"""When an injected fault will be reported: from its confirm time, the guard after switching, and the lit hours.

Computed from the schedule alone, minute by minute, for a day and a half; no detector runs. A fault that cannot be
detected in this city at all (of a lamp without a meter, say) has a reason instead of a time.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from firmware_sim.fleet.town import Controller
from firmware_sim.fleet.world import World
from firmware_sim.injection import KINDS, Injected, InjectionError, foresee
from firmware_sim.injection.cable_causes import is_lamp_metered

_STEP_S: Final = 10
_AHEAD_S: Final = 36 * 3600
_WARM_S: Final = 600
_OFFLINE_S: Final = 300
_BRIGHT: Final = 80  # %: at higher levels a driver that is stuck at full light is in order
_MIN_METERED: Final = 3  # lamps that a circuit needs for its failure to be detected
_HOT_C: Final = 85.0


@dataclass(frozen=True, slots=True)
class Timing:
    """How long a fault must hold: sweeps or seconds, whichever is longer; by which levels; whether the guard counts.

    ``light``: lit, off, live (lit where a contactor cuts the circuit by day, else always), dimmed, any.
    """

    samples: int = 0
    seconds: int = 0
    light: str = "lit"
    is_guarded: bool = False
    is_warm: bool = False


_TIMING: Final[dict[str, Timing]] = {
    "lampFailure": Timing(3, is_guarded=True),
    "lampUnexpectedOn": Timing(3, 900, "off", is_guarded=True),
    "relayFailure": Timing(3, 0, "off", is_guarded=True),
    "cyclingFailure": Timing(),
    "dimmingFailure": Timing(5, 0, "step", is_guarded=True),
    "lampPowerTooLow": Timing(0, 600, is_guarded=True, is_warm=True),
    "lampPowerTooHigh": Timing(0, 600, is_guarded=True, is_warm=True),
    "powerFactorTooLow": Timing(0, 600, is_guarded=True, is_warm=True),
    "supplyVoltageTooLow": Timing(0, 600, "live"),
    "supplyVoltageTooHigh": Timing(0, 600, "live"),
    "highTemperature": Timing(5, 0, "live"),
    "controlGearFailure": Timing(3, 0, "live"),
    "communicationFailure": Timing(3, 300, "live"),
    "meterFailure": Timing(5, 0, "live"),
    "circuitFailure": Timing(3),
    "cableFailure": Timing(3),
    "circuitPowerTooLow": Timing(0, 600, is_guarded=True),
    "supplyLoss": Timing(1, 0, "any"),
    "neutralFailure": Timing(2, 0, "any"),
    "contactorFailure": Timing(3, 900, is_guarded=True),
    "cabinetDoorOpen": Timing(1, 0, "any"),
    "unmeteredLoad": Timing(0, 1800, "any"),
    "busFailure": Timing(3),
    "controllerOffline": Timing(0, _OFFLINE_S, "any"),
}


# What is no fault unless it lasts, and what is reported then.
_IF_IT_LASTS: Final = {
    "agentRestart": "controllerOffline",
    "networkGone": "controllerOffline",
    "brownOut": "supplyVoltageTooLow",
}


@dataclass(frozen=True, slots=True)
class Expectation:
    """The time at which a fault will be reported.

    Attributes:
        at_us: about when, UTC microseconds; None = not within a day and a half, or never.
        reason: what it waits for: "confirm", "guard", "dusk", "dawn", "dim_step", or "no_fault" where it is one only if
            it lasts until then; of one that is never detected, why:
            "no_meter", "few_meters", "no_load_meter", "too_cool", "too_small", "no_fault".
    """

    at_us: int | None
    reason: str


class Forecast:
    """Computes when the host of a running city will report faults."""

    def __init__(self, world: World, interval_s: float, guard_s: float, slow_s: float | None = None) -> None:
        """``interval_s``: between two sweeps; ``slow_s``: between two readings of temperatures.

        ``guard_s``: the city's ``switching_guard``.
        """
        self._world = world
        self._interval_s = interval_s
        self._guard_s = guard_s
        self._slow_s = interval_s if slow_s is None else slow_s

    def expect(self, injected: Injected, now_us: int) -> Expectation:
        """When ``injected``, active since ``now_us``, will be detected."""
        if injected.code in _IF_IT_LASTS:
            found = self.expect(replace(injected, code=_IF_IT_LASTS[injected.code], is_fault=True), now_us)
            return Expectation(found.at_us, "no_fault")
        if not injected.is_fault:
            return Expectation(None, "no_fault")
        never = self._why_never(injected)
        if never:
            return Expectation(None, never)
        timing = self._timing(injected)
        hold_s = max(timing.samples * self._interval_s, timing.seconds) + self._interval_s
        if injected.code == "highTemperature":
            hold_s = timing.samples * self._slow_s
        if injected.code == "cyclingFailure":
            hold_s = 2 * (injected.params["on_s"] + injected.params["off_s"])
        cabinet = self._world.town.cabinet_ids.index(injected.cabinet_id)
        level = lambda at_us: self._world.scheduled_level(cabinet, at_us)  # noqa: E731  (one line of its own meaning)
        return _first(level, now_us, timing, hold_s, self._guard_s)

    def _timing(self, injected: Injected) -> Timing:
        timing = _TIMING[injected.code]
        params = injected.params
        if injected.code == "meterFailure" and params["cause"] == "frozen":
            return Timing(30)
        if injected.code == "communicationFailure" and params["cause"] == "fuse":
            return Timing(3, 300)
        if injected.code == "contactorFailure" and params["stuck"] == "on":
            return Timing(3, 900, "off", is_guarded=True)
        if injected.code == "unmeteredLoad" and injected.circuit:
            return Timing(0, 1800, "lit" if self._is_switched(injected) else "any")
        is_dead_by_day = timing.light == "live" and self._is_switched(injected)
        return Timing(
            timing.samples,
            timing.seconds,
            ("lit" if is_dead_by_day else "any") if timing.light == "live" else timing.light,
            timing.is_guarded,
            timing.is_warm and self._is_discharge(injected),
        )

    def _is_switched(self, injected: Injected) -> bool:
        town = self._world.town
        return bool(town.plant.is_contactor_switched[town.cabinet_ids.index(injected.cabinet_id)])

    def _is_discharge(self, injected: Injected) -> bool:
        return bool(np.isin(self._lamps(injected), self._world.town.plant.discharge).any())

    def _lamps(self, injected: Injected) -> Any:
        lamp_of = {lamp_id: index for index, lamp_id in enumerate(self._world.town.lamp_ids)}
        return np.array([lamp_of[lamp_id] for lamp_id in injected.lamp_ids], np.int64)

    def _controller(self, injected: Injected) -> Controller | None:
        controllers = self._world.town.controllers
        return next((each for each in controllers if each.controller_id == injected.controller_id), None)

    def _why_never(self, injected: Injected) -> str:
        code, world = injected.code, self._world
        controller = self._controller(injected)
        if controller is None:
            return "no_meter"
        lamps = self._lamps(injected)
        n_metered = int(is_lamp_metered(world.town, lamps).sum()) if len(lamps) else 0
        if KINDS[code].places == ("lamp",) and n_metered == 0:
            return "no_meter"
        if code == "circuitFailure" and n_metered < _MIN_METERED:
            return "few_meters"
        if code == "circuitPowerTooLow":
            return "" if controller.metering != "lamp" else "no_load_meter"
        if code == "highTemperature" and not (self._temperature_c(injected, lamps) > _HOT_C).any():
            return "too_cool"
        if code == "unmeteredLoad" and controller.metering == "circuit" and injected.params["watts"] < 50:
            return "too_small"
        return ""

    def _temperature_c(self, injected: Injected, lamps: Any) -> Any:
        """Of its lamps with the rise that was injected."""
        held = self._world.condition.temperature_offset_c[lamps] > 0
        return self._world.state.temperature_c[lamps] + np.where(held, 0.0, injected.params["rise_c"])

    def faster(self, place: str, now_us: int, within_s: float) -> tuple[str, Expectation] | None:
        """The code that can be injected at ``place`` now and is detected soonest; None = none within ``within_s``."""
        best: tuple[str, Expectation] | None = None
        for code, kind in KINDS.items():
            if not kind.is_fault:
                continue
            try:
                injected = foresee(self._world, code, place)
            except InjectionError:
                continue
            expected = self.expect(injected, now_us)
            if expected.at_us is None or expected.at_us - now_us > within_s * 1e6:
                continue
            if best is None or best[1].at_us is None or expected.at_us < best[1].at_us:
                best = code, expected
        return best


def _first(level: Callable[[int], int], now_us: int, timing: Timing, hold_s: float, guard_s: float) -> Expectation:
    """The first time at which a fault has held for ``hold_s`` under its light, and the guard is over."""
    begin_level = level(now_us)
    before, changed_s, held_since_s, lit_since_s = begin_level, -np.inf, None, None
    for back_s in range(_STEP_S, int(max(guard_s, _WARM_S)) + 2 * _STEP_S, _STEP_S):
        if level(now_us - back_s * 1_000_000) != begin_level:
            changed_s = -back_s + _STEP_S
            break
    has_stepped = False
    reason = "confirm"
    lit_since_s = changed_s if begin_level else None
    for t_s in range(0, _AHEAD_S, _STEP_S):
        now = level(now_us + t_s * 1_000_000)
        if now != before:
            has_stepped = has_stepped or (before > 0 and now > 0)
            lit_since_s = t_s if not before else lit_since_s
            before, changed_s = now, t_s
        is_met = {
            "lit": now > 0,
            "off": now == 0,
            "step": has_stepped and 0 < now <= _BRIGHT,
            "any": True,
        }[timing.light]
        if not is_met:
            held_since_s = None
            reason = {"lit": "dusk", "off": "dawn", "step": "dim_step"}[timing.light]
            continue
        held_since_s = t_s if held_since_s is None else held_since_s
        is_guarded = timing.is_guarded and t_s - changed_s < guard_s
        is_cold = timing.is_warm and lit_since_s is not None and t_s - lit_since_s < _WARM_S
        if t_s - held_since_s >= hold_s and not is_guarded and not is_cold:
            return Expectation(now_us + t_s * 1_000_000, reason)
        if reason == "confirm" and (is_guarded or is_cold) and t_s - held_since_s >= hold_s:
            reason = "guard"
    return Expectation(None, reason)


def guard_of(city: Path) -> float:
    """The city's ``switching_guard`` [s]: ten minutes, unless ``city.toml`` says otherwise."""
    try:
        document = tomllib.loads((city / "city.toml").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return 600.0
    text = str(document.get("limits", {}).get("switching_guard", "10m"))
    scale = {"s": 1.0, "m": 60.0, "h": 3600.0}.get(text[-1:], 0.0)
    try:
        return float(text[:-1]) * scale if scale else float(text)
    except ValueError:
        return 600.0
