"""Faults that only citizens can see: of lamps without a meter. Their source is ``citizen``.

A report of such a lamp opens a fault, as detection would of a metered lamp; one that stands on its circuit or cabinet
takes the report. Nothing measures whether a repair held: a repaired fault closes after ``reopen_within`` without
another report, and reopens with one. Detection never hears of these faults.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import structlog
from sqlalchemy import Connection, Engine, and_, func, or_, select, update
from sqlalchemy.exc import SQLAlchemyError

from ingest.errors import RetryError
from ingest.faultbook.fault import key_text, parse_key
from ingest.jobs.faults import FaultJob
from ingest.model.finding import Change, Cleared, Key, Place, Raised, StillFailing
from ingest.periodic import Every
from ingest.schema import life
from ingest.schema.report_tables import CITIZEN, FOUND_UNMETERED, reports
from ingest.schema.tables import FAULT_IS_OPEN, fault_events, faults, lamps, maintenance

_POLL_S: Final = 2.0
_PROOF_S: Final = 300.0
_MOST: Final = 200  # reports of one look
# what a reporter says is wrong, by the service codes of the interfaces that take reports -> what it is
CODE_OF_SERVICE: Final[Mapping[str, str]] = {
    "lamp-dark": "lampFailure",
    "area-dark": "lampFailure",
    "lamp-day": "lampUnexpectedOn",
    "lamp-flicker": "cyclingFailure",
}
# faults of a cabinet or a circuit that darken lamps without a meter too
_OF_CABINET: Final = ("supplyLoss", "neutralFailure", "contactorFailure")
_OF_CIRCUIT: Final = ("circuitFailure", "cableFailure", "circuitPowerTooLow")


class CitizenFaultsJob:
    """A job of intake: reports of unmetered lamps to faults, and what became of their repairs."""

    def __init__(self, engine: Engine, job: FaultJob, within_s: float, monotonic: Callable[[], float]) -> None:
        """``within_s``: a repair of which nobody reports the lamp again for so long has held."""
        self._engine = engine
        self._job = job
        self._within_us = int(within_s * 1_000_000)
        self._polling = Every(_POLL_S, monotonic, first_s=_POLL_S)
        self._proving = Every(_PROOF_S, monotonic, first_s=_POLL_S)
        self._log = structlog.get_logger("ingest")

    def run(self, now_us: int) -> None:
        """Look at the reports every two seconds, at repairs every five minutes; what fails is tried again."""
        try:
            if self._polling.take():
                self.take_reports(now_us)
            if self._proving.take():
                self.prove_repairs(now_us)
        except (SQLAlchemyError, RetryError) as error:
            self._log.warning("citizens' reports cannot be looked at", reason=(str(error).splitlines() or [""])[0])

    def take_reports(self, now_us: int) -> int:
        """Open faults for new reports of lamps without a meter. Returns how many reports were given a fault.

        Raises:
            RetryError: the database is not to be had; what was opened is found again by its place.
            sqlalchemy.exc.SQLAlchemyError: as above.
        """
        with self._engine.connect() as connection:
            rows = _new_reports(connection)
            muted = _muted(connection, rows, now_us) if rows else set()
            wanted = [row for row in rows if row.lamp_id not in muted]
            causes = {row.number: _standing_cause(connection, row) for row in wanted}
        words = _raised([row for row in wanted if causes[row.number] is None])
        if words:
            self._job.apply(list(words.values()), now_us)
        given = 0
        with self._engine.begin() as connection:
            for row in wanted:
                fault_id = causes[row.number] or _open_at(connection, words[row.lamp_id, row.service].key)
                if fault_id is not None:
                    mine = reports.c.number == row.number
                    connection.execute(update(reports).where(mine).values(fault_id=fault_id))
                    given += 1
        return given

    def prove_repairs(self, now_us: int) -> int:
        """Close or reopen repaired faults of citizens' source. Returns how many."""
        is_repair = and_(fault_events.c.fault_id == faults.c.id, fault_events.c.kind == "repair")
        repaired_us = select(func.max(fault_events.c.at_us)).where(is_repair).scalar_subquery()
        query = select(faults.c.id, faults.c.place, faults.c.evidence, repaired_us.label("repaired_us"))
        with self._engine.connect() as connection:
            rows = connection.execute(query.where(faults.c.state == life.REPAIRED)).all()
            changes: list[Change] = []
            for row in rows:
                if row.evidence.get("source") != CITIZEN or row.repaired_us is None:
                    continue
                of_fault = and_(reports.c.fault_id == row.id, reports.c.at_us > row.repaired_us)
                n = int(connection.execute(select(func.count()).select_from(reports).where(of_fault)).scalar_one())
                if n:
                    changes.append(StillFailing(parse_key(row.place), now_us, {"reports_since_repair": n}))
                elif now_us - row.repaired_us >= self._within_us:
                    changes.append(Cleared(parse_key(row.place), now_us, is_proof=False, reason="not_reported_again"))
        if changes:
            self._job.apply(changes, now_us)
        return len(changes)


