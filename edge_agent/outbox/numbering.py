"""Where a record stands in its outbox; what a message says of it. A plain value."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Numbering:
    """Where a record stands in the outbox when it is sent.

    Attributes:
        epoch: the outbox's random number.
        sequence: the record's number.
        pending: records still held up to and including this one.
    """

    epoch: int
    sequence: int
    pending: int
