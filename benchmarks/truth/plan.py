"""What goes wrong where and when in a truth city: a seeded plan that gives every code its turn at every kind of place.

A night has two slots and a day one. In a slot a cabinet has one cause of its own, or several single lamps, or a
confounder, or nothing; causes that would hide each other are kept apart in time.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from benchmarks.truth.cities import Kind
from benchmarks.truth.codes import (
    AT_FULL_LEVEL,
    CONFOUNDERS,
    DAY_CONFOUNDERS,
    DAY_LAMP_CODES,
    HIDING,
    LAMP_CODES,
    PLACE_CODES,
    fits_lamp,
    fits_place,
)
from firmware_sim.fleet.town import Town
from firmware_sim.injections import Step

_MINUTE_US: Final = 60_000_000
_HOUR_US: Final = 3_600_000_000
_LAMPS_AT_ONCE: Final = 4
_SHARE_BESIDE: Final = 0.25


@dataclass(frozen=True, slots=True)
class Slot:
    """A stretch in which a cabinet has one thing at a time [us]; lamps are at full level until ``full_until_us``."""

    is_day: bool
    from_us: int
    until_us: int
    full_until_us: int = 0


class Plan:
    """Draws steps for one city."""

    def __init__(self, town: Town, kinds: tuple[Kind, ...], rng: np.random.Generator, counts: Counter[str]) -> None:
        """``counts`` is shared by the cities of a run: what is rare so far is drawn more often."""
        self._town, self._kinds, self._rng, self._counts = town, kinds, rng, counts
        self._used: set[tuple[str, str]] = set()
        self._resting: dict[str, int] = {}
        plant = town.plant
        self._lamps = [np.flatnonzero(plant.cabinet == cabinet) for cabinet in range(plant.n_cabinets)]
        self._circuits: list[list[str]] = [[] for _ in range(plant.n_cabinets)]
        for circuit, (cabinet_id, name) in enumerate(town.circuit_names):
            self._circuits[int(plant.circuit_cabinet[circuit])].append(f"{cabinet_id}/{name}")

    def standing(self, start_us: int) -> list[Step]:
        """What holds all the time: lost and garbled replies, ageing by up to 10 %, ratings wrong by up to 8 %."""
        steps = []
        for index, controller in enumerate(self._town.controllers):
            if self._kinds[index].profile:
                steps.append(Step("lostReplies", controller.controller_id, start_us, None, {"share": 0.02}))
                steps.append(Step("garbledReplies", controller.controller_id, start_us, None, {"share": 0.003}))
        for lamp_id in self._town.lamp_ids:
            aged, rated = self._rng.uniform(0.9, 1.0), self._rng.uniform(0.92, 1.08)
            steps.append(Step("ageing", lamp_id, start_us, None, {"factor": round(float(aged), 4)}))
            steps.append(Step("wrongRating", lamp_id, start_us, None, {"factor": round(float(1 / rated), 4)}))
        return steps

    def fill(self, cabinet: int, slot: Slot) -> list[Step]:
        """What happens to one cabinet in one slot."""
        options = self._options(cabinet, slot)
        draw = self._rng.random()
        if not options or draw < 0.12:
            return self.confound(cabinet, slot)
        rarest = sorted(options, key=lambda code: (self._counts[code], self._rng.random()))
        pool = rarest[: max(1, len(rarest) // 4)]
        code = str(pool[int(self._rng.integers(len(pool)))])
        if code in LAMP_CODES or code in DAY_LAMP_CODES:
            return self._lamp_steps(cabinet, slot)
        return [self._place_step(code, cabinet, slot), *self._beside(code, cabinet, slot)]

    def _beside(self, code: str, cabinet: int, slot: Slot) -> list[Step]:
        """Sometimes a dark lamp stands there all along: hidden while the greater cause lasts, and back after it."""
        lamps = [lamp for lamp in self._lamps[cabinet].tolist() if self._is_rested(lamp, slot)]
        if code not in HIDING or slot.is_day or not lamps or not self._kinds[cabinet].profile:
            return []
        if self._rng.random() >= _SHARE_BESIDE:
            return []
        lamp_id = self._town.lamp_ids[lamps[int(self._rng.integers(len(lamps)))]]
        self._counts["lampFailure"] += 1
        self._resting[lamp_id] = slot.until_us + 30 * _HOUR_US
        return [Step("lampFailure", lamp_id, slot.from_us, slot.until_us, {})]

    def _options(self, cabinet: int, slot: Slot) -> list[str]:
        kind = self._kinds[cabinet]
        if slot.is_day:
            by_day = list(DAY_LAMP_CODES) if kind.profile == "lamp-node" else []
            by_day = by_day if kind.switching == "lamp" else ["contactorFailure"]
            found = [*by_day, "cabinetDoorOpen"]
        else:
            found = [code for code in PLACE_CODES if fits_place(code, kind)]
            if kind.profile:
                found += [code for code in LAMP_CODES if fits_lamp(code, kind)]
        return [code for code in found if self._has_room(code, cabinet)]

    def _has_room(self, code: str, cabinet: int) -> bool:
        if code in LAMP_CODES or code in DAY_LAMP_CODES:
            return True
        return any((code, place) not in self._used for place in self._places(code, cabinet))

    def _places(self, code: str, cabinet: int) -> list[str]:
        town, kind = self._town, self._kinds[cabinet]
        cabinet_id = town.cabinet_ids[cabinet]
        controller_id = town.controllers[cabinet].controller_id
        if code in {"circuitFailure", "circuitPowerTooLow"}:
            return self._circuits[cabinet]
        if code == "cableFailure":
            return self._circuits[cabinet]
        if code in {"supplyVoltageTooLow", "supplyVoltageTooHigh"}:
            has_own = kind.n_circuits > 1 and (bool(kind.profile) or kind.has_circuit_meters)
            return [cabinet_id, *(self._circuits[cabinet] if has_own else [])]
        if code == "unmeteredLoad":
            return [cabinet_id, *self._circuits[cabinet]]
        if code == "busFailure":
            return [f"{controller_id}/{bus}" for bus in ("AB" if kind.is_bus_per_circuit else "A")]
        return [controller_id] if code == "controllerOffline" else [cabinet_id]

    def _place_step(self, code: str, cabinet: int, slot: Slot) -> Step:
        free = [place for place in self._places(code, cabinet) if (code, place) not in self._used]
        place = free[int(self._rng.integers(len(free)))]
        self._used.add((code, place))
        if code == "unmeteredLoad":  # one key for all its places
            self._used |= {(code, other) for other in self._places(code, cabinet)}
        if code in {"supplyVoltageTooLow", "supplyVoltageTooHigh"} and "/" not in place:
            self._used |= {(code, other) for other in self._circuits[cabinet]}
        start_us, end_us = self._time(slot, PLACE_CODES[code])
        params = self._params(code, cabinet, slot, place)
        if code == "cableFailure":
            place, side = self._break(place)
            params = {"side": side}
        self._counts[code] += 1
        return Step(code, place, start_us, end_us, params)

    def _break(self, circuit: str) -> tuple[str, str]:
        cabinet_id, _, name = circuit.rpartition("/")
        number = self._town.circuit_names.index((cabinet_id, name))
        members = np.flatnonzero(self._town.plant.circuit == number)
        members = members[np.argsort(self._town.plant.rank[members])]
        first_dark = int(self._rng.integers(1, len(members) - 1))
        if self._rng.random() < 0.5:
            return self._town.lamp_ids[int(members[first_dark])], "before"
        return self._town.lamp_ids[int(members[first_dark - 1])], "after"

    def _params(self, code: str, cabinet: int, slot: Slot, place: str) -> dict[str, Any]:
        rng = self._rng
        if code == "supplyVoltageTooLow":
            return {"volts": round(float(rng.uniform(-42.0, -30.0)), 1)}
        if code == "supplyVoltageTooHigh":
            return {"volts": round(float(rng.uniform(26.0, 34.0)), 1)}
        if code == "supplyLoss":
            phases = sorted({"RST"[int(phase)] for phase in self._town.plant.phase[self._lamps[cabinet]]})
            has_told = self._kinds[cabinet].has_cabinet_meter  # without it nothing measures each phase
            return {"phase": str(rng.choice(phases))} if has_told and rng.random() < 0.35 else {}
        if code == "contactorFailure":
            return {"stuck": "on" if slot.is_day else "off"}
        if code == "circuitPowerTooLow":
            return {"lamps": int(rng.choice([1, 1, 1, 2, 3]))}
        if code == "controllerOffline":
            return {"cause": str(rng.choice(["network", "dead"]))}
        if code == "unmeteredLoad":
            rated_w = float(self._town.plant.rated_power_w[self._lamps[cabinet]].sum())
            return {"watts": round(120.0 + float(rng.uniform(0.25, 0.5)) * rated_w)}
        if code == "busFailure" and rng.random() < 0.4:
            bus = place.rpartition("/")[2]
            controller = self._town.controllers[cabinet]
            lamps = [lamp for lamp, own in zip(controller.lamp_ids, controller.buses, strict=True) if own == bus]
            return {"after": lamps[int(rng.integers(2, len(lamps) - 4))]}
        return {}

    def _lamp_steps(self, cabinet: int, slot: Slot) -> list[Step]:
        kind = self._kinds[cabinet]
        codes = DAY_LAMP_CODES if slot.is_day else LAMP_CODES
        fitting = [code for code in codes if slot.is_day or fits_lamp(code, kind)]
        fitting.sort(key=lambda code: (self._counts[code], self._rng.random()))
        lamps = [lamp for lamp in self._lamps[cabinet].tolist() if self._is_rested(lamp, slot)]
        self._rng.shuffle(lamps)
        steps = []
        for lamp, code in zip(lamps[:_LAMPS_AT_ONCE], fitting, strict=False):
            lamp_id = self._town.lamp_ids[lamp]
            params = self._lamp_params(code, lamp, slot)
            window = slot
            if self._town.plant.is_dimmable[lamp] and code in AT_FULL_LEVEL:
                if slot.full_until_us - slot.from_us < codes[code][0] * _MINUTE_US:
                    continue
                window = replace(slot, until_us=slot.full_until_us)
            start_us, end_us = self._time(window, codes[code])
            if params.get("level", 100) < 100:  # from before a step that shows it, to after the step
                start_us, end_us = self._around_step(slot)
            steps.append(Step(code, lamp_id, start_us, end_us, params))
            self._counts[code] += 1
            self._resting[lamp_id] = end_us + 30 * _HOUR_US
        return steps

    def _is_rested(self, lamp: int, slot: Slot) -> bool:
        return self._resting.get(self._town.lamp_ids[lamp], 0) < slot.from_us

    def _around_step(self, slot: Slot) -> tuple[int, int]:
        """From the hours of full light on, or the dim ones before dawn, to the end of the slot."""
        latest_us = slot.full_until_us or (slot.from_us + slot.until_us) // 2
        minutes = max(1, (latest_us - slot.from_us) // _MINUTE_US)
        return slot.from_us + int(self._rng.integers(0, minutes)) * _MINUTE_US, slot.until_us

    def _lamp_params(self, code: str, lamp: int, slot: Slot) -> dict[str, Any]:
        rng = self._rng
        if code == "lampFailure":
            causes = ["dead", "dead", "relay"] if self._town.plant.has_node[lamp] else ["dead"]
            return {"cause": str(rng.choice(causes))}
        if code == "communicationFailure":
            return {"cause": str(rng.choice(["meter", "meter", "fuse"]))}
        if code == "lampPowerTooLow":
            # of a lamp that dims, 0.5 and 0.7 would be a dim level
            highest = 0.38 if self._town.plant.is_dimmable[lamp] else 0.6
            return {"factor": round(float(rng.uniform(0.3, highest)), 3)}
        if code == "lampPowerTooHigh":
            return {"factor": round(float(rng.uniform(1.75, 2.2)), 3)}
        if code == "cyclingFailure":
            return {"on_s": round(float(rng.uniform(420, 780))), "off_s": round(float(rng.uniform(150, 420)))}
        if code == "dimmingFailure":
            # full light shows at a step down, in the evening; a half at any step, after midnight at the one up to full
            return {"level": int(rng.choice([100, 100, 50] if slot.full_until_us else [50, 50, 100]))}
        if code == "meterFailure":
            return {"cause": str(rng.choice(["frozen", "frozen", "power", "power_factor", "voltage"]))}
        return {"rise_c": round(float(rng.uniform(60, 75)), 1)} if code == "highTemperature" else {}

    def _time(self, slot: Slot, minutes: tuple[int, int]) -> tuple[int, int]:
        longest = (slot.until_us - slot.from_us) // _MINUTE_US
        length = int(self._rng.integers(minutes[0], minutes[1] + 1))
        length = min(length, longest)
        start = int(self._rng.integers(0, longest - length + 1))
        start_us = slot.from_us + start * _MINUTE_US + int(self._rng.integers(0, 60)) * 1_000_000
        return start_us, start_us + length * _MINUTE_US

    def confound(self, cabinet: int, slot: Slot) -> list[Step]:
        """Something that must raise nothing, or nothing at all."""
        name = str(self._rng.choice(DAY_CONFOUNDERS if slot.is_day else CONFOUNDERS))
        start_us, _ = self._time(slot, (30, 30))
        cabinet_id = self._town.cabinet_ids[cabinet]
        controller_id = self._town.controllers[cabinet].controller_id
        self._counts[name] += 1
        if name == "brownOut":
            return [Step(name, cabinet_id, start_us, start_us + 8 * _MINUTE_US, {"volts": -24.0})]
        if name == "supplyDip":
            return [Step(name, cabinet_id, start_us, start_us, {})]
        if name == "agentRestart":
            return [Step(name, controller_id, start_us, start_us + int(self._rng.integers(60, 180)) * 1_000_000, {})]
        if name == "wrongClock":
            params = {"minutes": float(self._rng.choice([-9, -4, 4, 9])), "says_so": bool(self._rng.random() < 0.5)}
            return [Step(name, controller_id, start_us, slot.until_us, params)]
        return []
