"""``terang-city export`` and ``adopt``: one city's set-up for the next, without its secrets and its people."""

from __future__ import annotations

import os
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated

import typer

from ingest.city.adopting import Adopted, adopt_files
from ingest.city.exporting import Export, export_files
from ingest.city.handover_archive import archive_bytes, read_archive
from ingest.errors import UnusableError
from languages.catalogue import Catalogue
from languages.message import Message, Plain, printable, why
from languages.terminal import terminal_words

CityOption = Annotated[Path, typer.Option("--city", help="terminal.city.help.folder")]


def add_to(app: typer.Typer) -> None:
    """Add both commands."""
    app.command("export", help="terminal.city.do.export")(export)
    app.command("adopt", help="terminal.city.do.adopt")(adopt)


def export(
    archive: Annotated[Path, typer.Argument(help="terminal.city.help.archive_new", show_default=False)],
    city: CityOption = Path(),
    map_files: Annotated[list[Path] | None, typer.Option("--map", help="terminal.city.help.map_too")] = None,
) -> None:
    """Write settings, mappings, limits, words and branding for another city to adopt. Never overwrites."""
    words = terminal_words(os.environ)
    made = export_files(city, map_files or (), os.environ)
    data = archive_bytes(made.files, _terang())
    try:
        with archive.open("xb") as file:
            try:
                file.write(data)
            except OSError:
                archive.unlink(missing_ok=True)
                raise
    except FileExistsError as error:
        raise UnusableError(words.say("terminal.city.file_exists", file=archive)) from error
    except OSError as error:
        raise UnusableError(Message("terminal.error.at", where=Plain(archive), reason=why(error))) from error
    _show(_export_lines(made, words))
    typer.echo(words.say("terminal.city.export.done", archive=archive, n=len(made.files), bytes=len(data)))


def adopt(
    archive: Annotated[Path, typer.Argument(help="terminal.city.help.archive", show_default=False)],
    folder: Annotated[Path, typer.Argument(help="terminal.city.help.folder_new", show_default=False)],
    name: Annotated[str, typer.Option(help="terminal.city.help.name")] = "Kota Terang",
    timezone: Annotated[str | None, typer.Option(help="terminal.city.help.timezone_too")] = None,
    broker: Annotated[str | None, typer.Option(help="terminal.city.help.broker_setting")] = None,
    tls_listen: Annotated[str | None, typer.Option(help="terminal.city.help.tls_listen")] = None,
) -> None:
    """Make a new city's folder from another city's archive. The folder appears whole or not at all."""
    words = terminal_words(os.environ)
    made = adopt_files(read_archive(archive), folder, str(archive), name, timezone, broker, tls_listen)
    _show(_adopt_lines(made, folder, words))
    typer.echo(words.say("terminal.city.adopt.done", folder=folder, archive=archive))


def _show(lines: Iterable[str]) -> None:
    for line in lines:
        typer.echo(printable(line))


def _export_lines(made: Export, words: Catalogue) -> list[str]:
    lines = [words.say("terminal.city.export.file", file=name, bytes=len(made.files[name])) for name in made.files]
    lines += [words.say("terminal.city.export.left", file=file, key=key) for file, key in made.left]
    # names of people have no looks: somebody reads what is text
    lines += [words.say("terminal.city.export.text", where=where, text=text) for where, text in made.texts]
    return lines


def _adopt_lines(made: Adopted, folder: Path, words: Catalogue) -> list[str]:
    say = words.say
    lines = [say("terminal.city.export.file", file=name, bytes=size) for name, size in made.sizes.items()]
    lines.append(say("terminal.city.adopt.next"))
    lines.append(say("terminal.city.adopt.check_zone", timezone=made.timezone))
    if made.title:
        lines.append(say("terminal.city.adopt.check_title", title=made.title))
    lines += [say("terminal.city.adopt.check_mapping", file=folder / mapping) for mapping in made.mappings]
    lines.append(say("terminal.city.adopt.fill_in", file=folder / "city.toml"))
    lines.append(say("terminal.city.adopt.import", folder=folder))
    return lines


def _terang() -> str:
    try:
        return version("terang")
    except PackageNotFoundError:  # run from its sources
        return "0"
