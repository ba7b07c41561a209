"""Registers of other countries, and kinds of value and file that once were read wrongly or broke the reader."""

from __future__ import annotations

import json
import struct
import tomllib

import numpy as np
import pyogrio.raw
import pytest
from pyproj import Transformer

from ingest.city.importing import draft_register
from ingest.city.mapping import ImportMap
from ingest.city.places import zone_distances
from ingest.city.suggest import suggest
from ingest.errors import UnusableError
from tests.ingest.old_workbook import xls_of

N = 24
LAMP = {"lamp_id": "id", "latitude": "lat", "longitude": "lon", "rated_power_w": "watt", "installed_on": "tgl"}


def drafted(path, lamp=LAMP, *, timezone="", **sections):
    return draft_register(path, ImportMap(lamp=lamp, **sections), lambda *_: None, timezone=timezone)


def reported(draft):
    return "\n".join(map(str, draft.issues))


def as_suggested(path, timezone):
    """What an import makes of a register with the mapping that is suggested for it, unchanged."""
    mapping = ImportMap(**tomllib.loads(suggest(path, timezone).mapping))
    return draft_register(path, mapping, lambda *_: None, timezone=timezone)


def polish():
    yield "Nr słupa;Szafka oświetleniowa;Obwód;Współrzędna X;Współrzędna Y;Moc [kW];Typ źródła;Ulica;Data montażu"
    transformer = Transformer.from_crs("EPSG:4326", "EPSG:2180", always_xy=True)
    for i in range(N):
        east, north = (f"{metres:.2f}".replace(".", ",") for metres in transformer.transform(19.94 + i * 4e-4, 50.06))
        kind, power = ["sodowa", "LED", "rtęciowa"][i % 3], ["0,07", "0,15"][i % 2]
        street, day = "Świętego Łazarza", "05.03.2019"
        yield ";".join([f"{i + 1:04d}", f"SO-{i // 8}", str(i % 2 + 1), north, east, power, kind, street, day])


def thai():
    yield "รหัสเสา,ตู้ควบคุม,วงจร,ละติจูด,ลองจิจูด,กำลังไฟ (วัตต์),ชนิดหลอด,ถนน,วันที่ติดตั้ง"
    for i in range(N):
        kind, power = ["โซเดียม", "แอลอีดี"][i % 2], ["70", "150"][i % 2]
        place, day = [f"{13.75 + i * 3e-4:.5f}", "100.50000"], f"{i % 28 + 1:02d}/03/2562"
        yield ",".join([f"{i + 1:05d}", f"ตู้ {i // 8}", str(i % 2 + 1), *place, power, kind, "ถนนสุขุมวิท", day])


def greek():
    yield "ΜΗΤΡΩΟ ΦΩΤΙΣΤΙΚΩΝ"
    yield "Α/Α\tΠίλαρ\tΓραμμή\tΧ\tΥ\tΙσχύς (W)\tΤύπος λαμπτήρα\tΟδός\tΗμερομηνία"
    transformer = Transformer.from_crs("EPSG:4326", "EPSG:2100", always_xy=True)
    for i in range(N):
        place = [f"{metres:.2f}" for metres in transformer.transform(23.73 + i * 4e-4, 37.98)]
        kind, power = ["Νατρίου", "LED", "Υδραργύρου"][i % 3], ["70 W", "150W HPS"][i % 2]
        yield "\t".join(
            [f"{i + 1}", f"Π-{i // 8}", str(i % 2 + 1), *place, power, kind, "Λεωφόρος Αθηνών", "05/03/2019"]
        )


def arabic():
    yield "رقم العمود\tلوحة التحكم\tالدائرة\tخط العرض\tخط الطول\tالقدرة (واط)\tالنوع\tالشارع\tتاريخ التركيب"
    digits = str.maketrans("0123456789.", "٠١٢٣٤٥٦٧٨٩٫")
    for i in range(N):
        place = [f"{30.04 + i * 4e-4:.5f}".translate(digits), "31.23000".translate(digits)]
        kind, power = ["صوديوم", "LED", "زئبق"][i % 3], ["70", "150"][i % 2]
        yield "\t".join([f"{i + 1}", f"ل{i // 8}", str(i % 2 + 1), *place, power, kind, "شارع التحرير", "25/03/2019"])


