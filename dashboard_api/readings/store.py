"""Readings of the telemetry store, read-only: DuckDB over ingest's Parquet segments, or InfluxQL over HTTP."""

from __future__ import annotations

from typing import Protocol

import pyarrow as pa

from dashboard_api.errors import UnusableError
from dashboard_api.readings.influx import InfluxReadings
from dashboard_api.readings.parquet import ParquetReadings
from ingest.schema.city import City
from ingest.schema.errors import CityError
from ingest.schema.influx import parse_address
from languages.message import Message, why


class ReadingStore(Protocol):
    """Answers for single lamps; ``at_us`` first, then the measured columns of ``ingest.schema.telemetry``."""

    def lamp(self, lamp_id: str, start_us: int, end_us: int, every_s: int | None) -> pa.Table:
        """A lamp's readings in ``[start_us, end_us)`` by time, averaged over ``every_s`` seconds if given.

        Raises:
            UnavailableError: the store does not answer.
        """
        ...

    def warnings(self) -> dict[str, Message]:
        """What a person should look at although the store answers, by part."""
        ...

    def close(self) -> None:
        """Close the store."""
        ...


def open_readings(city: City) -> ReadingStore:
    """The store that ``[telemetry] url`` names.

    Raises:
        UnusableError: its address is broken, or its token cannot be read.
    """
    if city.telemetry.url.startswith("influxdb:"):
        try:
            return InfluxReadings(parse_address(city.telemetry.url), city.telemetry_token())
        except CityError as error:
            raise UnusableError(why(error)) from error
    return ParquetReadings(city.folder / city.telemetry.url.removeprefix("parquet:"))
