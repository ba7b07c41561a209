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
from ingest.city import controllers, handover, pki_commands
from ingest.city.agent_file import agent_toml
from ingest.city.checking import check_folder, zone_issue
from ingest.city.difference import Difference, difference
from ingest.city.extent import distance_text, extent_of
from ingest.city.importing import STEPS, Draft, apply_draft, draft_register, replace_files
from ingest.city.mapping import read_mapping
from ingest.city.places import zone_distances
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
from languages.catalogue import Catalogue
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
        raise UnusableError(f"{map_file}: {error.strerror or error}") from error
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
    """Replace the city's register by SOURCE, read through a mapping. Bad rows are told and left out."""
    words = terminal_words(os.environ)
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
            print_issues(out, found, words)
            raise
    if report is not None:
        write_report(report, draft.issues)
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
    _print_changes(out, changes, words)
    if preview is not None:
        message = "terminal.city.import.map_is" if is_applied else "terminal.city.import.map_would"
        print(words.say(message, file=preview))
    if is_refused:
        raise UnusableError(words.say("terminal.city.import.strict", source=source, n=draft.n_refused))
    if dry_run:
        print(words.say("terminal.city.import.dry_run", folder=folder))
        return
    _ask(changes, words, is_confirmed=yes)
    engine, trail = open_database(city), AuditTrail(city)
    try:
        version = apply_draft(draft, folder, engine, source, trail.note("register.import", "register"))
        trail.keep_anchor(engine)
    finally:
        engine.dispose()
    print(words.say("terminal.city.in_force", folder=folder, version=version))


def _print_changes(out: Console, changes: Difference | None, words: Catalogue) -> None:
    if changes is not None:
        lines = changes.lines(words) or [words.say("terminal.city.no_change")]
        print_lines(out, [words.say("terminal.city.against", what=line) for line in lines])


def _print_place(out: Console, draft: Draft, timezone: str, words: Catalogue) -> None:
    extent = extent_of(draft.lamps.latitude, draft.lamps.longitude)
    if extent is None:
        return
    distance = distance_text(extent, timezone)
    lines = [words.say("terminal.city.extent", extent=extent, distance=distance, crs=draft.crs)]
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


def _ask(changes: Difference | None, words: Catalogue, *, is_confirmed: bool) -> None:
    """Have a person confirm that many lamps vanish.

    Raises:
        UnusableError: nobody is there to ask, or the answer is no.
    """
    if changes is None or not changes.is_large_loss or is_confirmed:
        return
    counted = {"n_gone": f"{changes.n_gone:,}", "n_old": f"{changes.n_old:,}", "n_new": f"{changes.n_new:,}"}
    loss = words.say("terminal.city.loss", **counted)
    if not sys.stdin.isatty():
        raise UnusableError(words.say("terminal.city.loss.no_terminal", loss=loss))
    if not typer.confirm(words.say("terminal.city.loss.ask", loss=loss)):
        raise UnusableError(words.say("terminal.city.nothing_changed"))


@app.command("apply", help="terminal.city.do.apply")
def apply(
    folder: Folder,
    yes: Annotated[bool, typer.Option("--yes", help="terminal.city.help.yes")] = False,
) -> None:
    """Put the folder's lamps.csv and cabinets.csv in force as they stand, also where they wait for a person's word."""
    words = terminal_words(os.environ)
    city = _city(folder)
    found = read_folder(folder)
    out = Console()
    print_issues(out, found.issues, words)
    if found.cut:
        print_lines(out, [words.say("terminal.city.cut", file=name) for name in found.cut])
    known = register_in_force(city, is_database_only=True)
    changes = None
    if known is not None:
        changes = difference(known.lamps, known.cabinets, found.register.lamps, found.register.cabinets)
        _print_changes(out, changes, words)
    _ask(changes, words, is_confirmed=yes)
    engine, trail = open_database(city), AuditTrail(city)
    try:
        version = apply_folder(engine, folder, found, str(folder), trail.note("register.apply", "register"))
        trail.keep_anchor(engine)
    finally:
        engine.dispose()
    n_lamps = len(found.register.lamps)
    print(words.say("terminal.city.in_force_lamps", folder=folder, version=version, n=n_lamps))


