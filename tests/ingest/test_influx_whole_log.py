"""A log of InfluxDB that is torn at its end: cut by deploy/'s script, the server forgets nothing that it confirmed."""

from __future__ import annotations

import importlib.util
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from tests.influx_server import REPOSITORY, InfluxServer

SCRIPT = REPOSITORY / "deploy" / "influxdb1_whole_log.py"
T0_NS = 1_700_000_000_000_000_000
HEAD = 5

_spec = importlib.util.spec_from_file_location("whole_log", SCRIPT)
assert _spec is not None
assert _spec.loader is not None
whole_log = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(whole_log)


class Server:
    """A server of its own, whose log is torn."""

    def __init__(self, influx: InfluxServer, folder: Path) -> None:
        self._influx, self._folder = influx, folder
        influx.new_bucket("b")
        self._n = 0

    def write(self, n: int) -> None:
        """So many points, each confirmed by itself."""
        for _ in range(n):
            self._n += 1
            self._influx.write(f"lamps,lamp_id=L{self._n} power_w={self._n}.5,quality=1i {T0_NS + self._n}\n", "b")

    def lamps(self) -> set[str]:
        return {series["tags"]["lamp_id"] for series in self._influx.ask("SELECT * FROM lamps GROUP BY lamp_id", "b")}

    def stop(self) -> None:
        self._influx.stop("influxd")

    def start(self) -> None:
        self._influx.start("influxd")

    def log(self) -> Path:
        (path,) = (self._folder / "wal" / "b").rglob("_*.wal")
        return path

    def mend(self) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(SCRIPT), str(self._folder / "wal")]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def server(require_debian: Callable[[str], Path], tmp_path: Path) -> Iterator[Server]:
    influx = InfluxServer(require_debian("influxdb"), require_debian("nginx-light"), tmp_path)
    influx.start()
    yield Server(influx, tmp_path)
    influx.stop()


def last_entry(log: bytes) -> int:
    at = 0
    while (end := whole_log.end_of_entry(log, at)) < len(log):
        assert end > at
        at = end
    return at


def torn(log: bytes, how: str) -> bytes:
    at = last_entry(log)
    return {
        "in its body": log[:-7],
        "in its head": log[: at + 3],
        "to zeros": log[: at + HEAD + 4] + bytes(len(log) - at - HEAD - 4),  # the length was on the disk, the data not
        "to nothing but zeros": log[:at] + bytes(4096),
    }[how]


@pytest.mark.parametrize("how", ["in its body", "in its head", "to zeros", "to nothing but zeros"])
def test_a_torn_log_that_was_cut_before_the_start_costs_nothing_confirmed_after_it(server: Server, how: str) -> None:
    server.write(10)
    whole = server.lamps()
    server.write(1)  # this one is on its way when the power goes
    server.stop()
    server.log().write_bytes(torn(server.log().read_bytes(), how))
    reported = server.mend()
    assert (reported.returncode, reported.stdout.count("bytes that are no whole entry removed")) == (0, 1), reported
    server.start()
    assert server.lamps() == whole
    server.write(10)
    confirmed = server.lamps()
    assert len(confirmed) == 20
    server.stop()
    assert server.mend().stdout == ""
    server.start()
    assert server.lamps() == confirmed


@pytest.mark.parametrize("n_before", [0, 10])
def test_a_hole_from_a_start_without_the_cut_is_closed(server: Server, n_before: int) -> None:
    server.write(n_before + 1)
    server.stop()
    server.log().write_bytes(torn(server.log().read_bytes(), "in its body"))
    server.start()
    server.write(10)
    confirmed = server.lamps()
    assert len(confirmed) == n_before + 10
    server.stop()
    owner = server.log().stat()
    assert "removed" in server.mend().stdout
    after = server.log().stat()
    assert (after.st_uid, after.st_gid, after.st_mode) == (owner.st_uid, owner.st_gid, owner.st_mode)
    assert [path.name for path in server.log().parent.iterdir()] == [server.log().name]
    server.start()
    assert server.lamps() == confirmed, "without closing it the server drops all that stands behind the hole"


def test_a_whole_log_stays_as_it_is_and_one_in_use_is_not_touched(server: Server) -> None:
    server.write(5)
    reported = server.mend()
    assert (reported.returncode, reported.stdout) == (1, "")
    assert "InfluxDB runs on this log" in reported.stderr
    server.stop()
    before = server.log().read_bytes(), server.log().stat().st_mtime_ns
    reported = server.mend()
    assert (reported.returncode, reported.stdout, reported.stderr) == (0, "", "")
    assert (server.log().read_bytes(), server.log().stat().st_mtime_ns) == before


def entry(body: bytes, kind: int = 1) -> bytes:
    return bytes([kind]) + len(body).to_bytes(4, "big") + body


@pytest.mark.parametrize("seed", range(20))
def test_whatever_is_cut_or_zeroed_whole_entries_stay_and_nothing_else(seed: int, tmp_path: Path) -> None:
    rng = random.Random(seed)
    entries = []
    for _ in range(rng.randint(1, 6)):
        plain = b"".join(
            rng.choice([b"lamps,lamp_id=L", rng.randbytes(9), bytes(40)]) for _ in range(rng.randint(1, 300))
        )
        body = pa.compress(plain, codec="snappy", asbytes=True)
        assert whole_log.is_block(body)
        assert not whole_log.is_block(body[: rng.randrange(len(body))])
        entries.append(entry(body, rng.randint(1, 3)))
    n_cut = rng.randint(1, len(entries[-1]) - 1)
    zeros = bytes(n_cut)
    path = tmp_path / "_00001.wal"
    whole, last = b"".join(entries[:-1]), entries[-1]
    for log, mended in (
        (whole + last, whole + last),
        (whole + last[:n_cut], whole),
        (whole + zeros, whole),
        (whole + zeros + last, whole + last),
        (zeros + whole + zeros + last + last[:n_cut], whole + last),
        (whole + b"\x09" + last, whole),
        (b"", b""),
    ):
        path.write_bytes(log)
        assert whole_log.mend(path) == len(log) - len(mended)
        assert path.read_bytes() == mended
