"""The telemetry store at the start of ingest: opened in a thread while the rest starts, with what it has stored."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor

from ingest.metrics import Metrics
from ingest.model.received_ranges import StoredRanges
from ingest.schema.city import City
from ingest.telemetry.damaged_files import DamagedFiles
from ingest.telemetry.opening import open_store
from ingest.telemetry.store import TelemetryStore


def open_counted(city: City, metrics: Metrics, damaged: DamagedFiles) -> tuple[TelemetryStore, list[StoredRanges]]:
    """Open the store of a city, and read which records it has."""
    store = open_store(city, count_refused=metrics.refused_lines.inc, damaged=damaged)
    try:
        return store, store.received()
    except BaseException:
        store.close()
        raise


def close_opened(opener: ThreadPoolExecutor, opening: Future[tuple[TelemetryStore, list[StoredRanges]]]) -> None:
    """Close the store as soon as it is open, if it opens at all."""
    opener.shutdown()
    if opening.exception() is None:
        opening.result()[0].close()
