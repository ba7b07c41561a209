"""A small city on disk, filled through ingest's own code, for the API to serve."""

from __future__ import annotations

import json
import os

import numpy as np
import pyarrow as pa
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update
from ulid import ULID

from dashboard_api.app import create_app
from ingest.database import open_database
from ingest.faultbook import FaultBook, FaultLocator
from ingest.model.finding import Key, Place, Raised
from ingest.register.database_table import load_register, store_register
from ingest.register.register import Cabinets, Lamps, Register, with_centroids
from ingest.schema import live, tables
from ingest.schema.city import read_city
from tests.dashboard_api.people import People
from tests.dashboard_api.schema_copy import copy_schema

T0 = 1_790_000_000_000_000
MINUTE = 60_000_000


def register_of(n_lamps=40, n_cabinets=2):
    per = n_lamps // n_cabinets
    cabinet = np.arange(n_lamps, dtype=np.int32) // per
    lamps = Lamps(
        lamp_id=[f"L-{row:03d}" for row in range(n_lamps)],
        cabinet_id=[f"C-{index + 1}" for index in cabinet.tolist()],
        cabinet=cabinet,
        circuit=["1"] * n_lamps,
        position=np.arange(n_lamps, dtype=np.int32) % per + 1,
        position_source=["survey"] * n_lamps,
        latitude=0.79 + cabinet * 0.01,
        longitude=102.0 + np.arange(n_lamps) % per * 0.0003,
        rated_power_w=np.full(n_lamps, 90, np.float32),
        technology=["LED"] * n_lamps,
        bus=["A"] * n_lamps,
        address=np.arange(n_lamps, dtype=np.int32) % per + 1,
        profile=["lamp-node"] * n_lamps,
        phase=[""] * n_lamps,
        is_dimmable=np.ones(n_lamps, bool),
        street=["=Jalan Melati"] * n_lamps,
        district=["Siak" if index == 0 else "Mempura" for index in cabinet.tolist()],
        village=[""] * n_lamps,
        road_class=["local"] * n_lamps,
        installed_on=["2020-01-01"] * n_lamps,
        extra=[{"pole": "steel"}] * n_lamps,
    )
    blank = [""] * n_cabinets
    cabinets = Cabinets(
        cabinet_id=[f"C-{index + 1}" for index in range(n_cabinets)],
        controller_id=[f"PJU-{index + 1}" for index in range(n_cabinets)],
        name=[f"Panel {index + 1}" for index in range(n_cabinets)],
        latitude=np.full(n_cabinets, np.nan),
        longitude=np.full(n_cabinets, np.nan),
        district=blank,
        village=blank,
        supply_account=blank,
        supply_va=np.full(n_cabinets, np.nan),
        transformer=blank,
        metered=blank,
        switching=["lamp"] * n_cabinets,
        extra=[{}] * n_cabinets,
    )
    return Register(lamps, with_centroids(cabinets, lamps))


class Town:
    """The folder, its database, and a book that opens faults as detection would."""

    def __init__(self, folder, n_lamps=40, database_url="sqlite:///data/terang.db", n_cabinets=2):
        text = f'[city]\nname = "Kota Uji"\nlanguage = "en"\n[database]\nurl = "{database_url}"\n'
        (folder / "city.toml").write_text(text, encoding="utf-8")
        self.city = read_city(folder, {})
        copy_schema(self.city)
        self.engine = open_database(self.city)
        store_register(self.engine, register_of(n_lamps, n_cabinets), "test")
        self.register = load_register(self.engine)
        row_of = {lamp_id: row for row, lamp_id in enumerate(self.register.lamps.lamp_id)}
        fault_locator = FaultLocator(self.register, row_of)
        self.book = FaultBook(
            self.engine,
            fault_locator,
            reopen_within_us=86_400 * 1_000_000,
            new_id=lambda at_us: str(ULID.from_timestamp(at_us / 1e6)),
            now_us=T0,
        )

    def change_register(self, *statements):
        """Change rows of the register as an import does: with a new version, by which a running API reads it anew."""
        with self.engine.begin() as connection:
            for statement in statements:
                connection.execute(statement)
            connection.execute(update(tables.register).values(version=tables.register.c.version + 1))
        self.register = load_register(self.engine)

    def darken(self, *rows, at_us=T0, code="lampFailure", cause=None):
        ids = [self.register.lamps.lamp_id[row] for row in rows]
        words = [
            Raised(Key(code, Place(lamp_id=one)), at_us, at_us, (one,), {"power_w": 0.4}, cause=cause) for one in ids
        ]
        self.book.apply(words, at_us)

    def raise_circuit(self, at_us=T0):
        key = Key("circuitFailure", Place(cabinet_id="C-2", circuit="1"))
        self.book.apply(
            [Raised(key, at_us, at_us, tuple(self.register.lamps.lamp_id[20:]), {"lamps_silent": 20})], at_us
        )
        return key

    def write_live(self, states, at_us=T0, warnings="{}", level=1, warning_codes="{}"):
        n = len(states)
        columns = {name: np.full(n, np.nan if code == "<f4" else 1).astype(code) for name, code in live.COLUMNS.items()}
        columns |= {
            "state": np.array(states, np.uint8),
            "at_us": np.full(n, at_us),
            "power_w": np.full(n, 90, np.float32),
            "level": np.broadcast_to(np.array(level, np.uint8), n).copy(),
        }
        about = {
            "register_version": str(self.register.version),
            "written_at_us": str(at_us),
            "now_us": str(at_us),
            "controllers": json.dumps({"PJU-1": {"is_online": True, "last_seen_us": at_us}}),
            "least_dark": json.dumps({"C-2": {"1": 1, "2": 3}}),
            "warnings": warnings,
            "warning_codes": warning_codes,
        }
        table = pa.table({name: pa.array(values) for name, values in columns.items()}).replace_schema_metadata(about)
        self.city.data_folder.mkdir(exist_ok=True)
        beside = self.city.data_folder / "live.tmp"
        with pa.OSFile(str(beside), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
        os.replace(beside, self.city.data_folder / live.FILE_NAME)  # noqa: PTH105


@pytest.fixture
def town(tmp_path, database_url):
    made = Town(tmp_path, database_url=database_url)
    yield made
    made.engine.dispose()


@pytest.fixture
def client(town):
    with TestClient(create_app(town.city, lambda: T0)) as client:
        yield client


@pytest.fixture
def people(town):
    return People(town.city, lambda: T0)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def standing_town(request, tmp_path_factory):
    """One city on each kind of database for all tests of a file that change nothing in it."""
    folder = tmp_path_factory.mktemp("standing")
    url = f"sqlite:///{folder}/terang.db"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql").make_schema()
    made = Town(folder, database_url=url)
    yield made
    made.engine.dispose()


@pytest.fixture(scope="module")
def standing_client(standing_town):
    with TestClient(create_app(standing_town.city, lambda: T0)) as client:
        yield client
