"""Upkeep of Parquet segments: many small ones become few large ones sorted by lamp and time; old ones thin out and go.

Works beside the writer, one bounded piece at a time. A merged segment hides the ones that it covers from the instant it
appears (``ingest.schema.segments.visible``), so a crash between writing and deleting doubles nothing. What merges is
settled: detection will not ask for it in the order of writing again.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import structlog

from ingest.model.received_ranges import MarkState, Watermarks
from ingest.schema.segments import US_PER_DAY, parse_day, parse_segment, visible
from ingest.schema.telemetry import LAMP_VALUES, TABLES
from ingest.telemetry.parquet_file import MERGED
from ingest.telemetry.segment_file import is_thinned, read_marks, replace_lamps, write_segment

MAX_ROWS: Final = 8_000_000  # of a merged segment: it is sorted in memory, about 100 bytes a row
_FAN_IN: Final = 32  # so many of one size are merged while the day lasts
_MAX_AT_ONCE: Final = 512
_GRACE_S: Final = 60.0  # a reader may have listed what is hidden now
THIN_US: Final = 900_000_000  # 15 minutes
_SORT: Final = {
    "lamps": [("lamp_id", "ascending"), ("at_us", "ascending")],
    "circuits": [("controller_id", "ascending"), ("circuit", "ascending"), ("at_us", "ascending")],
    "cabinets": [("controller_id", "ascending"), ("at_us", "ascending")],
}
_MEANS: Final = frozenset(column.name for column in LAMP_VALUES if column.is_mean)


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
        self, root: Path, policy: Policy, *, staging: Path, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """Nothing is done before ``run``; ``staging`` is the writer's own folder."""
        self._root = root
        self._staging = staging
        self._policy = policy
        self._monotonic = monotonic
        self._hidden_at: dict[Path, float] = {}
        # days without work, as they stood: two years of footers are not read again every few seconds
        self._at_rest: dict[int, tuple[int, bool, bool]] = {}
        self._log = structlog.get_logger("telemetry")

    def run(self, now_us: int, settled: int) -> bool:
        """Do one piece of work on what was written up to ``settled``; says whether anything was done.

        Raises:
            StoreUnavailableError: the disk is full; nothing is lost by that.
        """
        today = now_us // US_PER_DAY
        for folder in sorted(self._root.iterdir()):
            day = parse_day(folder.name)
            if day is None:
                continue
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
        now = self._monotonic()
        for name in hidden:
            path = folder / name
            if now - self._hidden_at.setdefault(path, now) >= _GRACE_S:
                shutil.rmtree(path, ignore_errors=True)
                del self._hidden_at[path]
                return True
        return False

    def _merge(self, folder: Path, day: int, today: int, settled: int) -> bool:
        segments = [
            segment
            for name in visible(path.name for path in folder.iterdir())
            if (segment := _segment(folder / name)) is not None and segment.last <= settled
        ]
        run = _same_size(segments) if day >= today else _first_run(segments)
        if run:
            self._write_merged(folder, run)
            return True
        if day < today - self._policy.full_days:
            for segment in segments:
                if not is_thinned(segment.path):
                    table = _merged([segment.path], "lamps", is_thinned=True)
                    replace_lamps(segment.path, table, THIN_US, staging=self._staging)
                    return True
        return False

    def _write_merged(self, folder: Path, run: Sequence[_Segment]) -> None:
        began = self._monotonic()
        merged = {name: _merged([s.path for s in run], name, is_thinned=False) for name in TABLES}
        tables = {name: table for name, table in merged.items() if table is not None}
        span, marks = (run[0].first, run[-1].last), _joined_marks(run)
        write_segment(folder, *span, tables, marks, staging=self._staging, packing=MERGED)
        self._log.info(
            "merged segments",
            day=folder.name,
            n_segments=len(run),
            n_rows=sum(segment.n_rows for segment in run),
            took_s=round(self._monotonic() - began, 2),
        )


def _is_at_rest(folder: Path, settled: int) -> bool:
    names = [path.name for path in folder.iterdir()]
    spans = [span for name in names if (span := parse_segment(name)) is not None]
    return len(visible(names)) == len(spans) and all(last <= settled for _, last in spans)


def _segment(path: Path) -> _Segment | None:
    span = parse_segment(path.name)
    if span is None:
        return None
    n_rows = {}
    for name in TABLES:
        file = path / f"{name}.parquet"
        try:
            n_rows[name] = pq.read_metadata(file).num_rows if file.exists() else 0
        except (OSError, pa.ArrowException):  # the disk has damaged it: the others must not wait for it
            return None
    return _Segment(path, *span, n_rows["lamps"])


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


def _same_size(segments: Sequence[_Segment]) -> list[_Segment]:
    """Neighbours within a factor of the fan-in of each other, so many that merging them pays."""
    for i in range(len(segments) - _FAN_IN + 1):
        run = segments[i : i + _FAN_IN]
        sizes = [max(segment.n_rows, 1) for segment in run]
        if max(sizes) <= _FAN_IN * min(sizes) and sum(sizes) <= MAX_ROWS:
            return list(run)
    return []


def _merged(paths: Iterable[Path], name: str, *, is_thinned: bool) -> pa.Table | None:
    files = [path for folder in paths if (path := folder / f"{name}.parquet").exists()]
    if not files:
        return None
    tables = [_with_plain_ids(pq.read_table(path, partitioning=None)) for path in files]
    table = pa.concat_tables(tables, promote_options="permissive")
    if is_thinned and name == "lamps":
        table = _thinned(table)
    table = table.sort_by(_SORT[name]).combine_chunks()
    if name == "lamps":  # sorted by them, so each stands often
        place = table.schema.get_field_index("lamp_id")
        table = table.set_column(place, "lamp_id", table.column(place).dictionary_encode())
    fields = [
        pa.field(f.name, f.type, nullable=bool(c.null_count)) for f, c in zip(table.schema, table.columns, strict=True)
    ]
    return pa.Table.from_arrays([c.combine_chunks() for c in table.columns], schema=pa.schema(fields))


def _with_plain_ids(table: pa.Table) -> pa.Table:
    for i, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            table = table.set_column(i, field.name, table.column(i).cast(pa.string()))
    return table


def _thinned(table: pa.Table) -> pa.Table:
    """Quarter-hour means of what was measured; counters and states as they stood last."""
    slot = pc.multiply(pc.floor(pc.divide(table.column("at_us").cast(pa.float64()), float(THIN_US))), float(THIN_US))
    order = table.schema.names
    table = table.append_column("slot", slot.cast(pa.int64())).sort_by("at_us")
    keys = ["lamp_id", "controller_id", "epoch", "slot"]
    rest = [name for name in order if name not in keys]
    grouped = table.group_by(keys, use_threads=False).aggregate(
        [(name, "mean" if name in _MEANS else "last") for name in rest]
    )
    renamed = {f"{name}_{'mean' if name in _MEANS else 'last'}": name for name in rest}
    grouped = grouped.rename_columns([renamed.get(name, name) for name in grouped.schema.names])
    return grouped.select(order).cast(pa.schema([table.schema.field(name).with_nullable(True) for name in order]))


def _joined_marks(run: Sequence[_Segment]) -> list[MarkState]:
    held = Watermarks()
    for segment in run:
        for state in read_marks(segment.path):
            held.restore(state)
    return held.states()