@app.command("restore-register", help="terminal.city.do.restore")
def restore_register(
    folder: Folder,
    version: Annotated[int | None, typer.Argument(help="terminal.city.help.version", show_default=False)] = None,
    show: Annotated[bool, typer.Option("--list", help="terminal.city.help.list")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="terminal.city.help.yes")] = False,
) -> None:
    """Put a register back in force that a later one replaced."""
    words = terminal_words(os.environ)
    city = _city(folder)
    kept = kept_registers(city.data_folder)
    known = register_in_force(city)
    if show:
        for one in kept:
            at = datetime.fromtimestamp(one.applied_at_us / 1e6, ZoneInfo(city.city.timezone)).strftime(
                "%Y-%m-%d %H:%M"
            )
            is_here = known is not None and one.digest == known.digest
            here = f"  {words.say('terminal.city.restore.here')}" if is_here else ""
            row = words.say("terminal.city.restore.row", n=f"{one.n_lamps:>9,}", source=one.source)
            print(printable(f"{one.version:>6}  {at}  {row}{here}"))
        return
    others = [one for one in kept if known is None or one.digest != known.digest]
    chosen = next((one for one in (kept if version is not None else others) if version in (None, one.version)), None)
    if chosen is None:
        have = ", ".join(str(one.version) for one in kept) or words.say("terminal.city.restore.nothing")
        raise UnusableError(words.say("terminal.city.restore.none", folder=folder, have=have))
    lamps, cabinets = files_of(chosen)
    changes = _difference_to(known, folder, lamps, cabinets)
    _print_changes(Console(), changes, words)
    _ask(changes, words, is_confirmed=yes)
    engine, trail = open_database(city), AuditTrail(city)
    note = trail.note("register.restore", "register")
    try:
        new = replace_files(folder, engine, lamps, cabinets, f"version {chosen.version} restored", note=note)
        trail.keep_anchor(engine)
    finally:
        engine.dispose()
    done = {"folder": folder, "version": new, "old": chosen.version, "n": chosen.n_lamps}
    print(words.say("terminal.city.in_force_restored", **done))


def _difference_to(known: Register | None, folder: Path, lamps: bytes, cabinets: bytes) -> Difference | None:
    if known is None:
        return None
    with stage_text(folder, lamps, cabinets) as staged:
        register, _issues = read_city_files(staged)
    return difference(known.lamps, known.cabinets, register.lamps, register.cabinets)


@app.command("check", help="terminal.city.do.check")
def check(folder: Folder) -> None:
    """Say what is wrong with a city's folder. Exit code 1 if anything is."""
    words = terminal_words(os.environ)
    city = _city(folder)
    register, issues, blank = check_folder(folder, city.city.timezone)
    print_issues(Console(), issues, words)
    if blank.n_survey or blank.n_estimated:
        counted = {"n_survey": blank.n_survey, "n_estimated": blank.n_estimated}
        print(words.say("terminal.city.check.sources", n=sum(counted.values()), **counted))
    n_things = {"n_lamps": len(register.lamps), "n_cabinets": len(register.cabinets), "n_wrong": len(issues)}
    print(words.say("terminal.city.check.done", folder=folder, **n_things))
    if issues:
        raise typer.Exit(1)


@app.command("agent", help="terminal.city.do.agent")
def agent(
    controller_id: Annotated[str, typer.Argument(help="terminal.city.help.controller", show_default=False)],
    city: Annotated[Path, typer.Option(help="terminal.city.help.folder")] = Path(),
    out: Annotated[Path | None, typer.Option(help="terminal.city.help.out")] = None,
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
        raise UnusableError(terminal_words(os.environ).say("terminal.city.file_exists", file=out)) from error
    except OSError as error:
        raise UnusableError(f"{out}: {error.strerror or error}") from error


@app.command("retire", help="terminal.city.do.retire")
def retire(
    controller_id: Annotated[str, typer.Argument(help="terminal.city.help.former", show_default=False)],
    city: Annotated[Path, typer.Option(help="terminal.city.help.folder")] = Path(),
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
    print(terminal_words(os.environ).say("terminal.city.retire.done", controller=controller_id, n=n_closed))


def _city(folder: Path) -> City:
    return read_city(folder, os.environ)


def main() -> None:
    """Run the command line; what a person has to mend is one line and exit code 2."""
    command = typer.main.get_command(app)
    translate_help(command, terminal_words(os.environ))
    try:
        command()
    except (IngestError, SchemaError, PkiError) as error:
        print(f"terang-city: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
