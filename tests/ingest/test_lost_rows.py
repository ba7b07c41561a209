"""The database becomes one of an earlier time: of a standby that lacked the last moments, or of a restored backup."""

import pytest
from sqlalchemy import delete, select, update

from ingest.database import open_database
from ingest.faultbook.lost_changes import lost_changes
from ingest.jobs.faults import FaultChangesJob, FaultJob, open_fault_job
from ingest.model.finding import Cleared, Key, Place, Raised
from ingest.pipeline.clock import WallClock
from ingest.schema.city import read_city
from ingest.schema.tables import fault_events, faults
from tests.ingest.test_faultbook import MINUTE, T0, BookFixture, tiny_register


def key_of(number):
    return Key("lampFailure", Place(lamp_id=f"L-{number}"))


def raised(number, at_us=T0):
    return Raised(key_of(number), at_us, at_us - 10 * MINUTE, (f"L-{number}",), {"power_w": 0.4})


def cleared(number, at_us):
    return Cleared(key_of(number), at_us, is_proof=True)


@pytest.fixture
def fixture(tmp_path):
    return BookFixture(f"sqlite:///{tmp_path / 'terang.db'}")


@pytest.fixture
def job(fixture):
    return FaultJob(fixture.book)


def lose(fixture, after_seq):
    """Events after ``after_seq``, and the faults that began with them, were never replicated."""
    with fixture.engine.begin() as connection:
        later = select(fault_events.c.fault_id).where(fault_events.c.seq > after_seq, fault_events.c.kind == "opened")
        gone = connection.execute(later).scalars().all()
        connection.execute(delete(fault_events).where(fault_events.c.seq > after_seq))
        connection.execute(delete(faults).where(faults.c.id.in_(gone)))


def test_a_fault_whose_row_is_gone_is_there_again_with_its_id(fixture, job):
    job.apply([raised(1)], T0)
    job.apply([raised(2)], T0 + MINUTE)
    before = fixture.rows()
    lose(fixture, 1)
    assert len(fixture.rows()) == 1
    job.rank_again(T0 + 2 * MINUTE)
    after = fixture.rows()
    assert [(row.id, row.state, row.opened_at_us) for row in after] == [
        (row.id, row.state, row.opened_at_us) for row in before
    ]
    assert after[1].version > before[1].version
    assert fixture.kinds() == ["opened", "opened", "changed"]
    job.rank_again(T0 + 3 * MINUTE)
    assert fixture.kinds() == ["opened", "opened", "changed"]


def test_a_fault_that_ended_is_not_open_again(fixture, job):
    job.apply([raised(1)], T0)
    row = fixture.row()
    job.apply([cleared(1, T0 + MINUTE)], T0 + MINUTE)
    with fixture.engine.begin() as connection:
        columns = {name: getattr(row, name) for name in ("state", "closed_at_us", "version", "updated_at_us")}
        connection.execute(update(faults).values(**columns))
    lose(fixture, 1)
    assert fixture.row().state == "open"
    job.rank_again(T0 + 2 * MINUTE)
    assert (fixture.row().state, fixture.row().closed_at_us) == ("closed", T0 + MINUTE)


def test_the_end_of_a_fault_whose_row_is_gone_is_booked(fixture, job):
    job.apply([raised(1)], T0)
    lose(fixture, 0)
    job.apply([cleared(1, T0 + MINUTE)], T0 + MINUTE)
    assert fixture.row().state == "closed"
    assert fixture.kinds() == ["opened", "changed", "closed"]


def test_a_newer_change_of_a_person_counts(fixture, job):
    job.apply([raised(1)], T0)
    fixture.person(fixture.row().id, "acknowledge", "acknowledged")
    job.rank_again(T0 + MINUTE)
    assert fixture.row().state == "acknowledged"
    assert fixture.kinds() == ["opened", "acknowledge"]


def test_claims_are_heard_although_the_numbers_of_events_began_again(fixture, job):
    for number in range(1, 4):
        job.apply([raised(number)], T0)
    assert job.poll_claims() == []
    fixture.person(fixture.rows()[0].id, "comment", "open")
    assert job.poll_claims() == []
    lose(fixture, 1)
    assert job.poll_claims() == []
    fixture.person(fixture.rows()[0].id, "repair", "repaired")
    assert job.poll_claims() == [key_of(1)]


class _Book:
    def __init__(self):
        self.n_ranked = 0

    def poll_claims(self):
        return []

    def set_back(self, _now_us):
        return 0

    def read_reports(self):
        return False

    def rank_again(self, _now_us):
        self.n_ranked += 1


def test_what_was_lost_is_written_within_one_look_after_a_new_connection(tmp_path, postgresql):
    (tmp_path / "city.toml").write_text(f'[city]\nname = "A"\n[database]\nurl = "{postgresql.make_schema()}"\n')
    city = read_city(tmp_path, {})
    engine = open_database(city)
    try:
        job = open_fault_job(engine, tiny_register(), city, T0)
        job.book = book = _Book()
        seconds = iter(range(0, 100, 2))
        changes = FaultChangesJob(job, None, WallClock(lambda: T0), lambda: next(seconds))
        job.is_reconnected.clear()
        changes.run(T0)
        assert book.n_ranked == 0
        engine.dispose()  # as after the end of the server
        engine.connect().close()
        changes.run(T0)
        changes.run(T0)
        assert book.n_ranked == 1
    finally:
        engine.dispose()


@pytest.mark.parametrize(
    ("stored", "is_lost"),
    [
        ([], True),
        ([raised(1)], False),
        ([raised(1, T0 - 5 * MINUTE), cleared(1, T0 - MINUTE)], True),  # of an earlier time
        ([raised(1), cleared(1, T0 + MINUTE)], False),  # what ended since the snapshot is no loss
    ],
)
def test_what_a_snapshot_has_reported_and_the_database_does_not_know_is_said_again(fixture, job, stored, is_lost):
    for word in stored:
        job.apply([word], word.at_us)
    assert lost_changes(fixture.engine, [raised(1)]) == ([raised(1)] if is_lost else [])


def test_any_number_of_reported_conditions_is_looked_up(fixture, job):
    words = [raised(number) for number in range(1201)]
    job.apply(words[1:6], T0)
    assert lost_changes(fixture.engine, words) == [words[0], *words[6:]]
