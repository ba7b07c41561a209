"""Thins an InfluxDB bucket's old readings, an hour of them at a time (``ingest.schema.influx_thinning``).

Does nothing where an administrator has not made the policy for the means: then the bucket keeps what it keeps.

An hour that the server does not thin in time is thinned in halves, or quarters. What it has done, or still does, of a
statement whose answer nobody waits for any more is no harm: the same means come again and lie on themselves.
"""

from __future__ import annotations

import time
from typing import Final

import pyarrow as pa
import structlog

from ingest.errors import StoreSlowError
from ingest.schema.influx import CABINETS, select
from ingest.schema.influx_thinning import (
    HOUR_NS,
    POLICY,
    THIN_S,
    full_days,
    policies_statement,
    progress_line,
    progress_statement,
    thin_statements,
)
from ingest.telemetry.influx_link import InfluxLink

_SHORTEST_NS: Final = THIN_S * 1_000_000_000  # half a quarter's readings would make another mean than all of them
_PATIENCE_S: Final = 30.0
_LAST_PATIENCE_S: Final = 240.0  # with the shortest stretch; the nginx of deploy/ waits 300 s
_QUICK_S: Final = 5.0  # a stretch that took no longer may be twice as long the next time


class Thinning:
    """One bucket's."""

    def __init__(self, link: InfluxLink, bucket: str, full_resolution_days: int) -> None:
        """Nothing is asked yet."""
        self._link, self._bucket = link, bucket
        self._full_hours = full_days(full_resolution_days) * 24
        self._hours: int | None = None
        self._at_ns = 0  # thinned up to here, within an hour that is noted only when it is whole
        self._stretch_ns = HOUR_NS
        self._log = structlog.get_logger("telemetry")

    def step(self, now_us: int) -> bool:
        """Thin the next hour that is old enough, or a stretch of it; says whether there was one.

        Raises:
            StoreUnavailableError: the server does not answer, or not in time; nothing is lost by that.
        """
        end = now_us * 1000 // HOUR_NS - self._full_hours
        if self._hours is not None and self._hours >= end:
            return False
        if not self._is_wanted():
            return False
        if self._at_ns % HOUR_NS == 0 and not self._find_hour(self._progress(), end):
            return False
        if self._thin_stretch() and self._at_ns % HOUR_NS == 0:
            hours = self._at_ns // HOUR_NS
            self._link.write(pa.array([progress_line(hours, now_us * 1000)], pa.string()), may_refuse=False)
            self._hours = hours
        return True

    def _find_hour(self, done: int, end: int) -> bool:
        """Go to the first hour with readings, of those from ``done`` up to ``end``; says whether there is one."""
        during = f"time >= {done * HOUR_NS} AND time < {end * HOUR_NS}"
        oldest = self._link.ask(select(CABINETS, ("sequence",), during, "ORDER BY time LIMIT 1"))
        if not oldest:
            self._hours = max(done, end)
            return False
        self._at_ns = int(oldest[0].columns["time"][0]) // HOUR_NS * HOUR_NS
        return True

    def _thin_stretch(self) -> bool:
        """Thin the next stretch of the hour, or find out that it has to be shorter; says whether it is thinned."""
        is_shortest = self._stretch_ns == _SHORTEST_NS
        end_ns = min(self._at_ns + self._stretch_ns, (self._at_ns // HOUR_NS + 1) * HOUR_NS)
        began = time.monotonic()
        try:
            for statement in thin_statements(self._at_ns, end_ns):
                self._link.ask(statement, _LAST_PATIENCE_S if is_shortest else _PATIENCE_S)
        except StoreSlowError as error:
            if is_shortest:
                raise
            self._stretch_ns //= 2
            minutes = self._stretch_ns // 60_000_000_000
            self._log.warning("thinning takes long; shorter stretches", minutes=minutes, reason=str(error))
            return False
        self._at_ns = end_ns
        if time.monotonic() - began < _QUICK_S:
            self._stretch_ns = min(self._stretch_ns * 2, HOUR_NS)
        return True

    def _is_wanted(self) -> bool:
        found = self._link.ask(policies_statement(self._bucket))
        return any(POLICY in series.columns.get("name", []) for series in found)

    def _progress(self) -> int:
        if self._hours is None:
            found = self._link.ask(progress_statement())
            self._hours = int(found[0].columns["hours"][0]) if found else 0
            if not found:
                self._log.info("readings are thinned", after_days=self._full_hours // 24, policy=POLICY)
        return self._hours
