"""Importing a city's own register: every row answered for, nothing half-applied, the same again the next time."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.city import importing
from ingest.city.delimiter import likely_delimiter
from ingest.city.importing import apply_draft, draft_register
from ingest.city.mapping import ImportMap, read_mapping
from ingest.city.template import write_city
from ingest.database import open_database
from ingest.errors import UnusableError
from ingest.register.csv_pair import NEW, READY, lamps_csv
from ingest.register.database_table import load_register
from ingest.register.sync import read_city_files
from ingest.schema.city import read_city

REPOSITORY_EXAMPLE = "docs/examples/champaign.toml"
SIMPLE = {
    "lamp": {
        "lamp_id": "No",
        "cabinet_id": "Panel",
        "circuit": "Jalur",
        "latitude": "Lintang",
        "longitude": "Bujur",
        "rated_power_w": "Daya",
        "technology": {"column": "Jenis", "values": {"SON-T": "HPS", "led": "LED"}},
    }
}
HEADER = "No,Panel,Jalur,Lintang,Bujur,Daya,Jenis,Tiang"


def quiet(_step, _n_rows):
    pass


def drafted(folder, text, mapping=SIMPLE, name="asli.csv"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return draft_register(path, ImportMap(**mapping), quiet)


def city_at(folder):
    write_city(folder, "Kota")
    return open_database(read_city(folder, {}))


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


def test_an_import_is_the_same_the_second_time(tmp_path):
    engine = city_at(tmp_path / "kota")
    rows = "\n".join(f",P{i % 3},1,{0.5 + i * 0.0003:.4f},102,{'66 (LED)' if i % 2 else ''},LED,x" for i in range(40))
    first = drafted(tmp_path, f"{HEADER}\n{rows}\n")
    apply_draft(first, tmp_path / "kota", engine, tmp_path / "asli.csv")
    before = (tmp_path / "kota" / "lamps.csv").read_bytes()
    apply_draft(drafted(tmp_path, f"{HEADER}\n{rows}\n"), tmp_path / "kota", engine, tmp_path / "asli.csv")
    assert (tmp_path / "kota" / "lamps.csv").read_bytes() == before
    register, issues = read_city_files(tmp_path / "kota")
    stored = load_register(engine)
    assert issues == ()
    assert stored.digest == register.digest
    assert stored.lamps.lamp_id == register.lamps.lamp_id == first.lamps.lamp_id
    engine.dispose()


def test_a_database_that_refuses_leaves_the_folder_as_it_was(tmp_path, monkeypatch):
    folder = tmp_path / "kota"
    engine = city_at(folder)
    before = (folder / "lamps.csv").read_bytes()
    draft = drafted(tmp_path, f"{HEADER}\n7,P1,1,0.5,102,70,LED,\n")
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE lamps")
    with pytest.raises(UnusableError, match="the database refused the register: no such table: lamps"):
        apply_draft(draft, folder, engine, tmp_path / "asli.csv")
    assert (folder / "lamps.csv").read_bytes() == before
    assert not (folder / NEW).exists()
    engine.dispose()


def test_a_cut_between_the_two_files_is_finished_by_the_next_reader(tmp_path, monkeypatch):
    folder = tmp_path / "kota"
    engine = city_at(folder)
    draft = drafted(tmp_path, f"{HEADER}\n7,P1,1,0.5,102,70,LED,\n")
    monkeypatch.setattr(importing, "publish", lambda at: (at / NEW).rename(at / READY))  # the power goes here
    apply_draft(draft, folder, engine, tmp_path / "asli.csv")
    (folder / READY / "lamps.csv").replace(folder / "lamps.csv")  # and one file had moved already
    register, _ = read_city_files(folder)
    assert register.lamps.lamp_id == ["7"]
    assert register.cabinets.cabinet_id == ["P1"]
    assert not (folder / READY).exists()
    engine.dispose()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[lamps]\n", "lamps: unknown key"),
        ('[lamp]\nlampid = "No"\n', r"\[lamp\] lampid: no such field"),
        ('[lamp]\nlamp_id = { colum = "No" }\n', r"lamp\.lamp_id\.colum: unknown key"),
        ("[lamp]\nlamp_id = { values = {} }\n", "give either a column or a constant"),
        ('[lamp]\nlamp_id = { column = "No", pattern = "(" }\n', "no regular expression"),
        ("[lamp\n", "not TOML"),
    ],
)
def test_a_broken_mapping_is_said_in_one_line(tmp_path, text, said):
    (tmp_path / "map.toml").write_text(text)
    with pytest.raises(UnusableError, match=said) as caught:
        read_mapping(tmp_path / "map.toml")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.xls", b"\xd0\xcf", "old Excel format"),
        ("a.xlsx", b"no zip", "is no workbook"),
        ("a.csv", b"PK\x03\x04", "is an archive"),
        ("a.geojson", b"{", "not JSON"),
        ("a.geojson", b"[]", "no GeoJSON FeatureCollection"),
        ("a.csv", b"", "no header"),
        ("a.csv", b"a,b\n1,2\n", "no column 'No' for lamp_id"),
        ("a.csv", HEADER.encode() + b"\n7,P1,1,,,70,LED,\n", "not one row can be taken"),
    ],
)
def test_an_unusable_source_is_said_in_one_line(tmp_path, name, content, said):
    with pytest.raises(UnusableError, match=said) as caught:
        drafted(tmp_path, content, name=name)
    assert "\n" not in str(caught.value)


def test_an_unknown_coordinate_system_is_said(tmp_path):
    with pytest.raises(UnusableError, match="'EPSG:99' is no coordinate system"):
        drafted(tmp_path, f"{HEADER}\n7,P1,1,1,1,70,LED,\n", {**SIMPLE, "source": {"crs": "EPSG:99"}})


@pytest.mark.parametrize("source", ["Streetlights.csv", "Streetlights.geojson"])
def test_champaign_is_taken_whole_with_every_bad_value_reported(shared_data, source, request):
    mapping = read_mapping(request.config.rootpath / REPOSITORY_EXAMPLE)
    path = shared_data / "registers" / "champaign" / source
    draft = draft_register(path, mapping, quiet)
    assert (draft.n_rows, len(draft.lamps), len(draft.cabinets), draft.n_named) == (4556, 4556, 151, 301)
    assert sum(not circuit for circuit in draft.lamps.circuit) == 4216
    assert draft.lamps.technology.count("IND") == 818
    ambiguous = [issue for issue in draft.issues if issue.code == "several_powers"]
    assert {issue.column for issue in ambiguous} == {"Lamp_Wattage"}
    assert np.isnan(draft.lamps.rated_power_w).sum() == 1028 + len(ambiguous)
    assert 40.0 < draft.lamps.latitude.min() <= draft.lamps.latitude.max() < 40.2
    if source.endswith(".csv"):
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        assert all("/" in rows[issue.line - 2]["Lamp_Wattage"] for issue in ambiguous)


@pytest.fixture(scope="module")
def one_city(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kota")
    engine = city_at(folder)
    yield folder, engine
    engine.dispose()


CELL = st.one_of(
    st.sampled_from(
        [
            "",
            "7",
            "L-1",
            "P1",
            "P/2",
            "1",
            "0.5",
            "0,5",
            "102",
            "NaN",
            "inf",
            "1e999",
            "250/85",
            "66 (LED)",
            '"',
            "\0",
            "a\nb",
        ]
    ),
    st.text(max_size=6),
    st.just("x" * 4200),
)


@settings(max_examples=80, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(rows=st.lists(st.lists(CELL, max_size=9), max_size=10), separator=st.sampled_from([",", ";", "\t"]))
def test_whatever_a_register_holds_each_row_is_taken_or_refused_and_reads_back(rows, separator, one_city):
    folder = one_city[0]
    good = separator.join(["good", "P1", "1", "0.5", "102", "70", "LED", ""])
    lines = [separator.join(row) for row in rows]
    text = "\n".join([HEADER.replace(",", separator), good, *lines])
    content = text.encode("utf-8", "surrogatepass")
    try:
        draft = drafted(folder, content)
    except UnusableError as error:  # a quote may have swallowed the one good row
        message = str(error)
        assert "not one row" in message
        return
    refused = [issue.line for issue in draft.issues if issue.is_refused]
    assert len(refused) == len(set(refused)) == draft.n_refused
    assert len(draft.lamps) + draft.n_refused == draft.n_rows
    again = drafted(folder, content)
    assert lamps_csv(again.lamps) == lamps_csv(draft.lamps)
    folder, engine = one_city
    apply_draft(draft, folder, engine, folder / "asli.csv")
    register, issues = read_city_files(folder)
    assert register.lamps.lamp_id == draft.lamps.lamp_id
    assert issues == ()


RAGGED = "No;Panel;Jalur;Lintang;Bujur;Daya;Jenis\n7;P1;1;0.5;102;70;LED\n0,5;8\n0,5;9;P\n0,5\n"
PLACES = "\n".join(f"{i};-7,{i + 10};110,{i + 20}" for i in range(20))


@pytest.mark.parametrize(
    ("text", "names", "delimiter"),
    [
        (RAGGED, ("No", "Panel", "Lintang"), ";"),  # a comma stands in more lines, equally often
        (f"No;Lintang;Bujur\n{PLACES}\n", (), ";"),  # as many decimal commas as semicolons
        (f"Daftar lampu, Kota Terang, 2026\nNo;Lintang;Bujur\n{PLACES}\n", (), ";"),
        (f"Daftar lampu; jalan; gang\nNo,Lintang,Bujur\n{PLACES.replace(',', '.').replace(';', ',')}\n", (), ","),
        ("No;Daya;Jenis;Jalan;Desa\n1;70\n2;70;LED\n3;90,5;LED;A, B\n4;7,5\n5;8,5\n", (), ";"),  # rows end early
        ("No|Daya\n1|0,5\n2|0,7\n", ("No", "Daya"), "|"),
        ("No\tNama\n1\tA, B; C\n2\tA, B; C\n", (), "\t"),
        ("Tempat\n-7.5, 110.2\n-7.6, 110.2\n", ("Tempat",), ";"),  # one column: what would split it is none
    ],
)
def test_the_delimiter_is_the_one_that_the_header_is_made_of(text, names, delimiter):
    assert likely_delimiter(text.splitlines(keepends=True), names) == delimiter


def test_the_row_that_bears_the_mappings_names_is_the_header(tmp_path):
    wide = ";".join("abcdefghijklmnopqrst")
    text = f"{HEADER.replace(',', ';')}\n7;P1;1;0.5;102;70;LED;x\n{wide}\n{wide}\n{wide}\n"
    draft = drafted(tmp_path, text)
    assert draft.lamps.lamp_id == ["7"]
    assert [issue.line for issue in draft.issues if issue.is_refused] == [3, 4, 5]


def test_a_source_without_rows_replaces_nothing(tmp_path):
    with pytest.raises(UnusableError, match="holds no row"):
        drafted(tmp_path, HEADER)


def test_a_cabinet_that_only_a_refused_row_names_is_left_out(tmp_path):
    draft = drafted(tmp_path, f"{HEADER}\n1,P9,1,,102,70,LED,\n2,P2,1,0.5,102,70,LED,\n3,,1,0.5001,102,70,LED,\n")
    assert draft.cabinets.cabinet_id == ["P2"]
    assert draft.lamps.cabinet.tolist() == [0, -1]


def test_a_nameless_lamp_has_one_name_in_the_csv_and_in_the_geojson(tmp_path):
    lamp = {"No": "", "Panel": "P1"}
    point = {"type": "Feature", "properties": lamp, "geometry": {"type": "Point", "coordinates": [102.0, 0.5]}}
    document = json.dumps({"type": "FeatureCollection", "features": [point]})
    mapping = {"lamp": {"lamp_id": "No", "cabinet_id": "Panel", "latitude": "Lintang", "longitude": "Bujur"}}
    (from_geojson,) = drafted(tmp_path, document, mapping, "asli.geojson").lamps.lamp_id
    (from_csv,) = drafted(tmp_path, "No,Panel,Lintang,Bujur\n,P1,0.50,102\n", mapping).lamps.lamp_id
    assert from_csv == from_geojson
