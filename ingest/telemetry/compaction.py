"""Upkeep of Parquet segments: merging, thinning of old readings, and deletion.

Works beside the writer, one bounded piece at a time. A merged segment hides the ones that it covers from the instant it
appears (``ingest.schema.segments.visible``), so a crash between writing and deleting doubles nothing. What merges is
settled: detection will not ask for it in the order of writing again.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import structlog

from durable_files.whole_file import sync_folder
from ingest.model.received_ranges import ReceivedRangesTable, StoredRanges
from ingest.schema.segments import US_PER_DAY, parse_day, parse_segment, visible
from ingest.schema.telemetry import TABLES
from ingest.telemetry.damaged_files import READ_ERRORS, DamagedFiles, check_regular, read_file
from ingest.telemetry.merged_tables import THIN_US, joined_tables
from ingest.telemetry.parquet_file import MERGED
from ingest.telemetry.segment_file import (
    is_thinned,
    missing_tables,
    read_ranges,
    replace_lamps,
    write_segment,
)

MAX_ROWS: Final = 8_000_000  # of a merged segment: it is sorted in memory, about 100 bytes a row
SET_ASIDE: Final = "damaged-"
_FAN_IN: Final = 32  # so many at least are merged while the day lasts
_MAX_AT_ONCE: Final = 512
_GRACE_S: Final = 60.0  # a reader may have listed what is hidden now
_LONGEST_PAUSE_DAYS: Final = 366  # of a city's readings
_MOST_DELETED: Final = 128  # in one piece of work: a merge hides 32 at once, and there may be one each second
_MOST_KNOWN: Final = 20_000  # segments whose footers are remembered


@dataclass(frozen=True, slots=True)
class Policy:
    """What is kept: ``full_days`` as measured, then thinned until ``keep_days``."""

    full_days: int = 60
    keep_days: int = 730


@dataclass(frozen=True, slots=True)
class _Segment:
    path: Path
    first: int
    last: int
    n_rows: int


class Compaction:
    """Upkeep of one root folder; only one at a time."""

    def __init__(
        self,
        root: Path,
        policy: Policy,
        *,
        staging: Path,
        damaged: DamagedFiles | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Nothing is done before ``run``; ``staging`` is the writer's own folder.

        A segment with a file in ``damaged`` is left as it is until its day is past keeping, and never merged over.
        """
        self._damaged = damaged or DamagedFiles()
        self._root = root
        self._staging = staging
        self._policy = policy
        self._monotonic = monotonic
        self._hidden_at: dict[Path, float] = {}
        # days without work, as they stood: two years of footers are not read again every few seconds
        self._at_rest: dict[int, tuple[int, bool, bool]] = {}
        self._known: dict[Path, tuple[int, _Segment]] = {}  # whole segments, by the time of their last change
        self._log = structlog.get_logger("telemetry")

    def run(self, now_us: int, settled: int) -> bool:
        """Do one piece of work on what was written up to ``settled``; says whether anything was done.

        Raises:
            StoreUnavailableError: the disk is full; nothing is lost by that.
        """
        days = {day: folder for folder in self._root.iterdir() if (day := parse_day(folder.name)) is not None}
        today, newest = now_us // US_PER_DAY, max(days, default=0)
        if today - newest > _LONGEST_PAUSE_DAYS:  # rather a clock that is years ahead for a minute: it deletes nothing
            today = newest + 1
        for day, folder in sorted(days.items()):
            if day < today - self._policy.keep_days:
                shutil.rmtree(folder, ignore_errors=True)
                return True
            state = (folder.stat().st_mtime_ns, day >= today, day < today - self._policy.full_days)
            if self._at_rest.get(day) == state:
                continue
            if self._delete_hidden(folder) or self._merge(folder, day, today, settled):
                return True
            if _is_at_rest(folder, settled):
                self._at_rest[day] = state
        return False

    def _delete_hidden(self, folder: Path) -> bool:
        names = [path.name for path in folder.iterdir() if parse_segment(path.name) is not None]
        hidden = set(names) - set(visible(names))
        if hidden and self._uncover(folder, set(names) - hidden):
            return True
        now, n_deleted = self._monotonic(), 0
        for path in sorted(folder / name for name in hidden):
            if now - self._hidden_at.setdefault(path, now) < _GRACE_S:
                continue
            shutil.rmtree(path, ignore_errors=True)
            del self._hidden_at[path]
            self._known.pop(path, None)
            n_deleted += 1
            if n_deleted >= _MOST_DELETED:
                break
        return n_deleted > 0

    def _uncover(self, folder: Path, names: set[str]) -> bool:
        """Rename a damaged merged segment, so that those that it hides count again; says whether there was one."""
        for name in sorted(names):
            span = parse_segment(name)
            if span is None or span[0] == span[1] or self._segment(folder / name) is not None:
                continue
            if not any(self._damaged.holds(folder / name / f"{table}.parquet") for table in TABLES):
                continue
            aside = folder / f"{SET_ASIDE}{name}"
            (folder / name).rename(aside)
            sync_folder(folder)
            self._damaged.add(aside, ValueError("damaged; the segments that it was merged from are used instead"))
            return True
        return False

    def _merge(self, folder: Path, day: int, today: int, settled: int) -> bool:
        whole = [
            self._segment(folder / name)
            for name in visible(path.name for path in folder.iterdir())
            if (span := parse_segment(name)) is not None and span[1] <= settled
        ]
        # A merged segment hides whatever lies between its first and its last number, so a run ends at one that is left.
        for is_there, neighbours in groupby(whole, key=lambda segment: segment is not None):
            segments = [segment for segment in neighbours if segment is not None] if is_there else []
            run = _worth_merging(segments) if day >= today else _first_run(segments)
            if run and self._write_merged(folder, run):
                return True
        if day < today - self._policy.full_days:
            for segment in whole:
                if segment is not None and not is_thinned(segment.path):
                    table = self._merged([segment], "lamps", is_thinned=True)
                    if table is not None:
                        replace_lamps(segment.path, table, THIN_US, staging=self._staging)
                        return True
        return False

    def _segment(self, path: Path) -> _Segment | None:
        """A segment whose files can all be read as far as their footers tell; None for another, which is listed."""
        span = parse_segment(path.name)
        if span is None:
            return None
        if any(self._damaged.holds(path / f"{name}.parquet") for name in TABLES):
            return None
        try:
            changed_ns = path.stat().st_mtime_ns
        except OSError:
            return None
        known = self._known.get(path)
        if known is not None and known[0] == changed_ns:
            return known[1]
        segment = self._read_segment(path, span)
        if segment is not None and segment.first == segment.last:  # of merged ones there are few: they are looked at
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[path] = (changed_ns, segment)
        return segment

    def _read_segment(self, path: Path, span: tuple[int, int]) -> _Segment | None:
        n_rows = {}
        for name in TABLES:
            file = path / f"{name}.parquet"
            try:
                check_regular(file)
                n_rows[name] = pq.read_metadata(file).num_rows if name == "cabinets" or file.exists() else 0
            except READ_ERRORS as error:
                if path.exists():
                    self._damaged.add(file, error)
                return None
        missing = missing_tables(path)
        for file in missing:
            self._damaged.add(file, FileNotFoundError("the segment's footer names it, and it is not there"))
        if missing:
            return None
        return _Segment(path, *span, n_rows["lamps"])

    def _write_merged(self, folder: Path, run: Sequence[_Segment]) -> bool:
        """Merge a run; False, and nothing is done, where a file of it turns out to be damaged."""
        began = self._monotonic()
        merged = {name: self._merged(run, name, is_thinned=False) for name in TABLES}
        if any(self._is_damaged(segment) for segment in run):
            return False
        tables = {name: table for name, table in merged.items() if table is not None}
        span, received = (run[0].first, run[-1].last), _joined_ranges(run)
        write_segment(folder, *span, tables, received, staging=self._staging, packing=MERGED)
        self._log.info(
            "merged segments",
            day=folder.name,
            n_segments=len(run),
            n_rows=sum(segment.n_rows for segment in run),
            took_s=round(self._monotonic() - began, 2),
        )
        return True

    def _is_damaged(self, segment: _Segment) -> bool:
        return any(self._damaged.holds(segment.path / f"{name}.parquet") for name in TABLES)

    def _merged(self, run: Sequence[_Segment], name: str, *, is_thinned: bool) -> pa.Table | None:
        """The rows of some segments in one table; None if there are none, or a file is damaged, which is listed."""
        files = [path for segment in run if (path := segment.path / f"{name}.parquet").exists()]
        tables = [table for path in files if (table := read_file(path, self._damaged)) is not None]
        if not files or len(tables) < len(files):
            return None
        try:
            return joined_tables(tables, name, is_thinned=is_thinned)
        except READ_ERRORS as error:  # well-formed, and not what this store writes
            if len(files) > 1:  # say which one it is
                for path, table in zip(files, tables, strict=True):
                    self._try(path, table, name)
            if not any(self._damaged.holds(path) for path in files):
                self._damaged.add(files[0], error)
            return None

    def _try(self, path: Path, table: pa.Table, name: str) -> None:
        try:
            joined_tables([table], name, is_thinned=True)
        except READ_ERRORS as error:
            self._damaged.add(path, error)


