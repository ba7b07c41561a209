# ruff: noqa: F811  (fixtures of another module are imported by name, and asked for as parameters)
"""Query parameters of OGC API - Features that cannot be, refused with 400."""

from __future__ import annotations

from tests.dashboard_api.test_ogc_core import ALL, ogc  # noqa: F401

COLLECTIONS = ("lamps", "faults", "cabinets")


def test_core_query_param_unknown(ogc):
    for path in ALL:
        response = ogc.get(path, params={"no-such": "1"})
        assert response.status_code == 400
        assert response.headers["content-type"] == "application/problem+json"
        assert "no-such" in response.json()["detail"]


IMPOSSIBLE = [
    "limit=0",
    "limit=-1",
    "limit=abc",
    "limit=",
    "limit=1.5",
    "limit=1&limit=2",
    "bbox=1,2,3",
    "bbox=1,2,3,4,5",
    "bbox=a,b,c,d",
    "bbox=",
    "bbox=0,1,2,0",
    "bbox=nan,0,1,1",
    "bbox=inf,0,1,1",
    "bbox=-200,0,0,1",
    "bbox=0,-91,1,1",
    "bbox=0,0,5,1,1,1",
    "bbox=0,0,1,1&bbox-crs=http://www.opengis.net/def/crs/EPSG/0/4326",
    "bbox-crs=nonsense",
    "datetime=yesterday",
    "datetime=",
    "datetime=..",
    "datetime=../..",
    "datetime=/",
    "datetime=2026-13-01T00:00:00Z",
    "datetime=2026-01-01T00:00:00",
    "datetime=2027-01-01T00:00:00Z/2026-01-01T00:00:00Z",
    "datetime=2026-01-01T00:00:00Z/2026-01-02T00:00:00Z/2026-01-03T00:00:00Z",
    "cursor=!!",
    "cursor=",
    "f=xml",
    "crs=http://www.opengis.net/def/crs/OGC/1.3/CRS84",
]


def test_core_query_param_invalid(ogc):
    for name in COLLECTIONS:
        for query in IMPOSSIBLE:
            response = ogc.get(f"/ogc/collections/{name}/items?{query}")
            assert response.status_code == 400, query
            assert response.headers["content-type"] == "application/problem+json"
