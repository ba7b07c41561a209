"""The result of receiving one tick's messages: records in rounds and session events. Pure data."""

from __future__ import annotations

from dataclasses import dataclass, field

from ingest.decode.record import DecodedRecord
from ingest.model.batch import SessionEvent
from ingest.model.received_ranges import ReceivedRanges
from ingest.sparkplug.time_limit import TimeLimit


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
        ahead_us: by a controller's number, how far its clock is ahead where that is minutes; negative = behind.
        limit: the latest time that is believed; a day after ``now_us`` if it is not given.
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
    limit: TimeLimit = field(init=False)

    def __post_init__(self) -> None:
        """By "now" as the receiver knows it."""
        self.limit = TimeLimit(self.now_us)

    @property
    def n_records(self) -> int:
        """Number of records accepted."""
        return sum(map(len, self.rounds)) + len(self.history) + len(self.unjudged)
