"""The interface of a telemetry store.

The store itself records what is stored: after a restart ``received`` returns the ranges that ``write`` stored.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from ingest.model.batch import Batch
from ingest.model.block import Block
from ingest.model.id_directory import Directory
from ingest.model.received_ranges import StoredRanges


class TelemetryStore(Protocol):
    """A store of readings that keeps each record once, also after a kill."""

    def write(self, block: Block) -> None:
        """Store a block for good: when this returns, a power cut takes nothing of it away.

        Writing the same records twice, as after a crash between two steps, must leave them stored once.

        Raises:
            StoreUnavailableError: full or down; the same block may be tried again, now or later.
            StoreRefusedError: the store will never accept this block.
        """

    def received(self) -> list[StoredRanges]:
        """The stored ranges of each controller's epochs, read at a start."""

    def position(self) -> int:
        """A number that grows with every write; ``records(after=…)`` begins behind it."""

    def settle(self, position: int, received: list[StoredRanges]) -> None:
        """Nothing up to a position will be asked for by ``records`` again; ``received`` are all ranges at this time.

        Raises:
            StoreUnavailableError: full or down; nothing is lost by that.
        """

    def records(self, directory: Directory, *, after: int, until: int | None = None) -> Iterator[Batch]:
        """What was written after a position, in the order of writing: detection's memory is rebuilt from it.

        Nothing that was written after ``until`` is among it; so it may be read while others write.
        """

    def period(self, directory: Directory, start_us: int, end_us: int) -> Iterator[Batch]:
        """Everything measured from ``start_us`` up to ``end_us``, in order of time, for a replay."""

    def upkeep(self, now_us: int) -> bool:
        """Do one bounded piece of compaction, thinning or retention; says whether there is more to do."""

    def close(self) -> None:
        """Let go of files and connections."""
