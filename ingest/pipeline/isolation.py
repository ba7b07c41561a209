"""Isolates records that raise an error in a step of the loop, so that the other records are processed.

Owns the search for the record at fault: a step that raises is done again on halves of its records until those that
raise stand alone; they are set aside, counted and named by their controller. Independent of what the steps do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

from ingest.decode.columns import Tick, build_tick
from ingest.decode.record import DecodedRecord
from ingest.errors import describe
from ingest.metrics import Complaints
from ingest.model.batch import Batch, SessionEvent
from ingest.model.block import slice_batch
from ingest.model.finding import Change, Key
from ingest.model.id_directory import Directory
from ingest.pipeline.ports import Judge
from ingest.sparkplug.dead_letters import DeadLetters
from ingest.sparkplug.intake_result import IntakeResult

_MOST_SET_ASIDE: Final = 16  # of one batch: if more raise, it is not the records, and searching costs the city its time


class Naming(Protocol):
    """Maps the numbers of controllers to ids."""

    @property
    def directory(self) -> Directory:
        """The directory in force."""


def build_columns(result: IntakeResult, naming: Naming, complaints: Complaints, dead_letters: DeadLetters) -> Tick:
    """``build_tick`` of the received records; those that raise an error are removed from ``result`` as well."""
    try:
        return build_tick(result.rounds, [*result.history, *result.unjudged], naming.directory)
    except Exception as error:  # noqa: BLE001  # any error: the records that raise it are found below
        first = error
    lists = [*result.rounds, result.history, result.unjudged]
    n_set_aside = 0
    for records in lists:
        kept = []
        for record in records:
            if (why := _why_not(record, naming.directory)) is None:
                kept.append(record)
                continue
            n_set_aside += 1
            node = record.session.controller_id
            text = f"{node}: record {record.sequence} of epoch {record.epoch} has no columns: {why}"
            complaints.add("broke_down", node, text)
            dead_letters.add(f"NDATA/{node}", "broke_down", text, _payload(record), record.at_us)
        records[:] = kept
    if not n_set_aside:
        raise first
    return build_tick(result.rounds, [*result.history, *result.unjudged], naming.directory)


def _why_not(record: DecodedRecord, directory: Directory) -> str | None:
    try:
        build_tick([[record]], [], directory)
    except Exception as error:  # noqa: BLE001  # as above
        return describe(error)
    return None


def _payload(record: DecodedRecord) -> bytes:
    return b"" if record.aligned is None else record.aligned.matrix[record.row].tobytes()


class IsolatedJudge:
    """A ``Judge`` that never raises: records that raise an error become dead letters, the others are judged."""

    def __init__(self, judge: Judge, naming: Naming, complaints: Complaints) -> None:
        """Wrap detection."""
        self._judge = judge
        self._naming = naming
        self._complaints = complaints

    def judge(self, batch: Batch, now_us: int) -> Sequence[Change]:
        """One sample of each controller in the batch."""
        try:
            return self._judge.judge(batch, now_us)
        except Exception as error:  # noqa: BLE001  # any error: its records are found below
            changes: list[Change] = []
            self._halve(batch, now_us, error, changes, 0)
            return changes

    def _halve(self, batch: Batch, now_us: int, error: Exception, changes: list[Change], n_before: int) -> int:
        """Judge a batch that raised in halves; returns how many records are set aside by now."""
        if batch.n_records <= 1 or n_before >= _MOST_SET_ASIDE:
            for number in batch.controller.tolist():
                node = self._naming.directory.controllers[number]
                self._tell(node, f"{node}: its record cannot be judged: {describe(error)}")
            return n_before + 1
        middle, n_set_aside = batch.n_records // 2, n_before
        for first, last in ((0, middle), (middle, batch.n_records)):
            half = slice_batch(batch, first, last)
            try:
                changes += self._judge.judge(half, now_us)
            except Exception as again:  # noqa: BLE001  # as above
                n_set_aside = self._halve(half, now_us, again, changes, n_set_aside)
        return n_set_aside

    def session(self, event: SessionEvent, now_us: int) -> Sequence[Change]:
        """A session began or ended."""
        node = self._naming.directory.controllers[event.controller]
        return self._try(node, f"{node}: its session", lambda: self._judge.session(event, now_us))

    def tick(self, now_us: int) -> Sequence[Change]:
        """Check for controllers that stopped sending."""
        return self._try("clock", "the passing of time", lambda: self._judge.tick(now_us))

    def _try(self, source: str, what: str, call: Callable[[], Sequence[Change]]) -> Sequence[Change]:
        try:
            return call()
        except Exception as error:  # noqa: BLE001  # as above
            self._tell(source, f"{what} cannot be judged: {describe(error)}")
            return ()

    def _tell(self, source: str, text: str) -> None:
        self._complaints.add("unjudged", source, text)

    def listen(self, since_us: int | None) -> None:
        """Set the time from which messages are received."""
        self._judge.listen(since_us)

    def live_picture(self) -> Mapping[str, Any]:
        """Columns of ``ingest.schema.live`` in register order."""
        return self._judge.live_picture()

    def least_dark(self) -> Mapping[str, Mapping[str, int]]:
        """The smallest number of dark lamps that sums can show."""
        return self._judge.least_dark()

    def mark_repaired(self, key: Key) -> None:
        """Check a claimed repair."""
        self._judge.mark_repaired(key)
