"""Paths of Parquet telemetry: one folder per segment, in one folder per UTC day.

``{root}/day=2026-11-23/000000000017-000000000017/{lamps,circuits,cabinets}.parquet``. A segment appears whole or not at
all (its folder is renamed into place) and never changes. Its name is the range of write numbers that it holds:
compaction writes one segment that covers several, and from that instant the covered ones are no more to be read
(``visible``); they are deleted a minute later. A table without rows may be missing. ``cabinets`` holds one row for
every record, also of a controller without cabinet meter, and so tells which records are stored.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

US_PER_DAY: Final = 86_400_000_000
DAY_PREFIX: Final = "day="
_NAME: Final = re.compile(r"(\d{12,})-(\d{12,})")


def day_folder(day: int) -> str:
    """Folder of a day, counted since 1970-01-01 (UTC)."""
    return f"{DAY_PREFIX}{datetime.fromtimestamp(day * 86_400, UTC).date().isoformat()}"


def parse_day(name: str) -> int | None:
    """Days since 1970-01-01 of a day's folder; None for anything else."""
    if not name.startswith(DAY_PREFIX):
        return None
    try:
        return (date.fromisoformat(name[len(DAY_PREFIX) :]) - date(1970, 1, 1)).days
    except ValueError:
        return None


def segment_name(first: int, last: int) -> str:
    """Name of the segment that holds the writes ``first`` to ``last``."""
    return f"{first:012d}-{last:012d}"


def parse_segment(name: str) -> tuple[int, int] | None:
    """``(first, last)`` write number of a segment's name; None for anything else."""
    match = _NAME.fullmatch(name)
    return (int(match[1]), int(match[2])) if match else None


def visible(names: Iterable[str]) -> list[str]:
    """The segments of one day that count, in order: those that no other one covers."""
    ranges = [(span, name) for name in names if (span := parse_segment(name)) is not None]
    ranges.sort(key=lambda item: (item[0][0], -item[0][1]))
    kept: list[str] = []
    reached = -1
    for (_, last), name in ranges:
        if last > reached:
            kept.append(name)
            reached = last
    return kept


def table_files(root: Path, table: str, start_us: int | None = None, end_us: int | None = None) -> list[Path]:
    """The files of a table that may hold readings from ``start_us`` up to ``end_us``, oldest day first.

    A file may vanish a minute after it was listed, when compaction has replaced it: list again and retry then.
    """
    folders = segment_folders(root, start_us, end_us)
    return [path for folder in folders if (path := folder / f"{table}.parquet").exists()]


def segment_folders(root: Path, start_us: int | None = None, end_us: int | None = None) -> list[Path]:
    """The segments that may hold readings from ``start_us`` up to ``end_us``, oldest day first."""
    folders: list[Path] = []
    if not root.is_dir():
        return folders
    for folder in sorted(root.iterdir()):
        day = parse_day(folder.name)
        if day is None:
            continue
        if (start_us is not None and day < start_us // US_PER_DAY) or (
            end_us is not None and day > end_us // US_PER_DAY
        ):
            continue
        try:
            names = visible(path.name for path in folder.iterdir())
        except (FileNotFoundError, NotADirectoryError):  # its time was up meanwhile; or somebody's file of that name
            continue
        folders += [folder / name for name in names]
    return folders
