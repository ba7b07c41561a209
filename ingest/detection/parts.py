"""What detection is made of for one register, and which arrays of it a snapshot holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ingest.detection.baseline import Baseline
from ingest.detection.cabinet.cabinet_rules import CabinetRules
from ingest.detection.cabinet.dark_count import DarkCount
from ingest.detection.cabinet.dark_weather import DarkWeather
from ingest.detection.cabinet.load_rules import LoadRules
from ingest.detection.cabinet.neutral import NeutralRule
from ingest.detection.cabinet.offline import OfflineRule
from ingest.detection.cabinet.silent_meters import SilentMeters
from ingest.detection.cabinet.voltage import VoltageRules
from ingest.detection.conditions.active_conditions import ActiveConditions
from ingest.detection.conditions.causes import Causes
from ingest.detection.group_meters import GroupMeters
from ingest.detection.lamp.bands import Bands
from ingest.detection.lamp.lamp_rules import LampRules
from ingest.detection.lamp.sample import Electric
from ingest.detection.lamp_verdicts import LampVerdicts
from ingest.detection.memory.cabinet_context import CabinetContext
from ingest.detection.memory.command import CommandMemory
from ingest.detection.memory.flag_bits import Marks
from ingest.detection.memory.lamp_state import LampState
from ingest.detection.memory.limit_table import LimitTable
from ingest.detection.orphans import Orphans
from ingest.detection.outage.balance import Balance
from ingest.detection.outage.balance_learning import BalanceLearning
from ingest.detection.outage.silence import Silence
from ingest.detection.outage.silent_load import SilentLoad
from ingest.detection.outage.still_meters import StillMeters
from ingest.detection.repair import Repairs
from ingest.detection.rules import RuleSet
from ingest.detection.screen.screen import Screen
from ingest.lighting.schedules import Schedules
from ingest.lighting.timetable import CabinetTimetable
from ingest.model.finding import Key, Place
from ingest.model.fleet import Fleet
from ingest.schema.city import City


class DetectionParts:
    """The memory and the rules over a fleet; :class:`ingest.detection.engine.Detection` uses them.

    Args:
        city: time zone and limits.
        rules: the lamp rules.
        schedules: of the controllers.
    """

    def __init__(self, city: City, rules: RuleSet, schedules: Schedules) -> None:
        """Nothing is set up yet."""
        self._city, self._rule_set, self._schedules = city, rules, schedules

    def _set_up(self, fleet: Fleet) -> None:
        table = LimitTable(self._city.parsed_limits())
        timetable = self._timetable(fleet)
        self._fleet, self._table, rules = fleet, table, self._rule_set
        self._state = LampState(fleet, int(table.scalar("cycling_changes")), len(rules))
        self._electric = Electric.of(fleet, table, timetable.dim_levels)
        self._bands = Bands(fleet, table, self._electric, rules)
        self._context = CabinetContext(fleet, table, timetable)
        self._meters = GroupMeters(fleet, table)
        self._screen = Screen(fleet, table, self._bands)
        self._book = ActiveConditions(fleet, Causes(rules))
        self._rules = LampRules(rules, fleet, table, self._state, self._electric, self._bands, self._context)
        still = StillMeters(self._state, rules, self._rules.debounce)
        self._balance = Balance(fleet, self._state, self._electric, table, still)
        self._balance_learning = BalanceLearning(fleet, self._state, self._balance)
        self._silent_load = silent_load = SilentLoad(fleet, self._balance, table)
        self._silence = Silence(fleet, table, self._state, self._context, silent_load, self._book)
        self._silence.cases.open_dark = self._rules.dark_unread.open
        self._commands = CommandMemory(fleet, int(table.scalar("switching_guard")))
        self._cabinets = CabinetRules(fleet, table, self._state, self._context, self._book)
        self._voltages = VoltageRules(fleet, table, self._book)
        self._neutral = NeutralRule(fleet, table, self._state, self._book)
        self._weather = DarkWeather(fleet)
        cases = self._silence.cases
        self._loads = LoadRules(fleet, table, self._state, self._balance, cases, self._book, self._weather)
        self._dark = DarkCount(fleet, table, self._state, self._book)
        self._silent_meters = SilentMeters(fleet, table, self._state, self._dark.sums, silent_load, self._book)
        self._offline = OfflineRule(fleet, table, self._book)
        self._baseline = Baseline(fleet, table, self._state, self._electric, self._bands, self._balance)
        self._repairs = Repairs(table, rules)
        self._orphans = Orphans(fleet, self._state, self._balance, rules)
        self._verdicts = LampVerdicts(
            fleet, self._state, rules, self._rules, self._baseline, self._voltages, self._book
        )

    def _timetable(self, fleet: Fleet) -> CabinetTimetable:
        return CabinetTimetable(
            self._schedules.by_cabinet(fleet), self._city.city.timezone, fleet.cabinet_latitude, fleet.cabinet_longitude
        )

    def _parts(self, marks: Marks) -> dict[str, list[tuple[str, object]]]:
        """What a snapshot holds, by kind of item: each rule's counters by its name."""
        rules = [(f"rule-{self._rule_set[i].name}", d) for i, d in enumerate(self._rules.debounce)]
        state: list[tuple[str, object]] = [("state", self._state), ("curves", self._state.curves), ("marks", marks)]
        voltages = self._voltages
        return {
            "lamp": [*state, ("lost", self._silence.lost), ("baseline", self._baseline), *rules],
            "circuit": [
                ("meter", self._meters.circuits),
                ("silence", self._silence),
                ("neutral", self._neutral.circuits),
                ("neutral-run", self._neutral.circuit_run),
                ("silent-meters", self._silent_meters),
                ("silent-meters-run", self._silent_meters.debounce),
                *((f"voltage-{code}", d) for code, d in voltages.circuits.items()),
            ],
            "cabinet": [
                *((f"voltage-{code}", d) for code, d in voltages.cabinets.items()),
                ("neutral", self._neutral.cabinets),
                ("neutral-run", self._neutral.cabinet_run),
            ],
            "controller": [
                ("context", self._context),
                ("lists", self._state.lists),
                ("chance", self._silence.chance),
                ("balance", self._balance),
                ("balance-learning", self._balance_learning),
                ("commands", self._commands),
                ("presence", self._offline.presence),
                ("baseline", self._baseline),
                ("dips", self._rules.cycles.dips),
                *((f"meter-{phase}", memory) for phase, memory in zip("RST", self._meters.phases, strict=True)),
                ("loads", self._loads.debounce),
                ("loads-mean", self._loads),
                ("weather", self._weather),
                ("phases", self._cabinets.phase_loads),
                *((f"cabinet-{name}", d) for name, d in self._cabinets.debounce.items()),
            ],
            "sum": [
                ("dark", self._dark),
                ("dark", self._dark.strikes),
                ("dark", self._dark.reports),
                ("dark-baseline", self._dark.baseline),
                ("dark-run", self._dark.debounce),
            ],
            "meter": [("balance", self._balance.meters)],
        }

    def _extra(self) -> dict[str, Any]:
        """What a snapshot holds as JSON."""
        return {
            "claims": self._repairs.documents(),
            "watched": self._orphans.documents(),
            "healthy": [[key.code, asdict(key.place), n] for key, n in self._silence.cases.healthy.items()],
        }

    def _restore_extra(self, extra: Mapping[str, Any]) -> None:
        self._repairs.restore(extra["claims"])
        self._orphans.restore(extra.get("watched", ()))
        for code, place, n in extra["healthy"]:
            self._silence.cases.healthy[Key(code, Place(**place))] = n
