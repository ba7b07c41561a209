"""Takes each record once by (controller, epoch, sequence), and sorts live ones into rounds of one record a controller.

Owns what is done with numbers that cannot be: jumps, contradictions, numbers that are taken. Pure bookkeeping, no I/O.
"""

from __future__ import annotations

from typing import Final

from ingest.decode.birth import Session, is_next
from ingest.decode.record import Record, check_record
from ingest.errors import RecordError
from ingest.model.received_ranges import MAX_JUMP, Mark
from ingest.sparkplug.command_queue import CommandQueue
from ingest.sparkplug.dead_letters import DeadLetters
from ingest.sparkplug.intake_result import IntakeResult
from ingest.sparkplug.session_table import SessionTable

_ROUND_US: Final = 5_000_000  # so much earlier than its own time a record may be judged
_JUMP_WAIT_S: Final = 600.0  # since the last request for a birth, until another one is worth it for a number alone


class RecordNumbers:
    """The numbering of the records of one group."""

    def __init__(self, table: SessionTable, commands: CommandQueue, quarantine: DeadLetters) -> None:
        """No record has come yet; which are taken, the table's marks say."""
        self._table = table
        self._commands = commands
        self._quarantine = quarantine

    def take(self, session: Session, record: Record, payload: bytes, taken: IntakeResult) -> bool:
        """Sort one record in; says whether it was a duplicate."""
        mark = session.mark
        claimed = record.sequence - max(record.pending or 1, 1)  # the agent says that it holds nothing up to this
        if mark is None or record.sequence - mark.newest > MAX_JUMP:
            if self._is_absurd(session, record.sequence):
                self._refuse_jump(session, record, payload, taken)
                return False
            if mark is None or (record.pending and not record.is_historical):
                mark = self._open_mark(session, claimed)
        elif claimed > mark.floor and record.pending and not record.is_historical:
            mark = self._open_mark(session, claimed)
        if record.seq is not None and not is_next(session, record.seq):
            self._table.complaints.add("gap", session.controller_id, f"{session.controller_id}: a gap in seq")
            self._commands.ask_rebirth(session.controller_id)
        taken.touched[session.controller_id, record.epoch] = mark
        if mark.holds(record.sequence):
            mark.acknowledged = -1  # it is sent again because our word did not arrive
            is_new = record.sequence > session.live_sequence or record.at_us > session.last_at_us
            if is_new and record.pending and not record.is_historical:
                self._tell_taken(session, record, payload, taken)
            return True
        if record.sequence <= mark.floor:
            self._tell_contradiction(session, record, mark)
            if record.pending and not record.is_historical:
                mark.rewind(claimed)
        elif not mark.has_room(record.sequence):
            text = f"{session.controller_id}: sends records with too many gaps between them; they are left with it"
            self._table.complaints.add("scattered", session.controller_id, text)
            return False
        try:
            check_record(record, taken.latest_us)
        except RecordError as error:
            self.refuse(session, payload, error, (record.epoch, record.sequence), taken)
            return False
        mark.take(record.sequence)
        if not record.is_historical:
            session.live_sequence = record.sequence
        if session.controller >= self._table.directory.controllers.n_register:
            self._table.strangers.hear(session.controller_id)
            taken.unjudged.append(record)
        elif record.is_historical:
            taken.history.append(record)
        else:
            self._take_live(session, record, taken)
        return False

    def _take_live(self, session: Session, record: Record, taken: IntakeResult) -> None:
        number, n_rounds = session.next_round, len(taken.rounds)
        if number == 0:
            self._table.clocks.measure(session, record.at_us, taken.now_us)
        ahead_us = self._table.clocks.ahead_us(session.controller_id)
        if ahead_us:
            self._tell_clock(session, ahead_us)
            taken.ahead_us[session.controller] = ahead_us
        at_us = record.at_us - ahead_us
        # Who sweeps seldom waits for the rounds of its own time: judged early, it would seem to be silent since. Not to
        # the second, though: where many come at once, every stray record would begin a round of its own.
        while number < n_rounds - 1 and taken.round_us[number + 1] <= at_us - _ROUND_US:
            number += 1
        if number == n_rounds:
            taken.rounds.append([])
            taken.round_us.append(at_us)
        taken.rounds[number].append(record)
        session.next_round = number + 1
        session.last_at_us = record.at_us
        session.interval_s = record.interval_s or session.interval_s
        session.is_synchronised = record.is_synchronised

    def _tell_clock(self, session: Session, ahead_us: int) -> None:
        node, minutes = session.controller_id, abs(ahead_us) / 60e6
        text = f"{node}: its clock is {minutes:.0f} min {'ahead' if ahead_us > 0 else 'behind'}; ours times its faults"
        self._table.complaints.add("clock", node, text)

    def _open_mark(self, session: Session, floor: int) -> Mark:
        session.mark = self._table.marks.open(session.controller_id, session.epoch, floor)
        return session.mark

    def mark_at_birth(self, session: Session, sequence: int, pending: int) -> Mark:
        """The mark in which a newborn session's records count, as far as its birth is believed."""
        session.live_sequence = sequence
        known = self._table.marks.get(session.controller_id, session.epoch)
        if known is None or sequence - known.newest <= MAX_JUMP:
            return self._open_mark(session, sequence - pending)
        node = session.controller_id
        text = f"{node}: its birth says record {sequence}, far beyond {known.newest}; a record has to say so too"
        self._table.complaints.add("jump", node, text)
        session.mark = known
        return known

    def _is_absurd(self, session: Session, sequence: int) -> bool:
        """Whether a number is so far beyond all that is known of its epoch that only a birth can make it believed."""
        known = self._table.marks.get(session.controller_id, session.epoch)
        if known is None or sequence - known.newest <= MAX_JUMP:
            return False
        return session.sequence is None or abs(sequence - session.sequence) > MAX_JUMP

    def _refuse_jump(self, session: Session, record: Record, payload: bytes, taken: IntakeResult) -> None:
        """A number that cannot be is neither taken nor acknowledged; a birth that says it too makes it believed."""
        node = session.controller_id
        text = f"{node}: a record has number {record.sequence}, far beyond all before; it waits for a birth to say so"
        self._table.complaints.add("jump", node, text)
        self._quarantine.add(f"NDATA/{node}", "jump", text, payload, taken.now_us or 0)
        self._commands.ask_rebirth(node, _JUMP_WAIT_S)

    def _tell_contradiction(self, session: Session, record: Record, mark: Mark) -> None:
        """A record comes of which the agent, or somebody in its name, has said that it holds it no more."""
        node = session.controller_id
        text = (
            f"{node}: record {record.sequence} comes although everything up to {mark.floor} was said to be done with; "
            "it is stored. Somebody sent a forged or copied record, or two agents share an outbox"
        )
        self._table.complaints.add("contradiction", node, text)

    def _tell_taken(self, session: Session, record: Record, payload: bytes, taken: IntakeResult) -> None:
        """A new record comes whose number another one has: it cannot be stored beside that one, and is set aside."""
        node = session.controller_id
        session.live_sequence = record.sequence
        text = (
            f"{node}: its new record {record.sequence} has the number of one that is stored; it is set aside. "
            "Somebody sent a forged record, or two agents share an outbox"
        )
        self._table.complaints.add("contradiction", node, text)
        self._quarantine.add(f"NDATA/{node}", "contradiction", text, payload, taken.now_us or 0)

    def refuse(
        self, session: Session, payload: bytes, error: RecordError, number: tuple[int, int] | None, taken: IntakeResult
    ) -> None:
        """Set a record aside that is broken; where its number is known, that is done with."""
        node = session.controller_id
        if error.reason == "number":
            self._table.other_births.miss(node, None, self._commands.ask_rebirth)
        is_own = self._table.other_births.is_alone(node)
        epoch, mark = self._table.refusals.set_aside(
            session, payload, error, number, is_own=is_own, now_us=taken.now_us or 0
        )
        if mark is not None:
            taken.touched[node, epoch] = mark
