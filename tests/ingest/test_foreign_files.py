"""Vector files and workbooks: read by what they are, in a process with bounds; hostile ones end in one line."""

from __future__ import annotations

import datetime as dt
import io
import json
import struct
import zipfile

import numpy as np
import openpyxl
import pyogrio.raw
import pytest

from ingest.city import isolated_reading
from ingest.city.decoded_vectors import DRIVERS, point_of
from ingest.city.importing import draft_register
from ingest.city.mapping import ImportMap
from ingest.errors import NothingTakenError, UnusableError

PLACES = [(480000.0, 9163500.0), (480040.0, 9163510.0)]


def drafted(path, lamp, **sections):
    return draft_register(path, ImportMap(lamp=lamp, **sections), lambda *_: None)


def reported(issues):
    return "\n".join(map(str, issues))


def wkb(x, y):
    return struct.pack("<BIdd", 1, 1, x, y)


def write_layer(path, driver, places=PLACES, crs="EPSG:32749", **options):
    pyogrio.raw.write(
        path,
        np.array([wkb(*place) for place in places], object),
        [np.array([f"F-{n + 1}" for n in range(len(places))], object), np.array([90.5, 70.0][: len(places)])],
        ["ref", "watt"],
        geometry_type="Point",
        crs=crs,
        driver=driver,
        **options,
    )


@pytest.mark.parametrize(
    ("name", "driver"), [("a.gpkg", "GPKG"), ("a.shp", "ESRI Shapefile"), ("named_wrongly.csv", "GPKG")]
)
def test_a_vector_file_says_its_own_system(tmp_path, name, driver):
    write_layer(tmp_path / name, driver)
    found = drafted(tmp_path / name, {"lamp_id": "ref", "rated_power_w": "watt"})
    assert found.lamps.lamp_id == ["F-1", "F-2"]
    assert found.lamps.rated_power_w.tolist() == [90.5, 70]
    assert found.lamps.latitude.tolist() == pytest.approx([-7.5676, -7.5675], abs=1e-4)
    assert found.lamps.longitude.tolist() == pytest.approx([110.8188, 110.8192], abs=2e-4)


def test_the_mappings_system_counts_before_the_files(tmp_path):
    write_layer(tmp_path / "a.gpkg", "GPKG", crs="EPSG:32748")
    found = drafted(tmp_path / "a.gpkg", {"lamp_id": "ref"}, source={"crs": "EPSG:32749"})
    assert found.lamps.longitude[0] == pytest.approx(110.8187, abs=2e-4)
    assert "the file says 'EPSG:32748': read as EPSG:32749, as the mapping says" in reported(found.issues)


