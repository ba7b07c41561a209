"""Sends dim commands from the database to the agents, and tracks their confirmation by the lamps.

queued -> sent -> confirmed or failed. A command is sent to each controller when it is online, once per process (a
repeat changes nothing), and confirmed by ``Lamps/Dim Level`` of the sweeps that follow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import structlog
from sqlalchemy import Engine, select, update
from sqlalchemy.exc import SQLAlchemyError

from edge_agent.wire import COMMAND_LEAVE, COMMAND_SCHEDULE, DataType, Metric
from ingest.model.block import Block
from ingest.model.fleet import Fleet
from ingest.schema import tables
from ingest.schema.orders import MAX_DIM_DAYS
from ingest.sparkplug.host_application import HostApplication

_POLL_S: Final = 0.5
_PATIENCE_S: Final = 600.0
_MOST_OPEN: Final = 1000  # commands under way; the others wait their turn
_LONGEST_US: Final = MAX_DIM_DAYS * 86_400_000_000
_DEFAULT_UNTIL_US: Final = 12 * 3_600_000_000  # a command without end lasts for the night


@dataclass(slots=True)
class _Open:
    """One command under way: lamps by fleet number."""

    level: int | None
    until_us: int | None
    since: float
    unsent: dict[str, list[int]]
    unproved: set[int] = field(default_factory=set)
    n_lamps: int = 0
    n_proved: int = 0
    sent_ms: int = 0


class CommandJob:
    """A job of intake and a listener for stored blocks."""

    def __init__(
        self,
        engine: Engine,
        host: HostApplication,
        fleet: Fleet,
        monotonic: Callable[[], float],
        wall_ms: Callable[[], int],
    ) -> None:
        """Commands that are not finished in the database are resumed."""
        self._engine = engine
        self._host = host
        self.fleet = fleet
        self._monotonic = monotonic
        self._wall_ms = wall_ms
        self._open: dict[str, _Open] = {}
        self._polled_at = 0.0
        self._log = structlog.get_logger("ingest")

    def run(self, now_us: int) -> None:
        """Take up new commands, send what can be sent, close what is done."""
        now = self._monotonic()
        if now - self._polled_at < _POLL_S:
            return
        self._polled_at = now
        try:
            self._take_up(now)
            for command_id, command in list(self._open.items()):
                self._work(command_id, command, now, now_us)
        except SQLAlchemyError as error:
            self._log.warning("commands are delayed: the database does not answer", reason=str(error).splitlines()[0])

    def _take_up(self, now: float) -> None:
        commands = tables.commands.c
        with self._engine.connect() as connection:
            rows = connection.execute(
                select(commands.id, commands.lamp_ids, commands.level, commands.until_us)
                .where(
                    commands.state.in_(("queued", "sent")), commands.kind == "dim", commands.id.not_in(list(self._open))
                )
                .order_by(commands.id)
                .limit(_MOST_OPEN - len(self._open))
            ).all()
        for row in rows:
            unsent: dict[str, list[int]] = {}
            for lamp_id in row.lamp_ids:
                lamp = self.fleet.lamp_index.get(lamp_id, -1)
                controller = int(self.fleet.lamp_controller[lamp]) if lamp >= 0 else -1
                if controller >= 0:
                    unsent.setdefault(self.fleet.controller_ids[controller], []).append(lamp)
            n_lamps = sum(map(len, unsent.values()))
            self._open[row.id] = _Open(row.level, row.until_us, now, unsent, n_lamps=n_lamps)

    def _work(self, command_id: str, command: _Open, now: float, now_us: int) -> None:
        if command.until_us is not None and now_us and command.until_us > now_us + _LONGEST_US:
            self._fail(command_id, command, "until_out_of_range", now_us)
            return
        was_sent = not command.unsent
        for node in [node for node in command.unsent if node in self._host.sessions]:
            self._send(node, command, now_us)
        if command.n_lamps == 0:
            self._finish(command_id, "failed", {"reason": "no_controller"}, now_us)
        elif not command.unsent and not command.unproved:
            self._finish(command_id, "confirmed", {"lamps": command.n_proved}, now_us)
        elif command.until_us is not None and now_us and command.until_us <= now_us:
            self._fail(command_id, command, "time_over", now_us)
        elif now - command.since > _PATIENCE_S:
            reason = "controller_offline" if command.unsent else "lamps_do_not_follow"
            self._fail(command_id, command, reason, now_us)
        elif not command.unsent and not was_sent:
            self._write(command_id, "sent", {"lamps": command.n_lamps}, now_us)

    def _send(self, node: str, command: _Open, now_us: int) -> None:
        session = self._host.sessions[node]
        lamps = command.unsent.pop(node)
        ids = {str(self.fleet.lamp_ids[lamp]) for lamp in lamps}
        word = COMMAND_SCHEDULE if command.level is None else command.level
        levels = bytes(word if lamp_id in ids else COMMAND_LEAVE for lamp_id in session.lamp_ids)
        until_us = command.until_us if command.until_us is not None else now_us + _DEFAULT_UNTIL_US
        metrics = (
            Metric(levels, name="Lamps/Dim Command", datatype=DataType.UINT8_ARRAY),
            Metric(until_us // 1000, name="Lamps/Dim Until", datatype=DataType.DATE_TIME),
        )
        self._host.commands.add(node, metrics)
        listed = set(session.lamp_ids)
        command.unproved.update(lamp for lamp in lamps if self.fleet.lamp_ids[lamp] in listed)
        command.sent_ms = self._wall_ms()

    def hear(self, block: Block) -> None:
        """Hold the levels of a stored block against the commands under way."""
        if not any(command.unproved for command in self._open.values()):
            return
        batch = block.batch
        is_live = np.repeat(~batch.is_historical, np.diff(batch.lamp_start))
        for command in self._open.values():
            wanted = np.fromiter(command.unproved, np.int32)
            rows = np.flatnonzero(np.isin(batch.lamp, wanted) & is_live)
            lamps, levels = batch.lamp[rows], batch.level[rows]
            if command.level is not None:
                on_or_off = np.where(self.fleet.is_dimmable[lamps], command.level, 100 if command.level else 0)
                lamps = lamps[levels == on_or_off]
            proved = set(lamps.tolist())
            command.n_proved += len(proved & command.unproved)
            command.unproved -= proved

    def _fail(self, command_id: str, command: _Open, reason: str, now_us: int) -> None:
        open_lamps = [lamp for lamps in command.unsent.values() for lamp in lamps] + sorted(command.unproved)
        names = [str(self.fleet.lamp_ids[lamp]) for lamp in open_lamps[:1000]]
        result = {"reason": reason, "lamps": command.n_proved, "open_lamp_ids": names}
        self._finish(command_id, "failed", result, now_us)

    def _finish(self, command_id: str, state: str, result: dict[str, Any], now_us: int) -> None:
        self._write(command_id, state, result, now_us)
        del self._open[command_id]

    def _write(self, command_id: str, state: str, result: dict[str, Any], now_us: int) -> None:
        table = tables.commands
        values = {"state": state, "result": result, "updated_at_us": now_us}
        with self._engine.begin() as connection:
            connection.execute(update(table).where(table.c.id == command_id).values(values))

    def replace_fleet(self, fleet: Fleet) -> None:
        """Another register: what is under way is looked up anew."""
        self.fleet = fleet
        self._open.clear()
