"""A city of any size on disk, as ingest leaves it: register and open faults in SQLite, and a live picture."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from sqlalchemy import insert

from ingest.database import open_database
from ingest.register.database_table import store_register
from ingest.register.register import Cabinets, Lamps, Register, with_centroids
from ingest.schema import live, tables
from ingest.schema.city import read_city
from ingest.schema.codes import BY_CODE

PER_CABINET: Final = 100
SOUTH: Final = -6.35  # a city of 10^6 lamps is as wide as greater Jakarta
WEST: Final = 106.65
_STEP: Final = 0.00035  # degrees, about 39 m between poles
_CODES: Final = ("lampFailure", "communicationFailure", "lampPowerTooLow", "dimmingFailure", "powerFactorTooLow")


def build(folder: Path, n_lamps: int, n_faults: int, seed: int, now_us: int) -> Register:
    """Write the city; returns its register, in whose order the live picture is."""
    (folder / "city.toml").write_text('[city]\nname = "Kota Raya"\n', encoding="utf-8")
    city = read_city(folder, {})
    engine = open_database(city)
    register = _register(n_lamps, seed)
    version = store_register(engine, register, "benchmark")
    random = np.random.default_rng(seed)
    broken = random.choice(n_lamps, n_faults, replace=False)
    rows = [_fault(register.lamps, n, row, now_us, random) for n, row in enumerate(broken.tolist())]
    events = [_opening(row) for row in rows]
    if rows:
        with engine.begin() as connection:
            connection.execute(insert(tables.faults), rows)
            connection.execute(insert(tables.fault_events), events)
    engine.dispose()
    state = np.full(n_lamps, live.STATE_LIT, np.uint8)
    state[broken] = live.STATE_DARK
    write_picture(city.data_folder, state, version, now_us)
    return register


def _register(n_lamps: int, seed: int) -> Register:
    """Cabinets on a square grid; each with two circuits along a street."""
    n_cabinets = -(-n_lamps // PER_CABINET)
    cabinet = np.arange(n_lamps, dtype=np.int32) // PER_CABINET
    along = np.arange(n_lamps, dtype=np.int32) % PER_CABINET
    side = int(np.ceil(np.sqrt(n_cabinets)))
    jitter = np.random.default_rng(seed).normal(0, _STEP / 10, (2, n_lamps))
    index = cabinet.tolist()
    n_streets = 20_000
    lamps = Lamps(
        lamp_id=[f"L-{row:07d}" for row in range(n_lamps)],
        cabinet_id=[f"C-{one:05d}" for one in index],
        cabinet=cabinet,
        circuit=[str(1 + one // 50) for one in along.tolist()],
        position=along % 50 + 1,
        position_source=["survey"] * n_lamps,
        latitude=SOUTH + (cabinet // side) * 0.0040 + (along // 50) * 0.0020 + jitter[0],
        longitude=WEST + (cabinet % side) * 50 * _STEP * 0.3 + (along % 50) * _STEP * 0.3 + jitter[1],
        rated_power_w=np.full(n_lamps, 90, np.float32),
        technology=["LED"] * n_lamps,
        bus=["A"] * n_lamps,
        address=along + 1,
        profile=["lamp-node"] * n_lamps,
        phase=[""] * n_lamps,
        is_dimmable=np.ones(n_lamps, bool),
        street=[f"Jalan Melati {one % n_streets}" for one in index],
        district=[f"Kecamatan {one % 42}" for one in index],
        village=[f"Kelurahan {one % 260}" for one in index],
        road_class=["local"] * n_lamps,
        installed_on=["2020-01-01"] * n_lamps,
        extra=[{}] * n_lamps,
    )
    blank = [""] * n_cabinets
    cabinets = Cabinets(
        cabinet_id=[f"C-{one:05d}" for one in range(n_cabinets)],
        controller_id=[f"PJU-{one:05d}" for one in range(n_cabinets)],
        name=[f"Panel {one}" for one in range(n_cabinets)],
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


def _fault(lamps: Lamps, number: int, row: int, now_us: int, random: np.random.Generator) -> dict[str, object]:
    code = BY_CODE[_CODES[number % len(_CODES)]]
    lamp_id, cabinet_id = lamps.lamp_id[row], lamps.cabinet_id[row]
    opened_at_us = now_us - int(random.integers(1, 10**6)) * 1_000_000
    evidence = {"power_w": 0.4, "expected_power_w": 90.0, "samples": 3, "priority": {"lamps": 1, "road_class": "local"}}
    return {
        "id": f"01KAV{number:021d}",
        "code": code.code,
        "level": code.level,
        "severity": code.severity,
        "priority": int(random.integers(10, 90)),
        "state": "open",
        "place": f"{code.code}|{lamp_id}",
        "opened_at_us": opened_at_us,
        "updated_at_us": opened_at_us,
        "is_verified": False,
        "lamp_id": lamp_id,
        "lamp_ids": [lamp_id],
        "cabinet_id": cabinet_id,
        "controller_id": f"PJU-{cabinet_id[2:]}",
        "bus": "A",
        "circuit": lamps.circuit[row],
        "latitude": float(lamps.latitude[row]),
        "longitude": float(lamps.longitude[row]),
        "street": lamps.street[row],
        "district": lamps.district[row],
        "version": 1,
        "evidence": evidence,
    }


def _opening(fault: dict[str, object]) -> dict[str, object]:
    return {
        "fault_id": fault["id"],
        "at_us": fault["opened_at_us"],
        "actor": "terang",
        "kind": "opened",
        "state": "open",
        "version": 1,
        "data": {},
    }


def write_picture(folder: Path, state: npt.NDArray[np.uint8], register_version: int, now_us: int) -> None:
    """Replace the live picture, as ingest does every few seconds."""
    n = len(state)
    columns = {name: np.full(n, 100).astype(code) for name, code in live.COLUMNS.items()}
    columns |= {"state": state, "at_us": np.full(n, now_us)}
    about = {"register_version": str(register_version), "written_at_us": str(now_us), "now_us": str(now_us)}
    about["controllers"] = json.dumps({})
    table = pa.table({name: pa.array(values) for name, values in columns.items()}).replace_schema_metadata(about)
    beside = folder / "live.tmp"
    with pa.OSFile(str(beside), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    beside.replace(folder / live.FILE_NAME)
