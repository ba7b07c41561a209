"""Lamps, cabinets, summary, work and health over HTTP."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update

from dashboard_api.app import create_app
from ingest.schema import tables
from ingest.schema.city import read_city
from ingest.schema.segments import segment_name

T0 = 1_790_000_000_000_000
MINUTE = 60_000_000


def test_a_city_without_a_database_says_what_to_start(tmp_path):
    (tmp_path / "city.toml").write_text('[city]\nname = "Kota"\n', encoding="utf-8")
    with TestClient(create_app(read_city(tmp_path, {}))) as client:
        assert client.get("/healthz").text == "ok\n"
        answer = client.get("/readyz")
        assert answer.status_code == 503
        assert "terang-ingest" in answer.json()["detail"]
        assert client.get("/api/v1/faults").status_code == 503
    assert not (tmp_path / "data").exists()


def test_a_foreign_host_name_is_refused(client):
    assert client.get("/api/v1/city", headers={"Host": "evil.example"}).status_code == 400


def test_the_city_tells_its_frame(client):
    city = client.get("/api/v1/city").json()
    assert (city["name"], city["language"], city["timezone"], city["lamps"]) == ("Kota Uji", "en", "Asia/Jakarta", 40)
    assert city["bbox"] == pytest.approx([102.0, 0.79, 102.0057, 0.8])


def test_the_city_names_its_districts_at_the_middle_of_their_lamps(client):
    districts = {each["name"]: each for each in client.get("/api/v1/city").json()["districts"]}
    assert sorted(districts) == ["Mempura", "Siak"]
    assert districts["Siak"]["latitude"] == pytest.approx(0.79)
    assert districts["Mempura"]["latitude"] == pytest.approx(0.80)
    assert districts["Siak"]["longitude"] == pytest.approx(102.0 + 0.0003 * 9.5)


def test_a_register_without_districts_has_none(town, client):
    town.change_register(update(tables.lamps).values(district=None))
    assert client.get("/api/v1/city").json()["districts"] == []


def test_the_catalogue_says_how_a_fault_is_shown_and_whether_lamps_are_dark_by_it(client):
    codes = {row["code"]: row for row in client.get("/api/v1/codes").json()["items"]}
    assert {row["family"] for row in codes.values()} == {"lamp", "cable", "cabinet", "signal"}
    some = ("lampFailure", "cableFailure", "supplyLoss", "controllerOffline", "communicationFailure", "meterFailure")
    assert [codes[code]["family"] for code in some] == ["lamp", "cable", "cabinet", "signal", "signal", "signal"]
    dark = {code for code, row in codes.items() if row["darkens"]}
    assert dark == {"lampFailure", "circuitFailure", "cableFailure", "supplyLoss", "contactorFailure"}


def test_lamps_show_their_state_once_ingest_has_spoken(town, client):
    features = client.get("/api/v1/lamps.geojson").json()["features"]
    assert {feature["properties"]["state"] for feature in features} == {"silent"}
    town.write_live([2] * 30 + [3] * 5 + [1] * 5)
    properties = [feature["properties"] for feature in client.get("/api/v1/lamps.geojson").json()["features"]]
    assert [p["state"] for p in properties[29:36]] == ["lit", "dark", "dark", "dark", "dark", "dark", "off"]
    assert properties[0]["power_w"] == 90
    assert client.get("/api/v1/lamps/states").json()["state"][30] == 3
    summary = client.get("/api/v1/summary").json()
    assert (summary["lamps"]["lit"], summary["lamps"]["dark"], summary["lamps"]["lit_share"]) == (30, 5, 0.8571)
    assert [d["district"] for d in summary["districts"]] == ["Mempura", "Siak"]
    assert summary["controllers"] == {"online": 1, "offline": 0}
    town.write_live([2] * 40)
    assert client.get("/api/v1/summary").json()["lamps"]["dark"] == 0


def test_one_lamp_has_its_entry_latest_reading_and_faults(town, client):
    town.write_live([2] * 40)
    town.darken(3)
    lamp = client.get("/api/v1/lamps/L-003").json()
    assert (lamp["rated_power_w"], lamp["dimmable"], lamp["extra"]) == (90, True, {"pole": "steel"})
    assert lamp["latest"]["power_w"] == 90
    assert [fault["code"] for fault in lamp["faults"]] == ["lampFailure"]
    assert client.get("/api/v1/lamps/L-999").status_code == 404


def write_readings(town, at_us, power_w, day="2026-09-21"):
    folder = town.city.folder / "data" / "telemetry" / f"day={day}" / segment_name(1, 1)
    folder.mkdir(parents=True, exist_ok=True)
    n = len(at_us)
    unknown = np.full(n, np.nan, np.float32)
    table = pa.table(
        {
            "at_us": pa.array(at_us, pa.int64()),
            "lamp_id": ["L-003"] * n,
            "power_w": pa.array(np.array(power_w, np.float32), from_pandas=True),
            **{
                name: pa.array(unknown, from_pandas=True)
                for name in ("voltage_v", "current_a", "power_factor", "temperature_c")
            },
            "energy_wh": pa.array([None] * n, pa.uint32()),
            **{name: pa.array([100] * n, pa.uint8()) for name in ("level", "status", "quality")},
        }
    )
    pq.write_table(table, folder / "lamps.parquet")


def test_readings_come_raw_or_averaged(town, client):
    write_readings(town, [T0 + i * MINUTE for i in range(10)], [float(i) for i in range(9)] + [np.nan])
    query = {"start": "2026-09-21T14:00:00Z", "end": "2026-09-21T15:00:00Z"}
    raw = client.get("/api/v1/lamps/L-003/readings", params=query).json()
    assert raw["n"] == 10
    assert raw["columns"]["at"][0] == "2026-09-21T14:13:20Z"
    assert raw["columns"]["power_w"] == [0, 1, 2, 3, 4, 5, 6, 7, 8, None]
    averaged = client.get("/api/v1/lamps/L-003/readings", params={**query, "every": "5m"}).json()
    assert averaged["columns"]["power_w"] == [0.5, 4.0, 7.5]
    assert averaged["columns"]["n"] == [2, 5, 3]
    assert client.get("/api/v1/lamps/L-004/readings", params=query).json()["n"] == 0
    for bad in ({"every": "soon"}, {"every": "0s"}, {"start": "2026-09-22T00:00:00Z", "end": "2026-09-21T00:00:00Z"}):
        assert client.get("/api/v1/lamps/L-003/readings", params=bad).status_code == 400


def test_cabinets_list_and_detail(town, client):
    town.write_live([2] * 30 + [3] * 10)
    items = client.get("/api/v1/cabinets").json()["items"]
    assert [(item["cabinet_id"], item["online"]) for item in items] == [("C-1", True), ("C-2", None)]
    town.raise_circuit()
    cabinet = client.get("/api/v1/cabinets/C-2").json()
    assert cabinet["lamps"] == {
        "total": 20,
        "silent": 0,
        "off": 0,
        "lit": 0,
        "dark": 20,
        "unmetered": 0,
        "lit_share": 0.0,
    }
    assert [fault["code"] for fault in cabinet["faults"]] == ["circuitFailure"]
    assert cabinet["least_dark"] == {"cabinet": None, "circuits": {"1": 1, "2": 3}}
    assert client.get("/api/v1/cabinets/C-1").json()["least_dark"] == {"cabinet": None, "circuits": {}}
    assert client.get("/api/v1/cabinets/C-9").status_code == 404
    assert client.get("/api/v1/cabinets/C-2/energy").json()["items"] == []


def test_maintenance_is_announced_for_one_place_and_expires(client):
    body = {"cabinet_id": "C-1", "circuit": "1", "until": "2026-09-21T16:00:00Z", "note": "cable works"}
    made = client.post("/api/v1/maintenance", json=body)
    assert made.status_code == 201
    assert [item["id"] for item in client.get("/api/v1/maintenance").json()["items"]] == [made.json()["id"]]
    assert client.post("/api/v1/maintenance", json={"until": body["until"]}).status_code == 422
    assert client.post("/api/v1/maintenance", json={**body, "until": "2020-01-01T00:00:00Z"}).status_code == 400
    assert client.post("/api/v1/maintenance", json={**body, "cabinet_id": "C-9"}).status_code == 404


def test_dim_commands_are_queued_for_known_lamps(client):
    body = {"lamp_ids": ["L-001", "L-001", "L-002"], "level": 50, "until": "2026-09-21T22:00:00Z"}
    made = client.post("/api/v1/commands/dim", json=body)
    assert made.status_code == 202
    command = client.get(f"/api/v1/commands/{made.json()['id']}").json()
    assert (command["state"], command["lamp_ids"], command["level"]) == ("queued", ["L-001", "L-002"], 50)
    assert client.post("/api/v1/commands/dim", json={"cabinet_id": "C-2", "level": None}).status_code == 202
    assert client.post("/api/v1/commands/dim", json={"lamp_ids": ["L-9"], "level": 1}).status_code == 404
    assert client.post("/api/v1/commands/dim", json={"lamp_ids": ["L-001"], "level": 101}).status_code == 422


def test_metrics_count_requests_by_route(client):
    client.get("/api/v1/lamps/L-001")
    text = client.get("/metrics").text
    assert 'terang_http_requests_total{route="/api/v1/lamps/{lamp_id}",status="200"} 1.0' in text


def test_the_documentation_names_every_path_of_the_contract(client):
    paths = client.get("/openapi.json").json()["paths"]
    for path in (
        "/faults",
        "/faults/{fault_id}",
        "/faults/{fault_id}/actions",
        "/lamps/{lamp_id}",
        "/summary",
        "/events",
    ):
        assert f"/api/v1{path}" in paths


def test_ids_with_slashes_are_asked_for_like_any_other(town, client):
    lamps, cabinets = tables.lamps, tables.cabinets
    town.change_register(
        update(lamps).where(lamps.c.lamp_id == "L-001").values(lamp_id="PJU/17/3"),
        update(cabinets).where(cabinets.c.cabinet_id == "C-1").values(cabinet_id="P/1"),
    )
    for lamp_id in ("PJU/17/3", "PJU%2F17%2F3"):
        assert client.get(f"/api/v1/lamps/{lamp_id}").json()["lamp_id"] == "PJU/17/3"
        assert client.get(f"/api/v1/lamps/{lamp_id}/readings").json()["lamp_id"] == "PJU/17/3"
    assert client.get("/api/v1/cabinets/P%2F1").json()["cabinet_id"] == "P/1"
    assert client.get("/api/v1/cabinets/P%2F1/energy?every=1h").json()["every"] == "hour"


def test_every_error_is_a_problem_document(town):
    app = create_app(town.city, lambda: T0)

    @app.get("/bug")
    def bug():
        raise RuntimeError("not for the client")

    app.router.routes.insert(0, app.router.routes.pop())
    with TestClient(app, raise_server_exceptions=False) as client:
        answers = {
            500: client.get("/bug"),
            404: client.get("/api/v1/nothing"),
            405: client.put("/api/v1/faults"),
            422: client.get("/api/v1/faults?limit=0"),
            400: client.get("/readyz", headers={"Host": "elsewhere.example"}),
        }
    for status, answer in answers.items():
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
        assert answer.json()["status"] == status
        assert "not for the client" not in answer.text


def test_the_description_for_people_comes_from_nowhere_else(client):
    page = client.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert "/api/v1/faults/{fault_id}/actions" in page.text
    assert "if_version" in page.text
    assert "://" not in page.text
