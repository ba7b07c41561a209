"""PostgreSQL becomes read only, ends sessions or lets nobody wait: what was not committed comes again, once."""

import threading

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError

from dashboard_api.errors import UnavailableError
from dashboard_api.store.engine import Database
from ingest.database import is_unavailable, open_database
from ingest.errors import RetryError
from ingest.jobs.faults import FaultJob
from ingest.metrics import Metrics
from ingest.schema.city import read_city
from tests.ingest.test_faultbook import T0, BookFixture, dark


class Stand(BookFixture):
    def __init__(self, folder, url):
        (folder / "city.toml").write_text(f'[city]\nname = "Kota Uji"\n[database]\nurl = "{url}"\n', encoding="utf-8")
        self.city = read_city(folder, {})
        self.engine, self.n_ids = open_database(self.city), 0
        self.open_book()
        self.job = FaultJob(self.book, Metrics())

    def pid(self):
        with self.engine.connect() as connection:
            return connection.execute(text("SELECT pg_backend_pid()")).scalar_one()


@pytest.fixture
def stand(tmp_path, postgresql):
    made = Stand(tmp_path, postgresql.make_database())
    yield made
    made.engine.dispose()


def say(stand, statement):
    with stand.engine.connect() as connection:
        connection.execute(text(statement))
        connection.commit()


def test_a_server_that_takes_no_more_changes_is_left_for_the_one_that_does(stand):
    say(stand, "SET default_transaction_read_only = on")  # as a session sees it when the server is told so
    with pytest.raises(RetryError):
        stand.job.apply([dark()], T0)
    stand.job.apply([dark()], T0)
    assert stand.row().state == "open"
    assert stand.kinds() == ["opened"]


def test_the_api_leaves_it_too(stand):
    database = Database(stand.city)
    with database.reading() as connection:
        connection.execute(text("SET default_transaction_read_only = on"))
        connection.commit()
    change = text("UPDATE faults SET version = 0")
    with pytest.raises(UnavailableError), database.writing() as connection:
        connection.execute(change)
    with database.writing() as connection:
        connection.execute(change)


def test_who_holds_a_fault_for_too_long_delays_changes_and_stops_nothing(tmp_path, postgresql, monkeypatch):
    monkeypatch.setattr("ingest.database._LOCK_TIMEOUT_MS", 50)
    stand = Stand(tmp_path, postgresql.make_database())
    stand.job.apply([dark()], T0)
    with stand.engine.connect() as other:
        other.execute(text("SELECT * FROM faults FOR UPDATE"))
        with pytest.raises(RetryError):
            stand.job.rank_again(T0 + 48 * 3_600_000_000)
    before = stand.row().priority
    stand.job.rank_again(T0 + 48 * 3_600_000_000)
    assert stand.row().priority > before
    stand.engine.dispose()


def test_a_session_that_the_server_ends_for_being_idle_is_replaced(stand):
    with stand.engine.connect() as other:
        other.execute(text("SET idle_in_transaction_session_timeout = '20ms'"))
        other.execute(text("SELECT 1"))
        threading.Event().wait(0.2)
        with pytest.raises(DBAPIError) as raised:
            other.execute(text("SELECT 1"))
        assert is_unavailable(raised.value)
    stand.job.apply([dark()], T0)
    assert stand.kinds() == ["opened"]


@pytest.mark.parametrize("at", ["INSERT INTO faults", "INSERT INTO fault_events", "COMMIT"])
def test_a_session_that_is_ended_in_the_middle_of_a_change_leaves_it_once(stand, postgresql, at):
    ended = []

    def end(connection, *_args):
        if not ended:
            pid = connection.connection.dbapi_connection.info.backend_pid
            ended.append(pid)
            postgresql.execute(f"SELECT pg_terminate_backend({pid}, 5000)")

    def before(connection, _cursor, statement, *_args):
        if statement.startswith(at):
            end(connection)

    event.listen(stand.engine, *(("commit", end) if at == "COMMIT" else ("before_cursor_execute", before)))
    with pytest.raises(RetryError):
        stand.job.apply([dark()], T0)
    stand.job.apply([dark()], T0)
    assert ended
    assert stand.kinds() == ["opened"]
