"""Damaged files behind the API: what can be answered is, the rest is a problem with 503, and /readyz names it."""

from __future__ import annotations

import json
import random
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fastapi.testclient import TestClient

from dashboard_api.app import create_app
from ingest.schema import live
from ingest.schema.segments import segment_name
from tests.dashboard_api.conftest import T0, Town
from tests.dashboard_api.people import People

ROUTES = (
    "/readyz", "/api/v1/summary", "/api/v1/faults", "/api/v1/lamps/L-003", "/api/v1/lamps.geojson", "/api/v1/city",
    "/api/v1/lamps/states", "/api/v1/cabinets", "/api/v1/cabinets/C-1", "/tiles/lamps/12/3208/2038.mvt",
    "/tiles/faults/12/3208/2038.mvt", "/api/v1/maintenance", "/metrics", "/healthz",
)  # fmt: skip  # a list of words


def header(path):
    path.write_bytes(b"garbage" * 700 + path.read_bytes()[4900:])


def half(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def nothing(path):
    path.write_bytes(b"")


def pages(path):
    data, rng = bytearray(path.read_bytes()), random.Random(3)
    for begin in range(4096, len(data), 4096):
        if rng.random() < 0.7:
            data[begin : begin + 4096] = rng.randbytes(min(4096, len(data) - begin))
    path.write_bytes(data)


def folder(path):
    path.unlink()
    path.mkdir()


def ask_all(town):
    with TestClient(create_app(town.city, lambda: T0), raise_server_exceptions=False) as client:
        return {route: client.get(route) for route in ROUTES}


@pytest.mark.parametrize("damage", [header, half, nothing, pages, folder])
def test_a_damaged_database_is_503_with_a_reason_on_every_route_that_needs_it(tmp_path, damage):
    town = Town(tmp_path)
    town.write_live([2] * 40)
    town.darken(3)
    town.engine.dispose()
    for path in town.city.data_folder.glob("terang.db-*"):
        path.unlink()
    damage(town.city.data_folder / "terang.db")
    answers = ask_all(town)
    for route, answer in answers.items():
        assert answer.status_code < 500 or answer.status_code == 503, (route, answer.text)
        if answer.status_code == 503:
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["detail"]
    if damage is not pages:  # some of whose pages can still be read
        assert answers["/readyz"].status_code == 503
        assert 'terang_api_unreadable{store="database"} 1.0' in answers["/metrics"].text
    assert answers["/healthz"].status_code == 200
    assert answers["/metrics"].status_code == 200
    assert "terang_api_live_picture_age_seconds 0.0" in answers["/metrics"].text


@pytest.mark.parametrize("damage", [header, half, nothing, folder])
def test_a_damaged_live_picture_is_named_and_the_rest_goes_on(town, damage):
    town.write_live([2] * 40)
    damage(town.city.data_folder / live.FILE_NAME)
    answers = ask_all(town)
    assert {route: a.status_code for route, a in answers.items() if a.status_code >= 400} == {"/readyz": 503}
    assert "live picture" in answers["/readyz"].json()["detail"]
    assert answers["/api/v1/summary"].json()["live_at"] is None


def test_a_picture_that_is_overwritten_while_it_is_shown_ends_nothing(town, client):
    town.write_live([2] * 40)
    assert client.get("/readyz").status_code == 200
    path = town.city.data_folder / live.FILE_NAME
    path.write_bytes(path.read_bytes()[:100])  # in place: whoever mapped it would end here
    assert client.get("/api/v1/summary").json()["lamps"]["lit"] == 40, "the last one that could be read"
    assert client.get("/readyz").status_code == 503
    town.write_live([2] * 40)
    assert client.get("/readyz").status_code == 200


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # the picture is a file beside either
@pytest.mark.parametrize("seed", range(40))
def test_no_mutation_of_the_picture_escapes(town, client, seed):
    town.write_live([2] * 40)
    path, rng = town.city.data_folder / live.FILE_NAME, random.Random(seed)
    data = bytearray(path.read_bytes())
    for _ in range(rng.randint(1, 6)):
        data[rng.randrange(len(data))] = rng.randrange(256)
    path.write_bytes(data[: rng.choice([len(data), rng.randrange(len(data))])])
    for route in ("/readyz", "/api/v1/summary", "/api/v1/lamps.geojson", "/api/v1/cabinets/C-1", "/metrics"):
        assert client.get(route).status_code in {200, 503}, route


def test_ready_is_who_shows_a_picture_that_is_kept_up_to_date(town):
    now = [T0]
    with TestClient(create_app(town.city, lambda: now[0])) as client:
        assert client.get("/readyz").json()["code"] == "live_missing"
        town.write_live([2] * 40)
        ready = client.get("/readyz")
        assert (ready.status_code, ready.json()["live_age_s"]) == (200, 0)
        now[0] += 56_000_000
        assert client.get("/readyz").json()["live_age_s"] == 56
        for route in ("/api/v1/summary", "/api/v1/lamps/states", "/api/v1/lamps.geojson", "/api/v1/lamps/L-003",
                      "/api/v1/cabinets/C-1"):  # fmt: skip
            shown = client.get(route).json()
            assert shown["live_age_s"] == 56, route
            assert shown["live_at"].startswith("2026-09-21"), route
        tile = client.get("/tiles/lamps/12/3208/2038.mvt")
        assert tile.headers["terang-live-age"] == "56.0"
        now[0] += 300_000_000
        stale = client.get("/readyz")
        assert (stale.status_code, stale.json()["code"], stale.json()["live_age_s"]) == (503, "live_old", 356)
        assert "terang_api_live_picture_age_seconds 356.0" in client.get("/metrics").text


def test_damaged_telemetry_is_left_out_and_named(town, client):
    town.write_live([2] * 40)
    root = town.city.folder / "data" / "telemetry" / "day=2026-09-21"
    for number in range(4):
        path = root / segment_name(number, number)
        path.mkdir(parents=True)
        at_us = T0 + np.arange(5) * 60_000_000 + number * 300_000_000
        table = {"at_us": at_us, "lamp_id": ["L-003"] * 5, "power_w": pa.array([float(number)] * 5, pa.float32())}
        pq.write_table(pa.table(table), path / "lamps.parquet")
    half(root / segment_name(1, 1) / "lamps.parquet")
    torn = root / segment_name(2, 2) / "lamps.parquet"
    data = bytearray(torn.read_bytes())
    data[4:120] = random.Random(1).randbytes(116)  # its footer is whole, its pages are not
    torn.write_bytes(data)
    address = "/api/v1/lamps/L-003/readings?start=2026-09-21T00:00:00Z&end=2026-09-22T00:00:00Z"
    answer = client.get(address)
    assert answer.status_code == 200
    assert sorted(set(answer.json()["columns"]["power_w"])) == [0, 3]
    assert "2 damaged files" in client.get("/readyz").json()["warnings"]["telemetry"]
    shutil.rmtree(root / segment_name(1, 1))
    assert "1 damaged file" in client.get("/readyz").json()["warnings"]["telemetry"]


def test_what_ingest_warns_of_stands_in_the_apis_readiness_too(town, client):
    waits = "the folder's register waits for 'terang-city apply': 300 of 600 lamps would vanish"
    town.write_live([2] * 40, warnings=json.dumps({"register": waits}))
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["warnings"]) == (200, {"register": waits})
    codes = {"register": {"code": "readiness.register_waits", "parameters": {"reason": "x"}}}
    town.write_live([2] * 40, warnings=json.dumps({"register": waits}), warning_codes=json.dumps(codes))
    said = client.get("/readyz", headers={"Accept-Language": "id"}).json()
    assert said["warnings"] == {"register": "register di folder menunggu 'terang-city apply': x"}
    assert said["warning_codes"] == codes
    town.write_live([2] * 40, warnings=json.dumps({str(n): "x" * 5000 for n in range(1000)}))
    assert len(client.get("/readyz").content) < 100_000
    many = {str(n): {"code": "x", "parameters": dict.fromkeys("abcdefgh", "x" * 900)} for n in range(1000)}
    long = json.dumps({str(n): "x" * 900 for n in range(1000)})
    town.write_live([2] * 40, warnings=long, warning_codes=json.dumps(many))
    assert len(client.get("/readyz").content) < 100_000
    for odd in ("[]", "1", "nonsense", '{"a": ' * 5000):
        town.write_live([2] * 40, warnings=odd)
        assert client.get("/readyz").status_code == 503, odd


