"""Open data: files, figures by district and month, the DCAT catalogue."""

from __future__ import annotations

import csv
import io
import json
import re
import struct
from pathlib import Path
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import insert, update

from dashboard_api.app import create_app
from dashboard_api.neighbours.open_data import geo_parquet
from dashboard_api.neighbours.open_data.months import availability_rows, month_starts, repair_rows
from ingest.model.finding import Cleared, Key, Place
from ingest.schema.city import read_city
from ingest.schema.tables import energy_hours, faults

T0 = 1_790_000_000_000_000  # 2026-09-21T14:13:20Z
HOUR = 3_600_000_000


def table(client, name):
    answer = client.get(f"/open/{name}.csv")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(answer.text)))


def test_lamps_and_faults_as_csv_and_geojson(town, client):
    town.darken(1, 2)
    lamps = table(client, "lamps")
    assert [row["lamp_id"] for row in lamps] == sorted(town.register.lamps.lamp_id)
    assert lamps[0]["street"] == "'=Jalan Melati"  # no formula
    assert len(table(client, "faults")) == 2
    for name, n in (("lamps", 40), ("faults", 2)):
        answer = client.get(f"/open/{name}.geojson")
        assert answer.headers["content-type"] == "application/geo+json"
        assert len(answer.json()["features"]) == n
        for word in ("PJU-", "lamp-node", "steel", "assignee", "evidence"):
            assert word not in answer.text
            assert word not in client.get(f"/open/{name}.csv").text


def test_repair_times_and_availability_by_district_and_month(town, client):
    town.darken(1, 2, at_us=T0 - 30 * HOUR)
    town.book.apply([Cleared(Key("lampFailure", Place(lamp_id="L-001")), T0 - 10 * HOUR)], T0 - 10 * HOUR)
    (row,) = table(client, "repairs")
    assert (row["district"], row["month"], row["opened"], row["closed"]) == ("Siak", "2026-09", "2", "1")
    assert (float(row["median_hours"]), float(row["share_within_48_h"])) == (20.0, 1.0)
    found = {(row["district"], row["month"]): row for row in table(client, "availability")}
    assert float(found["Siak", "2026-09"]["lamp_hours_dark"]) == 50.0
    assert float(found["Siak", "2026-09"]["availability"]) == pytest.approx(1 - 50 / (20 * 501.222), abs=1e-4)
    assert float(found["Mempura", "2026-09"]["availability"]) == 1.0


def test_energy_by_month_of_the_city_s_zone(town, client):
    # 2026-08-31T17:00Z is the first hour of September in Jakarta
    first = 1_788_195_600_000_000
    with town.engine.begin() as connection:
        for hour_us, wh in ((first - HOUR, 1000.0), (first, 2000.0), (first + HOUR, 4000.0)):
            values = {"cabinet_id": "C-1", "hour_us": hour_us, "measured_wh": wh, "interpolated_wh": 10.0}
            connection.execute(insert(energy_hours).values(**values, estimated_wh=0.0, lit_hours=1.0))
    found = {row["month"]: row for row in table(client, "energy")}
    assert float(found["2026-08"]["measured_kwh"]) == 1.0
    assert float(found["2026-09"]["measured_kwh"]) == 6.0
    assert float(found["2026-09"]["interpolated_kwh"]) == 0.02


def test_months_of_a_zone_with_summer_time_follow_one_another():
    names, starts = month_starts(T0, ZoneInfo("Europe/Berlin"))
    assert (len(names), len(starts)) == (24, 25)
    assert (names[0], names[-1]) == ("2024-10", "2026-09")
    assert starts == sorted(starts)


