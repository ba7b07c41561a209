"""Standard output that may stand on the same full disk as everything else: a lost line must not end a process."""

from __future__ import annotations

import sys
from contextlib import suppress


class PatientStderr:
    """Standard error as a stream for logs, from which no ``OSError`` comes.

    Asks for ``sys.stderr`` at each line, so that logging outlives a stream that somebody put in its place for a while.
    """

    def write(self, text: str) -> int:
        """Write what can be written."""
        with suppress(OSError):
            sys.stderr.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush what can be flushed."""
        with suppress(OSError):
            sys.stderr.flush()


def tell(text: str, *, is_error: bool = False) -> None:
    """Print a line of a service that goes on, whether or not it can be printed."""
    with suppress(OSError):
        print(text, file=sys.stderr if is_error else sys.stdout, flush=True)
