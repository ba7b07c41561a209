"""``terang-ingest energy``: a month's energy per cabinet and supply account, beside what the utility would bill."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from ingest.audit_trail import AuditTrail
from ingest.database import open_database
from ingest.energy.counters_to_energy import billed_wh
from ingest.energy.database_table import cabinet_sums, renew_hours
from ingest.energy.from_batches import parquet_folder
from ingest.errors import UnusableError
from ingest.model.fleet import Fleet
from ingest.register.sync import sync_register
from ingest.schema.city import City
from ingest.schema.segments import US_PER_DAY, parse_day, segment_folders
from ingest.telemetry.damaged_files import READ_ERRORS, DamagedFiles
from ingest.telemetry.segment_file import missing_tables
from languages.catalogue import Catalogue
from languages.message import Message, Plain, why

_MONTH: Final = re.compile(r"(\d{4})-(0[1-9]|1[0-2])", re.ASCII)
_UNMETERED: Final = frozenset({"false", "no", "0", "tidak", "none", "unmetered", "abonemen"})
COLUMNS: Final = (
    "cabinet_id", "supply_account", "measured_kwh", "interpolated_kwh", "estimated_kwh", "lit_hours", "billed_kwh",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class AccountEnergy:
    """A cabinet's month. ``billed_kwh`` is None where nobody can know it."""

    cabinet_id: str
    supply_account: str
    measured_kwh: float
    interpolated_kwh: float
    estimated_kwh: float
    lit_hours: float
    billed_kwh: float | None


def report_energy(city: City, month: str, out: Path | None, now_us: int, words: Catalogue) -> None:
    """Renew a month's hours from telemetry, print the table and write it if asked.

    Raises:
        UnusableError: no such month, or a store or file is not to be had.
    """
    start_us, end_us = month_span(month, city.city.timezone)
    console = Console(stderr=True)
    damaged = DamagedFiles()
    engine = open_database(city)
    try:
        audit_note = AuditTrail(city).note("register.apply", "register", is_required=False)
        fleet = Fleet.from_register(sync_register(engine, city.folder, note=audit_note)[0])
        until_us = min(end_us, max(now_us, _stored_until(parquet_folder(city))))
        with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
            task = progress.add_task(month, total=max(until_us - start_us, 0))
            folder = parquet_folder(city)
            if folder is not None:
                list_missing(folder, start_us, until_us, damaged)
            for done_us in renew_hours(engine, city, fleet, start_us, until_us, damaged=damaged):
                progress.update(task, completed=done_us - start_us)
        found = list(accounts(cabinet_sums(engine, start_us, end_us)))
    finally:
        engine.dispose()
    print_month(Console(), month, found, words)
    if (note := damaged.warning()) is not None:
        console.print(
            Message("terminal.ingest.energy.incomplete", reason=note).say(words),
            soft_wrap=True,
            markup=False,
            highlight=False,
        )
    if out is not None:
        write_month(out, found)


def list_missing(folder: Path, start_us: int, end_us: int, damaged: DamagedFiles) -> None:
    """List the files of a time that their segments were written with and that are not there."""
    for path in segment_folders(folder, start_us, end_us):
        cabinets = path / "cabinets.parquet"
        try:
            for missing in missing_tables(path):
                damaged.add(missing, FileNotFoundError("the segment's footer names it, and it is not there"))
        except READ_ERRORS as error:
            if path.exists():
                damaged.add(cabinets, error)


def _stored_until(folder: Path | None) -> int:
    """End of the newest day that has telemetry: a simulated night may lie ahead of the clock."""
    days = [parse_day(path.name) for path in folder.iterdir()] if folder is not None and folder.is_dir() else []
    return max((day + 1 for day in days if day is not None), default=0) * US_PER_DAY


def month_span(month: str, timezone: str) -> tuple[int, int]:
    """Begin and end of a month in the city's zone, UTC microseconds.

    Raises:
        UnusableError: it is no month like ``2026-11``.
    """
    match = _MONTH.fullmatch(month)
    if match is None or not 1970 <= int(match[1]) < 9000:
        raise UnusableError(Message("terminal.error.no_month", month=month))
    year, number = int(match[1]), int(match[2])
    zone = ZoneInfo(timezone)
    begin = datetime(year, number, 1, tzinfo=zone)
    end = datetime(year + number // 12, number % 12 + 1, 1, tzinfo=zone)
    return int(begin.timestamp()) * 1_000_000, int(end.timestamp()) * 1_000_000


def accounts(rows: Sequence[Any]) -> Iterator[AccountEnergy]:
    """The month's cabinets from the database's sums."""
    for row in rows:
        counted_wh = row.measured_wh + row.interpolated_wh + row.estimated_wh
        is_metered = (row.metered or "").casefold() not in _UNMETERED
        billed = billed_wh(is_metered=is_metered, counted_wh=counted_wh, supply_va=row.supply_va, months=1.0)
        yield AccountEnergy(
            row.cabinet_id,
            row.supply_account or "",
            row.measured_wh / 1000,
            row.interpolated_wh / 1000,
            row.estimated_wh / 1000,
            row.lit_hours,
            None if billed is None else billed / 1000,
        )


def print_month(console: Console, month: str, found: Sequence[AccountEnergy], words: Catalogue) -> None:
    """The table on the terminal, cabinets in order and their sum."""
    table = Table(title=f"{month}: kWh")
    for column in COLUMNS:
        table.add_column(column.removesuffix("_kwh"), justify="left" if column in COLUMNS[:2] else "right")
    for one in found:
        table.add_row(one.cabinet_id, one.supply_account, *_figures(one))
    billed = [one.billed_kwh for one in found if one.billed_kwh is not None]
    total = AccountEnergy(
        words.say("terminal.ingest.energy.total"),
        "",
        sum(one.measured_kwh for one in found),
        sum(one.interpolated_kwh for one in found),
        sum(one.estimated_kwh for one in found),
        sum(one.lit_hours for one in found) / max(len(found), 1),
        sum(billed) if len(billed) == len(found) else None,
    )
    table.add_section()
    table.add_row(total.cabinet_id, "", *_figures(total))
    console.print(table)


def _figures(one: AccountEnergy) -> list[str]:
    energy = [f"{kwh:,.1f}" for kwh in (one.measured_kwh, one.interpolated_kwh, one.estimated_kwh)]
    return [*energy, f"{one.lit_hours:,.1f}", "?" if one.billed_kwh is None else f"{one.billed_kwh:,.1f}"]


def write_month(path: Path, found: Iterable[AccountEnergy]) -> None:
    """The same as CSV.

    Raises:
        UnusableError: the file cannot be written.
    """
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            for one in found:
                values = [getattr(one, column) for column in COLUMNS]
                writer.writerow([round(value, 3) if isinstance(value, float) else value for value in values])
    except OSError as error:
        raise UnusableError(Message("terminal.error.at", where=Plain(path), reason=why(error))) from error
