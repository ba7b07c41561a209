"""Fault lists by pages: whatever the order, the filter and the page's size, each fault comes exactly once."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from ingest.schema.tables import faults

ORDERS = [
    {"order": "priority"},
    {"order": "-opened_at"},
    {"order": "distance", "near": "0.79,102.003"},
]


@pytest.fixture
def busy(town, client):
    """Twenty-odd faults, many of the same priority and time, some of them nowhere."""
    town.darken(*range(12))
    town.darken(*range(12, 18), at_us=1_790_000_600_000_000, code="relayFailure")
    town.raise_circuit()
    with town.engine.begin() as connection:
        connection.execute(update(faults).where(faults.c.lamp_id.in_(["L-003", "L-014"])).values(latitude=None))
    return client


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    order=st.sampled_from(ORDERS),
    limit=st.integers(1, 25),
    wanted=st.fixed_dictionaries(
        {},
        optional={
            "code": st.sampled_from(["lampFailure", "relayFailure", "lampFailure,circuitFailure"]),
            "severity": st.sampled_from(["major", "minor", "critical,minor"]),
            "cabinet_id": st.sampled_from(["C-1", "C-2", "C-9"]),
            "state": st.sampled_from(["open", "closed", "any", "acknowledged"]),
            "include": st.just("suppressed"),
            "bbox": st.sampled_from(["101,0,103,1", "102.001,0.7,102.004,0.9", "0,0,1,1"]),
        },
    ),
)
def test_pages_put_together_are_the_whole_list(busy, order, limit, wanted):
    whole = busy.get("/api/v1/faults", params={**order, **wanted, "limit": 1000}).json()
    assert whole["next_cursor"] is None
    seen, cursor = [], None
    for _page in range(40):
        page = busy.get(
            "/api/v1/faults", params={**order, **wanted, "limit": limit} | ({"cursor": cursor} if cursor else {})
        )
        assert page.status_code == 200, page.text
        assert len(page.json()["items"]) <= limit
        seen += page.json()["items"]
        cursor = page.json()["next_cursor"]
        if cursor is None:
            break
    assert [fault["id"] for fault in seen] == [fault["id"] for fault in whole["items"]]
    assert len({fault["id"] for fault in seen}) == len(seen)


def test_a_fault_that_stands_nowhere_is_the_farthest(busy):
    items = busy.get("/api/v1/faults", params={"order": "distance", "near": "0.79,102.003"}).json()["items"]
    assert [fault["latitude"] is None for fault in items] == [False] * (len(items) - 2) + [True] * 2
