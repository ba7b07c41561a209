"""Parquet telemetry: a segment per flush, partitioned by day; received ranges are read from the segments' footers.

The layout is ``ingest.schema.segments``'s. Thread-safe for one writer and one upkeep.
"""

from __future__ import annotations

import json
import shutil
import uuid
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import structlog

from durable_files.bounded_read import read_bounded
from durable_files.whole_file import replace_file
from ingest.damaged_file import set_aside
from ingest.errors import StoreUnavailableError, describe
from ingest.model.batch import Batch
from ingest.model.block import Block, take_records
from ingest.model.block_division import own_ranges
from ingest.model.id_directory import Directory
from ingest.model.received_ranges import ReceivedRangesTable, StoredRanges
from ingest.schema.segments import US_PER_DAY, day_folder, parse_day, parse_segment, segment_name, table_files, visible
from ingest.schema.telemetry import TABLES
from ingest.telemetry.arrow_tables import cabinet_table, circuit_table, lamp_table
from ingest.telemetry.compaction import Compaction, Policy
from ingest.telemetry.damaged_files import READ_ERRORS, DamagedFiles, read_file
from ingest.telemetry.direct_file import Scratch
from ingest.telemetry.reading_back import batches_of
from ingest.telemetry.segment_file import TEMPORARY, decode_ranges, encode_ranges, read_ranges, withdraw, write_segment

_ALWAYS: Final = frozenset(("at_us", "controller_id", "epoch", "sequence"))  # columns of every table
_MAX_RANGES_BYTES: Final = 1 << 30
_HOUR_US: Final = 3_600_000_000
RANGES_FILE: Final = "marks.json"  # the footers summed up so far, so that a start reads only the newest


