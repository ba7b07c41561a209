"""How old what the API shows is, and what of it cannot be read, for Prometheus; computed when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import nan

from prometheus_client import CollectorRegistry, Gauge

from dashboard_api.errors import RequestError


def add_age_metrics(
    registry: CollectorRegistry,
    picture_age_s: Callable[[], float | None],
    newest_record_age_s: Callable[[], float | None],
) -> None:
    """Register the ages of the live picture and of its newest reading [s]; NaN where there is none."""

    def figure(age_s: Callable[[], float | None]) -> Callable[[], float]:
        def read() -> float:
            found = age_s()
            return nan if found is None else found

        return read

    picture = Gauge(
        "terang_api_live_picture_age_seconds", "Since ingest wrote the live picture that is shown", registry=registry
    )
    picture.set_function(figure(picture_age_s))
    record = Gauge(
        "terang_api_newest_record_age_seconds", "Age of the newest reading of the live picture", registry=registry
    )
    record.set_function(figure(newest_record_age_s))


def add_unreadable_metric(registry: CollectorRegistry, checks: Mapping[str, Callable[[], object]]) -> None:
    """Register which stores cannot be read: 1 for each of ``checks`` that raises a `RequestError` or returns a text."""
    gauge = Gauge("terang_api_unreadable", "1 = this cannot be read", ("store",), registry=registry)

    def figure(check: Callable[[], object]) -> Callable[[], float]:
        def read() -> float:
            try:
                return float(isinstance(check(), str))
            except RequestError:
                return 1.0

        return read

    for store, check in checks.items():
        gauge.labels(store).set_function(figure(check))
