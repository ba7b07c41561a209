"""A pipe, a folder, a giant or deep nesting in the place of a city's file: one clear error, and nothing waits."""

from __future__ import annotations

import os
import random
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from city_pki.errors import PkiError
from city_pki.issued import read_issued
from city_pki.order_keys import read_public
from city_pki.secret_file import read_secret
from dashboard_api.live.picture import LiveReader
from edge_agent.control.orders_file import HeldOrders, load_orders
from edge_agent.hardware_clock import HardwareClock
from edge_agent.status import NoStatus, read_status
from ingest.assembly import CityIngest
from ingest.city.mapping import read_mapping
from ingest.database import open_database
from ingest.errors import UnusableError
from ingest.jobs.live_snapshot import LiveSnapshot
from ingest.jobs.schedule_push import ScheduleJob
from ingest.options import Options
from ingest.pipeline.snapshots import SnapshotFile
from ingest.register.agreement import read_agreement
from ingest.register.archive import kept_registers
from ingest.register.column_cache import read_copy, write_copy
from ingest.register.sync import read_folder, sync_register
from ingest.replay import with_limits
from ingest.schema.audit_anchors import read_anchors, read_head
from ingest.schema.city import City, read_city
from ingest.schema.errors import CityError, KeyFileError
from ingest.schema.key_file import KeyFile
from ingest.schema.live import COLUMNS
from ingest.sparkplug.dead_letters import DeadLetters
from tests.ingest.city_stand import write_city
from tests.ingest.name_stand import NameStand

pytestmark = pytest.mark.timeout(20)


def pipe(path: Path) -> None:
    os.mkfifo(path)


def folder(path: Path) -> None:
    path.mkdir()


def giant(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 40)


def deep(path: Path) -> None:
    path.write_bytes(b"[" * 200_000)


def deep_in_a_table(path: Path) -> None:
    path.write_bytes(b'{"x": ' + b"[" * 50_000 + b"]" * 50_000 + b"}")


def digits(path: Path) -> None:
    path.write_bytes(b"9" * 5000)


def endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


KINDS = [pipe, folder, giant, deep, deep_in_a_table, digits, endless]


def told(path: Path) -> str | None:
    reader = LiveReader(path.parent)
    assert reader.read() is None
    return reader.trouble


def kept_in(path: Path) -> Any:
    shutil.copytree(path.parent, path.parent / "registers", symlinks=True, ignore=lambda *_: [path.name])
    path.rename(path.parent / "registers" / "register-000001-0123456789ab.zip")
    return kept_registers(path.parent)


# name of the file -> who reads it, and what it raises; or what it says instead
READERS: dict[str, tuple[Callable[[Path], Any], Any]] = {
    "city.toml": (lambda path: read_city(path.parent, {}), CityError),
    "lamps.csv": (lambda path: read_folder(path.parent), UnusableError),
    "cabinets.csv": (lambda path: read_folder(path.parent), UnusableError),
    "limits.toml": (lambda path: with_limits(read_city(path.parent, {}), path), UnusableError),
    "map.toml": (read_mapping, UnusableError),
    "detection.npz": (lambda path: SnapshotFile(path.parent).read(), ValueError),
    "register.json": (lambda path: read_agreement(path.parent), None),
    "api.key": (lambda path: KeyFile(path).derived("audit"), KeyFileError),
    "audit-head.json": (lambda path: read_head(path.parent), (OSError, ValueError)),
    "audit-anchors.jsonl": (read_anchors, (OSError, ValueError)),
    "live.arrow": (lambda path: bool(told(path)), True),
    "a register that is kept": (kept_in, []),
    "issued.json": (lambda path: read_issued(path.parent), PkiError),
    "orders.pub": (read_secret, PkiError),
    "order-keys.json": (lambda path: read_public(path.parent), PkiError),
    "orders.json": (load_orders, HeldOrders()),
    "status.json": (read_status, NoStatus),
    "rtc.json": (
        lambda path: HardwareClock(path, lambda: 1, lambda: 1.0, path.parent / "rtc").is_proven,
        False,
    ),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", READERS)
def test_a_reader_neither_waits_nor_ends_otherwise_than_it_says(tmp_path: Path, name: str, kind: Any) -> None:
    city = write_city(tmp_path / "city", n_controllers=1, n_lamps=2, broker_port=1)
    path = city / name
    path.unlink(missing_ok=True)
    kind(path)
    if path.is_file():
        path.chmod(0o600)
    read, expected = READERS[name]
    if not isinstance(expected, type | tuple):
        assert read(path) == expected
    elif name == "orders.pub" and path.is_file() and not path.is_symlink() and path.stat().st_size < 1 << 20:
        assert read(path), "bytes that mean nothing are whole all the same to who does not look into them"
    else:
        with pytest.raises(expected) as caught:
            read(path)
        assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("kind", KINDS)
def test_a_schedule_file_that_is_none_is_none(tmp_path: Path, kind: Any) -> None:
    stand = NameStand(tmp_path / "stand")
    city: City = read_city(write_city(tmp_path / "city", n_controllers=1, n_lamps=2, broker_port=1), {})
    city.data_folder.mkdir()
    kind(city.data_folder / "schedule.json")
    ScheduleJob(city, stand.host).run(0)


def nowhere(path: Path) -> None:
    path.symlink_to(path.parent / "no" / "such" / "file")


def ring(path: Path) -> None:
    path.symlink_to(path.name)


@pytest.mark.parametrize("kind", [*KINDS, nowhere, ring])
def test_dead_letters_are_written_whatever_stands_in_their_place(tmp_path: Path, kind: Any) -> None:
    path = tmp_path / "quarantine.jsonl"
    kind(path)
    letters = DeadLetters(tmp_path)
    letters.add("NDATA/PJU-1", "payload", "broken", b"x", 1)
    letters.write(letters.take())
    assert path.is_file()
    assert not path.is_symlink()
    assert path.read_bytes().endswith(b'"payload": "eA=="}\n')


def test_an_archive_whose_words_unpack_to_a_giant_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "registers").mkdir()
    with zipfile.ZipFile(
        tmp_path / "registers" / "register-000001-0123456789ab.zip", "w", zipfile.ZIP_DEFLATED
    ) as bomb:
        bomb.writestr("about.json", b" " * 50_000_000 + b"{}")
    assert kept_registers(tmp_path) == []