def _is_at_rest(folder: Path, settled: int) -> bool:
    names = [path.name for path in folder.iterdir()]
    spans = [span for name in names if (span := parse_segment(name)) is not None]
    return len(visible(names)) == len(spans) and all(last <= settled for _, last in spans)


def _first_run(segments: Sequence[_Segment]) -> list[_Segment]:
    """The first neighbours (two at least) that fit into one segment together."""
    run: list[_Segment] = []
    n_rows = 0
    for segment in segments:
        if run and (n_rows + segment.n_rows > MAX_ROWS or len(run) == _MAX_AT_ONCE):
            if len(run) > 1:
                return run
            run, n_rows = [], 0
        run.append(segment)
        n_rows += segment.n_rows
    return run if len(run) > 1 else []


def _worth_merging(segments: Sequence[_Segment]) -> list[_Segment]:
    """The shortest run of neighbours, a fan-in at least, of which the largest holds no more than half of the rows.

    So each merge at least doubles the segment that a row lies in, and a row is written again a few times in a day,
    however large and small segments alternate: a tick without a lamp, or with a single controller, stops no merging.
    """
    sizes = np.array([max(segment.n_rows, 1) for segment in segments], np.int64)
    length = _FAN_IN
    while length <= min(len(sizes), _MAX_AT_ONCE):
        windows = np.lib.stride_tricks.sliding_window_view(sizes, length)
        n_rows = windows.sum(axis=1)
        fits = (2 * windows.max(axis=1) <= n_rows) & (n_rows <= MAX_ROWS)
        if fits.any():
            first = int(fits.argmax())
            return list(segments[first : first + length])
        length *= 2
    return []


def _joined_ranges(run: Sequence[_Segment]) -> list[StoredRanges]:
    held = ReceivedRangesTable()
    for segment in run:
        for state in read_ranges(segment.path):
            held.restore(state)
    return held.states()
