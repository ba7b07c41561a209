"""Vector tiles against GDAL's reader, and their law: every lamp is on exactly one tile of a zoom, dark ones stay."""

import json
import subprocess

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard_api.tiles.layers import lamp_tile, order_lights, place_lamps
from dashboard_api.tiles.places import TileAddress, project, sort_places, stretches_in, within
from dashboard_api.tiles.thinning import thin
from dashboard_api.tiles.vector_tile import varints, zigzag
from ingest.schema import live


def tile_of(latitude, longitude, z):
    x, y = project(np.array([latitude]), np.array([longitude]))
    return TileAddress(z, int(x[0]) >> (30 - z), int(y[0]) >> (30 - z))


def features_of(body, address, require_debian, tmp_path):
    """What GDAL finds in a tile, by its own reading of the encoding and of the projection."""
    program = require_debian("gdal-bin").with_name("ogr2ogr")
    folder = tmp_path / str(address.z) / str(address.x)
    folder.mkdir(parents=True)
    path = folder / f"{address.y}.mvt"
    path.write_bytes(body)
    options = ["-f", "GeoJSON", "/vsistdout/", f"MVT:{path}", "-oo", "CLIP=NO", "-t_srs", "EPSG:4326"]
    options += ["-lco", "COORDINATE_PRECISION=9"]
    found = subprocess.run([program, *options], capture_output=True, check=True, timeout=60)
    return json.loads(found.stdout)["features"]


def test_lamps_stand_on_the_tile_where_the_register_has_them(client, town, require_debian, tmp_path):
    town.write_live([live.STATE_LIT] * 39 + [live.STATE_DARK])
    lamps = town.register.lamps
    address = tile_of(lamps.latitude[-1], lamps.longitude[-1], 16)
    answer = client.get(f"/tiles/lamps/{address.z}/{address.x}/{address.y}.mvt")
    assert answer.headers["content-type"] == "application/vnd.mapbox-vector-tile"
    found = {
        one["properties"]["lamp_id"]: one for one in features_of(answer.content, address, require_debian, tmp_path)
    }
    assert found["L-039"]["properties"]["state"] == "dark"
    assert found["L-038"]["properties"] == {"mvt_id": 38, "lamp_id": "L-038", "state": "lit", "level": 1}
    step = 360 / 2**16 / 4096  # a tile unit in degrees of longitude
    for lamp_id, feature in found.items():
        row = lamps.lamp_id.index(lamp_id)
        place = (lamps.longitude[row], lamps.latitude[row])
        assert feature["geometry"]["coordinates"] == pytest.approx(place, abs=2 * step)


def test_faults_tile_holds_open_faults_and_not_what_they_explain(client, town, require_debian, tmp_path):
    town.darken(3, 5)
    cause = town.raise_circuit()
    town.darken(25, cause=cause)
    address = tile_of(0.79, 102.0, 8)
    answer = client.get(f"/tiles/faults/{address.z}/{address.x}/{address.y}.mvt")
    found = features_of(answer.content, address, require_debian, tmp_path)
    listed = client.get("/api/v1/faults").json()["items"]
    told = sorted((one["id"], one["code"], one["severity"], one["state"], one["priority"]) for one in listed)
    names = ("id", "code", "severity", "state", "priority")
    assert sorted(tuple(one["properties"][name] for name in names) for one in found) == told
    assert len(told) == 3


def test_cabinets_tile_names_them(client, require_debian, tmp_path):
    address = tile_of(0.79, 102.0, 5)
    answer = client.get(f"/tiles/cabinets/{address.z}/{address.x}/{address.y}.mvt")
    found = features_of(answer.content, address, require_debian, tmp_path)
    assert sorted(one["properties"]["name"] for one in found) == ["Panel 1", "Panel 2"]


def test_tile_is_confirmed_by_its_etag_until_the_picture_changes(client, town):
    town.write_live([live.STATE_LIT] * 40)
    address = tile_of(0.79, 102.0, 12)
    path = f"/tiles/lamps/{address.z}/{address.x}/{address.y}.mvt"
    first = client.get(path)
    asked = {"If-None-Match": first.headers["etag"]}
    assert client.get(path, headers=asked).status_code == 304
    town.write_live([live.STATE_DARK] * 40, at_us=1_790_000_060_000_000)
    second = client.get(path, headers=asked)
    assert second.status_code == 200
    assert second.content != first.content


def test_new_fault_is_on_the_next_tile(client, town):
    address = tile_of(0.79, 102.0, 12)
    path = f"/tiles/faults/{address.z}/{address.x}/{address.y}.mvt"
    assert client.get(path).status_code == 204
    town.darken(3)
    assert client.get(path).status_code == 200


def test_gzip_and_plain_tiles_are_the_same_tile(client):
    path = "/tiles/lamps/0/0/0.mvt"
    plain = client.get(path, headers={"Accept-Encoding": "identity"})
    packed = client.get(path, headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.content == plain.content != b""


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("lamps/12/0/0", 204),
        ("poles/0/0/0", 404),
        ("lamps/3/8/0", 400),
        ("lamps/3/0/-1", 400),
        ("lamps/23/0/0", 400),
        ("lamps/0/0/a", 422),
    ],
)
def test_tiles_that_are_empty_or_cannot_be(client, path, status):
    assert client.get(f"/tiles/{path}.mvt").status_code == status


