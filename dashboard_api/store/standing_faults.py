"""Faults that stand, as the lamps' states need them: read anew only where a row has changed."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from sqlalchemy import bindparam, func, select

from dashboard_api.live.lamp_states import COUNTED_CODES, DARK_CODES, SILENT_CODES, StandingFault
from dashboard_api.store.engine import Database
from dashboard_api.store.register_rows import LampColumns
from ingest.schema.tables import FAULT_IS_OPEN, fault_events, faults, register

_CODES: Final = sorted(DARK_CODES | SILENT_CODES | COUNTED_CODES)
_CHUNK: Final = 500
_NEWEST: Final = select(func.coalesce(func.max(fault_events.c.seq), 0)).scalar_subquery()
_MARKS: Final = select(_NEWEST.label("seq"), select(register.c.version).limit(1).scalar_subquery().label("version"))
# answered from the index of open faults by code alone: suppressed ones count too, their lamps are as dark
_LISTED: Final = select(faults.c.id, faults.c.revision).where(FAULT_IS_OPEN, faults.c.code.in_(_CODES))
_READ: Final = select(
    faults.c.id,
    faults.c.revision,
    faults.c.code,
    faults.c.lamp_ids,
    faults.c.evidence,
).where(faults.c.id.in_(bindparam("ids", expanding=True)))


def marks(database: Database) -> tuple[int, int]:
    """``(number of the newest event, version of the register in force)``, 0 where there is none.

    Raises:
        UnavailableError: the database does not answer.
    """
    with database.reading() as connection:
        row = connection.execute(_MARKS).one()
        return int(row.seq), int(row.version or 0)


class StandingFaults:
    """Keeps what was read of each fault that stands, by its revision; safe to call from several threads."""

    def __init__(self, database: Database) -> None:
        """Over ``database``."""
        self._database = database
        self._lock = threading.Lock()
        self._version = -1
        self._kept: dict[str, tuple[int, StandingFault | None]] = {}
        self._generation = 0

    def read(self, lamps: LampColumns) -> tuple[int, list[StandingFault]]:
        """Every fault that stands and says something about the light of lamps, and a number that names this list.

        The number stays where only something else of the faults has changed, such as who acknowledged one.

        Raises:
            UnavailableError: the database does not answer.
        """
        with self._lock:
            if self._version != lamps.version:
                self._kept, self._version = {}, lamps.version
                self._generation += 1
            with self._database.reading() as connection:
                listed = {row.id: row.revision for row in connection.execute(_LISTED)}
                kept = {key: entry for key, entry in self._kept.items() if listed.get(key) == entry[0]}
                missing = [key for key in listed if key not in kept]
                for start in range(0, len(missing), _CHUNK):
                    for row in connection.execute(_READ, {"ids": missing[start : start + _CHUNK]}):
                        kept[row.id] = (row.revision, _standing(row, lamps))
            if kept.keys() != self._kept.keys() or any(
                not _is_same(kept[key][1], self._kept[key][1]) for key in missing if key in kept
            ):
                self._generation += 1
            self._kept = kept
            return self._generation, [fault for _revision, fault in kept.values() if fault is not None]


def _is_same(one: StandingFault | None, other: StandingFault | None) -> bool:
    if one is None or other is None:
        return one is other
    return (one.code, one.n_dark) == (other.code, other.n_dark) and np.array_equal(one.rows, other.rows)


def _standing(row: Any, lamps: LampColumns) -> StandingFault | None:
    """The fault by register rows; None where it says nothing about light."""
    evidence: Mapping[str, Any] = row.evidence
    if row.code == "contactorFailure" and evidence.get("kind") == "stuck_on":
        return None
    known = [lamps.row_of[lamp_id] for lamp_id in row.lamp_ids if lamp_id in lamps.row_of]
    rows = np.array(known, np.int64)
    if row.code not in COUNTED_CODES:
        return StandingFault(row.code, rows)
    n_dark = evidence.get("lamps_dark")
    is_number = isinstance(n_dark, int) and not isinstance(n_dark, bool) and n_dark > 0
    return StandingFault(row.code, rows, n_dark) if is_number else None
