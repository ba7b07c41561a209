"""Prometheus metrics of ingest.

``Metrics`` belongs to one ingest and has its own registry; nothing is registered at import.
"""

from __future__ import annotations

import collections
import time
from typing import Final

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_MAX_STRANGERS: Final = 100  # named by reason
_MAX_SOURCES: Final = 100_000  # remembered complaints; after that a source may be logged again


class Metrics:
    """The counters of one ingest."""

    def __init__(self) -> None:
        """Make them in a registry of their own."""
        registry = self.registry = CollectorRegistry()
        self.messages = Counter("terang_ingest_messages", "MQTT messages received", ["type"], registry=registry)
        self.readings = Counter("terang_ingest_lamp_readings", "Lamp readings stored durably", registry=registry)
        self.records = Counter("terang_ingest_records", "Records stored durably", ["kind"], registry=registry)
        self.duplicates = Counter("terang_ingest_duplicates", "Duplicate records dropped", registry=registry)
        self.bad_values = Counter("terang_ingest_bad_values", "Infinite values treated as unknown", registry=registry)
        self.complaints = Counter(
            "terang_ingest_complaints", "Invalid or ignored input by reason", ["reason"], registry=registry
        )
        self.rebirths = Counter("terang_ingest_rebirth_requests", "Rebirth requests sent", registry=registry)
        self.acknowledgements = Counter("terang_ingest_acknowledgements", "Acknowledgements sent", registry=registry)
        self.refused = Counter(
            "terang_ingest_refused", "Messages dropped undecoded while the store was unavailable", registry=registry
        )
        self.refused_lines = Counter(
            "terang_ingest_refused_lines", "Lines that InfluxDB refused permanently", registry=registry
        )
        self.store_errors = Counter("terang_ingest_store_errors", "Writes that the store refused", registry=registry)
        self.newest_record_at = Gauge(
            "terang_ingest_newest_record_timestamp_seconds",
            "Time of the newest stored record; 0 = none since the start",
            registry=registry,
        )
        self.newest_record_age = Gauge(
            "terang_ingest_newest_record_age_seconds",
            "Age of the newest stored record, or the time since the start if there is none",
            registry=registry,
        )
        self._newest_record_s, self._stored_s = time.time(), 0.0
        self.newest_record_age.set_function(lambda: max(0.0, time.time() - self._newest_record_s))
        self.damaged_files = Gauge(
            "terang_ingest_damaged_files",
            "Telemetry files that cannot be read and are ignored",
            registry=registry,
        )
        self.damaged_databases = Gauge(
            "terang_ingest_damaged_databases",
            "Damaged databases that were set aside and are still there",
            registry=registry,
        )
        self.upkeep_errors = Counter(
            "terang_ingest_upkeep_errors",
            "Failed steps of merging, thinning or deletion in the store",
            registry=registry,
        )
        self.upkeep_at = Gauge(
            "terang_ingest_upkeep_last_success_timestamp_seconds",
            "Time of the last successful upkeep step, or check without work; 0 = none since the start",
            registry=registry,
        )
        self.job_errors = Counter(
            "terang_ingest_job_errors", "Failed runs of periodic jobs", ["job"], registry=registry
        )
        self.changes = Counter("terang_ingest_fault_changes", "Changes applied to the fault book", registry=registry)
        self.flush_s = Histogram(
            "terang_ingest_flush_seconds",
            "Time from a block's submission until it is durable",
            buckets=(0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30),
            registry=registry,
        )
        self.online = Gauge("terang_ingest_controllers_online", "Controllers with a session", registry=registry)
        self.waiting_bytes = Gauge(
            "terang_ingest_waiting_bytes", "Bytes received and not yet decoded", registry=registry
        )
        self.broker_up = Gauge("terang_ingest_broker_up", "1 while connected to the broker", registry=registry)

    def stored(self, newest_us: int) -> None:
        """Records were stored, the newest of this time; one from the future counts as of now."""
        now_s = time.time()
        newest_s = min(newest_us / 1e6, now_s)
        if newest_s > self._stored_s or self._stored_s > now_s:  # of the future: the clock was set back
            self._stored_s = self._newest_record_s = newest_s
            self.newest_record_at.set(newest_s)


class Complaints:
    """Counts invalid input, and logs it once per source and reason."""

    def __init__(self, metrics: Metrics) -> None:
        """Start without complaints."""
        self._metrics = metrics
        self._logged: set[tuple[str, str]] = set()
        self._n_strangers: collections.Counter[str] = collections.Counter()
        self._log = structlog.get_logger("ingest")

    def add(self, reason: str, source: str, text: str, *, count: int = 1, is_stranger: bool = False) -> None:
        """Count one complaint of a source (a controller id, mostly).

        ``is_stranger``: the source may be anybody's invention; of such ones only the first are named.
        """
        self._metrics.complaints.labels(reason).inc(count)
        if (reason, source) in self._logged:
            return
        if is_stranger:
            self._n_strangers[reason] += 1
            if self._n_strangers[reason] > _MAX_STRANGERS:
                if self._n_strangers[reason] == _MAX_STRANGERS + 1:
                    self._log.warning("more unknown sources; they are only counted", reason=reason)
                return
        if len(self._logged) >= _MAX_SOURCES:
            self._logged.clear()
        self._logged.add((reason, source))
        self._log.warning(text, reason=reason, source=source, note="logged once per source")
