"""``terang-city``: make, import and check a city's folder; write an agent's file; certificates and keys."""

from __future__ import annotations

import os
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from city_pki.errors import PkiError
from ingest.audit_trail import AuditTrail
from ingest.city import controllers, pki_commands
from ingest.city.agent_file import agent_toml
from ingest.city.checking import check_folder, zone_issue
from ingest.city.difference import Difference, difference
from ingest.city.extent import distance_text, extent_of
from ingest.city.importing import STEPS, Draft, apply_draft, draft_register, replace_files
from ingest.city.mapping import read_mapping
from ingest.city.preview import write_preview
from ingest.city.register_in_force import register_in_force
from ingest.city.report import print_issues, print_lines, print_summary, summary_rows, write_report
from ingest.city.retiring import retire_controller
from ingest.city.suggest import suggest
from ingest.city.template import write_city
from ingest.database import open_database
from ingest.errors import IngestError, NothingTakenError, UnusableError
from ingest.register.archive import files_of, kept_registers
from ingest.register.csv_pair import stage_text
from ingest.register.issue import Issue, printable
from ingest.register.register import Register
from ingest.register.sync import apply_folder, read_city_files, read_folder
from ingest.schema.city import City, read_city
from ingest.schema.errors import SchemaError

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Make, import and check a city's folder.",
)
pki_commands.add_to(app)
controllers.add_to(app)
Folder = Annotated[Path, typer.Argument(help="The city's folder.", show_default=False)]


@app.command("init")
def init(
    folder: Folder,
    name: Annotated[str, typer.Option(help="The city's name.")] = "Kota Terang",
    timezone: Annotated[str, typer.Option(help="Its time zone, by IANA name.")] = "Asia/Jakarta",
) -> None:
    """Write a new city: city.toml explained, and a register of four lamps to replace. Never overwrites."""
    write_city(folder, name, timezone)
    print(f"{folder}: city.toml, lamps.csv and cabinets.csv written; next: terang-city import, or edit them by hand")


@app.command("suggest")
def suggest_mapping(
    source: Annotated[Path, typer.Argument(help="A register in whatever format.", show_default=False)],
    map_file: Annotated[Path | None, typer.Option("--map", help="Write the draft of a mapping to this file.")] = None,
    timezone: Annotated[
        str | None, typer.Option(help="The city's zone, such as Asia/Jakarta: tells likely coordinate systems.")
    ] = None,
    sheet: Annotated[str | None, typer.Option(help="Of a workbook, or the layer of a vector file.")] = None,
) -> None:
    """Show a register's columns, encoding and coordinates, and draft its mapping. Never overwrites."""
    found = suggest(source, timezone, sheet)
    print_lines(Console(), found.lines)
    if map_file is None:
        print()
        print(printable_lines(found.mapping), end="")
        return
    try:
        with map_file.open("x", encoding="utf-8") as file:
            file.write(found.mapping)
    except FileExistsError as error:
        raise UnusableError(f"{map_file}: is there already, perhaps edited by hand; nothing was written") from error
    except OSError as error:
        raise UnusableError(f"{map_file}: {error.strerror or error}") from error
    print(f"{map_file}: draft written; next: read it, then terang-city import DIR {source} --map {map_file} --dry-run")


def printable_lines(text: str) -> str:
    """A text of several lines, fit for a terminal."""
    return "".join(f"{printable(line)}\n" for line in text.splitlines())


