"""How old what the API shows is, for Prometheus; computed when it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from math import nan

from prometheus_client import CollectorRegistry, Gauge


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
