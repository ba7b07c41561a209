"""Rules on a cabinet's contacts and phases: ``supplyLoss``, ``cabinetDoorOpen``, ``contactorFailure``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from ingest.detection.conditions.active_conditions import ActiveConditions
from ingest.detection.conditions.causes import Case
from ingest.detection.conditions.lamp_evidence import number
from ingest.detection.memory.cabinet_context import CabinetContext
from ingest.detection.memory.command import Commands
from ingest.detection.memory.debounce import Confirm, Debounce, Verdicts
from ingest.detection.memory.lamp_state import LampState
from ingest.detection.memory.limit_table import LimitTable
from ingest.detection.memory.sweep import Places, Sweep
from ingest.model.batch import LEVEL_UNKNOWN
from ingest.model.finding import Key, Place
from ingest.model.fleet import SWITCHING_CONTACTOR, SWITCHING_LAMP, SWITCHING_UNKNOWN, Fleet

Int64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]
_PHASES = "RST"
_LEAST_LIT_W = 30.0  # a phase that draws less has no lamps
_LEAST_LIT = 3  # so many lamps, and all of them, lit while off are no chance
_MOST_HELD = 255


class PhaseLoads:
    """What each phase of C cabinets draws when lit, and when off: float32 (3, C) [W], NaN unknown.

    Beside them uint8 (C,), in how many samples in a row outside of the switching guard a contactor was stuck off or on.
    """

    def __init__(self, n_controllers: int) -> None:
        """Nothing is known yet."""
        self.lit_w = np.full((3, n_controllers), np.nan, np.float32)
        self.off_w = np.full((3, n_controllers), np.nan, np.float32)
        self.n_stuck_off = np.zeros(n_controllers, np.uint8)
        self.n_stuck_on = np.zeros(n_controllers, np.uint8)

    def held(self, name: str) -> npt.NDArray[np.uint8]:
        """The samples of ``stuck_off`` or ``stuck_on``."""
        return self.n_stuck_off if name == "stuck_off" else self.n_stuck_on


class CabinetRules:
    """Counters over C controllers, whose home cabinet the metrics speak of (and C x 3 phases)."""

    def __init__(
        self, fleet: Fleet, table: LimitTable, state: LampState, context: CabinetContext, book: ActiveConditions
    ) -> None:
        """Nothing is open yet."""
        self._fleet, self._table, self._state, self._context, self._book = fleet, table, state, context, book
        n, samples = fleet.n_controllers, int(table.scalar("confirm_samples"))
        contactor = Confirm(samples, table.scalar("contactor_time"), samples, 0)
        self.debounce = {
            "supply": Debounce(n, Confirm(1, 0, samples, 0)),
            **{f"phase-{phase}": Debounce(n, Confirm(1, 0, samples, 0)) for phase in _PHASES},
            "door": Debounce(n, Confirm(1, 0, 1, 0)),
            "stuck_off": Debounce(n, contactor),
            "stuck_on": Debounce(n, contactor),
        }
        self.phase_loads = PhaseLoads(n)
        self._switching = fleet.cabinet_switching[fleet.home_cabinet]
        of_circuit = np.flatnonzero(fleet.lamp_circuit >= 0)
        rated_w = np.nan_to_num(fleet.rated_power_w[of_circuit])
        self._rated_w = np.bincount(fleet.lamp_circuit[of_circuit], rated_w, minlength=fleet.n_circuits)
        self._lit_share = table.scalar("contactor_share")

    def judge(self, sweep: Sweep, commands: Commands, is_muted: Callable[[Places], Bool]) -> None:
        """Judge the live records of a sweep. ``is_muted``: controllers whose cabinet is under maintenance."""
        batch, live = sweep.batch, sweep.live
        if not sweep.is_live.any():
            return
        is_gone = sweep.is_supply_gone
        is_known = (batch.is_supply_present >= 0) | sweep.has_cabinet_voltage
        muted = np.zeros(batch.n_records, np.bool_)
        muted[live] = is_muted(sweep.live_controller)
        self._step("supply", "supplyLoss", sweep, is_gone, is_known, muted)
        self._judge_phases(sweep, is_gone, muted)
        door = batch.is_door_open
        self._step("door", "cabinetDoorOpen", sweep, door == 1, door >= 0, muted)
        self._judge_contactor(sweep, commands, is_gone, muted)

    def _step(self, name: str, code: str, sweep: Sweep, holds: Bool, judges: Bool, muted: Bool) -> None:
        debounce = self.debounce[name]
        j = judges[sweep.live]
        h = holds[sweep.live] & j
        if not h.any() and debounce.is_idle():
            return
        records = np.flatnonzero(sweep.is_live)
        c = sweep.batch.controller[records].astype(np.int64)
        gate = muted[records] & ~debounce.is_open[c]
        verdict = debounce.step(c, sweep.at_s[records], sweep.dt_s[records], h, j & ~h, j, gate)
        self._tell(name, code, sweep, records, c, verdict)

    def _tell(
        self, name: str, code: str, sweep: Sweep, records: Int64, item: Int64, verdict: Verdicts
    ) -> None:  # measured columns, in the order of the rule
        debounce = self.debounce[name]
        for i in verdict.opened.tolist():
            r = int(records[i])
            since_us = int(debounce.since_s[item[i]]) * 1_000_000
            self._open(code, sweep, r, since_us, self._evidence(name, sweep, r, debounce.confirm.samples))
        twin = {"stuck_on": "stuck_off", "stuck_off": "stuck_on"}.get(name)
        for i in verdict.cleared.tolist():
            r = int(records[i])
            c = int(sweep.batch.controller[r])
            if twin is not None and self.debounce[twin].is_open[c]:
                continue
            self._book.close(self._key(code, c), int(sweep.at_s[r]) * 1_000_000)

    def _key(self, code: str, controller: int, phase: str | None = None) -> Key:
        home = int(self._fleet.home_cabinet[controller])
        return Key(code, Place(cabinet_id=self._fleet.cabinet_ids[home], phase=phase))

    def _open(  # measured columns, in the order of the rule
        self, code: str, sweep: Sweep, r: int, since_us: int, evidence: dict[str, Any], phase: int | None = None
    ) -> None:
        fleet, c = self._fleet, int(sweep.batch.controller[r])
        home = int(fleet.home_cabinet[c])
        own = np.arange(fleet.controller_start[c], fleet.controller_start[c + 1])
        lamps = own[fleet.lamp_cabinet[own] == home]
        if phase is not None:
            lamps = lamps[fleet.phase[lamps] == phase]
        if code == "cabinetDoorOpen":
            lamps = lamps[:0]
        key = self._key(code, c, None if phase is None else _PHASES[phase])
        ids = tuple(lamps.tolist())
        self._book.open(Case(key, int(sweep.at_s[r]) * 1_000_000, since_us, ids, evidence, c, home))

    def _evidence(self, name: str, sweep: Sweep, r: int, samples: int) -> dict[str, Any]:
        batch = sweep.batch
        volts = [number(v) for v in batch.cabinet_voltage_v[r].tolist()]
        if name == "door":
            return {"door_open": True, "samples": samples}
        reported: dict[str, Any] = {"samples": samples}
        if any(v is not None for v in volts):
            reported["voltage_v"] = volts
        if batch.is_supply_present[r] >= 0:
            reported["supply_present"] = bool(batch.is_supply_present[r])
        if name in {"stuck_on", "stuck_off"}:
            reported |= {"kind": name, "commanded": "on" if name == "stuck_off" else "off"}
            if batch.is_contactor_closed[r] >= 0:
                reported["contactor_closed"] = bool(batch.is_contactor_closed[r])
        return reported

    def _judge_phases(self, sweep: Sweep, is_gone: Bool, muted: Bool) -> None:
        batch = sweep.batch
        for phase in range(3):
            debounce = self.debounce[f"phase-{_PHASES[phase]}"]
            h = sweep.dead_phases[phase, sweep.live]
            if not h.any() and debounce.is_idle():
                continue
            records = np.flatnonzero(sweep.is_live)
            c = batch.controller[records].astype(np.int64)
            j = (np.isfinite(batch.cabinet_voltage_v[:, phase]) & ~is_gone)[records]
            gate = muted[records] & ~debounce.is_open[c]
            verdict = debounce.step(c, sweep.at_s[records], sweep.dt_s[records], h, j & ~h, j, gate)
            for i in verdict.opened.tolist():
                r = int(records[i])
                evidence = self._evidence("phase", sweep, r, 1) | {"phase": _PHASES[phase]}
                self._open("supplyLoss", sweep, r, int(debounce.since_s[c[i]]) * 1_000_000, evidence, phase)
            for i in verdict.cleared.tolist():
                key = self._key("supplyLoss", int(c[i]), _PHASES[phase])
                self._book.close(key, int(sweep.at_s[records[i]]) * 1_000_000)

    def _judge_contactor(self, sweep: Sweep, commands: Commands, is_gone: Bool, muted: Bool) -> None:
        contactor = sweep.batch.is_contactor_closed
        is_on = commands.is_on & ~is_gone
        judges = is_on & (contactor >= 0)
        gated = muted | self._count_held("stuck_off", sweep, commands, contactor == 0, judges)
        self._step("stuck_off", "contactorFailure", sweep, contactor == 0, judges, gated)
        is_loaded, is_load_reported = self._loaded_while_off(sweep, commands, is_gone)
        is_off = commands.is_off | commands.is_commanded_off
        if not is_off.any() and self.debounce["stuck_on"].is_idle():
            return
        switching = self._switching[sweep.controller]
        cuts = (switching == SWITCHING_CONTACTOR) | (
            (switching == SWITCHING_UNKNOWN) & self._context.has_switched[sweep.controller]
        )
        # lamps that switch themselves and tell no level are photocells: what burns is none of a contactor's
        has_contactor = cuts | ((contactor >= 0) & (sweep.level_low != LEVEL_UNKNOWN))
        has_contactor |= (contactor >= 0) & (sweep.width == 0) & (switching != SWITCHING_LAMP)
        n_good, n_lit = self._lit_while_off(sweep, is_off)
        # behind a contactor a lamp that answers by day has its voltage: one that stays dark has a fault of its own
        is_all_lit = (n_lit >= _LEAST_LIT) & has_contactor & ((n_lit == n_good) | (cuts & (2 * n_lit >= n_good)))
        is_circuit_reported, are_circuits_lit = self._circuits_lit_while_off(sweep, commands)
        is_all_lit |= are_circuits_lit & cuts
        is_loaded &= has_contactor
        # the schedule alone says whether a contactor should be open: lamps that are commanded off may do it alone
        holds = ((contactor == 1) & cuts & commands.is_off) | is_all_lit | is_loaded
        judges = commands.is_off & ~is_gone
        are_lamps_reported = (n_good >= _LEAST_LIT) | (cuts & self._is_cut(sweep, n_good))
        is_reported = are_lamps_reported | is_load_reported | (cuts & is_circuit_reported)
        judges &= (contactor >= 0) | (has_contactor & is_reported)
        judges |= commands.is_commanded_off & ~is_gone & has_contactor & (are_lamps_reported | (contactor == 0))
        gated = muted | self._count_held("stuck_on", sweep, commands, holds, judges)
        self._step("stuck_on", "contactorFailure", sweep, holds, judges, gated)

    def _count_held(self, name: str, sweep: Sweep, commands: Commands, holds: Bool, judges: Bool) -> Bool:
        """Records that may give no verdict on the contactor yet; bool (R,).

        The confirm time runs in the switching guard, but a sample in it is no proof: as many as the rule asks for have
        to lie behind it.
        """
        debounce, held = self.debounce[name], self.phase_loads.held(name)
        gated = ~commands.is_settled
        if debounce.is_idle() and not (holds & judges).any():
            held[:] = 0
            return gated
        r = np.flatnonzero(sweep.is_live)
        c = sweep.batch.controller[r]
        h = holds[r] & judges[r]
        more = np.where(h, np.minimum(held[c].astype(np.int64) + 1, _MOST_HELD), held[c])
        held[c] = np.where(gated[r] | (judges[r] & ~h), 0, more)
        gated[r] |= ~debounce.is_open[c] & (held[c] < debounce.confirm.samples)
        return gated

    def _is_cut(self, sweep: Sweep, n_good: Int64) -> Bool:
        """Records by which a contactor that was stuck on has opened, whether it has a contact or not; bool (R,).

        No lamp answers, no meter of a circuit sees a voltage, and the cabinet draws less than its lamps would.
        """
        batch, suspect = sweep.batch, self.debounce["stuck_on"]
        is_cut = np.zeros(batch.n_records, np.bool_)
        if suspect.is_idle():
            return is_cut
        is_running = suspect.is_open[batch.controller] | (suspect.count[batch.controller] > 0)
        has_meters = (sweep.width >= _LEAST_LIT) | ((sweep.width == 0) & (np.diff(batch.circuit_start) > 0))
        for r in np.flatnonzero(sweep.is_live & is_running & has_meters & (n_good == 0)).tolist():
            lamp = batch.lamp[int(batch.lamp_start[r]) : int(batch.lamp_start[r + 1])]
            rated_w = float(np.nansum(self._fleet.rated_power_w[lamp[lamp >= 0]]))
            volts = batch.circuit_voltage_v[int(batch.circuit_start[r]) : int(batch.circuit_start[r + 1])]
            is_dark = not sweep.has_cabinet_power[r] or np.nansum(batch.cabinet_power_w[r]) < self._lit_share * rated_w
            is_cut[r] = is_dark and not (volts >= self._table.scalar("no_voltage")).any()
        return is_cut

    def _loaded_while_off(self, sweep: Sweep, commands: Commands, is_gone: Bool) -> tuple[Bool, Bool]:
        """Cabinets with no other meter than their own that draw lit power on some phase while off; bool (R,).

        The second array says where that could be seen. What each phase draws lit and off is learned meanwhile.
        """
        n = sweep.batch.n_records
        loaded, reported = np.zeros(n, np.bool_), np.zeros(n, np.bool_)
        loads = self.phase_loads
        wanted = sweep.is_live & sweep.has_cabinet_power & ~is_gone & commands.is_settled
        wanted &= ~self._state.is_fully_listed[sweep.controller] & (sweep.width == 0)
        records = np.flatnonzero(wanted & (commands.is_on | commands.is_off))
        if not len(records):
            return loaded, reported
        c = sweep.batch.controller[records].astype(np.int64)
        power = sweep.batch.cabinet_power_w[records].T
        is_on = commands.is_on[records]
        is_known = (loads.lit_w[:, c] > _LEAST_LIT_W) & np.isfinite(power)
        base = np.nan_to_num(loads.off_w[:, c])
        above = is_known & (power - base >= self._lit_share * (loads.lit_w[:, c] - base))
        loaded[records] = above.any(axis=0) & ~is_on
        reported[records] = is_known.any(axis=0)
        suspect = self.debounce["stuck_on"]
        is_quiet = ~(loaded[records] | suspect.is_open[c] | (suspect.count[c] > 0))
        for target, chosen in ((loads.lit_w, is_on), (loads.off_w, ~is_on & is_quiet)):
            before, now = target[:, c[chosen]], power[:, chosen]
            moved = np.where(np.isfinite(before), before + np.float32(0.1) * (now - before), now)
            target[:, c[chosen]] = np.where(np.isfinite(now), moved, before)
        return loaded, reported

    def _circuits_lit_while_off(self, sweep: Sweep, commands: Commands) -> tuple[Bool, Bool]:
        """Whether meters of circuits answer though off, and all show lit power, where nothing else is metered; (R,)."""
        batch, n = sweep.batch, sweep.batch.n_records
        none = np.zeros(n, np.bool_)
        wanted = sweep.is_live & commands.is_off & (sweep.width == 0) & ~sweep.has_cabinet_power
        if not len(batch.circuit) or not wanted.any():
            return none, none
        record = np.repeat(np.arange(n), np.diff(batch.circuit_start))
        reported = np.flatnonzero(wanted[record] & (batch.circuit >= 0) & np.isfinite(batch.circuit_power_w))
        rated_w = self._rated_w[batch.circuit[reported]]
        is_lit = (rated_w > _LEAST_LIT_W) & (batch.circuit_power_w[reported] >= self._lit_share * rated_w)
        n_reported, n_lit = (np.bincount(record[rows], minlength=n) for rows in (reported, reported[is_lit]))
        return n_reported > 0, (n_reported > 0) & (n_lit == n_reported)

    def _lit_while_off(self, sweep: Sweep, is_off: Bool) -> tuple[Int64, Int64]:
        """Good lamps, and lit ones among them, of records that are commanded off, bool (R,); int64 (R,) each."""
        batch, fleet = sweep.batch, self._fleet
        n_good, n_lit = np.zeros(batch.n_records, np.int64), np.zeros(batch.n_records, np.int64)
        least_w, share = self._table.scalar("unexpected_on_power"), self._table.scalar("unexpected_on_share")
        is_off = is_off & sweep.is_live
        if not is_off.any():
            return n_good, n_lit
        rows = np.flatnonzero(np.repeat(is_off, sweep.width) & (batch.lamp >= 0) & (batch.quality == 0))
        record, lamp = sweep.record_of(rows), batch.lamp[rows]
        rated = np.nan_to_num(fleet.rated_power_w[lamp])
        is_lit = batch.power_w[rows] > np.maximum(least_w, share * rated)
        n_good += np.bincount(record, minlength=batch.n_records)
        n_lit += np.bincount(record[is_lit], minlength=batch.n_records)
        return n_good, n_lit
