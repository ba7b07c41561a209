"""What an import makes of a register's values: units, wattages, coordinates, positions."""

from __future__ import annotations

import io
import json

import numpy as np
import openpyxl
import pytest

from tests.ingest.imported_city import HEADER, SIMPLE, drafted


def test_columns_values_and_units_are_translated(tmp_path):
    draft = drafted(tmp_path, f"{HEADER}\n7,P1,1,0.5,102,70,SON-T,besi\n8,P1,1,0.5001,102,90 W,LED,\n")
    lamps = draft.lamps
    assert lamps.lamp_id == ["7", "8"]
    assert lamps.technology == ["HPS", "LED"]
    assert lamps.rated_power_w.tolist() == [70, 90]
    assert lamps.extra == [{"Tiang": "besi"}, {}]
    assert draft.cabinets.cabinet_id == ["P1"]
    assert draft.issues == ()


@pytest.mark.parametrize(
    ("text", "several", "power_w", "said"),
    [
        ("286(LED)", None, 286, "'286(LED)' was read as 286 W"),
        ("66 (LED)", None, 66, "'66 (LED)' was read as 66 W"),
        ("250/85", None, None, "'250/85' is ambiguous: 2 numbers; rating left empty"),
        ("250/85", "sum", 335, "'250/85' was read as 335 W"),
        ("250/85", "largest", 250, "was read as 250 W"),
        ("85/250", "first", 85, "was read as 85 W"),
        ("69,5", None, 69.5, None),
        ("100 watt", None, 100, None),
        ("banyak", None, None, "'banyak' is no power"),
        ("-70", None, None, "'-70' is no power"),
        ("99999", None, None, "is not within 0 to 5000 W"),
        ("", None, None, None),
    ],
)
def test_a_wattage_is_read_or_refused_with_its_reason(tmp_path, text, several, power_w, said):
    rule = {"column": "Daya", **({"several": several} if several else {})}
    mapping = {"lamp": {**SIMPLE["lamp"], "rated_power_w": rule}}
    draft = drafted(tmp_path, f'{HEADER}\n7,P1,1,0.5,102,"{text}",LED,\n', mapping)
    rated = draft.lamps.rated_power_w[0]
    assert rated == power_w if power_w is not None else np.isnan(rated)
    assert [said in str(issue) and ":2: Daya:" in str(issue) for issue in draft.issues] == ([True] if said else [])


def test_kilowatts_become_watts(tmp_path):
    mapping = {"lamp": {**SIMPLE["lamp"], "rated_power_w": {"column": "Daya", "unit": "kW"}}}
    assert drafted(tmp_path, f"{HEADER}\n7,P1,1,0.5,102,0.25,LED,\n", mapping).lamps.rated_power_w[0] == 250


def test_swapped_coordinates_are_exchanged_and_said(tmp_path):
    rows = [f"{i},P1,1,40.{i:03d},-88.25,70,LED," for i in range(10)] + ["99,P1,1,-88.25,40.1,70,LED,"]
    draft = drafted(tmp_path, HEADER + "\n" + "\n".join(rows))
    assert (draft.lamps.latitude[-1], draft.lamps.longitude[-1]) == (40.1, -88.25)
    assert [str(issue) for issue in draft.issues] == [
        "asli.csv:12: Lintang: latitude and longitude were swapped; exchanged"
    ]


def test_a_projection_becomes_degrees_within_a_centimetre(tmp_path):
    mapping = {**SIMPLE, "source": {"crs": "EPSG:3857"}}
    draft = drafted(tmp_path, f"{HEADER}\n7,P1,1,4887225.98189152,-9824847.80767025,70,LED,\n", mapping)
    # the same pole in the city's own GeoJSON
    assert draft.lamps.latitude[0] == pytest.approx(40.146306550212763, abs=1e-7)
    assert draft.lamps.longitude[0] == pytest.approx(-88.258109497783565, abs=1e-7)


