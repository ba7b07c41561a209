"""Small registers that once went wrong, each with the result that is right (``registers/field/expected.md``)."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ingest.city.importing import draft_register
from ingest.city.mapping import ImportMap
from ingest.errors import UnusableError


@pytest.fixture
def draft(shared_data):
    """Read one of the field registers: (name, mapping of the lamps, other sections)."""

    def read(name, lamp, **sections):
        mapping = ImportMap(lamp=lamp, **sections)
        return draft_register(shared_data / "registers" / "field" / name, mapping, lambda *_: None)

    return read


def reported(draft):
    return "\n".join(map(str, draft.issues))


def test_powers_with_units_and_a_decimal_comma(draft):
    found = draft(
        "semicolon_power.csv",
        {"lamp_id": "pole", "latitude": "lat", "longitude": "lon", "rated_power_w": "power"},
    )
    assert found.lamps.rated_power_w.tolist() == [90, 250, 1250, 70]
    assert [extra.get("house no") for extra in found.lamps.extra] == ["7", "8", "9", None]
    assert (found.lamps.address == -1).all()
    assert found.lamps.latitude[0] == -7.5601


def test_unmapped_columns_fill_no_meter_and_no_position(draft):
    found = draft(
        "captured_columns.csv", {"lamp_id": "id", "latitude": "lat", "longitude": "lon", "rated_power_w": "watt"}
    )
    assert (found.lamps.address == -1).all()
    assert (found.lamps.position == -1).all()
    assert found.lamps.extra[0] == {"source_address": "12", "source_position": "corner"}
    assert reported(found).count("\n") == 0
    assert "not mapped" in reported(found)


def test_a_street_out_of_parts_leaves_out_what_is_empty(draft):
    found = draft(
        "joined_street.csv",
        {"lamp_id": "id", "latitude": "lat", "longitude": "lon", "street": {"column": ["dir", "name", "kind"]}},
    )
    assert found.lamps.street == ["N Oak Ave", "Main St", "S Elm"]


def test_values_translate_what_a_pattern_found(draft):
    rule = {
        "column": "lamp",
        "pattern": "[0-9]+-([A-Z]+).*",
        "values": {"SON": "HPS", "LEDRETRO": "LED", "MBF": "MV"},
    }
    found = draft(
        "pattern_then_values.csv", {"lamp_id": "id", "latitude": "lat", "longitude": "lon", "technology": rule}
    )
    assert found.lamps.technology == ["HPS", "LED", "MV"]


def test_a_line_that_names_the_separator_is_no_header(draft):
    found = draft("sep_line.csv", {"lamp_id": "id", "latitude": "lat", "longitude": "lon", "rated_power_w": "watt"})
    assert (found.lamps.lamp_id, found.lamps.rated_power_w.tolist()) == (["D-1"], [90])


@pytest.mark.parametrize("source", [{}, {"header_row": [3, 4]}])
@pytest.mark.parametrize("names", [("Lintang", "Bujur", "(W)"), ("Koordinat Lintang", "Koordinat Bujur", "Daya (W)")])
def test_title_rows_two_header_rows_and_degrees_with_minutes(draft, source, names):
    latitude, longitude, power = names
    found = draft(
        "title_rows_dm.csv",
        {"lamp_id": "No", "latitude": latitude, "longitude": longitude, "rated_power_w": power},
        source=source,
    )
    assert found.lamps.latitude.tolist() == pytest.approx([-7.76383, -7.76400], abs=5e-6)
    assert found.lamps.longitude.tolist() == pytest.approx([110.04913, 110.04917], abs=5e-6)
    assert found.lamps.rated_power_w.tolist() == [90, 120]


@pytest.mark.parametrize(
    "places",
    [
        {"latitude": "coord", "longitude": "coord"},
        {"latitude": "coord"},
        {
            "latitude": {"column": "coord", "pattern": "^([^,]+),"},
            "longitude": {"column": "coord", "pattern": ",(.+)$"},
        },
    ],
)
def test_both_coordinates_in_one_column(draft, places):
    found = draft("one_column_coord.csv", {"lamp_id": "id", "rated_power_w": "watt", **places})
    assert found.lamps.latitude.tolist() == [-7.5601, -7.5602]
    assert found.lamps.longitude.tolist() == [110.8201, 110.8202]


def test_esri_json_says_its_own_system(draft):
    found = draft("esri.json", {"lamp_id": "ID", "rated_power_w": "WATT"})
    assert found.crs == "EPSG:32749"
    assert found.lamps.latitude.tolist() == pytest.approx([-7.567, -7.567], abs=1e-3)
    assert found.lamps.longitude.tolist() == pytest.approx([110.819, 110.819], abs=1e-3)
    assert found.lamps.rated_power_w[0] == 90
    assert math.isnan(found.lamps.rated_power_w[1])


def test_overpass_nodes_are_lamps(draft):
    found = draft("overpass.json", {"lamp_id": "ref", "technology": "lamp_type"})
    assert (len(found.lamps), found.lamps.lamp_id[0]) == (2, "G-1")
    assert found.lamps.technology[0] == "LED"
    assert "overpass.json:2: light:count: counts '2' lamps at one node; taken as one" in reported(found)
    assert "overpass.json:3: a way; a lamp is a node (row refused)" in reported(found)
    two = draft("overpass.json", {"lamp_id": "ref"}, source={"count": "light:count"})
    assert len(two.lamps) == 3


def test_nested_properties_and_the_features_own_id(draft):
    found = draft("nested.geojson", {"lamp_id": "id", "rated_power_w": "lamp.watt", "technology": "lamp.type"})
    assert found.lamps.lamp_id == ["H-1", "H-2"]
    assert found.lamps.rated_power_w.tolist() == [90, 70]
    assert found.lamps.technology == ["LED", "other"]
    assert "nested.geojson:3: a Polygon; a lamp is a point (row refused)" in reported(found)


@pytest.mark.parametrize("source", [{"encoding": "latin-1"}, {"encoding": "cp1252"}, {}])
def test_letters_beyond_ascii_are_right_or_reported(draft, source):
    found = draft(
        "latin1.csv", {"lamp_id": "id", "latitude": "lat", "longitude": "lon", "street": "calle"}, source=source
    )
    assert found.lamps.street == ["Peña Grande", "Cañón"]
    assert ("read as cp1252" in reported(found)) == (not source)


def test_a_named_encoding_that_is_not_the_files_is_an_error(draft):
    with pytest.raises(UnusableError, match="is not in utf-8"):
        draft(
            "latin1.csv",
            {"lamp_id": "id", "latitude": "lat", "longitude": "lon"},
            source={"encoding": "utf-8"},
        )


def test_utf_16_without_its_mark(draft):
    found = draft("utf16le_nobom.csv", {"lamp_id": "id", "latitude": "lat", "longitude": "lon", "street": "jalan"})
    assert (found.lamps.lamp_id, found.lamps.street) == (["J-1"], ["Jl. Melati"])


@pytest.mark.parametrize(
    ("lamps", "boxes"),
    [
        ({"kind": "lamp"}, {"kind": "box"}),
        ({"column": "kind", "values": ["lamp"]}, {"kind": ["Box"]}),
        ("kind = 'lamp'", "kind == 'box' and watt = ''"),
        ({"kind": {"not": ["box", "photocell"]}}, "kind in ('box', 'cabinet')"),
    ],
)
def test_cabinets_and_lamps_out_of_one_table(draft, lamps, boxes):
    found = draft(
        "boxes_and_lamps.csv",
        {
            "where": lamps,
            "lamp_id": "code",
            "cabinet_id": "box",
            "latitude": "lat",
            "longitude": "lon",
            "rated_power_w": "watt",
        },
        cabinet={"where": boxes, "cabinet_id": "code", "latitude": "lat", "longitude": "lon"},
    )
    assert found.cabinets.cabinet_id == ["K-01"]
    assert found.cabinets.latitude.tolist() == [0.79]
    assert found.lamps.lamp_id == ["K-01-1", "K-01-2"]
    assert found.lamps.cabinet_id == ["K-01", "K-01"]
    assert np.array_equal(found.lamps.cabinet, [0, 0])
    assert "'k-01' was taken for cabinet 'K-01'" in reported(found)
    assert found.n_left_out == 2
