"""Thins an InfluxDB bucket's old readings, an hour of them at a time (``ingest.schema.influx_thinning``).

Does nothing where an administrator has not made the policy for the means: then the bucket keeps what it keeps.
"""

from __future__ import annotations

import pyarrow as pa
import structlog

from ingest.schema.influx import CABINETS, select
from ingest.schema.influx_thinning import (
    HOUR_NS,
    POLICY,
    full_days,
    policies_statement,
    progress_line,
    progress_statement,
    thin_statements,
)
from ingest.telemetry.influx_link import InfluxLink


class Thinning:
    """One bucket's."""

    def __init__(self, link: InfluxLink, bucket: str, full_resolution_days: int) -> None:
        """Nothing is asked yet."""
        self._link, self._bucket = link, bucket
        self._full_hours = full_days(full_resolution_days) * 24
        self._hours: int | None = None
        self._log = structlog.get_logger("telemetry")

    def step(self, now_us: int) -> bool:
        """Thin the next hour that is old enough; says whether there was one.

        Raises:
            StoreUnavailableError: the server does not answer, or not in time; nothing is lost by that.
        """
        end = now_us * 1000 // HOUR_NS - self._full_hours
        if self._hours is not None and self._hours >= end:
            return False
        if not self._is_wanted():
            return False
        done = self._progress()
        oldest = self._link.ask(
            select(
                CABINETS, ("sequence",), f"time >= {done * HOUR_NS} AND time < {end * HOUR_NS}", "ORDER BY time LIMIT 1"
            )
        )
        if not oldest:
            self._hours = max(done, end)
            return False
        hour = int(oldest[0].columns["time"][0]) // HOUR_NS
        for statement in thin_statements(hour * HOUR_NS, (hour + 1) * HOUR_NS):
            self._link.ask(statement)
        self._link.write(pa.array([progress_line(hour + 1, now_us * 1000)], pa.string()), may_refuse=False)
        self._hours = hour + 1
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
