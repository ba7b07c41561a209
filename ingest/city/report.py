"""What an import or a check found, on the terminal and as a CSV file."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from rich.console import Console
from rich.table import Table

from ingest.city.importing import Draft
from ingest.errors import UnusableError
from ingest.register.issue import Issue
from languages.catalogue import Catalogue
from languages.message import Message, in_common, printable, why

_WHOLE: Final = 5  # findings of one kind that are shown each
_MOST_GROUPS: Final = 60


def print_issues(console: Console, issues: Sequence[Issue], words: Catalogue) -> None:
    """Issues grouped by kind, refusals first, those of a kind beyond a few only counted; plain text, a line each."""
    groups: dict[tuple[bool, str, str, tuple[str, ...]], list[Issue]] = {}
    for issue in issues:
        key = (not issue.is_refused, issue.file, issue.column, issue.reason.kind)
        groups.setdefault(key, []).append(issue)
    ordered = sorted(groups.items(), key=lambda item: item[0][0])
    for (_is_taken, file, column, _kind), members in ordered[:_MOST_GROUPS]:
        shown = members if len(members) <= _WHOLE + 1 else members[:_WHOLE]
        for issue in shown:
            _print(console, issue.say(words))
        if len(members) > len(shown):
            where = f"{file}: {column}" if column else file
            n_more = f"{len(members) - len(shown):,}"
            message = "terminal.city.found.more_refused" if members[0].is_refused else "terminal.city.found.more"
            reason = in_common([issue.reason for issue in members]).say(words)
            _print(console, words.say(message, n=n_more, where=where, reason=reason))
    rest = ordered[_MOST_GROUPS:]
    if rest:
        n_rest = sum(len(members) for _key, members in rest)
        _print(console, words.say("terminal.city.found.others", n=f"{n_rest:,}", n_kinds=len(rest)))


def _print(console: Console, text: str) -> None:
    console.print(printable(text), markup=False, highlight=False, soft_wrap=True)


def write_report(path: Path, issues: Sequence[Issue], words: Catalogue) -> None:
    """Write every issue as a row of a CSV file, refusals first, for a spreadsheet.

    ``reason`` is in the language of ``words``; ``outcome`` and ``code`` are the same in every language.

    Raises:
        UnusableError: the file cannot be written.
    """
    try:
        with path.open("w", encoding="utf-8-sig", errors="replace", newline="") as file:  # the mark tells spreadsheets
            writer = csv.writer(file)
            writer.writerow(["file", "line", "column", "reason", "outcome", "code"])
            for issue in sorted(issues, key=lambda issue: not issue.is_refused):
                line = issue.line or ""
                outcome = "refused" if issue.is_refused else "mended"
                place = [printable(issue.file), line, printable(issue.column)]
                row = [*place, printable(issue.reason.say(words)), outcome, issue.code]
                # what a source wrote must not become a formula of the one who reads about it
                writer.writerow([f"'{value}" if str(value)[:1] in tuple("=+-@\t\r") else value for value in row])
    except OSError as error:
        raise UnusableError(Message("terminal.error.at", where=path, reason=why(error))) from error


def summary_rows(draft: Draft, words: Catalogue, *, is_applied: bool = False) -> list[str]:
    """What was taken, or would be, what was mended and refused, and what is still unknown: ``number<TAB>text``."""
    lamps = draft.lamps
    n_unplaced = int((np.isnan(draft.cabinets.latitude) | np.isnan(draft.cabinets.longitude)).sum())
    rows = (
        (draft.n_rows, "rows"),
        *([(draft.n_left_out, "left_out")] if draft.n_left_out else []),
        (len(lamps), "taken" if is_applied else "could_be_taken"),
        (draft.n_mended, "mended"),
        (draft.n_refused, "refused"),
        (len(draft.cabinets), "cabinets"),
        (draft.n_named, "named"),
        (draft.n_estimated, "estimated"),
        (n_unplaced, "unplaced"),
        (int(np.isnan(lamps.rated_power_w).sum()), "unrated"),
        (int((lamps.cabinet < 0).sum()), "unmonitored"),
        (sum(not circuit for circuit in lamps.circuit), "no_circuit"),
    )
    return [f"{number:,}\t{words.say(f'terminal.city.sum.{code}')}" for number, code in rows]


def print_summary(console: Console, draft: Draft, words: Catalogue, *, is_applied: bool = True) -> None:
    """Print `summary_rows` as a table."""
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(justify="right")
    table.add_column()
    for row in summary_rows(draft, words, is_applied=is_applied):
        table.add_row(*row.split("\t"))
    console.print(table)


def print_lines(console: Console, lines: Sequence[str]) -> None:
    """Lines of plain text."""
    for line in lines:
        _print(console, line)
