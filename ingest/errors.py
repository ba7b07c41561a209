"""Exceptions of ingest; the type determines how the caller reacts."""

from collections.abc import Sequence

from languages.message import Message


class IngestError(Exception):
    """Root of ingest's errors."""


class UnusableError(IngestError):
    """Something that a person has to mend first (a file, a URL, a port): one line, exit code 2.

    What a person reads of it is a `languages.message.Message`, put into words by `languages.message.said`.
    """


class DamagedDatabaseError(UnusableError):
    """SQLite says that the city's database is damaged: open the city again, which sets the file aside."""


class NothingTakenError(UnusableError):
    """A register of which not one row can be taken.

    Attributes:
        issues: why, row by row.
    """

    def __init__(self, message: Message, issues: Sequence[object]) -> None:
        """Keep the findings beside the message."""
        super().__init__(message)
        self.issues = tuple(issues)


class RetryError(IngestError):
    """Something outside does not answer now: keep everything, try again later, acknowledge nothing."""


class StoreUnavailableError(RetryError):
    """The telemetry store is full or down; the text says why."""


class StoreSlowError(StoreUnavailableError):
    """The telemetry store does not answer in time: it may have done what was asked, or less may be asked at once."""


class StoreRefusedError(IngestError):
    """The telemetry store will never take this block: set it aside."""


class BirthError(IngestError):
    """An NBIRTH that cannot be used: count it, log it once per source, wait for another."""


class FullError(BirthError):
    """An NBIRTH with more ids that no register knows than there is room for: forget who is gone, then try again."""


class ForeignBirthError(BirthError):
    """An NBIRTH of another system's node, without ``Outbox/Epoch``: leave that node alone."""


class RecordError(IngestError):
    """A record that cannot be decoded: count it, set it aside, acknowledge it if its number is known.

    Attributes:
        reason: a short fixed word for the metric's label.
    """

    def __init__(self, reason: str, text: str) -> None:
        """Keep the label beside the text."""
        super().__init__(text)
        self.reason = reason


class RuleError(IngestError):
    """Fault rules that do not fit together: a fault of the code, found when detection is set up."""


class SnapshotError(IngestError):
    """A snapshot of detection's memory that cannot be read: start without it."""


def describe(error: BaseException, most: int = 200) -> str:
    """An exception of any kind in one line of a log, a page or a file."""
    lines = str(error).splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else 'no text'}"[:most]
