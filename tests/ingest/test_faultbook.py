"""The life of a fault, against real databases and a second writer beside the book."""

from __future__ import annotations

import numpy as np
import pytest
from sqlalchemy import create_engine, insert, select, update

from ingest.faultbook import FaultBook, FaultLocator
from ingest.faultbook.fault import key_text, parse_key
from ingest.faultbook.priority import Surroundings, rank
from ingest.model.finding import Cleared, Key, Place, Raised, StillFailing
from ingest.register.register import Cabinets, Lamps, Register, with_centroids
from ingest.schema.codes import CATALOGUE
from ingest.schema.tables import fault_events, faults, metadata

MINUTE = 60_000_000
HOUR = 60 * MINUTE
T0 = 1_790_000_000_000_000


def tiny_register(n=12):
    """One cabinet, one circuit of n lamps 30 m apart on one street."""
    unknown = [""] * n
    lamps = Lamps(
        lamp_id=[f"L-{i}" for i in range(n)],
        cabinet_id=["C-1"] * n,
        cabinet=np.zeros(n, np.int32),
        circuit=["1"] * n,
        position=np.arange(1, n + 1, dtype=np.int32),
        position_source=["survey"] * n,
        latitude=np.full(n, 0.79),
        longitude=102.0 + np.arange(n) * 30 / 111_195,
        rated_power_w=np.full(n, 90, np.float32),
        technology=["LED"] * n,
        bus=["A"] * n,
        address=np.arange(1, n + 1, dtype=np.int32),
        profile=["lamp-node"] * n,
        phase=unknown,
        is_dimmable=np.ones(n, bool),
        street=["Jalan Melati"] * n,
        district=["Siak"] * n,
        village=unknown,
        road_class=["arterial"] * n,
        installed_on=unknown,
        extra=[{"pole": "steel"}] * n,
    )
    cabinets = Cabinets(
        cabinet_id=["C-1"],
        controller_id=["PJU-1"],
        name=["Simpang"],
        latitude=np.array([np.nan]),
        longitude=np.array([np.nan]),
        district=["Siak"],
        village=[""],
        supply_account=[""],
        supply_va=np.array([np.nan]),
        transformer=[""],
        metered=[""],
        switching=["lamp"],
        extra=[{}],
    )
    return Register(lamps, with_centroids(cabinets, lamps))


class BookFixture:
    """A book on a database, its opener, and a person at the API."""

    def __init__(self, url):
        self.engine = create_engine(url)
        metadata.create_all(self.engine)
        self.n_ids = 0
        self.open_book()

    def open_book(self, now_us=T0):
        register = tiny_register()
        fault_locator = FaultLocator(register, {lamp_id: row for row, lamp_id in enumerate(register.lamps.lamp_id)})
        self.book = FaultBook(self.engine, fault_locator, reopen_within_us=24 * HOUR, new_id=self.new_id, now_us=now_us)

    def new_id(self, _at_us):
        self.n_ids += 1
        return f"{self.n_ids:026d}"

    def rows(self):
        with self.engine.connect() as connection:
            return connection.execute(select(faults).order_by(faults.c.id)).all()

    def row(self):
        (row,) = self.rows()
        return row

    def kinds(self):
        with self.engine.connect() as connection:
            return [row.kind for row in connection.execute(select(fault_events).order_by(fault_events.c.seq))]

    def person(self, fault_id, kind, state, at_us=T0):
        """What the API does for an action."""
        with self.engine.begin() as connection:
            row = connection.execute(select(faults).where(faults.c.id == fault_id)).one()
            closed = None if state != "closed" else row.closed_at_us
            connection.execute(
                update(faults)
                .where(faults.c.id == fault_id)
                .values(state=state, version=row.version + 1, closed_at_us=closed, updated_at_us=at_us)
            )
            connection.execute(
                insert(fault_events).values(
                    fault_id=fault_id,
                    at_us=at_us,
                    actor="local",
                    kind=kind,
                    state=state,
                    version=row.version + 1,
                    data={},
                )
            )


@pytest.fixture
def fixture(database_url):
    opened = BookFixture(database_url)
    yield opened
    opened.engine.dispose()


def dark(lamp=3, at_us=T0, code="lampFailure", evidence=None, **more):
    lamp_id = f"L-{lamp}"
    evidence = evidence or {"power_w": 0.4, "expected_power_w": 90.0, "samples": 3}
    return Raised(Key(code, Place(lamp_id=lamp_id)), at_us, at_us - 2 * MINUTE, (lamp_id,), evidence, **more)


def lit(lamp=3, at_us=T0 + HOUR, code="lampFailure"):
    return Cleared(Key(code, Place(lamp_id=f"L-{lamp}")), at_us)


