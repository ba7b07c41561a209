"""InfluxDB telemetry: points that overwrite themselves when written again, and received ranges written after the data.

The layout is ``ingest.schema.influx``'s. A block is written in the order readings, records, ranges, each confirmed
before the next: after a kill in between, the ranges contain nothing that is not stored; what was stored without
them is sent again and overwrites itself. Retention is the bucket's own; ``influx_thinning`` makes means of what is old.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Final

from ingest.model.batch import Batch
from ingest.model.block import Block
from ingest.model.id_directory import Directory
from ingest.model.received_ranges import ReceivedRangesTable, StoredRanges
from ingest.schema.influx import (
    CABINETS,
    JOURNAL,
    JOURNAL_FIELDS,
    NS_PER_US,
    RANGES,
    InfluxAddress,
    id_of,
    select,
)
from ingest.telemetry.influx_link import InfluxLink
from ingest.telemetry.influx_reading import batches, count_between, pointer_table, pointers_between
from ingest.telemetry.influx_thinning import Thinning
from ingest.telemetry.line_protocol import TagWords, parse_ahead, range_lines, reading_lines, record_lines
from ingest.telemetry.refused_lines import RefusedLines

_POINTERS_AT_ONCE: Final = 20_000
_DAY_NS: Final = 86_400_000_000_000
_STEP_NS: Final = 300_000_000_000
_LONGEST_STEP_NS: Final = 30 * _DAY_NS


@dataclass(slots=True)
class _Started:
    """A block on its way: tried again, it goes on behind the parts that were confirmed, at the same position."""

    block: Block
    before: int
    n_confirmed: int = 0


class InfluxStore:
    """One bucket of a server."""

    def __init__(
        self,
        address: InfluxAddress,
        token: str | None,
        folder: Path,
        *,
        full_resolution_days: int = 60,
        clock_ns: Callable[[], int] = time.time_ns,
        count_refused: Callable[[int], object] = int,
    ) -> None:
        """Find out how far this bucket is written; refused lines are set aside in ``folder`` and counted.

        Raises:
            StoreUnavailableError: the server does not answer, or there is no such bucket or token.
        """
        self._clock_ns = clock_ns
        self._link = InfluxLink(address, token, RefusedLines(folder), count_refused)
        self._thinning = Thinning(self._link, address.bucket, full_resolution_days)
        self._words = TagWords()
        self._started: _Started | None = None
        self._refreshed_day = -1
        newest = self._link.ask(select(JOURNAL, ("point_ns",), then="ORDER BY time DESC LIMIT 1"))
        self._position = int(newest[0].columns["time"][0]) if newest else 0

    def write(self, block: Block) -> None:
        """Store a block for good: readings, then records, then received ranges."""
        if self._started is None or self._started.block is not block:
            self._started = _Started(block, max(self._position, self._clock_ns()))
        started = self._started
        parts = chain(reading_lines(block, self._words), record_lines(block, started.before, self._words))
        for lines in islice(parts, started.n_confirmed, None):
            self._link.write(lines)
            started.n_confirmed += 1
        self._link.write(range_lines(block.received, started.before), may_refuse=False)
        self._position = started.before + block.batch.n_records
        self._started = None

    def position(self) -> int:
        """The journal's time of the last record written."""
        return self._position

    def received(self) -> list[StoredRanges]:
        """The newest received ranges of each epoch."""
        newest = 'GROUP BY "controller_id", "epoch" ORDER BY time DESC LIMIT 1'
        states: list[StoredRanges] = []
        for series in self._link.ask(select(RANGES, ("floor", "ahead"), then=newest)):
            starts, ends = parse_ahead(series.columns["ahead"][0] or "")
            owner, epoch = id_of(series.tags["controller_id"]), int(series.tags["epoch"], 16)
            states.append(StoredRanges(owner, epoch, int(series.columns["floor"][0]), starts, ends))
        return states

    def settle(self, position: int, received: list[StoredRanges]) -> None:
        """Once a day, write all received ranges again, so that those of silent controllers do not expire."""
        day = max(position, self._clock_ns()) // _DAY_NS
        if day != self._refreshed_day:
            self._link.write(range_lines(received, max(position, self._clock_ns())), may_refuse=False)
            self._refreshed_day = day

    def records(self, directory: Directory, *, after: int, until: int | None = None) -> Iterator[Batch]:
        """The records written after a position and within the received ranges, in the order of writing."""
        if until is not None and after >= until:  # the usual restart: the server need not be asked
            return
        held = ReceivedRangesTable()
        for state in self.received():
            held.restore(state)
        seen: set[tuple[str, int]] = set()
        while True:
            then = f"ORDER BY time LIMIT {_POINTERS_AT_ONCE}"
            during = f"time > {after}" if until is None else f"time > {after} AND time <= {until}"
            found = self._link.ask(select(JOURNAL, (*JOURNAL_FIELDS, "controller_id"), during, then))
            if not found:
                return
            columns = found[0].columns
            owners, points = [], []
            for tag, point, epoch, sequence in zip(
                columns["controller_id"], columns["point_ns"], columns["epoch"], columns["sequence"], strict=True
            ):
                owner = id_of(tag)
                ranges = held.get(owner, epoch % (1 << 64))
                if (owner, point) not in seen and ranges is not None and ranges.holds(sequence):
                    seen.add((owner, point))  # written twice: before a crash, and when it came again
                    owners.append(owner)
                    points.append(point)
            yield from batches(self._link.ask, pointer_table(owners, points), directory)
            after = int(columns["time"][-1])

    def period(self, directory: Directory, start_us: int, end_us: int) -> Iterator[Batch]:
        """Everything measured in a period, in order of time, in spans that hold a bounded number of records."""
        ask = self._link.ask
        during = f"time >= {start_us * NS_PER_US} AND time < {end_us * NS_PER_US}"
        first = ask(select(CABINETS, ("sequence",), during, "ORDER BY time LIMIT 1"))
        if not first:
            return
        at_ns, end_ns, step_ns = int(first[0].columns["time"][0]), end_us * NS_PER_US, _STEP_NS
        while at_ns < end_ns:
            until_ns = min(at_ns + step_ns, end_ns)
            n_records = count_between(ask, at_ns, until_ns)
            if n_records > _POINTERS_AT_ONCE and step_ns > 1:
                step_ns //= 2
                continue
            if n_records:
                yield from batches(ask, pointers_between(ask, at_ns, until_ns), directory)
            at_ns = until_ns
            if n_records < _POINTERS_AT_ONCE // 4:
                step_ns = min(step_ns * 2, _LONGEST_STEP_NS)

    def upkeep(self, now_us: int) -> bool:
        """Thin an hour, where the bucket has a policy for it; the server compacts and forgets by itself."""
        return self._thinning.step(now_us)

    def close(self) -> None:
        """Let go of the connections."""
        self._link.close()
