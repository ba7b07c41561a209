"""Drops duplicate records by (controller, epoch, sequence), and sorts live ones into rounds of one per controller.

Owns what is done with impossible numbers: jumps, contradictions, numbers received before. Pure bookkeeping, no I/O.
"""

from __future__ import annotations

from typing import Final

from edge_agent.wire import SEQ_MODULUS
from ingest.decode.birth import Session, missing_before
from ingest.decode.record import DecodedRecord, check_record
from ingest.errors import RecordError
from ingest.model.received_ranges import MAX_JUMP, ReceivedRanges
from ingest.sparkplug.command_queue import CommandQueue
from ingest.sparkplug.dead_letters import DeadLetters
from ingest.sparkplug.intake_result import IntakeResult
from ingest.sparkplug.session_table import SessionTable

_ROUND_US: Final = 5_000_000  # so much earlier than its own time a record may be judged
_JUMP_WAIT_S: Final = 600.0  # since the last request for a birth, until another one is worth it for a number alone


class RecordNumbers:
    """The numbering of the records of one group."""

    def __init__(self, table: SessionTable, commands: CommandQueue, dead_letters: DeadLetters) -> None:
        """Start without records; the table holds the received ranges."""
        self._table = table
        self._commands = commands
        self._dead_letters = dead_letters

    def take(self, session: Session, record: DecodedRecord, payload: bytes, result: IntakeResult) -> bool:
        """Sort one record in; says whether it was a duplicate."""
        ranges, seq = session.ranges, record.seq
        if (
            ranges is not None
            and record.sequence == ranges.complete_to + 1
            and (seq is None or (seq == (session.seq + 1) % SEQ_MODULUS and not session.n_unread))
        ):  # the next one, as nearly all are: nothing is missing, and nobody has seen it
            if seq is not None:
                session.seq = seq
            result.touched[session.controller_id, record.epoch] = ranges
            return self._keep(session, record, payload, result, ranges)
        claimed = record.sequence - max(record.pending or 1, 1)  # the agent says that it holds nothing up to this
        if ranges is None or record.sequence - ranges.newest > MAX_JUMP:
            if self._is_absurd(session, record.sequence):
                self._refuse_jump(session, record, payload, result)
                return False
            if ranges is None or (record.pending and not record.is_historical):
                ranges = self._open_ranges(session, claimed)
        elif claimed > ranges.complete_to and record.pending and not record.is_historical:
            ranges = self._open_ranges(session, claimed)
        if seq is not None:
            self._follow(session, seq, record.sequence, ranges)
        result.touched[session.controller_id, record.epoch] = ranges
        is_late = ranges.holds(record.sequence) and self._table.refusals.is_set_aside(session, record.sequence)
        if ranges.holds(record.sequence) and not (is_late and _is_valid(record, result.limit.latest_us(record.at_us))):
            ranges.acknowledged = -1  # it is sent again because our word did not arrive
            is_new = record.sequence > session.live_sequence or record.at_us > session.last_at_us
            if is_new and record.pending and not record.is_historical:
                self._log_duplicate(session, record, payload, result)
            return True
        if is_late:
            self._table.refusals.reclaim(session, record.sequence)
        elif record.sequence <= ranges.complete_to:
            self._log_contradiction(session, record, ranges)
            if record.pending and not record.is_historical:
                ranges.rewind(claimed)
        elif not ranges.has_room(record.sequence):
            text = f"{session.controller_id}: sends records with too many gaps between them; they are left with it"
            self._table.complaints.add("scattered", session.controller_id, text)
            return False
        return self._keep(session, record, payload, result, None if is_late else ranges)

    def _keep(
        self,
        session: Session,
        record: DecodedRecord,
        payload: bytes,
        result: IntakeResult,
        ranges: ReceivedRanges | None,
    ) -> bool:
        """Check a record whose number is in order, and add it to the result and its number to ``ranges``; False."""
        try:
            check_record(record, result.limit.latest_us(record.at_us))
        except RecordError as error:
            self.refuse(session, payload, error, (record.epoch, record.sequence), result)
            return False
        if ranges is not None:
            ranges.take(record.sequence)
        if not record.is_historical:
            session.live_sequence = record.sequence
        if session.controller >= self._table.directory.controllers.n_register:
            self._table.strangers.hear(session.controller_id)
            result.unjudged.append(record)
        elif record.is_historical:
            result.history.append(record)
        else:
            self._take_live(session, record, result)
        return False

    def _follow(self, session: Session, seq: int, sequence: int, ranges: ReceivedRanges) -> None:
        """Ask for a birth after a gap in ``seq``, even if payloads that were not read may fill it.

        With it comes the agent's own copy of what is missing.
        """
        node, n_missing = session.controller_id, missing_before(session, seq)
        if session.n_unread:
            self._table.refusals.resolve(session, n_missing, sequence, ranges)
        if n_missing:
            self._table.complaints.add("gap", node, f"{node}: a gap in seq")
            self._commands.ask_rebirth(node)

    def _take_live(self, session: Session, record: DecodedRecord, result: IntakeResult) -> None:
        number, n_rounds = session.next_round, len(result.rounds)
        if number == 0:
            self._table.clocks.measure(session, record.at_us, result.now_us, result.lag_us)
        ahead_us = self._table.clocks.ahead_us(session.controller_id)
        if ahead_us:
            self._log_clock(session, ahead_us)
            result.ahead_us[session.controller] = ahead_us
        at_us = record.at_us - ahead_us
        # Who sweeps seldom waits for the rounds of its own time: judged early, it would seem to be silent since. Not to
        # the second, though: where many come at once, every stray record would begin a round of its own.
        while number < n_rounds - 1 and result.round_us[number + 1] <= at_us - _ROUND_US:
            number += 1
        if number == n_rounds:
            result.rounds.append([])
            result.round_us.append(at_us)
        result.rounds[number].append(record)
        session.next_round = number + 1
        session.last_at_us = record.at_us
        session.interval_s = record.interval_s or session.interval_s
        session.is_synchronised = record.is_synchronised

    def _log_clock(self, session: Session, ahead_us: int) -> None:
        node, minutes = session.controller_id, abs(ahead_us) / 60e6
        text = f"{node}: its clock is {minutes:.0f} min {'ahead' if ahead_us > 0 else 'behind'}; ours times its faults"
        self._table.complaints.add("clock", node, text)

    def _open_ranges(self, session: Session, complete_to: int) -> ReceivedRanges:
        session.ranges = self._table.received.open(session.controller_id, session.epoch, complete_to)
        return session.ranges

    def ranges_at_birth(self, session: Session, sequence: int, pending: int) -> ReceivedRanges:
        """The received ranges for a new session's records, checked against its birth."""
        session.live_sequence = sequence
        known = self._table.received.get(session.controller_id, session.epoch)
        if known is None or sequence - known.newest <= MAX_JUMP:
            return self._open_ranges(session, sequence - pending)
        node = session.controller_id
        text = f"{node}: its birth says record {sequence}, far beyond {known.newest}; a record has to say so too"
        self._table.complaints.add("jump", node, text)
        session.ranges = known
        return known

    def _is_absurd(self, session: Session, sequence: int) -> bool:
        """Whether a number is so far beyond all known ones of its epoch that only a birth can confirm it."""
        known = self._table.received.get(session.controller_id, session.epoch)
        if known is None or sequence - known.newest <= MAX_JUMP:
            return False
        return session.sequence is None or abs(sequence - session.sequence) > MAX_JUMP

    def _refuse_jump(self, session: Session, record: DecodedRecord, payload: bytes, result: IntakeResult) -> None:
        """Refuse an implausible number without acknowledgement; a birth with the same number confirms it."""
        node = session.controller_id
        text = f"{node}: a record has number {record.sequence}, far beyond all before; it waits for a birth to say so"
        self._table.complaints.add("jump", node, text)
        self._dead_letters.add(f"NDATA/{node}", "jump", text, payload, result.now_us or 0)
        self._commands.ask_rebirth(node, _JUMP_WAIT_S)

    def _log_contradiction(self, session: Session, record: DecodedRecord, ranges: ReceivedRanges) -> None:
        """Report a record that the agent, or another sender of its name, had declared as dropped."""
        node = session.controller_id
        text = (
            f"{node}: record {record.sequence} comes although the agent dropped everything up to {ranges.complete_to}; "
            "it is stored. Somebody sent a forged or copied record, or two agents share an outbox"
        )
        self._table.complaints.add("contradiction", node, text)

    def _log_duplicate(self, session: Session, record: DecodedRecord, payload: bytes, result: IntakeResult) -> None:
        """Report a new record with the number of a stored one; it becomes a dead letter."""
        node = session.controller_id
        session.live_sequence = record.sequence
        text = (
            f"{node}: its new record {record.sequence} has the number of one that is stored; it is set aside. "
            "Somebody sent a forged record, or two agents share an outbox"
        )
        self._table.complaints.add("contradiction", node, text)
        self._dead_letters.add(f"NDATA/{node}", "contradiction", text, payload, result.now_us or 0)

    def refuse(
        self, session: Session, payload: bytes, error: RecordError, number: tuple[int, int] | None, result: IntakeResult
    ) -> None:
        """Keep an invalid record as a dead letter; its number counts as received if it is known."""
        node = session.controller_id
        if error.reason == "number":
            self._table.other_births.miss(node, None, self._commands.ask_rebirth)
        is_own = self._table.other_births.is_alone(node)
        epoch, ranges = self._table.refusals.set_aside(
            session, payload, error, number, is_own=is_own, now_us=result.now_us or 0
        )
        if ranges is not None:
            result.touched[node, epoch] = ranges


def _is_valid(record: DecodedRecord, latest_us: int) -> bool:
    try:
        check_record(record, latest_us)
    except RecordError:
        return False
    return True
