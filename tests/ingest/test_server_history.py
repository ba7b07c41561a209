"""A former primary of PostgreSQL comes back and takes changes again: nobody turns to it, and it is said why."""

import json

import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import OperationalError

from dashboard_api.errors import UnavailableError
from dashboard_api.store.engine import Database
from ingest.database import connect_alone, open_database
from ingest.errors import UnusableError
from ingest.schema import server_history
from ingest.schema.city import read_city
from ingest.schema.server_history import TIMELINES_FILE, refuse_old_servers


def city_of(folder, url):
    (folder / "city.toml").write_text(f'[city]\nname = "Kota Uji"\n[database]\nurl = "{url}"\n', encoding="utf-8")
    city = read_city(folder, {})
    city.data_folder.mkdir(exist_ok=True)
    return city


@pytest.fixture
def city(tmp_path, postgresql):
    made = city_of(tmp_path, postgresql.make_schema())
    open_database(made).dispose()
    return made


def file_of(city):
    return city.data_folder / TIMELINES_FILE


def promote_another(city):
    """As another process notes that it saw the next timeline of the cluster."""
    ((cluster, timeline),) = json.loads(file_of(city).read_text()).items()
    beside = file_of(city).with_suffix(".new")
    beside.write_text(json.dumps({cluster: timeline + 1}))
    beside.replace(file_of(city))


def test_the_timeline_of_the_server_is_kept_for_its_owner_alone(city, postgresql):
    ((timeline,),) = postgresql.execute("SELECT timeline_id FROM pg_control_checkpoint()")
    assert list(json.loads(file_of(city).read_text()).values()) == [timeline]
    assert file_of(city).stat().st_mode & 0o777 == 0o600


def test_a_server_that_was_left_behind_is_refused_in_words_until_the_note_is_removed(city):
    promote_another(city)
    with pytest.raises(UnusableError, match=f"left behind.*{TIMELINES_FILE}"):
        open_database(city)
    with pytest.raises(OperationalError, match="left behind"):
        connect_alone(city)
    database = Database(city)
    with pytest.raises(UnavailableError, match="left behind"), database.reading():
        pass
    file_of(city).unlink()
    open_database(city).dispose()
    with database.reading() as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1


def test_a_standing_connection_is_left_when_another_process_has_seen_a_promotion(city):
    engine = open_database(city)
    with engine.connect() as connection:
        connection.execute(text("SELECT 1"))
    promote_another(city)
    with pytest.raises(OperationalError, match="left behind"):
        engine.connect()
    engine.dispose()


def test_of_several_hosts_the_one_that_was_promoted_is_taken(tmp_path, postgresql, monkeypatch):
    timelines = {"127.0.0.1": 1, "localhost": 1}
    monkeypatch.setattr(server_history, "_timeline", lambda _driver, connection: ("1", timelines[connection.info.host]))
    hosts = "&".join(f"host={host}:{postgresql.port}" for host in timelines)
    city = city_of(tmp_path, f"postgresql+psycopg://terang@/postgres?{hosts}&target_session_attrs=read-write")
    engine = open_database(city)

    def host():
        with engine.connect() as connection:
            return connection.connection.dbapi_connection.info.host

    assert host() == "127.0.0.1"
    timelines["localhost"] = 2
    engine.dispose()
    assert host() == "127.0.0.1"  # nobody has seen the other one yet
    file_of(city).unlink()
    promoted = open_database(city_of(tmp_path, f"postgresql+psycopg://terang@localhost:{postgresql.port}/postgres"))
    promoted.dispose()
    assert host() == "localhost"
    engine.dispose()


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'{"1": NaN}', b'{"1": true}', b'{"1": 99999999999}', b"\xff" * 100, b" " * 100_000, None],
)
def test_a_note_that_cannot_be_read_hinders_nobody(city, content):
    file_of(city).unlink()
    if content is None:
        file_of(city).mkdir()
    else:
        file_of(city).write_bytes(content)
    engine = open_database(city)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1
    engine.dispose()


def test_a_server_that_does_not_tell_is_believed(city, postgresql):
    postgresql.execute("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC")
    postgresql.execute("CREATE ROLE plain LOGIN")
    try:
        engine = create_engine(make_url(city.database.url).set(username="plain"))
        refuse_old_servers(engine, city.data_folder)
        with engine.connect() as connection:
            assert connection.execute(text("SELECT current_user")).scalar_one() == "plain"
        engine.dispose()
    finally:
        postgresql.execute("DROP ROLE plain")
        postgresql.execute("GRANT EXECUTE ON FUNCTION pg_control_system() TO PUBLIC")
