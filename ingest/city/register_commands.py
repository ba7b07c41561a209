"""The commands of ``terang-city`` on a register that is there: apply, restore-register, check, agent, retire."""

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

from ingest.audit_trail import AuditTrail
from ingest.city.agent_file import agent_toml
from ingest.city.checking import check_folder
from ingest.city.difference import Difference, difference
from ingest.city.importing import replace_files
from ingest.city.register_in_force import register_in_force
from ingest.city.report import print_issues, print_lines
from ingest.city.retiring import retire_controller
from ingest.database import open_database
from ingest.errors import UnusableError
from ingest.register.archive import files_of, kept_registers
from ingest.register.csv_pair import stage_text
from ingest.register.folder_register import read_city_files, read_folder
from ingest.register.register import Register
from ingest.register.sync import apply_folder
from ingest.schema.city import read_city
from languages.catalogue import Catalogue
from languages.message import Message, Plain, printable, why
from languages.terminal import terminal_words

Folder = Annotated[Path, typer.Argument(help="terminal.city.help.folder", show_default=False)]


def add_to(app: typer.Typer) -> None:
    """Add the commands to ``terang-city``."""
    app.command("apply", help="terminal.city.do.apply")(apply)
    app.command("restore-register", help="terminal.city.do.restore")(restore_register)
    app.command("check", help="terminal.city.do.check")(check)
    app.command("agent", help="terminal.city.do.agent")(agent)
    app.command("retire", help="terminal.city.do.retire")(retire)


def print_changes(out: Console, changes: Difference | None, words: Catalogue) -> None:
    """Show what changes against the register in force; nothing without one."""
    if changes is not None:
        lines = changes.lines(words) or [words.say("terminal.city.no_change")]
        print_lines(out, [words.say("terminal.city.against", what=line) for line in lines])


def confirm_loss(changes: Difference | None, words: Catalogue, *, is_confirmed: bool) -> None:
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


def apply(
    folder: Folder,
    yes: Annotated[bool, typer.Option("--yes", help="terminal.city.help.yes")] = False,
) -> None:
    """Put the folder's lamps.csv and cabinets.csv in force, also where a large loss has to be confirmed."""
    words = terminal_words(os.environ)
    city = read_city(folder, os.environ)
    found = read_folder(folder)
    out = Console()
    print_issues(out, found.issues, words)
    if found.cut:
        print_lines(out, [words.say("terminal.city.cut", file=name) for name in found.cut])
    known = register_in_force(city, is_database_only=True)
    changes = None
    if known is not None:
        changes = difference(known.lamps, known.cabinets, found.register.lamps, found.register.cabinets)
        print_changes(out, changes, words)
    confirm_loss(changes, words, is_confirmed=yes)
    engine, trail = open_database(city), AuditTrail(city)
    try:
        version = apply_folder(engine, folder, found, str(folder), trail.note("register.apply", "register"))
        trail.keep_anchor(engine)
    finally:
        engine.dispose()
    n_lamps = len(found.register.lamps)
    print(words.say("terminal.city.in_force_lamps", folder=folder, version=version, n=n_lamps))


def restore_register(
    folder: Folder,
    version: Annotated[int | None, typer.Argument(help="terminal.city.help.version", show_default=False)] = None,
    show: Annotated[bool, typer.Option("--list", help="terminal.city.help.list")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="terminal.city.help.yes")] = False,
) -> None:
    """Put a register back in force that a later one replaced."""
    words = terminal_words(os.environ)
    city = read_city(folder, os.environ)
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
    print_changes(Console(), changes, words)
    confirm_loss(changes, words, is_confirmed=yes)
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


def check(folder: Folder) -> None:
    """Say what is wrong with a city's folder. Exit code 1 if anything is."""
    words = terminal_words(os.environ)
    city = read_city(folder, os.environ)
    register, issues, blank = check_folder(folder, city.city.timezone)
    print_issues(Console(), issues, words)
    if blank.n_survey or blank.n_estimated:
        counted = {"n_survey": blank.n_survey, "n_estimated": blank.n_estimated}
        print(words.say("terminal.city.check.sources", n=sum(counted.values()), **counted))
    n_things = {"n_lamps": len(register.lamps), "n_cabinets": len(register.cabinets), "n_wrong": len(issues)}
    print(words.say("terminal.city.check.done", folder=folder, **n_things))
    if issues:
        raise typer.Exit(1)


def agent(
    controller_id: Annotated[str, typer.Argument(help="terminal.city.help.controller", show_default=False)],
    city: Annotated[Path, typer.Option(help="terminal.city.help.folder")] = Path(),
    out: Annotated[Path | None, typer.Option(help="terminal.city.help.out")] = None,
) -> None:
    """Write agent.toml of one controller from the register. Never overwrites."""
    settings = read_city(city, os.environ)
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
        raise UnusableError(Message("terminal.error.at", where=Plain(out), reason=why(error))) from error


def retire(
    controller_id: Annotated[str, typer.Argument(help="terminal.city.help.former", show_default=False)],
    city: Annotated[Path, typer.Option(help="terminal.city.help.folder")] = Path(),
) -> None:
    """Forget a controller that was renamed or removed, and close its open faults."""
    settings = read_city(city, os.environ)
    engine, trail = open_database(settings), AuditTrail(settings)
    try:
        note = trail.note("controller.retire", controller_id)
        n_closed = retire_controller(engine, controller_id, time.time_ns() // 1000, note)
        trail.keep_anchor(engine)
    finally:
        engine.dispose()
    print(terminal_words(os.environ).say("terminal.city.retire.done", controller=controller_id, n=n_closed))