def test_a_geojson_in_metres_is_read_in_the_mappings_system(tmp_path):
    features = [
        {"type": "Feature", "properties": {"ref": "A"}, "geometry": {"type": "Point", "coordinates": PLACES[0]}}
    ]
    (tmp_path / "a.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    found = drafted(tmp_path / "a.geojson", {"lamp_id": "ref"}, source={"crs": "EPSG:32749"})
    assert found.lamps.latitude[0] == pytest.approx(-7.567, abs=1e-3)


def test_every_folder_of_a_kml_is_read(tmp_path):
    folders = "".join(
        f"<Folder><name>Jalan {n}</name><Placemark><name>K-{n}</name>"
        f"<Point><coordinates>102.0{n},0.79,0</coordinates></Point></Placemark></Folder>"
        for n in (1, 2)
    )
    (tmp_path / "a.kml").write_text(
        f'<?xml version="1.0"?><kml xmlns="http://www.opengis.net/kml/2.2"><Document>{folders}</Document></kml>'
    )
    found = drafted(tmp_path / "a.kml", {"lamp_id": "Name"})
    assert found.lamps.lamp_id == ["K-1", "K-2"]
    assert found.lamps.longitude.tolist() == [102.01, 102.02]


@pytest.mark.parametrize(
    ("geometry", "said"),
    [
        ({"type": "LineString", "coordinates": [[1, 2], [2, 3]]}, "a LineString; a lamp is a point"),
        ({"type": "MultiPoint", "coordinates": [[1, 2], [2, 3]]}, "a MultiPoint of 2 points; a lamp is one point"),
        (None, "has no geometry; a lamp is a point"),
        ({"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}, "a Polygon; a lamp is a point"),
    ],
)
@pytest.mark.parametrize("is_alone", [True, False])
def test_a_geometry_that_is_no_point_is_refused_by_its_kind(tmp_path, geometry, said, is_alone):
    good = {"type": "Feature", "properties": {"ref": "A"}, "geometry": {"type": "Point", "coordinates": [102, 0.5]}}
    features = [{"type": "Feature", "properties": {"ref": "B"}, "geometry": geometry}] + ([] if is_alone else [good])
    (tmp_path / "a.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    try:
        issues = drafted(tmp_path / "a.geojson", {"lamp_id": "ref"}).issues
    except NothingTakenError as error:
        issues = error.issues
    except UnusableError as error:
        issues = (error,)  # a table without any place
    if not (is_alone and geometry is None):
        assert f"a.geojson:1: {said} (row refused)" in reported(issues)


def test_a_point_of_any_byte_order_and_dimension_is_found():
    for order, mark in (("<", 1), (">", 0)):
        for code in (1, 1001, 2001, 3001, 0x80000001):
            geometry = struct.pack(f"{order}BIdd", mark, code, 1.5, -2.5) + b"\0" * 16
            assert point_of(geometry) == (1.5, -2.5, "")


def test_dates_numbers_and_two_header_rows_of_a_workbook(tmp_path):
    book = openpyxl.Workbook()
    book.active.title = "Kosong"
    page = book.create_sheet("PJU")
    for row in (
        ["Data PJU"],
        ["No", "Koordinat", None, "Daya (kW)", "Tanggal"],
        [None, "Lintang", "Bujur", None, None],
        [1, -7.125, 110.125, 0.125, dt.datetime(2024, 3, 1)],  # noqa: DTZ001
        [2, -7.25, 110.25, 1.25, "02/03/2024"],
    ):
        page.append(row)
    book.save(tmp_path / "a.xlsx")
    found = drafted(
        tmp_path / "a.xlsx",
        {
            "lamp_id": "No",
            "latitude": "Lintang",
            "longitude": "Bujur",
            "rated_power_w": "Daya (kW)",
            "installed_on": {"column": "Tanggal", "format": "%d/%m/%Y"},
        },
    )
    assert found.lamps.latitude.tolist() == [-7.125, -7.25]
    assert found.lamps.rated_power_w.tolist() == [125, 1250]
    assert found.lamps.installed_on == ["2024-03-01", "2024-03-02"]
    assert "sheet 'PJU' was read, not 'Kosong'" in reported(found.issues)
    assert "its name says kW" in reported(found.issues)


def ods(rows):
    cells = "".join(
        "<table:table-row>"
        + "".join(
            f'<table:table-cell office:value-type="string"><text:p>{value}</text:p></table:table-cell>' for value in row
        )
        + "</table:table-row>"
        for row in rows
    )
    spaces = " ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ("office", "table", "text")
    )
    content = (
        f'<?xml version="1.0"?><office:document-content {spaces}><office:body><office:spreadsheet>'
        f'<table:table table:name="A">{cells}</table:table></office:spreadsheet></office:body>'
        "</office:document-content>"
    )
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as target:
        target.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        target.writestr("META-INF/manifest.xml", "<manifest/>")
        target.writestr("content.xml", content)
    return archive.getvalue()


def test_an_open_document_sheet_is_read(tmp_path):
    (tmp_path / "a.ods").write_bytes(ods([["รหัส", "lat", "lon"], ["T-1", "13.75", "100.5"]]))
    found = drafted(tmp_path / "a.ods", {"lamp_id": "รหัส", "latitude": "lat", "longitude": "lon"})
    assert (found.lamps.lamp_id, found.lamps.latitude.tolist()) == (["T-1"], [13.75])


def workbook_with(sheet):
    archive = io.BytesIO()
    book = openpyxl.Workbook()
    book.active.append(["a"])
    plain = io.BytesIO()
    book.save(plain)
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as target:
        for entry in source.infolist():
            content = sheet if entry.filename == "xl/worksheets/sheet1.xml" else source.read(entry)
            target.writestr(entry.filename, content)
    return archive.getvalue()


SHEET = (
    '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{}</sheetData></worksheet>'
)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("zip.xlsx", lambda: workbook_with(b" " * (20 << 20))),  # unpacks to 20 MB
        (
            "corners.xlsx",  # two cells that span 17 thousand million
            lambda: workbook_with(
                SHEET.format(
                    '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
                ).encode()
            ),
        ),
        (
            "entities.kml",
            lambda: (
                b'<?xml version="1.0"?><!DOCTYPE k [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
                b'<kml xmlns="http://www.opengis.net/kml/2.2"><Document><name>&b;</name></Document></kml>'
            ),
        ),
        ("deep.geojson", lambda: b'{"type":"FeatureCollection","features":' + b"[" * 100_000),
        ("rubbish.gpkg", lambda: b"SQLite format 3\0" + b"\xff\x1b[31m" * 500),
        ("rubbish.shp", lambda: b"\x00\x00\x27\x0a" + b"\xff" * 500),
        ("layer.kml", lambda: b"<!-- <kml> --><OGRVRTDataSource><OGRVRTLayer name='a'/></OGRVRTDataSource>"),
        ("rubbish.xls", lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\xff" * 4000),
    ],
)
def test_a_bomb_or_a_broken_file_ends_in_one_clean_line(tmp_path, monkeypatch, name, content):
    monkeypatch.setattr(isolated_reading, "MAX_UNPACKED", 10 << 20)
    (tmp_path / name).write_bytes(content())
    with pytest.raises(UnusableError) as caught:
        drafted(tmp_path / name, {"lamp_id": "a"})
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("path", ["/vsicurl/http://127.0.0.1:1/a.geojson", "/vsizip/a.zip/a.shp", "/dev/zero"])
def test_only_files_of_this_machine_are_opened(path):
    from pathlib import Path  # noqa: PLC0415

    with pytest.raises(UnusableError, match=r"no such file|is no file"):
        drafted(Path(path), {"lamp_id": "a"})


def test_the_process_knows_no_other_formats():
    import subprocess  # noqa: PLC0415
    import sys  # noqa: PLC0415

    command = [sys.executable, "-c", "import pyogrio, json; print(json.dumps(sorted(pyogrio.list_drivers())))"]
    done = subprocess.run(command, capture_output=True, check=True, env=isolated_reading._environment())
    assert set(json.loads(done.stdout)) <= DRIVERS


def test_nothing_of_the_current_folder_is_run(tmp_path, monkeypatch):
    write_layer(tmp_path / "a.gpkg", "GPKG")
    (tmp_path / "pyarrow.py").write_text("raise SystemExit(9)\n")
    monkeypatch.chdir(tmp_path)
    assert len(drafted(tmp_path / "a.gpkg", {"lamp_id": "ref"}).lamps) == 2