@pytest.mark.parametrize("seed", range(5))
def test_a_damaged_copy_of_the_register_is_no_copy(tmp_path: Path, seed: int) -> None:
    city = read_city(write_city(tmp_path, n_controllers=2, n_lamps=20, broker_port=1), {})
    city.data_folder.mkdir()
    engine = open_database(city)
    try:
        register, _ = sync_register(engine, tmp_path)
    finally:
        engine.dispose()
    path, rng = tmp_path / "copy.parquet", random.Random(seed)
    write_copy(path, register)
    good = path.read_bytes()
    for _ in range(60):
        data = bytearray(good)
        for _ in range(rng.choice([1, 1, 3])):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        path.write_bytes(data[: rng.choice([len(data), len(data), rng.randrange(len(data))])])
        found = read_copy(path, register.cabinets, register.version, register.digest)
        assert found is None or all(
            list(getattr(found.lamps, name)) == list(getattr(register.lamps, name))
            for name in ("lamp_id", "latitude", "longitude", "rated_power_w", "address", "circuit")
        )
    pipe_path = tmp_path / "pipe.parquet"
    os.mkfifo(pipe_path)
    assert read_copy(pipe_path, register.cabinets, register.version, register.digest) is None


def test_a_file_where_the_data_folder_should_be_is_one_clear_error(tmp_path: Path) -> None:
    city = read_city(write_city(tmp_path, n_controllers=1, n_lamps=2, broker_port=1), {})
    city.data_folder.write_text("a copy that went wrong")
    with pytest.raises(UnusableError, match="data"):
        CityIngest(city, Options())


def test_a_live_picture_that_cannot_be_written_is_told_until_it_can(tmp_path: Path) -> None:
    stand, said = NameStand(tmp_path / "stand"), []
    judge = SimpleNamespace(live_picture=lambda: {name: np.zeros(0, code) for name, code in COLUMNS.items()})
    judge.least_dark = dict
    job = LiveSnapshot(tmp_path, judge, 1, stand.host, lambda: 1e9 * len(said), lambda: 1, tell=said.append)  # type: ignore[arg-type]  # a stand-in
    (tmp_path / "live.arrow").mkdir()
    job.run(1)
    assert "cannot be written" in str(said[-1])
    (tmp_path / "live.arrow").rmdir()
    job.run(1)
    assert said[-1] is None
    assert LiveReader(tmp_path).read() is not None


HOSTILE_VALUES = {
    "hexadecimal digits": "0x" + "f" * 20_000,
    "decimal digits": "9" * 5000,
    "arrays in arrays": "[" * 3000 + "]" * 3000,
    "a long list": "[" + ",".join(['"a"'] * 2000) + "]",
    "a long text": '"' + "x" * 15_000 + '"',
    "infinity": "inf",
    "centuries": '"9999999999999999999999h"',
    "an address": '"postgresql+psycopg://terang:Geh3imesW0rt@h/x"',
}


@pytest.mark.parametrize("value", HOSTILE_VALUES)
@pytest.mark.parametrize("key", ["[city]\ntimezone", "[limits]\nwarm_up", "[limits]\nnominal_voltage", "[web]\nhosts"])
def test_a_citys_file_with_a_hostile_value_is_one_short_line(tmp_path: Path, key: str, value: str) -> None:
    head = "" if key.startswith("[city]") else '[city]\nname = "Kota"\n'
    (tmp_path / "city.toml").write_text(f"{head}{key} = {HOSTILE_VALUES[value]}\n")
    try:
        read_city(tmp_path, {})
    except CityError as error:
        said = str(error)
    else:
        said = ""
    assert said or key.endswith("hosts")
    assert len(said) < 1000
    assert "\n" not in said
    assert "Geh3imesW0rt" not in said