def _new_reports(connection: Connection) -> Sequence[Any]:
    """Reports without a fault of lamps that have no meter, oldest first."""
    query = (
        select(
            reports.c.number, reports.c.at_us, reports.c.service, lamps.c.lamp_id, lamps.c.cabinet_id, lamps.c.circuit
        )
        .join(lamps, lamps.c.lamp_id == reports.c.lamp_id)
        .where(
            reports.c.closed_at_us.is_(None),
            reports.c.fault_id.is_(None),
            reports.c.found == FOUND_UNMETERED,
            reports.c.service.in_(CODE_OF_SERVICE),
            lamps.c.address.is_(None),
        )
    )
    return connection.execute(query.order_by(reports.c.at_us, reports.c.number).limit(_MOST)).all()


def _muted(connection: Connection, rows: Sequence[Any], now_us: int) -> set[str]:
    """Lamps that are being worked on now: nothing new opens from them."""
    windows = connection.execute(
        select(maintenance.c.cabinet_id, maintenance.c.circuit, maintenance.c.lamp_id).where(
            maintenance.c.from_us <= now_us, maintenance.c.until_us > now_us
        )
    ).all()
    return {row.lamp_id for row in rows if any(_is_in(row, window) for window in windows)}


def _is_in(row: Any, window: Any) -> bool:
    if window.lamp_id is not None:
        return bool(window.lamp_id == row.lamp_id)
    if window.cabinet_id is not None and window.cabinet_id != row.cabinet_id:
        return False
    return window.circuit is None or window.circuit == row.circuit


def _standing_cause(connection: Connection, row: Any) -> str | None:
    """The open fault of the lamp's cabinet or circuit that darkens it too, if there is one."""
    if row.cabinet_id is None or CODE_OF_SERVICE[row.service] != "lampFailure":
        return None
    of_circuit = faults.c.code.in_(_OF_CIRCUIT) & or_(faults.c.circuit.is_(None), faults.c.circuit == row.circuit)
    query = select(faults.c.id).where(
        FAULT_IS_OPEN,
        faults.c.caused_by.is_(None),
        faults.c.cabinet_id == row.cabinet_id,
        or_(faults.c.code.in_(_OF_CABINET), of_circuit),
    )
    found: str | None = connection.execute(query.order_by(faults.c.priority.desc()).limit(1)).scalar_one_or_none()
    return found


def _raised(rows: Sequence[Any]) -> dict[tuple[str, str], Raised]:
    """By lamp and service, from its first report."""
    words: dict[tuple[str, str], Raised] = {}
    for row in rows:
        key = Key(CODE_OF_SERVICE[row.service], Place(lamp_id=row.lamp_id))
        word = Raised(key, row.at_us, row.at_us, (row.lamp_id,), {"source": CITIZEN})
        words.setdefault((row.lamp_id, row.service), word)
    return words


def _open_at(connection: Connection, key: Key) -> str | None:
    is_same = faults.c.place == key_text(key)
    found: str | None = connection.execute(
        select(faults.c.id).where(is_same, FAULT_IS_OPEN).limit(1)
    ).scalar_one_or_none()
    return found