@app.command("import")
def import_register(
    folder: Folder,
    source: Annotated[
        Path,
        typer.Argument(
            help="A register: CSV, XLS, XLSX, ODS, GeoJSON, GeoPackage, Shapefile, KML, ESRI or Overpass JSON.",
            show_default=False,
        ),
    ],
    map_file: Annotated[Path, typer.Option("--map", help="Which column means what: MAP.toml.")],
    strict: Annotated[bool, typer.Option("--strict", help="Refuse everything if one row has to be refused.")] = False,
    report: Annotated[Path | None, typer.Option(help="Write every finding to this CSV file.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be imported; change nothing.")] = False,
    preview: Annotated[
        Path | None, typer.Option(help="Write a map of what would be imported to this HTML file.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before many lamps vanish.")] = False,
) -> None:
    """Replace the city's register by SOURCE, read through a mapping. Bad rows are told and left out."""
    city = _city(folder)
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
                write_report(report, found)
            progress.stop()
            print_issues(out, found)
            raise
    if report is not None:
        write_report(report, draft.issues)
    changes = None if known is None else difference(known.lamps, known.cabinets, draft.lamps, draft.cabinets)
    is_refused = strict and draft.n_refused > 0
    is_applied = not (is_refused or dry_run)
    if preview is not None:
        lines = changes.lines() if changes is not None else []
        old = known.lamps if known is not None else None
        write_preview(preview, draft, old, source.name, summary_rows(draft, is_applied=is_applied), lines)
    print_issues(out, draft.issues)
    print_summary(out, draft, is_applied=is_applied)
    _print_place(out, draft, city.city.timezone)
    if (strange := zone_issue(city.city.timezone, draft.lamps.longitude)) is not None:
        print_issues(out, [strange])
    if changes is not None:
        print_lines(out, [f"against the register in force: {line}" for line in changes.lines() or ["no change"]])
    if preview is not None:
        print(f"{preview}: a map of what {'would be' if not is_applied else 'is'} imported")
    if is_refused:
        raise UnusableError(
            f"{source}: {draft.n_refused} rows refused, and --strict takes all or nothing: nothing changed"
        )
    if dry_run:
        print(f"{folder}: --dry-run: nothing changed")
        return
    _ask(changes, is_confirmed=yes)
    engine, trail = open_database(city), AuditTrail(city)
    try:
        version = apply_draft(draft, folder, engine, source, trail.note("register.import", "register"))
        trail.keep_anchor(engine)
    finally:
        engine.dispose()
    print(f"{folder}: register version {version} is in force")


def _print_place(out: Console, draft: Draft, timezone: str) -> None:
    extent = extent_of(draft.lamps.latitude, draft.lamps.longitude)
    if extent is not None:
        print_lines(out, [f"extent: {extent}{distance_text(extent, timezone)}; read in {draft.crs}"])


def _ask(changes: Difference | None, *, is_confirmed: bool) -> None:
    """Have a person confirm that many lamps vanish.

    Raises:
        UnusableError: nobody is there to ask, or the answer is no.
    """
    if changes is None or not changes.is_large_loss or is_confirmed:
        return
    text = f"{changes.n_gone:,} of {changes.n_old:,} lamps would vanish, {changes.n_new:,} would be there"
    if not sys.stdin.isatty():
        raise UnusableError(f"{text}; nothing changed: say --yes if that is meant")
    if not typer.confirm(f"{text}. Go on?"):
        raise UnusableError("nothing changed")


@app.command("apply")
def apply(
    folder: Folder,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before many lamps vanish.")] = False,
) -> None:
    """Put the folder's lamps.csv and cabinets.csv in force as they stand, also where they wait for a person's word."""
    city = _city(folder)
    found = read_folder(folder)
    out = Console()
    print_issues(out, found.issues)
    if found.cut:
        print_lines(out, [f"{name}: its last row is cut off or ends without a line break" for name in found.cut])
    known = register_in_force(city, is_database_only=True)
    changes = None
    if known is not None:
        changes = difference(known.lamps, known.cabinets, found.register.lamps, found.register.cabinets)
        print_lines(out, [f"against the register in force: {line}" for line in changes.lines() or ["no change"]])
    _ask(changes, is_confirmed=yes)
    engine, trail = open_database(city), AuditTrail(city)
    try:
        version = apply_folder(engine, folder, found, str(folder), trail.note("register.apply", "register"))
        trail.keep_anchor(engine)
    finally:
        engine.dispose()
    print(f"{folder}: register version {version} is in force: {len(found.register.lamps)} lamps")


