"""A session that has locked a table and was forgotten: a problem document after seconds, and the threads come back."""

from __future__ import annotations

import time

import pytest
from sqlalchemy import create_engine, text

from dashboard_api.errors import UnavailableError
from dashboard_api.store import engine as engine_module
from dashboard_api.store.engine import Database
from ingest.schema import tables
from ingest.schema.city import read_city


def test_a_locked_table_holds_up_no_request_for_ever(postgresql, tmp_path, monkeypatch):
    monkeypatch.setattr(engine_module, "LOCK_TIMEOUT_MS", 300)
    url = postgresql.make_schema()
    (tmp_path / "city.toml").write_text(f'[city]\nname = "Kota"\n[database]\nurl = "{url}"\n')
    owner = create_engine(url)
    tables.metadata.create_all(owner)
    database = Database(read_city(tmp_path, {}))
    try:
        with owner.begin() as forgotten:
            forgotten.execute(text("LOCK TABLE register IN ACCESS EXCLUSIVE MODE"))
            for _ in range(2):  # a connection of the pool has the limit the second time too
                began = time.monotonic()
                with pytest.raises(UnavailableError) as caught:
                    database.register_version()
                assert caught.value.code == "database_silent"
                assert time.monotonic() - began < 10.0
        assert database.register_version() == 0
    finally:
        database.close()
        owner.dispose()