def test_varints_are_those_of_the_protobuf_guide():
    # developers.google.com/protocol-buffers/docs/encoding: 1, 150 and 300
    assert varints([(np.array([1, 150, 300]), None)], 3).tobytes() == bytes([1, 0x96, 1, 0xAC, 2])
    assert zigzag(np.array([0, -1, 1, -2])).tolist() == [0, 1, 2, 3]


@given(st.lists(st.tuples(st.integers(0, 2**62), st.integers(0, 300), st.booleans()), max_size=40))
def test_varints_decode_to_the_records_they_were(records):
    first = np.array([record[0] for record in records], np.int64)
    second = np.array([record[1] for record in records], np.int64)
    is_there = np.array([record[2] for record in records], bool)
    decoded, number, shift = [], 0, 0
    for byte in varints([(first, None), (second, is_there), (130, None)], len(records)).tolist():
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            decoded.append(number)
            number = shift = 0
    assert decoded == [one for a, b, is_second in records for one in ([a, b, 130] if is_second else [a, 130])]


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(0, 22))
def test_every_place_is_inside_one_tile_and_in_the_buffers_it_should_be_in(seed, z):
    random = np.random.default_rng(seed)
    spread = 360 / 2**z
    latitude = 0.7 + random.uniform(-spread, spread, 200).clip(-80, 80)
    longitude = 102.0 + random.uniform(-spread, spread, 200).clip(-170, 70)
    places = sort_places(latitude, longitude)
    address = tile_of(0.7, 102.0, z)
    x = ((places.x - (address.x << (30 - z))) * 4096) >> (30 - z)
    y = ((places.y - (address.y << (30 - z))) * 4096) >> (30 - z)
    is_near = (x >= -64) & (x < 4160) & (y >= -64) & (y < 4160)
    found = stretches_in(places, address).index()
    assert sorted(found.tolist()) == np.flatnonzero(is_near).tolist()
    assert within(places, found, address)[0].tolist() == x[found].tolist()


def test_thinned_tile_counts_every_lamp_and_hides_no_dark_cell():
    random = np.random.default_rng(5)
    latitude, longitude = 0.5 + random.uniform(0, 0.3, 50_000), 102 + random.uniform(0, 0.3, 50_000)
    places = sort_places(latitude, longitude)
    is_dark = random.random(50_000) < 0.01
    address = tile_of(0.6, 102.1, 6)
    here = stretches_in(places, address)
    index = here.index()
    kept, count = thin(here.take(places.key), is_dark[places.row[index]], 6)
    assert count.sum() == len(index) == 50_000
    assert len(kept) < 1_000
    cell = places.key >> np.uint64(2 * (30 - 13))
    dark_cells = set(cell[is_dark[places.row]].tolist())
    shown = here.index(kept)
    assert shown.tolist() == index[kept].tolist()
    assert set(cell[shown][is_dark[places.row[shown]]].tolist()) == dark_cells


def test_tile_of_a_whole_city_stays_small():
    random = np.random.default_rng(5)
    n = 200_000
    ids = [f"L-{row:06d}" for row in range(n)]
    lamps = place_lamps(ids, 0.5 + random.uniform(0, 0.3, n), 102 + random.uniform(0, 0.3, n))
    lights = order_lights(lamps, np.full(n, 2, np.uint8), np.full(n, 100, np.uint8))
    address = tile_of(0.6, 102.1, 10)
    body = lamp_tile(lamps, lights, stretches_in(lamps.places, address), address)
    assert 10_000 < len(body) < 1_500_000


def test_tilejson_leads_to_tiles_whose_features_have_the_declared_fields(client, town, require_debian, tmp_path):
    town.write_live([live.STATE_LIT] * 40)
    town.darken(3)
    address = tile_of(0.79, 102.0, 8)
    kinds = {"String": str, "Number": int | float}
    for layer in ("lamps", "faults", "cabinets"):
        document = client.get(f"/tiles/{layer}.json").json()
        assert document["tilejson"] == "3.0.0"
        west, south, east, north = document["bounds"]
        assert (west, south, north) == (102.0, 0.79, 0.8)
        assert 102.0056 < east < 102.0058
        (template,) = document["tiles"]
        path = template.removeprefix("http://testserver").format(z=address.z, x=address.x, y=address.y)
        assert client.get(template.removeprefix("http://testserver").format(z=23, x=0, y=0)).status_code == 400
        assert document["maxzoom"] == 22
        (fields,) = (one["fields"] for one in document["vector_layers"] if one["id"] == layer)
        folder = tmp_path / layer
        folder.mkdir()
        found = features_of(client.get(path).content, address, require_debian, folder)
        assert found
        seen = {name: value for one in found for name, value in one["properties"].items() if name != "mvt_id"}
        assert seen.keys() == fields.keys()
        assert all(value is None or isinstance(value, kinds[fields[name]]) for name, value in seen.items())
    assert client.get("/tiles/poles.json").status_code == 404
    assert client.get("/tiles/lamps.json?x=1").status_code == 400


def test_the_style_names_sources_of_this_server_alone(client):
    style = client.get("/tiles/style.json").json()
    assert style["version"] == 8
    assert not {"glyphs", "sprite"} & style.keys()
    for source in style["sources"].values():
        assert source["url"].startswith("http://testserver/tiles/")
        assert client.get(source["url"].removeprefix("http://testserver")).status_code == 200
    ids = [layer["id"] for layer in style["layers"]]
    assert len(ids) == len(set(ids))
    for layer in style["layers"][1:]:
        assert layer["source-layer"] == layer["source"]
        assert layer["source"] in style["sources"]
    assert "http" not in str(style).replace("http://testserver/", "")