def test_a_european_spreadsheet_reads_the_same(tmp_path):
    text = "﻿No;Panel;Jalur;Lintang;Bujur;Daya;Jenis\r\n7;P1;1;0,5;102,25;70,5;LED\r\n"
    draft = drafted(tmp_path, text)
    assert (draft.lamps.latitude[0], draft.lamps.longitude[0], draft.lamps.rated_power_w[0]) == (0.5, 102.25, 70.5)


def test_a_workbook_reads_like_a_table(tmp_path):
    book = openpyxl.Workbook()
    book.active.title = "PJU"
    book.active.append(HEADER.split(","))
    book.active.append([7, "P1", 1.0, 0.5, 102.25, 70, "LED", None])
    book.active.append([8, "P1", None, 0.5, None, 70, "LED"])
    content = io.BytesIO()
    book.save(content)
    draft = drafted(tmp_path, content.getvalue(), {**SIMPLE, "source": {"sheet": "PJU"}}, "asli.xlsx")
    assert draft.lamps.lamp_id == ["7"]
    assert draft.lamps.circuit == ["1"]
    assert [str(issue) for issue in draft.issues] == ["asli.xlsx:3: Bujur: is empty and required (row refused)"]


def test_geojson_brings_its_own_places(tmp_path):
    features = [
        {
            "type": "Feature",
            "properties": {"No": 7, "Daya": "70"},
            "geometry": {"type": "Point", "coordinates": [102.25, 0.5]},
        },
        {"type": "Feature", "properties": {"No": 8}, "geometry": None},
        "nonsense",
    ]
    mapping = {"lamp": {"lamp_id": "No", "rated_power_w": "Daya"}}
    text = json.dumps({"type": "FeatureCollection", "features": features})
    draft = drafted(tmp_path, text, mapping, "asli.geojson")
    assert (draft.n_rows, draft.lamps.lamp_id, draft.n_refused) == (3, ["7"], 2)
    assert draft.lamps.longitude[0] == 102.25


def test_a_lamp_without_id_keeps_its_name_when_rows_move(tmp_path):
    row, other = ",P1,1,0.5,102,70,LED,", "9,P1,1,0.6,102,70,LED,"
    first = drafted(tmp_path, f"{HEADER}\n{row}\n{row}\n{other}\n")
    moved = drafted(tmp_path, f"{HEADER}\n{other}\n{row}\n{row}\n")
    names = first.lamps.lamp_id[:2]
    assert len(set(names)) == 2
    assert moved.lamps.lamp_id[1:] == names
    assert first.n_named == 2


def test_missing_positions_follow_the_cable_from_the_cabinet_and_say_so(tmp_path):
    order = [3, 0, 4, 1, 2]
    rows = [f"L{i},P1,1,{0.5 + i * 0.0003:.4f},102,70,LED," for i in order]
    mapping = {**SIMPLE, "cabinet": {"latitude": {"constant": "0.4999"}, "longitude": {"constant": "102"}}}
    lamps = drafted(tmp_path, HEADER + "\n" + "\n".join(rows), mapping).lamps
    assert dict(zip(lamps.lamp_id, lamps.position.tolist(), strict=True)) == {f"L{i}": i + 1 for i in range(5)}
    assert set(lamps.position_source) == {"estimated"}


def test_surveyed_positions_stay_and_a_missing_one_stands_with_its_neighbour(tmp_path):
    rows = ["L1,P1,1,0.5,102,70,LED,1", "L2,P1,1,0.5003,102,70,LED,2", "L3,P1,1,0.50031,102,70,LED,"]
    mapping = {"lamp": {**SIMPLE["lamp"], "position": "Tiang"}}
    lamps = drafted(tmp_path, HEADER + "\n" + "\n".join(rows), mapping).lamps
    assert lamps.position.tolist() == [1, 2, 2]
    assert lamps.position_source == ["survey", "survey", "estimated"]


def test_lamps_on_an_unknown_circuit_get_no_position(tmp_path):
    lamps = drafted(tmp_path, f"{HEADER}\n7,P1,,0.5,102,70,LED,\n").lamps
    assert lamps.position.tolist() == [-1]
