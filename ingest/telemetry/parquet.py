"""Parquet telemetry: a segment per flush, partitioned by day; what is stored is read from the segments' footers.

The layout is ``ingest.schema.segments``'s. Thread-safe for one writer and one upkeep.
"""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import structlog

from ingest.errors import StoreUnavailableError
from ingest.model.batch import Batch
from ingest.model.block import Block, take_records
from ingest.model.block_division import own_marks
from ingest.model.id_directory import Directory
from ingest.model.received_ranges import MarkState, Watermarks
from ingest.schema.segments import US_PER_DAY, day_folder, parse_day, parse_segment, table_files, visible
from ingest.schema.telemetry import TABLES
from ingest.telemetry.arrow_tables import cabinet_table, circuit_table, lamp_table
from ingest.telemetry.compaction import Compaction, Policy
from ingest.telemetry.direct_file import Scratch
from ingest.telemetry.reading_back import batches_of
from ingest.telemetry.segment_file import TEMPORARY, decode_marks, encode_marks, read_marks, write_segment
from ingest.whole_file import replace_file

_HOUR_US: Final = 3_600_000_000
MARKS_FILE: Final = "marks.json"  # the footers summed up so far, so that a start reads only the newest


class ParquetStore:
    """Segments under one root folder."""

    def __init__(self, root: Path, policy: Policy = Policy(), *, is_reader: bool = False) -> None:  # noqa: B008  # frozen
        """Open or make the folder; a writer clears away what a crash has left, and shuts out who wrote before.

        Raises:
            OSError: the folder cannot be made or read.
        """
        self.root = root
        root.mkdir(parents=True, exist_ok=True)
        self._log = structlog.get_logger("telemetry")
        for path in root.iterdir():
            if path.name.startswith(TEMPORARY) and not is_reader:
                shutil.rmtree(path, ignore_errors=True)
        self._staging = root / f"{TEMPORARY}{uuid.uuid4().hex}"
        if not is_reader:
            self._staging.mkdir()
        spans = [span for _, span, _ in self._segments(every=True)]
        self._settled = self._read_marks_file()[0]
        self._scratch = Scratch()
        self._compaction = Compaction(root, policy, staging=self._staging)
        self._next = 1 + max(0, self._read_marks_file()[0], *(last for _, last in spans))

    def write(self, block: Block) -> None:
        """Store a block for good; one segment per day of its records, the last of them with the block's marks."""
        days = block.batch.at_us // US_PER_DAY
        different = np.unique(days)
        if len(different) <= 1:
            self._write(int(different[0]) if len(different) else 0, block, block.marks)
            return
        for i, day in enumerate(different):
            part = take_records(block, np.flatnonzero(days == day))
            self._write(int(day), part, block.marks if i == len(different) - 1 else own_marks(part))

    def _write(self, day: int, block: Block, marks: tuple[MarkState, ...]) -> None:
        tables = {"lamps": lamp_table(block), "circuits": circuit_table(block), "cabinets": cabinet_table(block)}
        span = self._next, self._next
        folder = self.root / day_folder(day)
        write_segment(folder, *span, tables, marks, staging=self._staging, scratch=self._scratch)
        self._next += 1

    def position(self) -> int:
        """The number of the last write."""
        return self._next - 1

    def marks(self) -> list[MarkState]:
        """The marks file, and the footers of what was written after it; without it every footer."""
        through, states = self._read_marks_file()
        found = Watermarks()
        for state in states:
            found.restore(state)
        for path, (_, last), _ in self._segments(every=False):
            if last > through:
                try:
                    states = read_marks(path)
                except ValueError as error:
                    self._log.error(str(error))
                    continue
                for state in states:
                    found.restore(state)
        return found.states()

    def settle(self, position: int, marks: list[MarkState]) -> None:
        """Sum up what is stored, so that the next start reads few footers, and let compaction go so far."""
        path = self.root / MARKS_FILE
        document = {"through": position, "marks": json.loads(encode_marks(marks))}
        try:
            replace_file(path, json.dumps(document, separators=(",", ":")).encode())
        except OSError as error:
            raise StoreUnavailableError(f"{path}: {error.strerror}") from error
        self._settled = position

    def _read_marks_file(self) -> tuple[int, list[MarkState]]:
        try:
            document = json.loads((self.root / MARKS_FILE).read_text(encoding="utf-8"))
            return int(document["through"]), decode_marks(json.dumps(document["marks"]).encode())
        except FileNotFoundError:
            return -1, []
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            self._log.error(f"{self.root / MARKS_FILE}: damaged, reading every footer instead: {error}")
            return -1, []

    def _segments(self, *, every: bool) -> list[tuple[Path, tuple[int, int], int]]:
        """``(folder, span, day)`` of the segments that count (or of every one), in the order of writing."""
        found: list[tuple[Path, tuple[int, int], int]] = []
        for folder in self.root.iterdir():
            day = parse_day(folder.name)
            if day is None:
                continue
            names = [path.name for path in folder.iterdir()]
            for name in names if every else visible(names):
                span = parse_segment(name)
                if span is not None:
                    found.append((folder / name, span, day))
        return sorted(found, key=lambda item: item[1])

    def records(self, directory: Directory, *, after: int) -> Iterator[Batch]:
        """What was written after a position, in the order of writing."""
        for path, (first, _), _ in self._segments(every=False):
            if first > after:
                lamps, circuits, cabinets = (self._read(path, name) for name in TABLES)
                if cabinets is not None:
                    yield from batches_of(lamps, circuits, cabinets, directory)

    def period(self, directory: Directory, start_us: int, end_us: int) -> Iterator[Batch]:
        """Everything measured in a period, in order of time, an hour at once."""
        for hour_us in range(start_us, end_us, _HOUR_US):
            until_us = min(hour_us + _HOUR_US, end_us)
            tables = [self._between(name, hour_us, until_us) for name in TABLES]
            if tables[2] is not None:
                yield from batches_of(tables[0], tables[1], tables[2], directory)

    def _between(self, name: str, start_us: int, end_us: int) -> pa.Table | None:
        files = table_files(self.root, name, start_us, end_us)
        during = [("at_us", ">=", start_us), ("at_us", "<", end_us)]
        found = [self._table(path, filters=during) for path in files]
        parts = [part for part in found if part is not None and part.num_rows]
        if not parts:
            return None
        return pa.concat_tables(parts, promote_options="permissive").sort_by("at_us")

    def _read(self, folder: Path, name: str) -> pa.Table | None:
        path = folder / f"{name}.parquet"
        return self._table(path) if path.exists() else None

    def _table(self, path: Path, filters: Any = None) -> pa.Table | None:
        """A file's rows; one that the disk has damaged is told and left out, so that the rest can be read."""
        try:
            return pq.read_table(path, filters=filters, partitioning=None)
        except (OSError, pa.ArrowException) as error:
            self._log.error("damaged, left out", file=str(path), reason=str(error).splitlines()[0])  # one line
            return None

    def upkeep(self, now_us: int) -> bool:
        """One piece of compaction, thinning or retention, on what detection will not ask for again."""
        return self._compaction.run(now_us, self._settled)

    def close(self) -> None:
        """Nothing is held open; the staging folder goes."""
        shutil.rmtree(self._staging, ignore_errors=True)
