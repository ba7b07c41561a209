"""A city's database, and ways in which its file is damaged."""

from __future__ import annotations

import random
import shutil
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy.exc import DatabaseError

from ingest.database import open_database
from ingest.register.sync import sync_register
from ingest.schema.city import City, read_city
from tests.ingest.city_stand import write_city


def garbage(path: Path) -> None:
    path.write_bytes(random.Random(1).randbytes(20_000))


def header(path: Path) -> None:
    path.write_bytes(b"garbage" * 700 + path.read_bytes()[4900:])


def half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def a_few_bytes(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:50])


def zeroes(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def torn_pages(path: Path) -> None:
    """Every fourth page is half of what it was."""
    data = bytearray(path.read_bytes())
    for begin in range(4096, len(data), 4 * 4096):
        data[begin : begin + 2048] = random.Random(begin).randbytes(2048)
    path.write_bytes(data)


def the_schemas_page(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[100:4096] = random.Random(2).randbytes(3996)
    path.write_bytes(data)


def shuffled_pages(path: Path) -> None:
    """As a disk that wrote to the wrong places."""
    data = path.read_bytes()
    pages = [data[i : i + 4096] for i in range(4096, len(data), 4096)]
    random.Random(3).shuffle(pages)
    path.write_bytes(data[:4096] + b"".join(pages))


DAMAGES = (garbage, header, half, a_few_bytes, zeroes, torn_pages, the_schemas_page, shuffled_pages)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_city(tmp_path_factory.mktemp("whole") / "city", n_controllers=3, n_lamps=40, broker_port=1)
    made = read_city(folder, {})
    made.data_folder.mkdir()
    engine = open_database(made)
    sync_register(engine, made.folder)
    engine.dispose()
    return folder


@pytest.fixture
def city(whole: Path, tmp_path: Path) -> City:
    return read_city(Path(shutil.copytree(whole, tmp_path / "city")), {})


def database_of(city: City) -> Path:
    return city.data_folder / "terang.db"


def damaged_error() -> DatabaseError:
    error = sqlite3.DatabaseError("database disk image is malformed")
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT | 1 << 8
    return DatabaseError("SELECT 1", {}, error)
