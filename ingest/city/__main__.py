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
from ingest.city import controllers, pki_commands
from ingest.city.agent_file import agent_toml
from ingest.city.checking import check_folder, zone_issue
from ingest.city.importing import STEPS, apply_draft, draft_register
from ingest.city.mapping import read_mapping
from ingest.city.report import print_issues, print_summary, write_report
from ingest.city.template import write_city
from ingest.database import open_database
from ingest.errors import IngestError, UnusableError
from ingest.register.sync import read_city_files
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


@app.command("import")
def import_register(
    folder: Folder,
    source: Annotated[Path, typer.Argument(help="The city's own register: CSV, GeoJSON or XLSX.", show_default=False)],
    map_file: Annotated[Path, typer.Option("--map", help="Which column means what: MAP.toml.")],
    strict: Annotated[bool, typer.Option("--strict", help="Refuse everything if one row has to be refused.")] = False,
    report: Annotated[Path | None, typer.Option(help="Write every finding to this CSV file.")] = None,
) -> None:
    """Replace the city's register by SOURCE, read through a mapping. Bad rows are told and left out."""
    city = _city(folder)
    mapping = read_mapping(map_file)
    console = Console(stderr=True)
    columns = (TextColumn("{task.description:9}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        tasks = {step: progress.add_task(step, total=None) for step in STEPS}

        def advance(step: str, n_rows: int) -> None:
            for later in STEPS[STEPS.index(step) :] if step == "read" else ():
                progress.update(tasks[later], total=n_rows)
            progress.advance(tasks[step], n_rows)

        draft = draft_register(source, mapping, advance)
        if report is not None:
            write_report(report, draft.issues)
        is_applied = not (strict and draft.n_refused)
        if is_applied:
            engine = open_database(city)
            try:
                version = apply_draft(draft, folder, engine, source)
            finally:
                engine.dispose()
            advance("write", len(draft.lamps))
    out = Console()
    print_issues(out, draft.issues)
    print_summary(out, draft)
    if (strange := zone_issue(city.city.timezone, draft.lamps.longitude)) is not None:
        print_issues(out, [strange])
    if not is_applied:
        raise UnusableError(
            f"{source}: {draft.n_refused} rows refused, and --strict takes all or nothing: nothing changed"
        )
    print(f"{folder}: register version {version} is in force")


@app.command("check")
def check(folder: Folder) -> None:
    """Say what is wrong with a city's folder. Exit code 1 if anything is."""
    city = _city(folder)
    register, issues = check_folder(folder, city.city.timezone)
    print_issues(Console(), issues)
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