def test_a_fault_over_the_turn_of_a_month_counts_in_both():
    starts = [0, 100 * HOUR, 200 * HOUR]
    fault = SimpleNamespace(
        district="D", code="circuitFailure", opened_at_us=90 * HOUR, closed_at_us=110 * HOUR, lamp_ids=["a", "b"]
    )
    found = availability_rows([fault], {"D": 2}, ["m1", "m2"], starts, 200 * HOUR)
    assert found == [("D", "m1", 2, 20.0, 0.9), ("D", "m2", 2, 20.0, 0.9)]
    assert repair_rows([fault], ["m1", "m2"], starts) == [
        ("D", "m1", 1, 0, None, None, None),
        ("D", "m2", 0, 1, 20.0, 20.0, 1.0),
    ]


def test_the_catalogue_names_files_that_are_there_and_the_city_s_licence(town):
    path = town.city.folder / "city.toml"
    licence = "https://creativecommons.org/licenses/by/4.0/"
    path.write_text(path.read_text("utf-8") + f'[public]\nlicence = "{licence}"\n', "utf-8")
    with TestClient(create_app(read_city(town.city.folder, {}), lambda: T0)) as client:
        answer = client.get("/open/catalogue.jsonld")
        assert answer.headers["content-type"] == "application/ld+json"
        graph = {one["@id"]: one for one in answer.json()["@graph"]}
        datasets = [one for one in graph.values() if one["@type"] == "dcat:Dataset"]
        assert {one["dct:identifier"] for one in datasets} == {"lamps", "faults", "repairs", "availability", "energy"}
        for one in datasets:
            assert one["dct:license"] == {"@id": licence}
            for reference in one["dcat:distribution"]:
                address = graph[reference["@id"]]["dcat:downloadURL"]["@id"]
                assert client.get(address).status_code == 200
        assert licence in client.get("/open").text


def test_the_catalogue_has_the_shape_that_portals_need(town):
    pyshacl, rdflib = pytest.importorskip("pyshacl"), pytest.importorskip("rdflib")
    shapes = Path(__file__).with_name("dcat_shapes.ttl").read_text("utf-8")
    for licence in ("", "https://creativecommons.org/licenses/by/4.0/", "ask the city, <please>"):
        city = city_with(town, f'licence = "{licence}"')
        with TestClient(create_app(city, lambda: T0)) as client:
            text = client.get("/open/catalogue.jsonld").text
        graph = rdflib.Graph().parse(data=text, format="json-ld")
        conforms, _report, words = pyshacl.validate(graph, shacl_graph=shapes, shacl_graph_format="turtle")
        assert conforms, words
    title = rdflib.URIRef("http://purl.org/dc/terms/title")
    graph.remove((rdflib.URIRef("http://testserver/open#lamps"), title, None))
    assert not pyshacl.validate(graph, shacl_graph=shapes, shacl_graph_format="turtle")[0]


def city_with(town, line):
    path = town.city.folder / "city.toml"
    path.write_text(path.read_text("utf-8").partition("[public]")[0] + f"[public]\n{line}\n", "utf-8")
    return read_city(town.city.folder, {})


def point(wkb):
    order, kind, x, y = struct.unpack("<BIdd", wkb)
    assert (order, kind) == (1, 1)
    return x, y