def test_a_confirmed_condition_opens_one_fault_with_its_place_and_reasons(fixture):
    assert fixture.book.apply([dark()], T0).n_opened == 1
    row = fixture.row()
    assert (row.code, row.level, row.severity, row.state) == ("lampFailure", "lamp", "major", "open")
    assert (row.cabinet_id, row.controller_id, row.bus, row.circuit) == ("C-1", "PJU-1", "A", "1")
    assert (row.street, row.district, row.opened_at_us) == ("Jalan Melati", "Siak", T0)
    assert row.longitude == pytest.approx(102.0 + 3 * 30 / 111_195)
    assert row.evidence["since"] == "2026-09-21T14:11:20Z"
    assert sum(reason["points"] for reason in row.evidence["priority"].values()) == row.priority > 0


def test_the_same_word_again_changes_nothing(fixture):
    fixture.book.apply([dark()], T0)
    assert fixture.book.apply([dark()], T0).n_opened == 0
    assert fixture.book.apply([dark(at_us=T0 + MINUTE)], T0 + MINUTE).n_changed == 0
    assert fixture.kinds() == ["opened"]
    assert fixture.row().version == 1


def test_telemetry_closes_from_any_state_and_verifies_only_a_claimed_repair(fixture):
    fixture.book.apply([dark(3), dark(8)], T0)
    first, second = fixture.rows()
    fixture.person(first.id, "repair", "repaired")
    fixture.book.apply([lit(3), lit(8)], T0 + HOUR)
    first, second = fixture.rows()
    assert (first.state, first.is_verified, second.state, second.is_verified) == ("closed", True, "closed", False)
    assert first.closed_at_us == T0 + HOUR
    assert first.version == 3


def test_a_claim_is_reported_to_detection_once_and_reopens_when_not_proved(fixture):
    fixture.book.apply([dark()], T0)
    fixture.person(fixture.row().id, "acknowledge", "acknowledged")
    assert fixture.book.poll_claims() == []
    fixture.person(fixture.row().id, "repair", "repaired")
    assert fixture.book.poll_claims() == [dark().key]
    assert fixture.book.poll_claims() == []
    fixture.book.apply([StillFailing(dark().key, T0 + HOUR, {"power_w": 0.3})], T0 + HOUR)
    assert fixture.row().state == "open"
    assert fixture.kinds()[-1] == "reopened"
    with fixture.engine.connect() as connection:
        reasons = [
            row.data.get("reason") for row in connection.execute(select(fault_events).order_by(fault_events.c.seq))
        ]
    assert reasons[-1] == "still_failing"


def test_flapping_within_a_day_is_one_fault_and_later_another(fixture):
    fixture.book.apply([dark()], T0)
    fixture.book.apply([lit(at_us=T0 + HOUR)], T0 + HOUR)
    fixture.book.apply([dark(at_us=T0 + 2 * HOUR)], T0 + 2 * HOUR)
    row = fixture.row()
    assert (row.state, row.closed_at_us, row.evidence["reopened"]) == ("open", None, 1)
    fixture.book.apply([lit(at_us=T0 + 3 * HOUR)], T0 + 3 * HOUR)
    fixture.book.apply([], T0 + 28 * HOUR)
    fixture.book.apply([dark(lamp=9, at_us=T0 + 28 * HOUR)], T0 + 28 * HOUR)
    fixture.book.apply([dark(at_us=T0 + 29 * HOUR)], T0 + 29 * HOUR)
    assert [row.state for row in fixture.rows()] == ["closed", "open", "open"]


@pytest.mark.parametrize("code", ["lampFailure", "circuitPowerTooLow", "busFailure"])
def test_a_condition_that_returns_says_in_the_timeline_what_was_measured_then(fixture, code):
    key = Key(code, Place(cabinet_id="C-1", circuit="1"))
    for hour, n_dark in ((0, 1), (2, 4)):
        at_us = T0 + hour * HOUR
        fixture.book.apply([Raised(key, at_us, at_us, ("L-1",), {"power_w": 9.0, "lamps_dark": n_dark})], at_us)
        fixture.book.apply([Cleared(key, at_us + HOUR)], at_us + HOUR)
    with fixture.engine.connect() as connection:
        entries = connection.execute(select(fault_events).order_by(fault_events.c.seq)).all()
    told = {entry.kind: entry.data for entry in entries}
    assert [entry.kind for entry in entries] == ["opened", "closed", "reopened", "closed"]
    assert told["reopened"]["reason"] == "condition_returned"
    assert (told["opened"]["evidence"]["lamps_dark"], told["reopened"]["evidence"]["lamps_dark"]) == (1, 4)
    assert {"since", "power_w"} <= told["reopened"]["evidence"].keys()
    kept = fixture.row().evidence
    assert {name: kept[name] for name in told["reopened"]["evidence"]} == told["reopened"]["evidence"]


