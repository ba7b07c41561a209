"""``terang-api audit``: checks and exports the audit log."""

from __future__ import annotations

import csv
import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from dashboard_api.access.anchors import ANCHOR_FILE, read_anchors, read_head
from dashboard_api.access.audit_check import check_log
from dashboard_api.formats.spreadsheet import safe_cell
from dashboard_api.formats.times import iso
from dashboard_api.store import audit
from dashboard_api.terminal.stand import CityOption, refused, standing
from languages.terminal import terminal_words

app = typer.Typer(help="terminal.api.help.audit", no_args_is_help=True)
_COLUMNS = ("seq", "at", "actor", "origin", "action", "target", "before", "after", "mac")


@app.command(help="terminal.api.do.audit_verify")
def verify(
    context: typer.Context,
    anchors: Annotated[Path | None, typer.Option(help="terminal.api.help.anchors")] = None,
    city: CityOption = None,
) -> None:
    """Check every line; code 1 if a line was removed, changed or cut off."""
    with standing(context, city) as stand:
        try:
            kept = read_anchors(anchors or stand.city.data_folder / ANCHOR_FILE)
            head = read_head(stand.city.data_folder)
        except ValueError as error:
            raise refused(error) from error
        with stand.database.reading() as connection:
            report = check_log(connection, stand.key_file.derived("audit"), head, kept)
    for problem in report.problems:
        print(problem)
    print(
        terminal_words(os.environ).say(
            "terminal.api.audit.counts", n=report.n_lines, n_anchors=len(kept), n_blanked=report.n_blanked
        )
    )
    if report.problems:
        raise typer.Exit(1)
    print(terminal_words(os.environ).say("terminal.api.audit.whole"))


@app.command(help="terminal.api.do.audit_export")
def export(
    context: typer.Context,
    form: Annotated[str, typer.Option("--format", help="terminal.api.help.form")] = "jsonl",
    city: CityOption = None,
) -> None:
    """Write every line to standard output, with names where they have not been blanked."""
    with standing(context, city) as stand, stand.database.reading() as connection:
        if form not in {"jsonl", "csv"}:
            raise refused(ValueError(terminal_words(os.environ).say("terminal.api.error.form", form=form)))
        names = {key: row.text for key, row in audit.names(connection).items()}
        writer = csv.writer(sys.stdout)
        if form == "csv":
            writer.writerow(_COLUMNS)
        for line, mac in audit.lines(connection):
            document = _line_document(line, mac, names)
            if form == "jsonl":
                print(json.dumps(document, ensure_ascii=False))
            else:
                cells = [
                    json.dumps(document[name]) if name in {"before", "after"} else document[name] for name in _COLUMNS
                ]
                writer.writerow([safe_cell(cell) for cell in cells])


def _line_document(line: Any, mac: str, names: dict[str, str | None]) -> dict[str, Any]:
    return {
        "seq": line.seq,
        "at": iso(line.at_us),
        "actor": names.get(line.actor),
        "origin": names.get(line.origin),
        "action": line.action,
        "target": line.target,
        "before": _named(line.before, names),
        "after": _named(line.after, names),
        "mac": mac,
    }


def _named(members: dict[str, Any], names: dict[str, str | None]) -> dict[str, Any]:
    return {
        key: names.get(value["commitment"]) if isinstance(value, dict) and "commitment" in value else value
        for key, value in members.items()
    }
