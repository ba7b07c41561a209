"""Paging through OGC collections while they change, ids with any character, and GDAL as a client."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from dataclasses import replace
from urllib.parse import urlsplit

import numpy as np
import pytest
import uvicorn
from fastapi.testclient import TestClient

from dashboard_api.app import create_app
from ingest.register.database_table import load_register, store_register
from ingest.schema.city import read_city
from tests.dashboard_api.conftest import Town

T0 = 1_790_000_000_000_000


def next_of(document):
    return next((one["href"] for one in document["links"] if one["rel"] == "next"), None)


def page_through(client, address, after_page=lambda: None):
    found = []
    while address is not None:
        split = urlsplit(address)
        response = client.get(f"{split.path}?{split.query}")
        assert response.status_code == 200, response.text
        document = response.json()
        found += [one["id"] for one in document["features"]]
        address = next_of(document)
        after_page()
    return found


def renamed(register, row, lamp_id):
    ids = list(register.lamps.lamp_id)
    ids[row] = lamp_id
    return replace(register, lamps=replace(register.lamps, lamp_id=ids))


def test_every_lamp_that_stays_is_met_once_while_the_register_changes(town, client):
    """The lamp first in the order of ids leaves and one behind all comes, after every page: no page is shifted."""
    staying = set(town.register.lamps.lamp_id[10:])
    state = {"register": town.register, "row": 0}

    def change():
        if state["row"] < 10:
            state["register"] = renamed(state["register"], state["row"], f"Z-{state['row']}")
            store_register(town.engine, state["register"], "test")
            state["row"] += 1

    found = page_through(client, "/ogc/collections/lamps/items?limit=3", change)
    assert len(found) == len(set(found))
    assert staying <= set(found)


def test_a_large_city_is_paged_without_a_lamp_missed_or_doubled_while_it_changes(tmp_path):
    """100,000 lamps with TERANG_SOAK=1, else some of them: lamps leave, come, move and change their state meanwhile."""
    n = 100_000 if os.environ.get("TERANG_SOAK") else 5_000
    town = Town(tmp_path, n)
    chance = np.random.default_rng(22)
    lamps = list(town.register.lamps.lamp_id)
    staying, turn = set(lamps), 0

    def change():
        nonlocal turn
        turn += 1
        if turn % 20 == 1:  # a new register: every hundredth lamp gets another id, all rows another order of places
            for row in chance.integers(0, n, n // 100).tolist():
                staying.discard(lamps[row])
                lamps[row] = f"L-{row:03d}-{turn}"
            moved = replace(town.register.lamps, lamp_id=lamps, latitude=town.register.lamps.latitude + turn / 1e4)
            store_register(town.engine, replace(town.register, lamps=moved), "test")
            town.register = load_register(town.engine)
        town.write_live(chance.integers(2, 4, n).tolist(), at_us=T0 + turn * 1_000_000)

    with TestClient(create_app(town.city, lambda: T0)) as client:
        found = page_through(client, f"/ogc/collections/lamps/items?limit={min(1000, n // 40)}", change)
        boxed = page_through(client, "/ogc/collections/lamps/items?limit=1000&bbox=-180,-90,180,90")
    town.engine.dispose()
    assert turn >= 40
    assert len(staying) > n * 0.95
    assert len(found) == len(set(found))
    assert staying <= set(found)
    assert sorted(boxed) == sorted(lamps)


def test_every_fault_is_met_once_while_faults_open(town, client):
    town.darken(*range(8))
    before = set(page_through(client, "/ogc/collections/faults/items?limit=100"))
    rows = iter(range(10, 14))

    def change():
        row = next(rows, None)
        if row is not None:
            town.darken(row, at_us=T0 + row * 60_000_000)

    found = page_through(client, "/ogc/collections/faults/items?limit=3", change)
    assert len(found) == len(set(found))
    assert before <= set(found)


def test_paging_keeps_the_filters(town, client):
    town.darken(*range(8))
    box = "/ogc/collections/lamps/items?limit=2&bbox=102,0.79,102.0012,0.79"
    assert page_through(client, box) == [f"L-{n:03d}" for n in range(5)]
    district = "/ogc/collections/lamps/items?limit=7&district=Mempura"
    assert page_through(client, district) == [f"L-{n:03d}" for n in range(20, 40)]
    assert page_through(client, "/ogc/collections/lamps/items?district=Nowhere") == []
    assert len(page_through(client, "/ogc/collections/faults/items?limit=3&lamp_id=L-002")) == 1
    assert len(page_through(client, "/ogc/collections/faults/items?limit=3&state=open&district=Siak")) == 8
    assert page_through(client, "/ogc/collections/cabinets/items?limit=1") == ["C-1", "C-2"]


@pytest.mark.parametrize("lamp_id", ["PJU/17/3", "a b?c#d&e=f", "ünïcode-灯", "..", "<script>", '"quoted"', "%2F"])
def test_an_id_may_hold_any_character(town, client, lamp_id):
    store_register(town.engine, renamed(town.register, 5, lamp_id), "test")
    assert lamp_id in page_through(client, "/ogc/collections/lamps/items?limit=7")
    box = client.get("/ogc/collections/lamps/items?limit=1000").json()["features"]
    assert [one["properties"]["lamp_id"] for one in box].count(lamp_id) == 1
    html = client.get("/ogc/collections/lamps/items?limit=1000&f=html").text
    assert "<script>" not in html


def test_a_feature_is_found_by_the_links_that_lead_to_it(town, client):
    store_register(town.engine, renamed(town.register, 5, "PJU/17 3?"), "test")
    feature = client.get("/ogc/collections/lamps/items/PJU%2F17%203%3F").json()
    assert feature["id"] == "PJU/17 3?"
    address = next(one["href"] for one in feature["links"] if one["rel"] == "self")
    assert client.get(address).json()["id"] == "PJU/17 3?"


def test_links_name_the_scheme_and_host_that_the_request_came_to(town):
    with TestClient(create_app(town.city, lambda: T0), base_url="https://localhost:8443") as client:
        for path in ("/ogc", "/ogc/collections", "/ogc/collections/lamps/items"):
            document = client.get(path).json()
            assert all(one["href"].startswith("https://localhost:8443/ogc") for one in document["links"])


def test_public_columns_of_the_register_are_shown_when_the_city_names_them(town):
    path = town.city.folder / "city.toml"
    path.write_text(path.read_text("utf-8") + '[public]\ncolumns = ["pole", "address", "bus"]\n', "utf-8")
    with TestClient(create_app(read_city(town.city.folder, {}), lambda: T0)) as client:
        properties = client.get("/ogc/collections/lamps/items/L-001").json()["properties"]
    assert properties["pole"] == "steel"
    assert not {"address", "bus", "profile"} & properties.keys()


def test_a_lamp_shows_its_present_state(town, client):
    def state():
        return client.get("/ogc/collections/lamps/items/L-001").json()["properties"]["state"]

    assert state() == "silent"
    town.write_live([2] * 40)
    assert state() == "lit"
    town.write_live([3] * 40, at_us=T0 + 60_000_000)
    assert state() == "dark"


def test_lamps_on_the_antimeridian_are_in_boxes_of_either_side(town, client):
    longitude = np.where(np.arange(40) % 2 == 0, 179.9999, -179.9999)
    longitude[:2] = 180.0, -180.0
    lamps = replace(town.register.lamps, longitude=longitude)
    store_register(town.engine, replace(town.register, lamps=lamps), "test")

    def n_in(box):
        return client.get(f"/ogc/collections/lamps/items?limit=1000&bbox={box}").json()["numberMatched"]

    assert n_in("179,-5,-179,5") == 40
    assert n_in("179,-5,180,5") == 21  # 19 east ones, and both on the meridian itself
    assert n_in("-180,-5,-179,5") == 21
    assert n_in("-179,-5,179,5") == 0
    assert n_in("-180,-90,180,90") == 40


@pytest.fixture
def address(town):
    """A real server on a free port of loopback."""
    town.darken(1, 2)
    config = uvicorn.Config(create_app(town.city, lambda: T0), host="127.0.0.1", port=0, log_level="error")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 60
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.05)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/ogc"
    server.should_exit = True
    thread.join(timeout=30)


@pytest.mark.skipif(shutil.which("ogrinfo") is None, reason="GDAL's ogrinfo is not installed")
def test_gdal_lists_the_layers_and_reads_every_lamp(address):
    listed = subprocess.run(
        ["ogrinfo", "-ro", f"OAPIF:{address}"], capture_output=True, text=True, timeout=120, check=True
    )
    assert all(name in listed.stdout for name in ("lamps", "faults", "cabinets"))
    command = ["ogrinfo", "-ro", "-al", "-q", "-oo", "PAGE_SIZE=7", f"OAPIF:{address}", "lamps"]
    read = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert read.stdout.count("OGRFeature(lamps)") == 40
    assert len({line for line in read.stdout.splitlines() if "lamp_id (String)" in line}) == 40
    boxed = [
        "ogrinfo",
        "-ro",
        "-al",
        "-q",
        "-spat",
        "102.0002",
        "0.7",
        "102.0007",
        "0.795",
        f"OAPIF:{address}",
        "lamps",
    ]
    read = subprocess.run(boxed, capture_output=True, text=True, timeout=120, check=True)
    assert read.stdout.count("OGRFeature(lamps)") == 2
