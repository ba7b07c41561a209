"""The tables of a new city as the migrations left them in another one: every test of the API needs them.

The migrations have tests of their own. What they do is kept once in a test process: of SQLite the file, of PostgreSQL
the statements, which are a tenth of the work without Alembic around them, and sent all at once.
"""

from __future__ import annotations

import shutil
import tempfile
from functools import cache
from pathlib import Path

from sqlalchemy import create_engine, event

from ingest.database import migrate, sqlite_path

_CHANGES = ("CREATE", "ALTER", "INSERT", "UPDATE", "DELETE", "DROP")
_statements = []


def copy_schema(city):
    """Make the tables of ``city``'s database if it is new."""
    path = sqlite_path(city)
    if path is not None:
        if not path.exists():
            path.parent.mkdir(mode=0o700, exist_ok=True)
            shutil.copyfile(_migrated_file(), path)
        return
    engine = create_engine(city.database.url)
    if not _statements:
        event.listen(engine, "before_cursor_execute", _keep)
        migrate(engine)
    else:
        with engine.begin() as connection:
            if not connection.exec_driver_sql("SELECT to_regclass('alembic_version')").scalar():
                connection.connection.driver_connection.execute(";\n".join(_statements))
    engine.dispose()


def _keep(_connection, _cursor, statement, parameters, _context, _executemany):
    if statement.lstrip().startswith(_CHANGES):
        assert not parameters, f"statements go to the server together, which takes no parameters: {statement}"
        _statements.append(statement)


@cache
def _migrated_file():
    file = Path(tempfile.mkdtemp(prefix="terang-schema-")) / "terang.db"
    engine = create_engine(f"sqlite:///{file}")
    migrate(engine)
    engine.dispose()
    return file
