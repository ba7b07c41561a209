"""The result of receiving one tick's messages: records in rounds and session events. Pure data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from ingest.decode.record import LATEST_US, DecodedRecord
from ingest.model.batch import SessionEvent
from ingest.model.received_ranges import ReceivedRanges

_DAY_US: Final = 86_400_000_000
EARLIEST_NOW_US: Final = 1_767_225_600_000_000  # 2026: this software did not exist before


@dataclass(slots=True)
class IntakeResult:
    """The result of receiving one tick's messages.

    Attributes:
        rounds: live records of controllers that the register knows, one per controller and round.
        unjudged: history, and records of controllers that no register knows.
        round_us: data time at which each round began.
        events: sessions that began or ended, each with the round before which it happened.
        ended: the round after the last one of a controller whose session ended in this tick.
        touched: the received ranges of every epoch with a record in this tick, a duplicate or not.
        now_us: when the tick began; None = not known. lag_us: how far that may be behind.
        highest_us: the latest "now" so far: a clock that is set back, or starts anew, makes no record one of the future.
        ahead_us: by a controller's number, how far its clock is ahead where that is minutes; negative = behind.
        latest_us: no record is believed that claims to be of this time or later.
    """

    rounds: list[list[DecodedRecord]] = field(default_factory=list)
    round_us: list[int] = field(default_factory=list)
    history: list[DecodedRecord] = field(default_factory=list)
    unjudged: list[DecodedRecord] = field(default_factory=list)
    events: list[tuple[int, SessionEvent]] = field(default_factory=list)
    ended: dict[str, int] = field(default_factory=dict)
    touched: dict[tuple[str, int], ReceivedRanges] = field(default_factory=dict)
    now_us: int | None = None
    lag_us: int = 0
    ahead_us: dict[int, int] = field(default_factory=dict)
    highest_us: int = 0
    latest_us: int = field(init=False)

    def __post_init__(self) -> None:
        """A day after "now" as the receiver knows it, and without limit if its clock shows what cannot be."""
        now_us = max(self.now_us or 0, self.highest_us)
        is_known = self.now_us is not None and now_us >= EARLIEST_NOW_US
        self.latest_us = min(LATEST_US, now_us + _DAY_US) if is_known else LATEST_US

    @property
    def n_records(self) -> int:
        """Number of records accepted."""
        return sum(map(len, self.rounds)) + len(self.history) + len(self.unjudged)
