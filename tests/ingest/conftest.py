"""A real InfluxDB for the tests that want one, one for all of a worker's tests; each takes a bucket of its own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.ingest.influx_server import InfluxServer


@pytest.fixture(scope="session")
def influx(require_debian: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[InfluxServer]:
    server = InfluxServer(require_debian("influxdb"), require_debian("nginx-light"), tmp_path_factory.mktemp("influx"))
    server.start()
    yield server
    server.stop()
