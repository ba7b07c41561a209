"""What every test may lean on: the machine's real servers, the reference data, an honest account of what was left out.

A real component that is missing skips its tests with its name; the closing lines of the run list them. With CI=true a
missing component is a failure.
"""

import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.influx_server import InfluxServer
from tests.postgresql_server import PostgresqlServer

REPOSITORY = Path(__file__).parents[1]
SBIN = ("/usr/sbin", "/usr/local/sbin", "/sbin")  # not on every user's PATH
LEFT_OUT = "left out: "

# Debian package: the program that the tests start.
PROGRAMS = {
    "mosquitto": "mosquitto",
    "postgresql": "initdb",
    "nginx-light": "nginx",
    "chromium": "chromium",
    "influxdb": "influxd",
    "gdal-bin": "ogr2ogr",
    "systemd": "systemd-analyze",
}


def is_ci() -> bool:
    return os.environ.get("CI") == "true"


def leave_out(reason: str) -> None:
    if is_ci():
        pytest.fail(f"{reason}, and in CI every suite has to run", pytrace=False)
    pytest.skip(LEFT_OUT + reason)


def find_program(package: str) -> Path | None:
    folders = [*os.environ.get("PATH", "").split(os.pathsep), *SBIN]
    if package == "postgresql":  # Debian keeps each version's programs in a folder of their own
        newest_first = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: -int(p.parent.name))
        folders = [*map(str, newest_first), *folders]
    found = shutil.which(PROGRAMS[package], path=os.pathsep.join(folders))
    return Path(found) if found else None


@pytest.fixture(scope="session")
def require_debian() -> Callable[[str], Path]:
    """Path of a Debian package's program (for PostgreSQL its `initdb`); leaves the test out where there is none."""

    def require(package: str) -> Path:
        program = find_program(package)
        if program is None:
            leave_out(f"Debian package {package} is not installed")
        assert program is not None
        return program

    return require


@pytest.fixture(scope="session")
def give_up() -> Callable[[str], None]:
    """Leave the test out for a reason that this machine gives; in CI that is a failure."""
    return leave_out


@pytest.fixture(scope="session")
def postgresql(require_debian: Callable[[str], Path]) -> Iterator[PostgresqlServer]:
    """A real PostgreSQL, one for all of a test process; each test takes a database of its own."""
    server = PostgresqlServer(require_debian("postgresql"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def influx(require_debian: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[InfluxServer]:
    """A real InfluxDB, one for all of a test process; each test takes a bucket of its own."""
    server = InfluxServer(require_debian("influxdb"), require_debian("nginx-light"), tmp_path_factory.mktemp("influx"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind that a city may keep its register and faults in."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/terang.db"
    server: PostgresqlServer = request.getfixturevalue("postgresql")
    return server.make_schema()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of reference registers, frames and schemas; leaves the test out where there is none."""
    folder = Path(os.environ.get("TERANG_SHARED_DATA", REPOSITORY / ".." / "shared" / "data")).resolve()
    if not folder.is_dir():
        leave_out(f"the reference data is not at {folder}")
    return folder


def pytest_itemcollected(item: pytest.Item) -> None:
    """Keep tests that share a fixture of their file on one worker, which then makes it once and not on each."""
    fixtures = item._fixtureinfo.name2fixturedefs.values() if isinstance(item, pytest.Function) else ()
    is_shared = any(found[-1].scope == "module" for found in fixtures)
    if is_shared and item.get_closest_marker("xdist_group") is None:
        item.add_marker(pytest.mark.xdist_group(item.path.relative_to(REPOSITORY).as_posix()))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name what this machine could not run, once per reason."""
    reasons = Counter(
        report.longrepr[2].removeprefix("Skipped: ").removeprefix(LEFT_OUT)
        for report in terminalreporter.stats.get("skipped", [])
        if isinstance(report.longrepr, tuple)
    )
    if reasons:
        terminalreporter.section("left out on this machine")
        for reason, n_tests in sorted(reasons.items()):
            terminalreporter.line(f"{n_tests:4d}  {reason}")