class ParquetStore:
    """Segments under one root folder."""

    def __init__(
        self,
        root: Path,
        policy: Policy = Policy(),  # noqa: B008  # frozen
        *,
        is_reader: bool = False,
        damaged: DamagedFiles | None = None,
    ) -> None:
        """Open or make the folder; a writer clears away what a crash has left, and shuts out who wrote before.

        Files that cannot be read are left out and listed in ``damaged``.

        Raises:
            OSError: the folder cannot be made or read.
        """
        self.root = root
        self._is_reader = is_reader
        root.mkdir(parents=True, exist_ok=True)
        self._log = structlog.get_logger("telemetry")
        for path in root.iterdir():
            if path.name.startswith(TEMPORARY) and not is_reader:
                shutil.rmtree(path, ignore_errors=True)
        self._staging = root / f"{TEMPORARY}{uuid.uuid4().hex}"
        if not is_reader:
            self._staging.mkdir()
        spans = [span for _, span, _ in self._segments(every=True)]
        self._settled, self._summed_ranges = self._read_ranges_file()
        self._scratch = Scratch()
        self._unpromised: list[Path] = []  # segments of a block that is not stored as a whole
        self.damaged = damaged or DamagedFiles()
        self._compaction = Compaction(root, policy, staging=self._staging, damaged=self.damaged)
        self._next = 1 + max(0, self._settled, *(last for _, last in spans))

    def write(self, block: Block) -> None:
        """Store a block; one segment per day of its records, the last one with the block's received ranges.

        Raises:
            StoreUnavailableError: the disk is full or refuses; nothing of the block is stored.
        """
        self._withdraw()
        days = block.batch.at_us // US_PER_DAY
        different = np.unique(days).tolist() or [0]
        try:
            for i, day in enumerate(different):
                part = block if len(different) == 1 else take_records(block, np.flatnonzero(days == day))
                self._write(day, part, block.received if i == len(different) - 1 else own_ranges(part))
        except BaseException:  # the block comes again as a whole
            with suppress(StoreUnavailableError):
                self._withdraw()
            raise
        self._unpromised.clear()

    def _withdraw(self) -> None:
        while self._unpromised:
            folder = self._unpromised[-1]
            try:
                withdraw(folder, staging=self._staging)
            except OSError as error:
                raise StoreUnavailableError(f"{folder} cannot be taken back: {error.strerror}") from error
            self._unpromised.pop()

    def _write(self, day: int, block: Block, received: tuple[StoredRanges, ...]) -> None:
        tables = {"lamps": lamp_table(block), "circuits": circuit_table(block), "cabinets": cabinet_table(block)}
        span = self._next, self._next
        folder = self.root / day_folder(day)
        self._unpromised.append(folder / segment_name(*span))
        write_segment(folder, *span, tables, received, staging=self._staging, scratch=self._scratch)
        self._next += 1

    def position(self) -> int:
        """The number of the last write."""
        return self._next - 1

    def received(self) -> list[StoredRanges]:
        """The summary file and the footers of later segments; without the file every footer."""
        through = self._settled
        found = ReceivedRangesTable()
        for state in self._summed_ranges:
            found.restore(state)
        for path, (_, last), _ in self._segments(every=False):
            if last > through:
                try:
                    states = read_ranges(path)
                except READ_ERRORS as error:
                    self.damaged.add(path / "cabinets.parquet", error)
                    continue
                for state in states:
                    found.restore(state)
        return found.states()

    def settle(self, position: int, received: list[StoredRanges]) -> None:
        """Sum up what is stored, so that the next start reads few footers, and let compaction go so far."""
        path = self.root / RANGES_FILE
        text = encode_ranges(received)
        document = {"through": position, "marks": json.loads(text), "crc32": _checksum(position, text)}
        try:
            replace_file(path, json.dumps(document, separators=(",", ":")).encode())
        except OSError as error:
            raise StoreUnavailableError(f"{path}: {error.strerror}") from error
        self._settled, self._summed_ranges = position, list(received)

    def _read_ranges_file(self) -> tuple[int, list[StoredRanges]]:
        path = self.root / RANGES_FILE
        try:
            return _read_ranges_document(read_bounded(path, _MAX_RANGES_BYTES))
        except FileNotFoundError:
            return -1, []
        except Exception as error:  # noqa: BLE001  # a file that anything may be in; the footers say the same
            kept = None if self._is_reader else set_aside(path)
            self._log.error("damaged, reading every footer instead", file=str(path), reason=describe(error), kept=kept)
            return -1, []

    def _segments(self, *, every: bool) -> list[tuple[Path, tuple[int, int], int]]:
        """``(folder, span, day)`` of the segments that count (or of every one), in the order of writing."""
        found: list[tuple[Path, tuple[int, int], int]] = []
        for folder in self.root.iterdir():
            day = parse_day(folder.name)
            if day is None:
                continue
            try:
                names = [path.name for path in folder.iterdir()]
            except NotADirectoryError:  # somebody's file of that name
                continue
            for name in names if every else visible(names):
                span = parse_segment(name)
                if span is not None:
                    found.append((folder / name, span, day))
        return sorted(found, key=lambda item: item[1])

    def records(self, directory: Directory, *, after: int, until: int | None = None) -> Iterator[Batch]:
        """What was written after a position and up to another one, in the order of writing."""
        for path, (first, last), _ in self._segments(every=False):
            if first > after and (until is None or last <= until):
                lamps, circuits, cabinets = (self._read(path, name) for name in TABLES)
                if cabinets is None:
                    continue
                try:
                    batches = list(batches_of(lamps, circuits, cabinets, directory))
                except READ_ERRORS as error:  # well-formed, and not what this store writes
                    self.damaged.add(path / "cabinets.parquet", error)
                    continue
                yield from batches

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
        """A file's rows; None where it is damaged, or was merged since it was listed."""
        try:
            table = read_file(path, self.damaged, filters=filters)
        except FileNotFoundError:
            return None
        if table is None:
            return None
        missing = _ALWAYS.difference(table.schema.names)
        if missing:
            self.damaged.add(path, ValueError(f"has no column {min(missing)}"))
            return None
        return table

    def upkeep(self, now_us: int) -> bool:
        """One piece of compaction, thinning or retention, on what detection will not ask for again."""
        return self._compaction.run(now_us, self._settled)

    def close(self) -> None:
        """Nothing is held open; the staging folder goes."""
        shutil.rmtree(self._staging, ignore_errors=True)


def _checksum(position: int, received: bytes) -> int:
    return zlib.crc32(received, position & 0xFFFFFFFF)


def _read_ranges_document(data: bytes) -> tuple[int, list[StoredRanges]]:
    """The position and the received ranges of ``marks.json``; files of older versions have no checksum.

    Raises:
        Exception: of any kind that damaged bytes make.
    """
    document = json.loads(data)
    through = document["through"]
    states = decode_ranges(json.dumps(document["marks"]).encode())
    if not isinstance(through, int) or through < -1:
        raise ValueError("through: no position")
    if document.get("crc32", _checksum(through, encode_ranges(states))) != _checksum(through, encode_ranges(states)):
        raise ValueError("its checksum is not its content's")
    return through, states