@app.command("restore-register")
def restore_register(
    folder: Folder,
    version: Annotated[
        int | None, typer.Argument(help="Which one; else the last other one.", show_default=False)
    ] = None,
    show: Annotated[bool, typer.Option("--list", help="List the registers that can be had back.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before many lamps vanish.")] = False,
) -> None:
    """Put a register back in force that a later one replaced."""
    city = _city(folder)
    kept = kept_registers(city.data_folder)
    known = register_in_force(city)
    if show:
        for one in kept:
            at = datetime.fromtimestamp(one.applied_at_us / 1e6, ZoneInfo(city.city.timezone)).strftime(
                "%Y-%m-%d %H:%M"
            )
            here = "  in force" if known is not None and one.digest == known.digest else ""
            print(printable(f"{one.version:>6}  {at}  {one.n_lamps:>9,} lamps  from {one.source}{here}"))
        return
    others = [one for one in kept if known is None or one.digest != known.digest]
    chosen = next((one for one in (kept if version is not None else others) if version in (None, one.version)), None)
    if chosen is None:
        have = ", ".join(str(one.version) for one in kept) or "none"
        raise UnusableError(f"{folder}: no such register to restore; kept are versions {have}")
    lamps, cabinets = files_of(chosen)
    changes = _difference_to(known, folder, lamps, cabinets)
    if changes is not None:
        print_lines(Console(), [f"against the register in force: {line}" for line in changes.lines() or ["no change"]])
    _ask(changes, is_confirmed=yes)
    engine, trail = open_database(city), AuditTrail(city)
    note = trail.note("register.restore", "register")
    try:
        new = replace_files(folder, engine, lamps, cabinets, f"version {chosen.version} restored", note=note)
        trail.keep_anchor(engine)
    finally:
        engine.dispose()
    print(f"{folder}: register version {new} is in force: version {chosen.version} restored, {chosen.n_lamps} lamps")


def _difference_to(known: Register | None, folder: Path, lamps: bytes, cabinets: bytes) -> Difference | None:
    if known is None:
        return None
    with stage_text(folder, lamps, cabinets) as staged:
        register, _issues = read_city_files(staged)
    return difference(known.lamps, known.cabinets, register.lamps, register.cabinets)


@app.command("check")
def check(folder: Folder) -> None:
    """Say what is wrong with a city's folder. Exit code 1 if anything is."""
    city = _city(folder)
    register, issues, blank = check_folder(folder, city.city.timezone)
    print_issues(Console(), issues)
    if blank.n_survey or blank.n_estimated:
        n_blank = blank.n_survey + blank.n_estimated
        print(
            f"lamps.csv: {n_blank} positions without a source: {blank.n_survey} taken as survey, "
            f"{blank.n_estimated} as estimated"
        )
    print(f"{folder}: {len(register.lamps)} lamps, {len(register.cabinets)} cabinets, {len(issues)} things wrong")
    if issues:
        raise typer.Exit(1)


@app.command("agent")
def agent(
    controller_id: Annotated[str, typer.Argument(help="The cabinet's controller.", show_default=False)],
    city: Annotated[Path, typer.Option(help="The city's folder.")] = Path(),
    out: Annotated[Path | None, typer.Option(help="The file to write; without it, the terminal.")] = None,
) -> None:
    """Write agent.toml of one controller from the register. Never overwrites."""
    settings = _city(city)
    register, _issues = read_city_files(city)
    text = agent_toml(register, settings, controller_id)
    if out is None:
        print(text, end="")
        return
    try:
        with out.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise UnusableError(f"{out}: is there already, perhaps edited by hand; nothing was written") from error
    except OSError as error:
        raise UnusableError(f"{out}: {error.strerror or error}") from error


@app.command("retire")
def retire(
    controller_id: Annotated[str, typer.Argument(help="The controller's former name.", show_default=False)],
    city: Annotated[Path, typer.Option(help="The city's folder.")] = Path(),
) -> None:
    """Forget a controller that was renamed or taken down, and close its open faults."""
    settings = _city(city)
    engine, trail = open_database(settings), AuditTrail(settings)
    try:
        note = trail.note("controller.retire", controller_id)
        n_closed = retire_controller(engine, controller_id, time.time_ns() // 1000, note)
        trail.keep_anchor(engine)
    finally:
        engine.dispose()
    print(f"{controller_id}: retired; {n_closed} open faults of it closed")


def _city(folder: Path) -> City:
    return read_city(folder, os.environ)


def main() -> None:
    """Run the command line; what a person has to mend is one line and exit code 2."""
    try:
        app()
    except (IngestError, SchemaError, PkiError) as error:
        print(f"terang-city: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
