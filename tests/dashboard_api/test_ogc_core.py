"""Abstract tests of OGC API - Features Part 1 (core, GeoJSON, HTML), named by their requirements."""

from __future__ import annotations

import html.parser
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest

CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
MINUTE = 60_000_000
T0 = 1_790_000_000_000_000
HOUR = 60 * MINUTE
FIXED = ("/ogc/", "/ogc", "/ogc/api", "/ogc/conformance", "/ogc/collections")
COLLECTIONS = ("lamps", "faults", "cabinets")


@pytest.fixture(scope="module")
def ogc(standing_town, standing_client):
    """The client of a city with two lamp faults, an hour apart, and one of a circuit."""
    standing_town.darken(1, at_us=T0)
    standing_town.darken(2, at_us=T0 + HOUR)
    standing_town.raise_circuit(T0 + 2 * HOUR)
    standing_town.write_live([2] * 38 + [3, 3])
    return standing_client


def paths():
    for name in COLLECTIONS:
        yield f"/ogc/collections/{name}"
        yield f"/ogc/collections/{name}/items"


ALL = (*FIXED, *paths())


def links_of(document, rel):
    return [one for one in document["links"] if one["rel"] == rel]


def get(client, address, **kwargs):
    split = urlsplit(address)
    assert (split.scheme, split.netloc) in {("http", "testserver"), ("", "")}
    response = client.get(split.path + (f"?{split.query}" if split.query else ""), **kwargs)
    assert response.status_code == 200, response.text
    return response


def items(client, name, **query):
    response = client.get(f"/ogc/collections/{name}/items", params=query)
    assert response.status_code == 200, response.text
    return response.json()


def ids(client, name, **query):
    return [one["id"] for one in items(client, name, limit=1000, **query)["features"]]


def test_core_http_and_crs84(ogc):
    for path in ALL:
        response = get(ogc, path)
        assert response.headers["content-type"]
        for one in response.json().get("features", ()):
            longitude, latitude = one["geometry"]["coordinates"]
            assert abs(longitude - 102) < 1
            assert abs(latitude - 0.79) < 1


@pytest.mark.parametrize("path", ["/ogc/", "/ogc"])
def test_core_root_op_and_success(ogc, path):
    document = get(ogc, path).json()
    assert links_of(document, "service-desc")
    assert links_of(document, "service-doc")
    assert links_of(document, "conformance")
    assert links_of(document, "data")
    for one in document["links"]:
        assert one["href"].startswith("http://testserver/ogc")
        get(ogc, one["href"])


def test_core_conformance_op_and_success(ogc):
    document = get(ogc, "/ogc/").json()
    for path in ["/ogc/conformance", *(one["href"] for one in links_of(document, "conformance"))]:
        classes = get(ogc, path).json()["conformsTo"]
        for name in ("core", "oas30", "html", "geojson"):
            assert f"http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/{name}" in classes
            assert f"http://www.opengis.net/spec/ogcapi-features-1/1.1/conf/{name}" in classes


def test_core_fc_md_op_links_items_and_extent(ogc):
    document = get(ogc, "/ogc/collections").json()
    assert links_of(document, "self")
    assert links_of(document, "alternate")
    assert [one["id"] for one in document["collections"]] == list(COLLECTIONS)
    for one in document["collections"]:
        assert one["itemType"] == "feature"
        assert one["crs"] == [CRS84]
        assert {link["type"] for link in links_of(one, "items")} == {"application/geo+json", "text/html"}
        for link in links_of(one, "items"):
            get(ogc, link["href"])
        west, south, east, north = one["extent"]["spatial"]["bbox"][0]
        for feature in items(ogc, one["id"], limit=1000)["features"]:
            if feature["geometry"] is not None:
                longitude, latitude = feature["geometry"]["coordinates"]
                assert west <= longitude <= east
                assert south <= latitude <= north
    faults = document["collections"][1]
    assert faults["extent"]["temporal"]["interval"] == [["2026-09-21T14:13:20Z", None]]


def test_core_sfc_md_op_and_success(ogc):
    for one in get(ogc, "/ogc/collections").json()["collections"]:
        alone = get(ogc, f"/ogc/collections/{one['id']}").json()
        assert {name: alone[name] for name in ("id", "title", "description", "extent", "itemType")} == {
            name: one[name] for name in ("id", "title", "description", "extent", "itemType")
        }
        assert all(link in alone["links"] for link in one["links"])
    assert ogc.get("/ogc/collections/poles").status_code == 404
    assert ogc.get("/ogc/collections/poles/items").status_code == 404


@pytest.mark.parametrize("name", COLLECTIONS)
def test_core_fc_op_response_links_and_numbers(ogc, name):
    before = datetime.now(UTC)
    document = items(ogc, name, limit=2)
    assert document["type"] == "FeatureCollection"
    assert document["numberReturned"] == len(document["features"]) == 2
    assert document["numberMatched"] == len(ids(ogc, name))
    at = datetime.fromisoformat(document["timeStamp"])
    assert abs((at - before).total_seconds()) < 10
    for one in document["links"]:
        assert one["href"].startswith("http://testserver/ogc/")
        assert one["rel"]
        assert one["type"]
        get(ogc, one["href"])
    assert links_of(document, "self")
    assert links_of(document, "alternate")


