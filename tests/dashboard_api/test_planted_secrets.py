"""Secrets that are planted in a city's stores appear in no byte that a public route sends, in whatever format."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import pyarrow.parquet as pq
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select

from dashboard_api.access.roles import Role
from dashboard_api.api.route_table import ROUTES
from dashboard_api.app import create_app
from dashboard_api.neighbours.open_data.catalogue import DATASETS
from ingest.register.database_table import load_register, store_register
from ingest.schema.report_tables import reports
from tests.dashboard_api.conftest import T0, Town, register_of
from tests.dashboard_api.people import People, sign_in
from tests.dashboard_api.test_route_rules import MAY

# where -> what stands there, and nowhere else
SECRETS = {
    "supply account": "531290077117",
    "controller": "PJU-GEHEIM",
    "transformer": "TRAFO-GEHEIM",
    "column of a cabinet": "CABCOL-GEHEIM",
    "serial bus": "BUS-GEHEIM",
    "meter profile": "PROFILE-GEHEIM",
    "column of a lamp": "+62 812 7700 7711",
    "contact of a reporter": "warga@geheim.example",
    "account": "akun-geheim",
    "assignee": "petugas-geheim",
    "note of the crew": "NOTE-GEHEIM",
}
ITEMS = "/ogc/collections/{}/items"


def planted(folder):
    town = Town(folder)
    made = register_of()
    lamps = replace(
        made.lamps,
        bus=[SECRETS["serial bus"]] * 40,
        profile=[SECRETS["meter profile"]] * 40,
        extra=[{"contact person": SECRETS["column of a lamp"]}] * 40,
    )
    cabinets = replace(
        made.cabinets,
        controller_id=[f"{SECRETS['controller']}-{n}" for n in range(2)],
        supply_account=[SECRETS["supply account"]] * 2,
        transformer=[SECRETS["transformer"]] * 2,
        extra=[{"guard": SECRETS["column of a cabinet"]}] * 2,
    )
    store_register(town.engine, replace(made, lamps=lamps, cabinets=cabinets), "planted")
    town.register = load_register(town.engine)
    town.write_live([2] * 40)
    return town


def addresses(report, fault_id):
    """An address of each public route, and the other formats and resources of those that have several."""
    yield from (MAY[route.method, route.path][0] for route in ROUTES if is_public(route))
    yield from ("/", "/openapi.json", f"/lapor/{report}", "/lapor?lamp=L-001", "/lapor/lamps?bbox=101,0,103,2")
    yield from (f"/open/{name}.{form}" for name, forms in DATASETS.items() for form in forms)
    for form in ("json", "html"):
        for name, one in (("lamps", "L-001"), ("cabinets", "C-1"), ("faults", fault_id)):
            for path in (ITEMS.format(name), f"{ITEMS.format(name)}/{one}", f"/ogc/collections/{name}"):
                yield f"{path}?f={form}"
    for form in ("json", "xml"):
        for path in ("requests", f"requests/{report}", f"requests/{fault_id}", f"tokens/{report}", "bulk/requests"):
            yield f"/open311/v2/{path}.{form}"
    yield "/open311/v2/bulk/requests.csv"


def is_public(route):
    return route.role is Role.PUBLIC and route.method == "GET" and not route.is_stream


def text_of(answer):
    """What is sent, unpacked, with the head."""
    body = answer.content
    if body[:4] == b"PAR1":
        table = pq.read_table(io.BytesIO(body))
        body = json.dumps([table.to_pylist(), str(table.schema.metadata)], default=repr).encode() + body
    return body + repr(answer.headers.multi_items()).encode()


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """Address -> what somebody from the street is answered."""
    town = planted(tmp_path_factory.mktemp("planted"))
    town.darken(1, 2)
    app = create_app(town.city, lambda: T0)
    People(town.city, lambda: T0).add(SECRETS["account"], "operator")
    with TestClient(app) as street:
        fields = {"service_code": "lamp-dark", "address_id": "L-001", "email": SECRETS["contact of a reporter"]}
        report = street.post("/open311/v2/requests.json", data=fields).json()[0]["service_request_id"]
        operator = sign_in(app, SECRETS["account"])
        faults = operator.get("/api/v1/faults").json()["items"]
        assert len(faults) == 2
        for number, (action, more) in enumerate(
            (("assign", {"assignee": SECRETS["assignee"]}), ("comment", {"note": SECRETS["note of the crew"]}))
        ):
            body = {
                "action": action,
                "action_id": f"01JDB2M7Z8Q5W3N4T6V9X0Y1K{number}",
                "at": faults[0]["opened_at"],
                **more,
            }
            answer = operator.post(f"/api/v1/faults/{faults[0]['id']}/actions", json=body)
            assert answer.status_code == 200, answer.text
        # what an operator sees is there to be leaked
        seen = operator.get(f"/api/v1/faults/{faults[0]['id']}").text + operator.get("/api/v1/lamps/L-001").text
        assert all(SECRETS[name] in seen for name in ("assignee", "note of the crew", "meter profile"))
        with town.engine.connect() as connection:
            assert connection.execute(select(func.count()).select_from(reports)).scalar_one() == 1
        found = {}
        for address in dict.fromkeys(addresses(report, faults[0]["id"])):
            answer = street.get(address, follow_redirects=False)
            assert answer.status_code < 500, address
            found[address] = (answer.status_code, text_of(answer))
    town.engine.dispose()
    return found


@pytest.mark.parametrize("name", SECRETS)
def test_no_public_answer_holds_what_was_planted(said, name):
    secret = SECRETS[name].encode()
    assert [address for address, (_status, text) in said.items() if secret in text] == []


def test_the_answers_that_were_searched_are_those_with_the_city_s_data(said):
    assert len(said) > 60
    for address in ("/open/lamps.parquet", "/open/faults.parquet", "/open/lamps.geojson", "/open/faults.csv"):
        assert said[address][0] == 200
        assert b"L-001" in said[address][1], address
    n_pages = sum(status == 200 for status, _text in said.values())
    assert n_pages > len(said) * 0.7
