"""Opens the telemetry store that ``city.toml`` names."""

from __future__ import annotations

from ingest.errors import UnusableError
from ingest.schema.city import City
from ingest.schema.errors import CityError
from ingest.schema.influx import parse_address
from ingest.telemetry.compaction import Policy
from ingest.telemetry.influx import InfluxStore
from ingest.telemetry.parquet import ParquetStore
from ingest.telemetry.store import TelemetryStore


def open_store(city: City, *, is_reader: bool = False) -> TelemetryStore:
    """The store of a city; a reader leaves everything as it is.

    Raises:
        UnusableError: the folder cannot be used, the address or its token is not to be had.
        StoreUnavailableError: the server does not answer, or refuses us.
    """
    url = city.telemetry.url
    if url.startswith("parquet:"):
        path = city.folder / url.removeprefix("parquet:")
        try:
            policy = Policy(city.telemetry.full_resolution_days, city.telemetry.retention_days)
            return ParquetStore(path, policy, is_reader=is_reader)
        except OSError as error:
            raise UnusableError(f"{path}: {error.strerror}") from error
    if url.startswith("influxdb:"):
        try:
            return InfluxStore(parse_address(url), city.telemetry_token(), city.data_folder)
        except CityError as error:
            raise UnusableError(str(error)) from error
    raise UnusableError(f"[telemetry] url: {url!r} is neither parquet: nor influxdb://")
