"""Opens the telemetry store that ``city.toml`` names."""

from __future__ import annotations

from collections.abc import Callable

from ingest.errors import UnusableError
from ingest.schema.city import City
from ingest.schema.errors import CityError
from ingest.schema.influx import parse_address
from ingest.schema.safe_url import without_secrets
from ingest.telemetry.compaction import Policy
from ingest.telemetry.damaged_files import DamagedFiles
from ingest.telemetry.parquet import ParquetStore
from ingest.telemetry.store import TelemetryStore
from languages.message import Message, Plain, why


def open_store(
    city: City,
    *,
    is_reader: bool = False,
    count_refused: Callable[[int], object] = int,
    damaged: DamagedFiles | None = None,
) -> TelemetryStore:
    """The store of a city; a reader leaves everything as it is, ``count_refused`` hears of lines that a server refused.

    Parquet files that cannot be read are listed in ``damaged``.

    Raises:
        UnusableError: the folder cannot be used, the address or its token is not to be had.
        StoreUnavailableError: the server does not answer, or refuses us.
    """
    url = city.telemetry.url
    if url.startswith("parquet:"):
        path = city.folder / url.removeprefix("parquet:")
        try:
            policy = Policy(city.telemetry.full_resolution_days, city.telemetry.retention_days)
            return ParquetStore(path, policy, is_reader=is_reader, damaged=damaged)
        except OSError as error:
            raise UnusableError(Message("terminal.error.at", where=Plain(path), reason=why(error))) from error
    if url.startswith("influxdb:"):
        # its client takes a third of a second to import, which a city without such a server need not wait for
        from ingest.telemetry.influx import InfluxStore  # noqa: PLC0415

        try:
            return InfluxStore(
                parse_address(url),
                city.telemetry_token(),
                city.data_folder,
                full_resolution_days=city.telemetry.full_resolution_days,
                count_refused=count_refused,
            )
        except CityError as error:
            raise UnusableError(why(error)) from error
    raise UnusableError(Message("terminal.error.telemetry_url", url=without_secrets(url)))