def test_places_as_geoparquet_say_what_geojson_says(town, client):
    town.darken(1, 2)
    town.book.apply([Cleared(Key("lampFailure", Place(lamp_id="L-001")), T0 + HOUR)], T0 + HOUR)
    with town.engine.begin() as connection:
        connection.execute(update(faults).where(faults.c.lamp_id == "L-002").values(latitude=None, longitude=None))
    for name, n in (("lamps", 40), ("faults", 2)):
        answer = client.get(f"/open/{name}.parquet")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/vnd.apache.parquet"
        table = pq.read_table(io.BytesIO(answer.content))
        about = json.loads(pq.read_metadata(io.BytesIO(answer.content)).metadata[b"geo"])
        assert about["version"] == "1.1.0"
        geometry = about["columns"][about["primary_column"]]
        assert (geometry["encoding"], geometry["geometry_types"]) == ("WKB", ["Point"])
        features = client.get(f"/open/{name}.geojson").json()["features"]
        assert len(table) == len(features) == n
        west, south, east, north = geometry["bbox"]
        for row, feature in zip(table.to_pylist(), features, strict=True):
            place = feature["geometry"]
            assert (None if row["geometry"] is None else list(point(row["geometry"]))) == (
                None if place is None else place["coordinates"]
            )
            if place is not None:
                assert west <= place["coordinates"][0] <= east
                assert south <= place["coordinates"][1] <= north
            for key, value in feature["properties"].items():
                if key in {"opened_at", "updated_at", "closed_at"}:
                    shown = None if row[key] is None else row[key].isoformat().replace("+00:00", "Z")
                    assert shown == value
                elif key != "state" or name == "faults":
                    assert row[key] == value
        for word in (b"PJU-", b"lamp-node", b"steel", b"assignee", b"evidence"):
            assert word not in answer.content
    empty = client.get("/open/energy.parquet")
    assert pq.read_table(io.BytesIO(empty.content)).column_names[:2] == ["district", "month"]


def test_geoparquet_without_a_row_and_over_several_row_groups(monkeypatch):
    monkeypatch.setattr(geo_parquet, "_ROWS", 3)
    rows = [([f"L-{n}", n], (100.0 + n, None if n == 4 else -n / 10)) for n in range(8)]
    kinds = {"lamp_id": "string", "priority": "integer"}
    data = io.BytesIO(b"".join(geo_parquet.geo_parquet(kinds, iter(rows))))
    assert pq.read_metadata(data).num_row_groups == 3
    assert pq.read_table(data)["lamp_id"].to_pylist() == [f"L-{n}" for n in range(8)]
    assert json.loads(pq.read_metadata(data).metadata[b"geo"])["columns"]["geometry"]["bbox"] == [100, -0.7, 107, 0]
    none = io.BytesIO(b"".join(geo_parquet.geo_parquet(kinds, iter(()))))
    assert pq.read_table(none).num_rows == 0
    assert "bbox" not in json.loads(pq.read_metadata(none).metadata[b"geo"])["columns"]["geometry"]


def test_the_page_says_what_is_promised_what_was_done_and_how_fast(town, client):
    assert "The city has not stated how fast it repairs." in client.get("/open?lang=en").text
    town.darken(1, 2, 3, at_us=T0 - 30 * HOUR)
    town.darken(4, at_us=T0 - 30 * HOUR, code="communicationFailure")  # keeps nothing dark
    town.book.apply([Cleared(Key("lampFailure", Place(lamp_id="L-001")), T0 - 20 * HOUR)], T0 - 20 * HOUR)
    town.book.apply([Cleared(Key("lampFailure", Place(lamp_id="L-002")), T0 - 2 * HOUR)], T0 - 2 * HOUR)
    with TestClient(create_app(city_with(town, "repair_hours = 24"), lambda: T0)) as promising:
        page = promising.get("/open?lang=en").text
        assert "a dark lamp burns again within 24 hours" in page
        figures = re.findall("<li><b>([^<]+)</b>", page)
        # 10 + 28 + 30 dark lamp hours of 40 lamps in 30 days
        assert figures == ["99.7 %", "1", "2", "19 h", "33.3 %"]
        assert "<b>99,7 %</b>" in promising.get("/open?lang=id").text
        cells = re.findall("<td>([^<]+)</td>", page)
        assert cells == ["2026-09", "3", "2", "19 h", "26 h", "33.3 %"]
        assert "<script" not in page
        assert "24 jam" in promising.get("/open?lang=id").text


def test_without_a_licence_none_is_claimed(client):
    assert "dct:license" not in client.get("/open/catalogue.jsonld").text
    assert client.get("/open/lamps.exe").status_code == 404
    for lang, word in (("en", "open data"), ("id", "data terbuka")):
        assert word in client.get("/open", params={"lang": lang}).text
