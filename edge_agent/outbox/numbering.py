"""The numbers of a record in its outbox, as sent in a message."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Numbering:
    """The numbers of a record when it is sent.

    Attributes:
        epoch: the outbox's random number.
        sequence: the record's number.
        pending: records still held up to and including this one.
    """

    epoch: int
    sequence: int
    pending: int
