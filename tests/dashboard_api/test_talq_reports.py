# ruff: noqa: F811  (fixtures of another module are imported by name, and asked for as parameters)
"""Log reports to management systems: nothing lost or doubled over restarts and failures."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dashboard_api.neighbours.talq import mapping, reporter
from dashboard_api.neighbours.talq.devices import address_of_lamp
from dashboard_api.neighbours.talq.event_log import EventLog
from dashboard_api.store.talq_reports import FaultStep, Told
from ingest.model.finding import Place
from ingest.schema.talq_tables import talq_receivers, talq_reports
from tests.dashboard_api.conftest import Town
from tests.dashboard_api.talq_receiver import LAMP, SQLITE, clear, rows, stand, stand_of, told_by  # noqa: F401

T0 = 1_790_000_000_000_000
MINUTE = 60_000_000
CMS = "http://127.0.0.1:9/talq"
CIRCUIT = Place(cabinet_id="C-2", circuit="1")


def test_events_are_told_as_they_begin_and_end(stand):
    town = stand.town
    town.darken(3)
    stand.tell()
    assert stand.receiver.standing() == {told_by(3, LAMP)}
    town.raise_circuit(T0 + MINUTE)
    town.darken(4, at_us=T0 + MINUTE)
    stand.tell()
    supply = {told_by(row, mapping.EVENT_OF["circuitFailure"]) for row in range(20, 40)}
    assert stand.receiver.standing() == {told_by(3, LAMP), told_by(4, LAMP)} | supply
    clear(town, "lampFailure", Place(lamp_id="L-003"), T0 + 2 * MINUTE)
    clear(town, "circuitFailure", CIRCUIT, T0 + 2 * MINUTE)
    stand.tell()
    stand.tell()
    assert stand.receiver.standing() == {told_by(4, LAMP)}
    ends = [one["timestamp"] for one in stand.receiver.entries() if not one["startEndFlag"]]
    assert len(ends) == 21
    assert len(set(ends)) == 1
    assert len(stand.receiver.requests) == 3
    assert rows(stand, talq_reports) == []


@SQLITE
def test_a_report_says_who_sends_it_and_under_which_id(stand):
    stand.town.darken(3)
    stand.tell()
    (request,) = stand.receiver.requests
    assert str(request.url).startswith(f"{CMS}/log-reports?clientAddress=")
    assert request.headers["talq-api-version"] == "2.7.1"
    assert "authorization" not in request.headers
    (report,) = stand.receiver.reports.values()
    assert report["address"] == "terang-events"
    assert report["entries"] == [
        {
            "data": {
                "type": "EventLogData",
                "srcAddress": told_by(3, LAMP)[0],
                "timestamp": "2026-09-21T14:13:20Z",
                "eventType": "lampFailure",
                "startEndFlag": True,
            }
        }
    ]


@SQLITE
def test_a_fault_that_opens_and_closes_between_two_reports_is_told_whole(stand):
    stand.tell()
    stand.town.darken(3)
    clear(stand.town, "lampFailure", Place(lamp_id="L-003"), T0 + MINUTE)
    stand.tell()
    assert [one["startEndFlag"] for one in stand.receiver.entries()] == [True, False]


@SQLITE
def test_a_restart_after_the_answer_and_before_it_is_noted_repeats_the_same_report(stand, monkeypatch):
    stand.town.darken(3)

    def killed(*_arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(reporter, "report_is_done", killed)
        with pytest.raises(KeyboardInterrupt):
            stand.tell()
    stand.town.darken(4)
    stand.restart()
    stand.tell()
    first, again, other = stand.receiver.requests
    assert (first.url, first.content) == (again.url, again.content)
    assert other.url != first.url
    assert stand.receiver.standing() == {told_by(3, LAMP), told_by(4, LAMP)}


@SQLITE
def test_a_receiver_that_fails_is_asked_less_and_less_and_misses_nothing(stand):
    stand.receiver.status = 503
    stand.town.darken(3)
    n_before, waits = 0, []
    for second in range(700):
        stand.tell(1_000_000)
        if len(stand.receiver.requests) > n_before:
            waits.append(second)
            n_before += 1
    assert waits == [0, 10, 30, 70, 150, 310, 630]
    (row,) = rows(stand, talq_receivers)
    assert (row.n_failed, row.error) == (7, "status 503")
    stand.town.darken(4)
    stand.receiver.status = 201
    stand.restart()
    stand.tell(3600_000_000)
    assert stand.receiver.standing() == {told_by(3, LAMP), told_by(4, LAMP)}
    (row,) = rows(stand, talq_receivers)
    assert (row.n_failed, row.error) == (0, None)


@SQLITE
def test_a_report_that_is_refused_again_and_again_does_not_hold_up_the_next(stand):
    stand.receiver.status = 422
    stand.town.darken(3)
    for _ in range(3):
        stand.tell(3600_000_000)
    stand.receiver.status = 201
    stand.town.darken(4)
    stand.tell(3600_000_000)
    assert [one["srcAddress"] for one in stand.receiver.entries()] == [told_by(4, LAMP)[0]]
    (row,) = rows(stand, talq_receivers)
    assert (row.n_refused, row.n_sent) == (1, 1)


OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["darken", "clear"]), st.integers(18, 23)),
        st.tuples(st.sampled_from(["circuit", "whole", "tell", "restart", "fail", "lose"]), st.just(0)),
    ),
    min_size=4,
    max_size=14,
)


@settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(OPERATIONS)
def test_over_restarts_and_failures_a_receiver_knows_what_stands(tmp_path_factory, operations):
    stand = stand_of(Town(tmp_path_factory.mktemp("town")))
    town, at_us = stand.town, T0
    for name, row in operations:
        at_us += MINUTE
        if name == "darken":
            town.darken(row, at_us=at_us)
        elif name == "clear":
            clear(town, "lampFailure", Place(lamp_id=f"L-{row:03d}"), at_us)
        elif name == "circuit":
            town.raise_circuit(at_us)
        elif name == "whole":
            clear(town, "circuitFailure", CIRCUIT, at_us)
        elif name == "restart":
            stand.restart()
        else:
            stand.receiver.status = 503 if name == "fail" else 201
            with pytest.MonkeyPatch.context() as patched:
                if name == "lose":
                    patched.setattr(reporter, "report_is_done", lambda *_arguments: 1 / 0)
                try:
                    stand.tell(3600_000_000)
                except ZeroDivisionError:
                    stand.restart()
    stand.receiver.status = 201
    stand.tell(3600_000_000)
    events = stand.devices.devices().events
    names = stand.devices.devices().lamps.properties["lamp_id"]
    wanted = {
        (f"{address_of_lamp('terang', names[row])}/{event[0]}", event[1])
        for row, standing in events.items()
        for event in standing
    }
    assert stand.receiver.standing() == wanted
    assert rows(stand, talq_reports) == []
    town.engine.dispose()


def step(seq, fault_id, kind="opened", state="open", code="supplyLoss", lamps=("L-1",), *, is_caused=False):
    return FaultStep(seq, fault_id, code, kind, state, T0 + seq, is_caused, tuple(lamps))


def test_an_event_that_two_faults_tell_begins_and_ends_once():
    log = EventLog({})
    took = [
        (one.lamp_id, one.is_start)
        for one in log.take(
            [
                step(1, "A"),
                step(2, "B", code="circuitFailure", lamps=("L-1", "L-2")),
                step(3, "A", kind="closed", state="closed"),
            ]
        )
    ]
    assert took == [("L-1", True), ("L-2", True)]
    assert [one.lamp_id for one in log.take([step(4, "B", "closed", "closed", "circuitFailure")])] == ["L-1", "L-2"]
    assert log.told == {}


def test_what_another_fault_explains_is_not_told_and_comes_when_nothing_explains_it_any_more():
    log = EventLog({})
    assert list(log.take([step(1, "A", is_caused=True)])) == []
    assert [one.is_start for one in log.take([step(2, "A", "unsuppressed")])] == [True]
    assert [one.is_start for one in log.take([step(3, "A", "suppressed", is_caused=True)])] == [False]
    assert list(log.take([step(4, "A", "closed", "closed", is_caused=True)])) == []


def test_a_change_of_the_lamps_tells_those_that_came_and_went():
    log = EventLog({"A": Told("circuitFailure", ("L-1", "L-2"))})
    changed = step(9, "A", "changed", code="circuitFailure", lamps=("L-2", "L-3"))
    assert [(one.lamp_id, one.is_start) for one in log.take([changed])] == [("L-1", False), ("L-3", True)]


def test_codes_that_talq_has_no_event_for_are_told_nowhere():
    assert list(EventLog({}).take(step(n, f"F{n}", code=code) for n, code in enumerate(mapping.REFUSED_CODES))) == []