@pytest.mark.parametrize(
    ("lines", "encoding", "mark", "timezone", "first", "kinds", "day"),
    [
        (polish, "cp1250", b"", "Europe/Warsaw", (50.06, 19.94), {"HPS", "LED", "MV"}, "2019-03-05"),
        (thai, "cp874", b"", "Asia/Bangkok", (13.75, 100.5), {"HPS", "LED"}, "2019-03-01"),
        (greek, "iso8859-7", b"", "Europe/Athens", (37.98, 23.73), {"HPS", "LED", "MV"}, "2019-03-05"),
        (arabic, "utf-16-le", b"\xff\xfe", "Africa/Cairo", (30.04, 31.23), {"HPS", "LED", "MV"}, "2019-03-25"),
    ],
)
def test_a_register_in_another_language_is_imported_as_suggested(
    tmp_path, lines, encoding, mark, timezone, first, kinds, day
):
    path = tmp_path / "register.csv"
    path.write_bytes(mark + "\r\n".join([*lines(), ""]).encode(encoding))
    lamps = as_suggested(path, timezone).lamps
    assert len(lamps) == N
    assert (lamps.latitude[0], lamps.longitude[0]) == pytest.approx(first, abs=2e-5)
    assert lamps.rated_power_w[:2].tolist() == [70, 150]
    assert set(lamps.technology) == kinds
    assert len(set(lamps.cabinet_id)) == 3
    assert set(lamps.circuit) == {"1", "2"}
    assert lamps.installed_on[0] == day


@pytest.mark.parametrize(
    ("text", "power_w", "said"),
    [
        ("400 lm", None, "is no power"),
        ("230V 70W", 70, "was read as 70 W"),
        ("70 W 2700K", 70, "was read as 70 W"),
        ("7O W", None, "is no power"),
        ("1E2", 100, "was read as 100 W"),
        ("1.0E+02 W", 100, "was read as 100 W"),
        ("LED T8 E27 18W", 18, "was read as 18 W"),
        ("70LED", 70, "was read as 70 W"),
        ("70MH", 70, "was read as 70 W"),
        ("2x36 W", None, "ambiguous"),
        ("1.000,5", 1000.5, ""),
    ],
)
def test_a_number_that_is_no_power_is_not_read_as_one(tmp_path, text, power_w, said):
    (tmp_path / "a.csv").write_text(f'id,lat,lon,watt,tgl\n1,-7.5,110.8,"{text}",\n')
    found = drafted(tmp_path / "a.csv")
    rated = found.lamps.rated_power_w[0]
    assert rated == power_w if power_w is not None else np.isnan(rated)
    assert said in reported(found)


@pytest.mark.parametrize(
    ("text", "day", "said"),
    [
        ("2562-03-05", "2019-03-05", "Buddhist era: read as 2019-03-05"),
        ("1398-01-15", "", "no date of the common era"),
        ("2019-03-05", "2019-03-05", ""),
    ],
)
def test_a_year_of_another_calendar_is_converted_or_left_out(tmp_path, text, day, said):
    (tmp_path / "a.csv").write_text(f"id,lat,lon,watt,tgl\n1,-7.5,110.8,70,{text}\n")
    found = drafted(tmp_path / "a.csv")
    assert found.lamps.installed_on == [day]
    assert said in reported(found)


def test_ids_stay_texts_and_those_that_differ_by_case_are_reported(tmp_path):
    ids = ["1E5", "00012", "1.0", "L1", "l1", "12345678901234567890"]
    rows = "\n".join(f"{name},{-7.5 - i / 1000},110.8,70," for i, name in enumerate(ids))
    (tmp_path / "a.csv").write_text(f"id,lat,lon,watt,tgl\n{rows}\n")
    found = drafted(tmp_path / "a.csv")
    assert found.lamps.lamp_id == ids
    assert reported(found) == "a.csv:6: id: 'l1' differs from 'L1' in line 5 by case alone; both are kept"


@pytest.mark.parametrize(("biff", "street"), [(8, "Jl. Peña 東"), (5, "Jl. Peña")])
def test_a_workbook_of_the_old_excel_is_read(tmp_path, biff, street):
    rows = [["id", "lat", "lon", "watt", "Jalan"], ["A-1", -7.5, 110.8, 70.0, street], ["A-2", -7.6, 110.8, None, ""]]
    (tmp_path / "a.xls").write_bytes(xls_of(rows, biff=biff))
    lamp = {**LAMP, "street": "Jalan"}
    del lamp["installed_on"]
    lamps = drafted(tmp_path / "a.xls", lamp, source={"sheet": "PJU"}).lamps
    assert (lamps.lamp_id, lamps.latitude.tolist(), lamps.street) == (["A-1", "A-2"], [-7.5, -7.6], [street, ""])
    assert lamps.rated_power_w[0] == 70


