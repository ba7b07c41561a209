"""Lamps that do not answer, or answer without voltage: counted, grouped into circuits, cables, buses, or alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from ingest.detection.conditions.active_conditions import ActiveConditions
from ingest.detection.memory.cabinet_context import CabinetContext
from ingest.detection.memory.command import Commands
from ingest.detection.memory.debounce import Confirm, Debounce
from ingest.detection.memory.lamp_state import LampState
from ingest.detection.memory.limit_table import LimitTable
from ingest.detection.memory.sparse import positions
from ingest.detection.memory.suspects import IMPLAUSIBLE, MEASURED, Replies, Suspects
from ingest.detection.memory.sweep import Sweep
from ingest.detection.outage.candidate_groups import WAIT, ControllerLamps, Group
from ingest.detection.outage.chance_losses import ChanceLosses
from ingest.detection.outage.circuit_outages import CircuitOutages
from ingest.detection.outage.grouping import diagnose, is_lone
from ingest.detection.outage.liveness import Liveness
from ingest.detection.outage.load import GONE, UNKNOWN
from ingest.detection.outage.returns import Returns
from ingest.detection.outage.silence_cases import DARK_CODES, SilenceCases
from ingest.detection.outage.silent_load import SilentLoad
from ingest.detection.outage.unheard import Unheard
from ingest.model.fleet import Fleet

Int64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

_VOLTAGE, _POWER = (MEASURED.index(name) for name in ("voltage_v", "power_w"))


class Silence:
    """Counters of lost replies over all lamps, and what they amount to."""

    def __init__(  # measured columns, in the order of the rule
        self,
        fleet: Fleet,
        table: LimitTable,
        state: LampState,
        context: CabinetContext,
        silent_load: SilentLoad,
        book: ActiveConditions,
    ) -> None:
        """Start with nothing known."""
        self._fleet, self._state, self._context = fleet, state, context
        self._silent_load, self._book = silent_load, book
        self._samples = int(table.scalar("confirm_samples"))
        self._seconds = int(table.scalar("communication_time"))
        self._no_voltage, self._most_v = table.scalar("no_voltage"), table.scalar("impossible_voltage")
        self._on_w, self._on_share = table.scalar("unexpected_on_power"), table.scalar("unexpected_on_share")
        self._n_circuit, self._n_cable = int(table.scalar("circuit_lamps")), int(table.scalar("cable_lamps"))
        self._unheard = Unheard(fleet, self._n_circuit, self._no_voltage, int(table.scalar("switching_guard")))
        self.lost = Debounce(fleet.n_lamps, Confirm(self._samples, self._seconds, 1, 0))
        owned = fleet.cabinet_controller[fleet.cabinet_controller >= 0]
        self._is_shared = np.bincount(owned, minlength=fleet.n_controllers) > 1
        self._outages = CircuitOutages(fleet, state)
        self.answered_by_day = np.zeros(max(1, fleet.n_circuits), np.bool_)
        self._back, self.chance = Returns(self.lost), ChanceLosses(context)
        self._pending: set[int] = set()  # controllers with lost lamps that have no verdict yet
        self.cases = SilenceCases(fleet, table, state, book, self.lost)

    def _rows(self, sweep: Sweep, suspects: Suspects, replies: Replies) -> tuple[Int64, Int64, npt.NDArray[np.uint8]]:
        """Rows, lamps and qualities of the replies that count, but for the first that a lamp lost: see ``_begin``."""
        again = positions(~replies.is_first | (replies.quality == IMPLAUSIBLE))
        row, lamp, quality = replies.row[again], replies.lamp[again], replies.quality[again]
        dead = np.flatnonzero(suspects.measured[_VOLTAGE] < self._no_voltage)
        if not len(dead):
            return row, lamp, quality
        is_new = suspects.was_good[dead] & ~np.isin(suspects.row[dead], replies.row, assume_unique=True)
        self.lost.close(suspects.lamp[dead[is_new]])
        row = np.union1d(row, suspects.row[dead])
        return row, sweep.batch.lamp[row].astype(np.int64), sweep.batch.quality[row]

    def _begin(self, sweep: Sweep, replies: Replies, liveness: Liveness) -> tuple[Int64, Int64, Bool]:
        """Begin the runs of lamps that answered the last time: most of the lost replies by far.

        They are not away yet, and what ``lost`` holds of them means nothing once they have answered again: so their
        answer needs no second look. Their ``silent_sweeps`` is 0, as that of every lamp that answered the last time.

        Returns:
            Records and lamps int64 (n,), and whether their circuits are live.
        """
        first = np.flatnonzero(replies.is_first & (replies.quality != IMPLAUSIBLE))
        record, lamp = sweep.record_of(replies.row[first]), replies.lamp[first]
        live = liveness.of_rows(record, lamp)
        self.lost.begin(lamp, sweep.at_s[record], live)
        if self._samples == 1:  # this one may open already
            self._state.is_away[lamp], self._state.silent_sweeps[lamp] = True, 1
        return record, lamp, live

    def _welcome(self, sweep: Sweep, row: Int64, lamp: Int64) -> Int64:
        """End the runs of lamps that answer again; returns those whose ``communicationFailure`` is over."""
        runs = self.lost.look(lamp)
        is_open: Bool = runs["is_open"]
        # perhaps it was dark with its cable: a discharge lamp starts anew, and its switching on is none of its own
        has_been_away = np.flatnonzero(is_open | (runs["count"] >= self._samples))
        self._back.note(lamp[has_been_away], runs["since_s"][has_been_away])
        if len(has_been_away):
            self._state.lit_from_s[lamp[has_been_away]] = sweep.at_s[sweep.record_of(row[has_been_away])]
        self.lost.close(lamp[np.flatnonzero(is_open | (runs["count"] > 0))])
        over: Int64 = lamp[is_open]
        return over

    def is_pending(self, sweep: Sweep) -> Bool:
        """Records of the sweep at hand with lost lamps that wait for their verdict; bool (R,)."""
        return np.isin(sweep.batch.controller, list(self._pending))

    def dark_lamps(self) -> Bool | None:
        """Lamps that an open condition leaves without load, bool (L,); None = there are none."""
        controllers = self._book.controllers_with(DARK_CODES)
        if not controllers:
            return None
        dark = np.zeros(self._fleet.n_lamps, np.bool_)
        for c in controllers:
            own = np.arange(self._fleet.controller_start[c], self._fleet.controller_start[c + 1])
            dark[own] = self.cases.is_dark(c, own)
        return dark

    def reported_lamps(self) -> Bool:
        """Lamps whose silence is reported, as their own or as their bus's; bool (L,)."""
        reported: Bool = self.lost.is_open.copy()
        for c in self._book.controllers_with({"busFailure"}):
            for case in self._book.of_controller(c):
                reported[list(case.lamps)] |= case.code == "busFailure"
        return reported

    def liveness(self, sweep: Sweep) -> Liveness:
        """Which of a sweep's circuits should be under voltage."""
        return Liveness(self._fleet, self._state, sweep, self._is_shared, self.answered_by_day)

    def count(self, sweep: Sweep, suspects: Suspects, replies: Replies, liveness: Liveness) -> tuple[Int64, Bool]:
        """Count one sweep's replies.

        Returns:
            Lamps whose ``communicationFailure`` cleared, and bool (R,): records with lamps lost long enough to be
            judged.
        """
        self._pending.clear()
        first_record, first_lamp, first_live = self._begin(sweep, replies, liveness)
        row, lamp, quality = self._rows(sweep, suspects, replies)
        answers = np.flatnonzero(quality == 0)
        is_dead = np.zeros(len(row), np.bool_)
        is_dead[answers] = sweep.batch.voltage_v[row[answers]] < self._no_voltage
        is_lost = ((quality != 0) & (quality != IMPLAUSIBLE)) | is_dead
        back, lost = np.flatnonzero(~is_lost), np.flatnonzero(is_lost)  # not masks: they are as good as random
        cleared = self._welcome(sweep, row[back], lamp[back])
        row, lamp, is_dead = row[lost], lamp[lost], is_dead[lost]
        record = sweep.record_of(row)
        live = liveness.of_rows(record, lamp)
        is_open = self.lost.is_open[lamp]
        # a node with its own supply that answers without voltage is no communication failure any more
        heals = is_dead & is_open
        yes = np.ones(len(lamp), np.bool_)
        verdict = self.lost.step(lamp, sweep.at_s[record], sweep.dt_s[record], yes, heals, live | heals, ~is_open)
        runs = self.lost.look(lamp)
        # what fell silent before its circuit was switched off has not been silent since: its run begins anew with dusk
        self.lost.forget(lamp[np.flatnonzero(~live & ~runs["is_open"] & (runs["count"] > 0))])
        self._state.is_away[lamp] = True
        is_due = live & ((runs["count"] >= self._samples) | runs["is_open"])
        suspect = np.zeros(sweep.batch.n_records, np.bool_)
        suspect[record[is_due]] = True
        if self._samples == 1:
            suspect[first_record[first_live]] = True
        self._outages.note(sweep, (record, lamp, live), (first_record, first_lamp, first_live))
        self.chance.note(sweep, first_record, record)
        return np.concatenate([cleared, lamp[verdict.cleared]]), suspect

    def note_day(self, sweep: Sweep, suspects: Suspects) -> None:
        """Circuits that answer while off, by no late or stuck contactor: silence by day means something there."""
        is_good = sweep.batch.quality[suspects.row] == 0
        voltage = suspects.measured[_VOLTAGE]
        is_good &= ~((voltage < self._no_voltage) | (voltage > self._most_v))  # one absurd value is no answer
        state, lamp = self._state, suspects.lamp
        # a first sample off is a suspect; one that burns tells of the contactor, a faulty one may be dark
        lit_w = np.maximum(self._on_w, self._on_share * np.nan_to_num(self._fleet.rated_power_w[lamp]))
        is_good &= ~(suspects.measured[_POWER] > lit_w) & (state.bits.open_rules(state.flags[lamp]) == 0)
        lamp = lamp[is_good & (state.level[lamp] == 0)]
        circuit = self._fleet.lamp_circuit[lamp]
        self.answered_by_day[circuit[circuit >= 0]] = True

    def judge(
        self, sweep: Sweep, record: int, is_live: Bool, commands: Commands, is_muted: Callable[[Int64], Bool]
    ) -> None:
        """Judge one controller's sweep in which some lamps are lost or a group is open.

        Args:
            sweep: the sweep at hand.
            record: the controller's record in it.
            is_live: bool (lamps of the controller,).
            commands: of the sweep.
            is_muted: lamps under maintenance.
        """
        fleet, state = self._fleet, self._state
        c = int(sweep.batch.controller[record])
        mine = slice(int(fleet.controller_start[c]), int(fleet.controller_start[c + 1]))  # a view is taken at once
        own = np.arange(mine.start, mine.stop)
        in_record = sweep.has_lamps(record, own)
        quality = state.quality[mine]
        is_reply = in_record & (quality == 0)
        is_dead = is_reply & (state.voltage_v[mine] < self._no_voltage)
        is_alive = (is_reply & ~is_dead) | (in_record & (quality == IMPLAUSIBLE))
        at_us = int(sweep.at_s[record]) * 1_000_000
        interval_s = max(int(self._context.interval_s[c]), int(sweep.dt_s[record]), 1)
        taken = self.cases.follow(c, own, is_alive, is_live, at_us, interval_s)
        self.cases.hear_neighbours(c, own, is_alive, at_us)
        if self.cases.is_returning(c):
            self._pending.add(c)
        self._back.begin_anew(own, interval_s)
        is_open = self.lost.is_open[mine]
        is_lost = in_record & is_live & ~is_alive & ((self.lost.count[mine] >= self._samples) | is_open)
        is_again = self.cases.were_off(c, own)
        if not (is_lost & ~taken & (~is_open | is_again)).any():
            return  # every lost lamp has its verdict
        chosen = np.flatnonzero(in_record & is_live & ~taken)
        lamps = ControllerLamps(
            own[chosen],
            fleet.lamp_circuit[own[chosen]].astype(np.int64),
            fleet.lamp_bus[own[chosen]].astype(np.int64),
            fleet.position[own[chosen]].astype(np.int64),
            fleet.address[own[chosen]].astype(np.int64),
            fleet.is_surveyed[own[chosen]],
            is_lost[chosen],
            is_alive[chosen],
            (is_lost & is_dead)[chosen],
            self.lost.since_s[own[chosen]].astype(np.int64),
            fleet.phase[own[chosen]].astype(np.int64),
            (~is_alive & (state.sweeps_silent(own) >= self._samples))[chosen],
            (~is_alive & ~is_lost & (self.lost.count[own] > 1))[chosen],
            self.cases.behind_breaks(c, own, is_alive, sweep.fed_circuits(record, self._no_voltage))[chosen],
        )

        def loads(groups: object) -> list[str]:
            dark = self.cases.is_dark(c, own)
            return self._silent_load.loads(sweep, record, lamps.lamp, groups, dark, c, lamps.since_s)  # type: ignore[arg-type]

        diagnosis = diagnose(lamps, loads, self._n_circuit, self._n_cable, interval_s)
        muted = is_muted(lamps.lamp)
        at_s = int(sweep.at_s[record])
        is_blind = self._unheard.is_blind(sweep, record, lamps)
        is_waking = self._unheard.is_waking(sweep, record, lamps, commands)
        for group in diagnosis.groups:
            is_hidden = is_waking or (group.verdict == "alone" and group.load == UNKNOWN and is_blind)
            is_hidden |= self._unheard.is_cut_by_day(group, lamps, state.switched_s[lamps.lamp])
            if is_hidden or group.verdict == "wait" or group.is_worked_on(muted):
                self._pending.add(c)
                continue
            if group.verdict == "alone":
                # theirs may be the load that is gone
                is_weighed = group.load == GONE or (group.load == UNKNOWN and group.strength > 0)
                if is_weighed and (lamps.is_falling | (lamps.is_mute & ~lamps.is_lost)).any():
                    self._pending.add(c)
                    continue
                group.is_lone = is_lone(group, diagnosis.groups, lamps, 2 * interval_s)
                self._tell_alone(c, group, lamps, at_s, is_again[chosen])
            else:
                self.cases.open_group(c, group, lamps, at_us)

    def _tell_alone(self, c: int, group: Group, lamps: ControllerLamps, at_s: int, is_again: Bool) -> None:
        """``communicationFailure`` of each lamp of a group that is nothing larger, once its time is up.

        ``is_again`` bool (n,): lamps of which it stands since they were commanded off, and their load could not tell.
        """
        # one more is asked for where chance may explain the silence, and two of a lamp that is silent alone where no
        # load can tell; none where its load went
        most = self._samples + (group.load != GONE) * (1 + (group.is_off and group.is_lone and len(group.rows) == 1))
        n_samples = self.chance.samples(c, self._samples, most)
        for row in group.rows.tolist():
            lamp = int(lamps.lamp[row])
            is_due = self.lost.count[lamp] >= n_samples and self.lost.elapsed_s[lamp] >= self._seconds
            # a node with its own supply that answered without voltage lately is dead and not deaf
            is_due &= self._state.silent_sweeps[lamp] >= n_samples
            if self.lost.is_open[lamp] and not is_again[row]:
                continue
            if not (is_due or is_again[row]) or lamps.is_dead[row] or group.load == WAIT:
                self._pending.add(c)
                continue
            is_near = (lamps.circuit == lamps.circuit[row]) & lamps.is_alive
            self.cases.open_lamp(c, lamp, at_s, group, has_neighbours=bool(is_near.any()))

    def forget(self, lamp: Int64) -> None:
        """Drop the runs of some lamps, so that they are judged anew; but for those that began with this sweep."""
        lamp = np.setdiff1d(lamp, self.cases.begun)
        self.cases.begun = lamp[:0]
        self.lost.forget(lamp[~self.lost.is_open[lamp]])

    def recall(self) -> None:
        """Make what a snapshot says of silent lamps agree, whatever it says: ``_begin`` relies on it."""
        state = self._state
        answers = state.quality == 0
        state.silent_sweeps[answers] = 0
        state.is_away |= self.lost.is_open
        state.is_away[answers & ~(state.voltage_v < self._no_voltage)] = False
