"""`Vary` of every route: each header once, and the same whether the answer is packed, plain or known to the caller."""

from __future__ import annotations

import pytest

from dashboard_api.http.compression import with_vary
from tests.dashboard_api.test_route_rules import MAY

PATHS = sorted({path for (method, _), (path, _) in MAY.items() if method == "GET" and "events" not in path})
MORE = (
    "/lapor",
    "/lapor?lamp=L-001",
    "/open",
    "/crew",
    "/live",
    "/lamp/L-001",
    "/sign-in",
    "/ogc?f=html",
    "/lapor/map.js",
)


@pytest.fixture
def database_url():
    return "sqlite:///data/terang.db"  # headers are the same over every database


def names(answer):
    return sorted(name.strip().lower() for line in answer.headers.get_list("vary") for name in line.split(","))


@pytest.mark.parametrize("accept", ["*/*", "text/html"])
def test_no_route_names_a_header_twice(client, accept):
    doubled = {}
    n_varying = 0
    for path in (*PATHS, *MORE):
        for encoding in ("identity", "gzip"):
            found = names(client.get(path, headers={"Accept": accept, "Accept-Encoding": encoding}))
            n_varying += bool(found)
            if len(set(found)) != len(found):
                doubled[path] = found
    assert doubled == {}
    assert n_varying > len(PATHS)


def test_an_answer_says_the_same_packed_plain_and_not_modified(client):
    for path in (*PATHS, *MORE):
        packed, plain = (client.get(path, headers={"Accept-Encoding": encoding}) for encoding in ("gzip", "identity"))
        assert names(packed) == names(plain), path
        if plain.status_code == 200 and "etag" in plain.headers:
            known = client.get(path, headers={"If-None-Match": plain.headers["etag"], "Accept-Encoding": "identity"})
            assert (known.status_code, names(known)) == (304, names(plain)), path


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, "Accept-Encoding"),
        ("", "Accept-Encoding"),
        ("Accept-Language", "Accept-Language, Accept-Encoding"),
        ("accept-encoding", "accept-encoding"),
        ("Cookie,ACCEPT-ENCODING , Accept", "Cookie, ACCEPT-ENCODING, Accept"),
        ("*", "*"),
    ],
)
def test_a_name_is_added_once(before, after):
    assert with_vary(before, "Accept-Encoding") == after
