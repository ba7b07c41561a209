"""Births and deaths: validation, and limits for controllers that are not in the register.

No socket: payloads come in, sessions in force come out in the ``SessionTable``.
"""

from __future__ import annotations

from edge_agent.wire import WireError, decode_payload
from ingest.decode.birth import Session, parse_birth
from ingest.decode.bounds import MAX_DEATH
from ingest.errors import BirthError, ForeignBirthError, FullError
from ingest.model.batch import SessionEvent
from ingest.sparkplug.command_queue import REBIRTH_INTERVAL_S, CommandQueue
from ingest.sparkplug.dead_letters import DeadLetters
from ingest.sparkplug.intake_result import IntakeResult
from ingest.sparkplug.other_births import LONGEST_WAIT_S
from ingest.sparkplug.record_numbers import RecordNumbers
from ingest.sparkplug.session_table import SessionTable
from ingest.sparkplug.strangers import MAX_UNKNOWN, MAX_UNKNOWN_BIRTH


class Births:
    """Begins and ends the sessions of a table.

    Attributes:
        newborn: sessions that began since somebody took them.
    """

    def __init__(
        self, table: SessionTable, numbers: RecordNumbers, commands: CommandQueue, dead_letters: DeadLetters
    ) -> None:
        """Start without sessions."""
        self._table = table
        self._numbers = numbers
        self._commands = commands
        self._dead_letters = dead_letters
        # requests to controllers of the register that a useless birth answered, since the last that could be used
        self._n_in_vain: dict[str, int] = {}
        self._is_asked: set[str] = set()  # and nothing has answered yet
        self.newborn: list[Session] = []

    def take_birth(self, node: str, payload: bytes, result: IntakeResult) -> None:
        """Begin the session that a birth describes, if it can be used."""
        session = self._born(node, payload, result)
        if session is None:
            return
        self._n_in_vain.pop(node, None)
        self._is_asked.discard(node)
        if session.controller >= self._table.directory.controllers.n_register:
            self._table.complain("unknown_controller", node, f"{node}: no cabinet of the register has this controller")
        elif session.n_strange:
            text = f"{node}: {session.n_strange} of its lamps or circuits are not its own in the register"
            self._table.complaints.add("unknown_lamp", node, text, count=session.n_strange)
        previous = self._table.sessions.get(node)
        if previous is not None:
            session.last_at_us = previous.last_at_us
            session.next_round = previous.next_round
        # a birth belongs behind all that came before it, and a controller occurs in each round at most once
        session.next_round = max(session.next_round, result.ended.pop(node, 0), len(result.rounds) - 1)
        if self._table.other_births.add_birth(session, previous):
            self._table.tell_two_agents(node, f"epoch {session.epoch} is back after another one")
        self._table.set(session)
        if session.epoch and session.sequence is not None and session.pending is not None:
            ranges = self._numbers.ranges_at_birth(session, session.sequence, session.pending)
            if (
                session.sequence < ranges.complete_to
            ):  # a copy of the outbox: no number tells its records from the others'
                self._table.tell_two_agents(
                    node, f"its newest record is {session.sequence}, and {ranges.complete_to} is taken"
                )
            ranges.acknowledged = -1
            if self._table.is_registered(node) or not ranges.is_empty:
                result.touched[node, session.epoch] = ranges
        if session.controller < self._table.directory.controllers.n_register:
            at_us = session.at_ms * 1000
            if not 0 < at_us < result.limit.latest_us(at_us):
                at_us = result.now_us or 0
            else:
                at_us -= self._table.clocks.ahead_us(node)
            result.events.append((session.next_round, SessionEvent(session.controller, True, at_us)))
        self.newborn.append(session)

    def _born(self, node: str, payload: bytes, result: IntakeResult) -> Session | None:
        """The session that a birth describes; None = the birth is invalid, and the reason was reported."""
        if not self._admit(node, payload):
            return None
        try:
            return parse_birth(node, payload, self._table.directory)
        except FullError as error:
            self._table.expect_renewal()
            self._table.complain("full", node, str(error))
            self._commands.ask_rebirth(node)
            return None
        except ForeignBirthError:
            self._table.strangers.add_foreign(node)
            text = f"{node}: its birth has no Outbox/Epoch: another system's node, left alone"
            self._table.complain("foreign", node, text)
        except BirthError as error:
            self._table.complain("birth", node, str(error)[:500])
            is_stranger = not self._table.is_registered(node)
            text = str(error)[:500]
            now_us = result.now_us or 0
            self._dead_letters.add(f"NBIRTH/{node}", "birth", text, payload, now_us, is_stranger=is_stranger)
        if self._table.is_registered(node):
            if (
                node in self._is_asked
            ):  # births that nobody asked for may be a forger's, who is not to have it left alone
                self._is_asked.discard(node)
                self._n_in_vain[node] = self._n_in_vain.get(node, 0) + 1
        elif node not in self._table.sessions:
            self._table.forget_stranger(node)
        return None

    def _admit(self, node: str, payload: bytes) -> bool:
        """Whether to accept a birth; births of controllers outside of the register are limited in number and size."""
        if self._table.is_registered(node) or b"Outbox/Epoch" not in payload:
            return True
        if len(payload) > MAX_UNKNOWN_BIRTH:
            self._table.complain(
                "unknown_controller", node, f"{node}: is in no register, and its birth is too large to be kept"
            )
            return False
        is_admitted, gone = self._table.strangers.admit(node)
        if gone is not None and gone in self._table.sessions and not self._table.is_registered(gone):
            self._table.end(self._table.sessions[gone])
        if not is_admitted:
            text = f"{node}: is in no register, and {MAX_UNKNOWN} such controllers are heard already; it is left alone"
            self._table.complain("unknown_controller", node, text)
        return is_admitted

    def ask(self, node: str) -> None:
        """Request the birth of a node that sent data without a session; the wait doubles while no answer is valid."""
        if self._table.is_registered(node):
            n_in_vain = self._n_in_vain.get(node, 0)
            if self._commands.ask_rebirth(node, min(REBIRTH_INTERVAL_S * 2.0 ** min(n_in_vain, 10), LONGEST_WAIT_S)):
                self._is_asked.add(node)
        elif self._table.strangers.is_foreign(node):
            self._table.complain("foreign", node, f"{node}: data of another system's node")
        elif self._table.strangers.may_ask(node):
            self._commands.ask_rebirth(node)

    def take_death(self, node: str, payload: bytes, result: IntakeResult) -> None:
        """End a session by its NDEATH; the NDEATH of an older connection is reported and ignored."""
        session = self._table.sessions.get(node)
        if session is None:
            return
        try:
            death = decode_payload(payload[: MAX_DEATH + 1])  # cut, a longer one is broken
        except WireError as error:
            self._table.complain("death", node, f"NDEATH of {node}: {error}")
            return
        numbers = [m.value for m in death.metrics if m.name == "bdSeq"]
        if session.bd_seq is not None and numbers and numbers[0] != session.bd_seq:
            if self._table.other_births.end(node, numbers[0]):
                return
            self._table.complaints.add(
                "stale_death", node, f"NDEATH of {node} is of session {numbers[0]!r}, not {session.bd_seq}"
            )
            return
        self._table.last_seen_us[node] = session.last_at_us
        self._table.end(session)
        at_us = (death.timestamp_ms or 0) * 1000
        if not session.last_at_us < at_us < result.limit.latest_us(at_us):
            at_us = 0  # "now", which only the rounds before it can tell
        else:
            at_us -= self._table.clocks.ahead_us(
                node
            )  # by a clock that is minutes behind, every death would be an old one
        number = result.ended[node] = max(session.next_round, len(result.rounds) - 1)
        if session.controller < self._table.directory.controllers.n_register:
            result.events.append((number, SessionEvent(session.controller, False, at_us)))
