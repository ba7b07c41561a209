"""What every command works on: the city's folder, its database brought to the newest schema, the audit log."""

from __future__ import annotations

import getpass
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final
from zoneinfo import ZoneInfo

import typer

from dashboard_api.access.accounts import Accounts
from dashboard_api.access.anchors import keep_anchor
from dashboard_api.access.key_file import FILE_NAME, KeyFile
from dashboard_api.errors import ApiError, UnusableError
from dashboard_api.store.audit import Actor, AuditLog, Name
from dashboard_api.store.engine import Database
from ingest.database import open_database
from ingest.errors import IngestError
from ingest.schema.city import FILE_NAME as CITY_FILE
from ingest.schema.city import City, read_city
from ingest.schema.errors import CityError
from languages.message import said
from languages.terminal import terminal_words

CityOption = Annotated[Path | None, typer.Option("--city", help="terminal.api.help.city")]
_ADDRESS: Final = "terminal"


@dataclass(frozen=True, slots=True)
class Stand:
    """A city, opened for one command."""

    city: City
    database: Database
    audit: AuditLog
    key_file: KeyFile
    accounts: Accounts


def now_us() -> int:
    """Now, UTC microseconds."""
    return time.time_ns() // 1000


def city_folder(context: typer.Context, city: Path | None) -> Path:
    """The city's folder: what ``--city`` names, before or after the command's name, else the folder we are in.

    Raises:
        UnusableError: none is named, and here is none.
    """
    named = city or (context.find_root().params.get("city") if context is not None else None)
    if named is None and not Path(CITY_FILE).exists():
        raise UnusableError(terminal_words(os.environ).say("terminal.api.error.no_city"))
    return named or Path()


@contextmanager
def standing(context: typer.Context, city: Path | None) -> Iterator[Stand]:
    """Open the city for one command; errors end the program with one line and code 2."""
    try:
        settings = read_city(city_folder(context, city), os.environ)
        # Accounts may be made before ingest ever ran, and with a database of an earlier version.
        open_database(settings).dispose()
        database = Database(settings)
        key_file = key_file_of(settings)
        audit = AuditLog(lambda: key_file.derived("audit"), now_us)
        person = _operating_system_user()
        actor = Actor(Name("terminal", person), _ADDRESS)
        try:
            yield Stand(settings, database, audit, key_file, Accounts(database, audit, actor))
            today = datetime.now(ZoneInfo(settings.city.timezone)).date().isoformat()
            keep_anchor(database, lambda: key_file.derived("audit"), settings.data_folder, today)
        finally:
            database.close()
    except (CityError, ApiError, IngestError, OSError) as error:
        raise refused(error) from error


def refused(error: Exception) -> typer.Exit:
    """Say in one line why a command ends; raise what it returns."""
    print(f"terang-api: {said(error, terminal_words(os.environ))}", file=sys.stderr)
    return typer.Exit(2)


def key_file_of(city: City) -> KeyFile:
    """The city's API key file."""
    named = city.web.key_file
    return KeyFile(city.data_folder / FILE_NAME if named is None else city.folder / named)


def _operating_system_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def read_password(*, from_stdin: bool, ask: Callable[[str], str] = getpass.getpass) -> str:
    """A password from standard input's first line, or from the terminal, typed twice; never from an argument.

    Raises:
        UnusableError: the two differ, or there is no terminal.
    """
    if from_stdin:
        line = sys.stdin.readline(4096)
        return line.rstrip("\r\n")
    if not sys.stdin.isatty():
        raise UnusableError(terminal_words(os.environ).say("terminal.api.error.no_terminal"))
    first = ask(terminal_words(os.environ).say("terminal.api.password"))
    if ask(terminal_words(os.environ).say("terminal.api.password_again")) != first:
        raise UnusableError(terminal_words(os.environ).say("terminal.api.error.passwords_differ"))
    return first