def test_a_database_that_ingest_set_aside_is_named(town, client):
    town.write_live([2] * 40)
    if town.engine.dialect.name != "sqlite":
        assert client.get("/readyz").json()["warnings"] == {}
        return
    kept = Path(f"{town.engine.url.database}.damaged-20261130T010203Z")
    kept.write_bytes(b"")
    kept.with_name(f"{kept.name}-wal").write_bytes(b"")
    assert kept.name in client.get("/readyz").json()["warnings"]["database"]
    kept.unlink()
    assert client.get("/readyz").json()["warnings"] == {}


def test_metrics_of_a_city_with_accounts_go_on_for_who_had_the_right_to_them(tmp_path):
    town = Town(tmp_path)
    town.write_live([2] * 40)
    people = People(town.city, lambda: T0)
    secrets = {scope: people.token(scope, scope) for scope in ("metrics", "act")}
    people.context.close()
    town.engine.dispose()
    with TestClient(create_app(town.city, lambda: T0)) as client:

        def ask(secret=None, **headers):
            headers |= {} if secret is None else {"Authorization": f"Bearer {secret}"}
            return client.get("/metrics", headers=headers).status_code

        before = {"metrics": 200, "act": 403}
        assert {scope: ask(secret) for scope, secret in secrets.items()} == before
        header(town.city.data_folder / "terang.db")
        client.app.state.context.admission._known = {  # the moment is over for which nobody is looked up again
            shown: replace(known, looked_up_s=-1e9)
            for shown, known in client.app.state.context.admission._known.items()
        }
        client.app.state.context.database.close()
        assert {scope: ask(secret) for scope, secret in secrets.items()} == before
        assert ask("another") == 503
        assert ask() in {401, 503}, "a city with accounts has no nameless operator"


def test_metrics_of_a_damaged_city_without_accounts_are_this_machines_alone(tmp_path):
    town = Town(tmp_path)
    town.engine.dispose()
    header(town.city.data_folder / "terang.db")
    with TestClient(create_app(town.city, lambda: T0)) as client:
        assert client.get("/metrics").status_code == 200
        assert client.get("/metrics", headers={"X-Forwarded-For": "192.0.2.1"}).status_code == 503
    with TestClient(create_app(town.city, lambda: T0, is_loopback=False)) as client:
        assert client.get("/metrics").status_code == 503