def write_points(path, driver, *, layer=None, crs="EPSG:4326", place=(110.8, -7.5), name="Jalan Peña", **options):
    points = [struct.pack("<BIdd", 1, 1, place[0] + i * 1e-3, place[1]) for i in range(3)]
    fields = [np.array(["A-1", "A-2", "A-3"], object), np.array([name] * 3, object)]
    pyogrio.raw.write(
        str(path), np.array(points, object), fields, ["id", "nama"], crs=crs, geometry_type="Point", driver=driver,
        layer=layer, **options,
    )  # fmt: skip


def test_a_shapefile_without_its_encoding_is_refused_and_suggest_finds_one(tmp_path):
    path = tmp_path / "a.shp"
    write_points(path, "ESRI Shapefile", encoding="ISO-8859-1")
    path.with_suffix(".cpg").unlink()
    with pytest.raises(UnusableError, match=r"no encoding is named; most likely cp1252: say encoding = 'cp1252'"):
        drafted(path, {"lamp_id": "id", "street": "nama"})
    assert 'encoding = "cp1252"' in suggest(path, "Asia/Jakarta").mapping
    found = drafted(path, {"lamp_id": "id", "street": "nama"}, source={"encoding": "cp1252"})
    assert set(found.lamps.street) == {"Jalan Peña"}


def test_a_shapefile_without_its_system_gets_one_suggested(tmp_path):
    path = tmp_path / "a.shp"
    write_points(path, "ESRI Shapefile", crs="EPSG:32749", place=(480_000, 9_170_000), name="Jalan")
    path.with_suffix(".prj").unlink()
    found = suggest(path, "Asia/Jakarta")
    assert 'crs = "EPSG:' in found.mapping
    assert all(any(f"UTM zone {zone}" in line for line in found.lines) for zone in ("48S", "49S"))


def test_of_several_layers_with_points_one_has_to_be_named(tmp_path):
    path = tmp_path / "a.gpkg"
    write_points(path, "GPKG", layer="lampu")
    write_points(path, "GPKG", layer="panel", append=True)
    with pytest.raises(
        UnusableError, match=r"2 layers of points: 'lampu', 'panel'; name the lamps' as \[source\] sheet"
    ):
        drafted(path, {"lamp_id": "id"})
    assert len(drafted(path, {"lamp_id": "id"}, source={"sheet": "lampu"}).lamps) == 3


@pytest.mark.parametrize(
    ("code", "timezone", "is_told"),
    [
        (32750, "Asia/Jakarta", True),  # 116.8 E: the right zone is 49
        (32749, "Asia/Jakarta", False),
        (32750, "Asia/Makassar", False),
    ],
)
def test_the_zone_beside_the_right_one_is_told_at_the_first_import(tmp_path, code, timezone, is_told):
    (tmp_path / "a.csv").write_text("id,lat,lon,watt,tgl\n1,9170000,480000,70,\n2,9170050,480000,70,\n")
    found = drafted(tmp_path / "a.csv", timezone=timezone, source={"crs": f"EPSG:{code}"})
    assert ("check the zone" in reported(found)) is is_told


def test_neighbouring_zones_are_six_degrees_away():
    distances = zone_distances("EPSG:32749", (-7.5, 110.8), "Asia/Jakarta")
    assert list(distances) == ["49S", "48S", "50S"]
    assert distances["49S"] == pytest.approx(466, abs=3)
    assert zone_distances("EPSG:32760", (-7.5, 177.0), "Pacific/Fiji").keys() == {"60S", "59S", "1S"}
    assert zone_distances("EPSG:2180", (50.0, 20.0), "Europe/Warsaw") == {}


def test_features_without_properties_are_lamps_or_refused(tmp_path):
    point = {"type": "Point", "coordinates": [110.8, -7.5]}
    features = [
        {"type": "Feature", "properties": None, "geometry": point},
        {"type": "Feature", "properties": {"id": "B"}, "geometry": {"type": "Point", "coordinates": []}},
        {"type": "Feature", "properties": {"id": "C"}, "geometry": {"type": "Point", "coordinates": [110.9, -7.5]}},
    ]
    (tmp_path / "a.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    found = drafted(tmp_path / "a.geojson", {"lamp_id": "id"})
    assert (found.n_named, found.n_refused, found.lamps.lamp_id[1]) == (1, 1, "C")
