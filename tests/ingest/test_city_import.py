"""Importing a city's own register: nothing half-applied, the same again the next time, and every row answered for."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.city import importing
from ingest.city.delimiter import likely_delimiter
from ingest.city.importing import apply_draft, draft_register
from ingest.city.mapping import read_mapping
from ingest.errors import UnusableError
from ingest.register.csv_pair import NEW, READY, lamps_csv
from ingest.register.database_table import load_register
from ingest.register.folder_register import read_city_files
from tests.ingest.imported_city import HEADER, SIMPLE, city_at, drafted, quiet

REPOSITORY_EXAMPLE = "docs/examples/champaign.toml"


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
