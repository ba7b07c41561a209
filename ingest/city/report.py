"""What an import or a check found, on the terminal and as a CSV file."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from ingest.city.importing import Draft
from ingest.errors import UnusableError
from ingest.register.issue import Issue


def print_issues(console: Console, issues: Sequence[Issue]) -> None:
    """Every issue on a line of its own, as plain text that other programs can cut up."""
    for issue in issues:
        console.print(str(issue), markup=False, highlight=False, soft_wrap=True)


def write_report(path: Path, issues: Sequence[Issue]) -> None:
    """Write every issue as a row of a CSV file, for a spreadsheet.

    Raises:
        UnusableError: the file cannot be written.
    """
    try:
        with path.open("w", encoding="utf-8-sig", newline="") as file:  # the mark makes spreadsheets read UTF-8
            writer = csv.writer(file)
            writer.writerow(["file", "line", "column", "reason", "outcome"])
            for issue in issues:
                line = issue.line or ""
                row = [issue.file, line, issue.column, issue.reason, "refused" if issue.is_refused else "mended"]
                # what a source wrote must not become a formula of the one who reads about it
                writer.writerow([f"'{value}" if str(value)[:1] in tuple("=+-@\t\r") else value for value in row])
    except OSError as error:
        raise UnusableError(f"{path}: {error.strerror or error}") from error


def print_summary(console: Console, draft: Draft) -> None:
    """What was taken, mended and refused, and what is still unknown."""
    lamps = draft.lamps
    n_unplaced = int((np.isnan(draft.cabinets.latitude) | np.isnan(draft.cabinets.longitude)).sum())
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(justify="right")
    table.add_column()
    rows = (
        (draft.n_rows, "rows in the source"),
        (len(lamps), "lamps taken"),
        (draft.n_mended, "of them with a value mended or left empty"),
        (draft.n_refused, "rows refused"),
        (len(draft.cabinets), "cabinets"),
        (draft.n_named, "lamps without an id, named after their place"),
        (draft.n_estimated, "positions along a circuit estimated: they never name a span"),
        (n_unplaced, "cabinets without a position, put at their lamps' centroid"),
        (int(np.isnan(lamps.rated_power_w).sum()), "lamps without a rating: learned in their first three lit nights"),
        (int((lamps.cabinet < 0).sum()), "lamps without a cabinet: on the map as unmonitored"),
        (sum(not circuit for circuit in lamps.circuit), "lamps without a circuit: no circuit or cable verdicts"),
    )
    for number, text in rows:
        table.add_row(f"{number:,}", text)
    console.print(table)
