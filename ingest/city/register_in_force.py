"""The register that counts now, for comparison: the database's, else the folder's files unless they are the sample."""

from __future__ import annotations

from sqlalchemy.exc import SQLAlchemyError

from ingest.city.template import is_sample
from ingest.database import open_database
from ingest.errors import UnusableError
from ingest.register.column_cache import FILE_NAME as COPY_FILE
from ingest.register.database_table import load_register
from ingest.register.folder_register import read_city_files
from ingest.register.register import Register
from ingest.schema.city import City
from languages.message import Message, Plain


def register_in_force(city: City, *, is_database_only: bool = False) -> Register | None:
    """The register to compare a new one with; None where the city has none yet.

    Raises:
        UnusableError: the database is not to be had.
    """
    engine = open_database(city)
    try:
        register = load_register(engine, city.data_folder / COPY_FILE)
    except SQLAlchemyError as error:
        raise UnusableError(Message("terminal.error.no_database", value=Plain(str(error).splitlines()[0]))) from error
    finally:
        engine.dispose()
    if register.version:
        return register
    if is_database_only or is_sample(city.folder):
        return None
    try:
        return read_city_files(city.folder)[0]
    except UnusableError:
        return None  # nothing that could be compared