@pytest.mark.parametrize("name", COLLECTIONS)
def test_core_fc_limit_response(ogc, name):
    for limit in (1, 2, 1000):
        assert items(ogc, name, limit=limit)["numberReturned"] <= limit
    assert items(ogc, name, limit=1001)["numberReturned"] <= 1000
    assert items(ogc, name, limit="9" * 30)["numberReturned"] <= 1000


def test_core_fc_bbox_response(ogc):
    # lamps stand from 102.0 on every 0.0003 degrees, one row on 0.79 and one on 0.80
    assert ids(ogc, "lamps", bbox="102.0003,0.79,102.0006,0.79") == ["L-001", "L-002"]
    assert ids(ogc, "lamps", bbox="102.0004,0.5,102.0005,0.9") == []
    assert len(ids(ogc, "lamps", bbox="102,0.79,102.1,0.80")) == 40
    assert len(ids(ogc, "lamps", bbox="102,0.79,-10,102.1,0.80,10")) == 40
    assert ids(ogc, "lamps", bbox="102,0.79,102.0003,0.79", **{"bbox-crs": CRS84}) == ["L-000", "L-001"]
    assert len(ids(ogc, "faults", bbox="102.0003,0.79,102.0003,0.79")) == 1
    assert ids(ogc, "cabinets", bbox="102,0.785,103,0.795") == ["C-1"]


def test_core_fc_bbox_response_over_the_antimeridian(ogc):
    assert len(ids(ogc, "lamps", bbox="170,-10,-170,10")) == 0
    assert len(ids(ogc, "lamps", bbox="102,-10,-170,10")) == 40
    assert len(ids(ogc, "lamps", bbox="103,-10,102.0003,10")) == 4
    assert len(ids(ogc, "faults", bbox="103,-10,102.0003,10")) == 2  # a lamp's, and the circuit's at its first lamp
    assert len(ids(ogc, "cabinets", bbox="103,-10,101,10")) == 0


def test_core_fc_time_response(ogc):
    first, second, circuit = ids(ogc, "faults")

    def found(text):
        return ids(ogc, "faults", datetime=text)

    assert found("2026-09-21T14:13:20Z") == [first]
    assert found("2026-09-21T21:13:20+07:00") == [first]
    assert found("2026-09-21T14:13:19Z") == []
    assert found("2026-09-21T15:13:20Z/..") == [first, second, circuit]
    assert found("../2026-09-21T15:13:20Z") == found("/2026-09-21T15:13:20Z") == [first, second]
    assert found("2026-09-21T15:13:20Z/") == [first, second, circuit]
    assert found("2026-09-21T00:00:00Z/2026-09-21T14:00:00Z") == []
    assert found("2026-09-21") == [first, second, circuit]
    # features without a time are in every interval
    assert len(ids(ogc, "lamps", datetime="1990-01-01T00:00:00Z")) == 40
    assert len(ids(ogc, "cabinets", datetime="1990-01-01T00:00:00Z")) == 2


@pytest.mark.parametrize("name", COLLECTIONS)
def test_core_f_op_success_and_links(ogc, name):
    for feature_id in ids(ogc, name):
        response = get(ogc, f"/ogc/collections/{name}/items/{feature_id}")
        assert response.headers["content-type"] == "application/geo+json"
        feature = response.json()
        assert feature["id"] == feature_id
        for rel in ("self", "alternate", "collection"):
            for one in links_of(feature, rel):
                assert one["type"]
                get(ogc, one["href"])
            assert links_of(feature, rel)
    assert ogc.get(f"/ogc/collections/{name}/items/nothing").status_code == 404


def test_geojson_definition_and_content(ogc):
    for path in ALL:
        response = get(ogc, path, headers={"Accept": "application/geo+json"})
        expected = "application/geo+json" if path.endswith("/items") else "application/json"
        if path == "/ogc/api":
            expected = "application/vnd.oai.openapi+json;version=3.0"
        assert response.headers["content-type"] == expected
    for one in items(ogc, "lamps")["features"]:
        assert one["type"] == "Feature"
        assert one["geometry"]["type"] == "Point"
        assert isinstance(one["properties"], dict)


class Outline(html.parser.HTMLParser):
    """Sees to it that every element that was opened is closed again."""

    VOID = frozenset({"meta", "link", "br", "input"})

    def __init__(self):
        super().__init__()
        self.open, self.seen, self.declaration = [], set(), ""

    def handle_decl(self, decl):
        self.declaration = decl

    def handle_starttag(self, tag, attrs):  # noqa: ARG002  (the base class calls it so)
        self.seen.add(tag)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.mark.parametrize("how", [{"params": {"f": "html"}}, {"headers": {"Accept": "text/html,*/*;q=0.8"}}])
def test_html_definition_and_content(ogc, how):
    for path in (*ALL, "/ogc/collections/lamps/items/L-001"):
        response = get(ogc, path, **how)
        assert response.headers["content-type"].startswith("text/html")
        outline = Outline()
        outline.feed(response.text)
        assert outline.declaration.lower() == "doctype html"
        assert not outline.open
        assert {"title", "h1", "body"} <= outline.seen
        assert "script-src" not in response.headers["content-security-policy"]


def test_nothing_that_is_not_public_is_shown(ogc):
    for name in COLLECTIONS:
        for form in ("json", "html"):
            text = ogc.get(f"/ogc/collections/{name}/items", params={"limit": 1000, "f": form}).text
            for word in ("PJU-", "lamp-node", "steel", '"bus"', '"address"', "supply_account", "assignee", "evidence"):
                assert word not in text
