"""The register in a real database: what goes in comes out, in one transaction, at a million lamps' pace."""

from __future__ import annotations

import dataclasses
import multiprocessing

import numpy as np
import pytest
from sqlalchemy import inspect, select
from sqlalchemy.exc import SQLAlchemyError

from ingest.database import open_database
from ingest.errors import UnusableError
from ingest.register.database_table import load_register, store_register, stored_digest
from ingest.register.register import Cabinets, Lamps, Register, with_centroids
from ingest.schema.city import read_city
from ingest.schema.tables import lamps as lamps_table
from ingest.schema.tables import metadata


def city_in(folder, url="sqlite:///data/terang.db"):
    text = f'[city]\nname = "Kota"\n[database]\nurl = "{url}"\n'
    (folder / "city.toml").write_text(text, encoding="utf-8")
    return read_city(folder, {})


@pytest.fixture
def engine(tmp_path, database_url):
    opened = open_database(city_in(tmp_path, database_url))
    yield opened
    opened.dispose()


def register_of(n, digest="d"):
    some = ["", "x"] * (n // 2) + ["x"] * (n % 2)
    lamps = Lamps(
        lamp_id=[f"L-{n - i}" for i in range(n)],
        cabinet_id=["C-2"] * n,
        cabinet=np.ones(n, np.int32),
        circuit=some,
        position=np.arange(n, dtype=np.int32) - 1,
        position_source=some,
        latitude=np.linspace(0, 1, n),
        longitude=np.linspace(101, 102, n),
        rated_power_w=np.where(np.arange(n) % 2, 90, np.nan).astype(np.float32),
        technology=["LED"] * n,
        bus=some,
        address=np.arange(n, dtype=np.int32) - 1,
        profile=some,
        phase=some,
        is_dimmable=np.arange(n) % 2 == 0,
        street=some,
        district=some,
        village=some,
        road_class=some,
        installed_on=some,
        extra=[{"pole": "steel"}, {}] * (n // 2) + [{}] * (n % 2),
    )
    cabinets = Cabinets(
        cabinet_id=["C-1", "C-2"],
        controller_id=["P-1", ""],
        name=["", "Simpang"],
        latitude=np.array([1.5, np.nan]),
        longitude=np.array([101.5, np.nan]),
        district=["", ""],
        village=["", ""],
        supply_account=["123", ""],
        supply_va=np.array([3500.0, np.nan]),
        transformer=["", ""],
        metered=["", ""],
        switching=["contactor", ""],
        extra=[{}, {"photo": "a.jpg"}],
    )
    return Register(lamps, with_centroids(cabinets, lamps), digest=digest)


def assert_same(got, wanted):
    for part in ("lamps", "cabinets"):
        for field in dataclasses.fields(getattr(wanted, part)):
            mine, theirs = (getattr(getattr(side, part), field.name) for side in (got, wanted))
            if isinstance(theirs, np.ndarray):
                np.testing.assert_array_equal(mine, theirs, err_msg=field.name)
            else:
                assert [*mine] == [*theirs], field.name


def test_what_goes_in_comes_out_in_register_order(engine):
    assert store_register(engine, register_of(7), "lamps.csv") == 1
    got = load_register(engine)
    assert_same(got, register_of(7))
    assert (got.version, got.digest, stored_digest(engine)) == (1, "d", "d")
    assert store_register(engine, register_of(3, "e"), "lamps.csv") == 2
    assert_same(load_register(engine), register_of(3))


def test_an_empty_database_holds_an_empty_register(engine):
    got = load_register(engine)
    assert (len(got.lamps), len(got.cabinets), got.version) == (0, 0, 0)


def test_a_register_that_the_database_refuses_leaves_the_old_one(engine):
    store_register(engine, register_of(4), "lamps.csv")
    twice = register_of(2)
    twice = dataclasses.replace(twice, lamps=dataclasses.replace(twice.lamps, lamp_id=["L-1", "L-1"]))
    with pytest.raises(SQLAlchemyError):
        store_register(engine, twice, "lamps.csv")
    assert_same(load_register(engine), register_of(4))


def test_a_cabinet_without_position_stands_at_its_lamps_centroid():
    cabinets = register_of(5).cabinets
    assert cabinets.latitude.tolist() == [1.5, 0.5]
    assert cabinets.longitude.tolist() == [101.5, 101.5]


def test_migrations_build_the_tables_that_the_code_speaks_of(engine):
    found = inspect(engine)
    for table in metadata.sorted_tables:
        assert {column["name"] for column in found.get_columns(table.name)} == {c.name for c in table.columns}
        assert {index["name"] for index in found.get_indexes(table.name)} >= {index.name for index in table.indexes}


def open_and_count(folder):
    with open_database(read_city(folder, {})).connect() as connection:
        return len(connection.execute(select(lamps_table)).all())


def test_processes_that_start_at_once_migrate_once(tmp_path):
    city_in(tmp_path)
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        assert pool.map(open_and_count, [tmp_path] * 6) == [0] * 6


def test_an_unusable_database_is_one_clear_line(tmp_path):
    (tmp_path / "data").write_text("a file where a folder should be")
    with pytest.raises(UnusableError) as caught:
        open_database(city_in(tmp_path))
    assert "\n" not in str(caught.value)