def test_a_restart_neither_doubles_nor_reopens(fixture):
    words = [dark(), lit(at_us=T0 + HOUR), dark(7, T0 + HOUR)]
    for word in words:
        fixture.book.apply([word], word.at_us)
    before = fixture.rows()
    fixture.open_book(now_us=T0 + HOUR)
    for word in words:  # detection replays the readings since its snapshot
        fixture.book.apply([word], word.at_us)
    assert fixture.rows() == before


def test_a_cause_hides_its_children_and_frees_them(fixture):
    cause = Key("circuitFailure", Place(cabinet_id="C-1", circuit="1"))
    lamps = tuple(f"L-{i}" for i in range(12))
    fixture.book.apply([dark()], T0)
    fixture.book.apply(
        [dark(at_us=T0 + HOUR, cause=cause), Raised(cause, T0 + HOUR, T0 + HOUR, lamps, {"lamps_silent": 12})],
        T0 + HOUR,
    )
    child, parent = fixture.rows()
    assert child.caused_by == parent.id
    assert (parent.level, parent.lamp_ids) == ("circuit", list(lamps))
    fixture.book.apply([Cleared(cause, T0 + 2 * HOUR), dark(at_us=T0 + 2 * HOUR)], T0 + 2 * HOUR)
    child, parent = fixture.rows()
    assert (child.caused_by, child.state, parent.state) == (None, "open", "closed")
    assert fixture.kinds() == ["opened", "opened", "suppressed", "closed", "unsuppressed"]


def test_a_closed_fault_keeps_what_explained_it(fixture):
    cause = Key("circuitFailure", Place(cabinet_id="C-1", circuit="1"))
    lamps = tuple(f"L-{i}" for i in range(12))
    fixture.book.apply([dark(at_us=T0, cause=cause), Raised(cause, T0, T0, lamps, {"lamps_silent": 12})], T0)
    fixture.book.apply([Cleared(cause, T0 + HOUR), lit(at_us=T0 + HOUR)], T0 + HOUR)
    child, parent = sorted(fixture.rows(), key=lambda row: row.code, reverse=True)
    assert (child.state, parent.state, child.caused_by) == ("closed", "closed", parent.id)
    fixture.book.apply([dark(at_us=T0 + 2 * HOUR)], T0 + 2 * HOUR)  # the lamp goes out by itself
    child = next(row for row in fixture.rows() if row.code == "lampFailure")
    assert (child.state, child.caused_by) == ("open", None)


def test_a_persons_change_between_two_sweeps_is_kept(fixture):
    fixture.book.apply([dark()], T0)
    fixture.person(fixture.row().id, "assign", "assigned")
    fixture.book.apply([dark(at_us=T0 + HOUR, cause=None)], T0 + HOUR)
    changed = Raised(dark().key, T0 + HOUR, T0, ("L-3",), {"power_w": 0.1, "samples": 60})
    fixture.book.apply([changed], T0 + HOUR)
    row = fixture.row()
    assert (row.state, row.version) == ("assigned", 3)
    assert row.evidence["power_w"] == 0.1


def test_three_consecutive_dark_lamps_outrank_a_single_one_and_raise_their_neighbours(fixture):
    fixture.book.apply([dark(3)], T0)
    alone = fixture.row().priority
    fixture.book.apply([dark(4), dark(5)], T0)
    together = [row.priority for row in fixture.rows()]
    assert min(together) >= alone + 25
    danger = fixture.rows()[0].evidence["priority"]["danger"]
    assert (danger["why"], danger["n"]) == ("consecutive_dark", 3)


def test_priority_grows_with_age(fixture):
    fixture.book.apply([dark()], T0)
    young = fixture.row().priority
    assert fixture.book.rank_again(T0 + 72 * HOUR) == 1
    assert fixture.row().priority == young + 10
    assert fixture.row().version == 1


@pytest.mark.parametrize("code", [row.code for row in CATALOGUE])
def test_every_code_has_a_priority_within_bounds(code):
    priority, reasons = rank(code, 500, "arterial", 1e6, Surroundings(9, 1.0, 9))
    assert 0 <= priority <= 100
    assert {"danger", "severity", "lamps", "road_class", "age", "reports"} == set(reasons)


def test_keys_round_trip_through_their_column():
    key = Key("cableFailure", Place(cabinet_id='C "1"', circuit="2", span_after="L-é"))
    assert parse_key(key_text(key)) == key


def test_a_fault_has_the_level_of_its_place(fixture):
    places = (("supplyVoltageTooLow", None), ("neutralFailure", "1"), ("neutralFailure", None))
    keys = [Key(code, Place(cabinet_id="C-1", circuit=circuit)) for code, circuit in places]
    fixture.book.apply([Raised(key, T0, T0, (), {"samples": 2}) for key in keys], T0)
    levels = {(row.code, row.circuit): row.level for row in fixture.rows()}
    assert levels == {place: "cabinet" if place[1] is None else "circuit" for place in places}
