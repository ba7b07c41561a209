"""``terang-api labels``: the labels of poles and panels, to print."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from dashboard_api.errors import ApiError, UnusableError
from dashboard_api.formats.label_sheet import Label, label_sheets
from dashboard_api.store.cabinet_lamps import cabinet_lamps
from dashboard_api.store.engine import Database
from dashboard_api.store.register_rows import all_cabinets
from dashboard_api.terminal.stand import CityOption, city_folder, refused
from ingest.schema.city import City, read_city
from ingest.schema.errors import CityError
from languages.catalogue import FALLBACK, load_languages
from languages.terminal import terminal_words


def print_labels(
    context: typer.Context,
    cabinet: Annotated[list[str] | None, typer.Option(help="terminal.api.help.label_cabinet")] = None,
    site: Annotated[str | None, typer.Option(help="terminal.api.help.site")] = None,
    out: Annotated[Path | None, typer.Option(help="terminal.api.help.label_out")] = None,
    city: CityOption = None,
) -> None:
    """Write the labels of lamps and panels as an HTML document for A4 sheets of 21 labels (63.5 x 38.1 mm)."""
    try:
        settings = read_city(city_folder(context, city), os.environ)
        address = _site(settings, site)
        database = Database(settings)
        try:
            _write(database, settings, cabinet or [], address, out)
        finally:
            database.close()
    except (CityError, ApiError, OSError) as error:
        raise refused(error) from error


def _site(city: City, site: str | None) -> str:
    """What the codes begin with: they outlive this computer, so it is not guessed.

    Raises:
        UnusableError: neither named nor in the city's settings, or no address.
    """
    named = site or (f"https://{city.web.hosts[0]}" if city.web.hosts else None)
    if named is None:
        raise UnusableError(terminal_words(os.environ).say("terminal.api.error.labels_site"))
    if not named.startswith(("https://", "http://")) or not named.split("://", 1)[1]:
        raise UnusableError(terminal_words(os.environ).say("terminal.api.error.labels_address", site=named))
    return named


def _write(database: Database, city: City, wanted: list[str], site: str, out: Path | None) -> None:
    rows = all_cabinets(database)
    known = {row.cabinet_id for row in rows}
    for cabinet_id in wanted:
        if cabinet_id not in known:
            raise UnusableError(terminal_words(os.environ).say("terminal.api.error.labels_cabinet", cabinet=cabinet_id))

    def labels() -> Iterator[Label]:
        for row in rows:
            if wanted and row.cabinet_id not in wanted:
                continue
            yield Label("cabinet", row.cabinet_id, row.name or "")
            for lamp in cabinet_lamps(database, row.cabinet_id):
                yield Label("lamp", lamp.lamp_id, lamp.street or "")

    languages = load_languages()
    language = city.city.language
    catalogue = languages[language if language in languages else FALLBACK]
    with ExitStack() as stack:
        stream = sys.stdout if out is None else stack.enter_context(out.open("w", encoding="utf-8"))
        for part in label_sheets(labels(), site, city.city.name, catalogue):
            stream.write(part)
