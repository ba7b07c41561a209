"""``terang-city``: make, import and check a city's folder; write an agent's file; certificates and keys."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from city_pki.errors import PkiError
from ingest.audit_trail import AuditTrail
from ingest.city import controllers, handover, pki_commands, register_commands
from ingest.city.checking import zone_issue
from ingest.city.difference import difference
from ingest.city.extent import distance_to_zone, extent_of
from ingest.city.importing import STEPS, Draft, apply_draft, draft_register
from ingest.city.mapping import read_mapping
from ingest.city.places import zone_distances
from ingest.city.preview import write_preview
from ingest.city.register_commands import confirm_loss, print_changes
from ingest.city.register_in_force import register_in_force
from ingest.city.report import print_issues, print_lines, print_summary, summary_rows, write_report
from ingest.city.suggest import suggest
from ingest.city.template import write_city
from ingest.database import open_database
from ingest.errors import IngestError, NothingTakenError, UnusableError
from ingest.register.issue import Issue
from ingest.schema.city import read_city
from ingest.schema.errors import SchemaError
from languages.catalogue import Catalogue
from languages.message import Message, printable, said, why
from languages.terminal import terminal_words, translate_help

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="terminal.city.about",
)
pki_commands.add_to(app)
controllers.add_to(app)
handover.add_to(app)
Folder = Annotated[Path, typer.Argument(help="terminal.city.help.folder", show_default=False)]


@app.command("init", help="terminal.city.do.init")
def init(
    folder: Folder,
    name: Annotated[str, typer.Option(help="terminal.city.help.name")] = "Kota Terang",
    timezone: Annotated[str, typer.Option(help="terminal.city.help.timezone")] = "Asia/Jakarta",
) -> None:
    """Write a new city: city.toml explained, and a register of four lamps to replace. Never overwrites."""
    write_city(folder, name, timezone)
    print(terminal_words(os.environ).say("terminal.city.init.done", folder=folder))


@app.command("suggest", help="terminal.city.do.suggest")
def suggest_mapping(
    source: Annotated[Path, typer.Argument(help="terminal.city.help.register", show_default=False)],
    map_file: Annotated[Path | None, typer.Option("--map", help="terminal.city.help.draft")] = None,
    timezone: Annotated[str | None, typer.Option(help="terminal.city.help.zone")] = None,
    sheet: Annotated[str | None, typer.Option(help="terminal.city.help.sheet")] = None,
) -> None:
    """Show a register's columns, encoding and coordinates, and draft its mapping. Never overwrites."""
    words = terminal_words(os.environ)
    found = suggest(source, timezone, sheet, words)
    print_lines(Console(), found.lines)
    if map_file is None:
        print()
        print(printable_lines(found.mapping), end="")
        return
    try:
        with map_file.open("x", encoding="utf-8") as file:
            file.write(found.mapping)
    except FileExistsError as error:
        raise UnusableError(words.say("terminal.city.file_exists", file=map_file)) from error
    except OSError as error:
        raise UnusableError(Message("terminal.error.at", where=map_file, reason=why(error))) from error
    print(words.say("terminal.city.suggest.done", file=map_file, source=source))


def printable_lines(text: str) -> str:
    """A text of several lines, fit for a terminal."""
    return "".join(f"{printable(line)}\n" for line in text.splitlines())


@app.command("import", help="terminal.city.do.import")
def import_register(
    folder: Folder,
    source: Annotated[
        Path,
        typer.Argument(
            help="terminal.city.help.source",
            show_default=False,
        ),
    ],
    map_file: Annotated[Path, typer.Option("--map", help="terminal.city.help.map")],
    strict: Annotated[bool, typer.Option("--strict", help="terminal.city.help.strict")] = False,
    report: Annotated[Path | None, typer.Option(help="terminal.city.help.report")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="terminal.city.help.dry_run")] = False,
    preview: Annotated[Path | None, typer.Option(help="terminal.city.help.preview")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="terminal.city.help.yes")] = False,
) -> None:
    """Replace the city's register by SOURCE, read through a mapping. Bad rows are reported and left out."""
    words = terminal_words(os.environ)
    city = read_city(folder, os.environ)
    mapping = read_mapping(map_file)
    console, out = Console(stderr=True), Console()
    known = register_in_force(city)
    columns = (TextColumn("{task.description:9}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        tasks = {step: progress.add_task(step, total=None) for step in STEPS}

        def advance(step: str, n_rows: int) -> None:
            for later in STEPS[STEPS.index(step) :] if step == "read" else ():
                progress.update(tasks[later], total=n_rows)
            progress.advance(tasks[step], n_rows)

        try:
            draft = draft_register(source, mapping, advance, known=known, timezone=city.city.timezone)
        except NothingTakenError as error:
            found = [issue for issue in error.issues if isinstance(issue, Issue)]
            if report is not None:
                write_report(report, found, words)
            progress.stop()
            print_issues(out, found, words)
            raise
    if report is not None:
        write_report(report, draft.issues, words)
    changes = None if known is None else difference(known.lamps, known.cabinets, draft.lamps, draft.cabinets)
    is_refused = strict and draft.n_refused > 0
    is_applied = not (is_refused or dry_run)
    if preview is not None:
        lines = changes.lines(words) if changes is not None else []
        old = known.lamps if known is not None else None
        write_preview(preview, draft, old, source.name, summary_rows(draft, words, is_applied=is_applied), lines, words)
    print_issues(out, draft.issues, words)
    print_summary(out, draft, words, is_applied=is_applied)
    _print_place(out, draft, city.city.timezone, words)
    if (strange := zone_issue(city.city.timezone, draft.lamps.longitude)) is not None:
        print_issues(out, [strange], words)
    print_changes(out, changes, words)
    if preview is not None:
        message = "terminal.city.import.map_is" if is_applied else "terminal.city.import.map_would"
        print(words.say(message, file=preview))
    if is_refused:
        raise UnusableError(words.say("terminal.city.import.strict", source=source, n=draft.n_refused))
    if dry_run:
        print(words.say("terminal.city.import.dry_run", folder=folder))
        return
    confirm_loss(changes, words, is_confirmed=yes)
    engine, trail = open_database(city), AuditTrail(city)
    try:
        version = apply_draft(draft, folder, engine, source, trail.note("register.import", "register"))
        trail.keep_anchor(engine)
    finally:
        engine.dispose()
    print(words.say("terminal.city.in_force", folder=folder, version=version))


def _print_place(out: Console, draft: Draft, timezone: str, words: Catalogue) -> None:
    extent = extent_of(draft.lamps.latitude, draft.lamps.longitude)
    if extent is None:
        return
    away = distance_to_zone(extent, timezone)
    distance = "" if away is None else away.say(words)
    lines = [words.say("terminal.city.extent", extent=extent.message.say(words), distance=distance, crs=draft.crs)]
    zones = zone_distances(draft.crs, extent.middle, timezone)
    if zones:
        (first_zone, first), (second_zone, second) = list(zones.items())[1:]
        lines.append(
            words.say(
                "terminal.city.zones",
                first=f"{first:,.0f}",
                first_zone=first_zone,
                second=f"{second:,.0f}",
                second_zone=second_zone,
                timezone=timezone,
            )
        )
    print_lines(out, lines)


register_commands.add_to(app)


def main() -> None:
    """Run the command line; what a person has to mend is one line and exit code 2."""
    command = typer.main.get_command(app)
    words = terminal_words(os.environ)
    translate_help(command, words)
    try:
        command()
    except (IngestError, SchemaError, PkiError) as error:
        print(f"terang-city: {said(error, words)}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
