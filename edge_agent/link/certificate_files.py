"""Which certificate a connection uses: the present one, or the next one, which is tried before the old one goes.

`terang-agent renew` puts the next pair beside the present one, as ``….next``. It takes the present one's place when a
broker has accepted it; while a broker refuses it, the present one serves, and the next one has its turn an hour later.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final

RETRY_S: Final = 3600.0  # before a refused one is tried again
LOOK_S: Final = 30.0
LOG: Final = logging.getLogger(__name__)


def next_of(path: Path) -> Path:
    """Where the file waits that shall take the place of this one."""
    return path.with_name(path.name + ".next")


class CertificateFiles:
    """The files of one controller's certificate; one thread calls it."""

    def __init__(self, cert: Path, key: Path, monotonic: Callable[[], float]) -> None:
        """Complete an exchange that a power cut broke off: the key goes first, after the broker accepted both."""
        self._cert, self._key = cert, key
        self._monotonic = monotonic
        self._is_next = False
        self._not_before_s = self._looked_s = float("-inf")
        if next_of(cert).exists() and not next_of(key).exists():
            self._replace(cert)

    def choose(self) -> tuple[Path, Path]:
        """Certificate and key for a new connection."""
        self._is_next = self._is_there() and self._monotonic() >= self._not_before_s
        return (next_of(self._cert), next_of(self._key)) if self._is_next else (self._cert, self._key)

    def accepted(self) -> None:
        """A broker took the one that was chosen."""
        if self._is_next:
            LOG.info("the next certificate was accepted and replaces the old one")
            self._replace(self._key)
            self._replace(self._cert)
            self._is_next = False

    def failed(self) -> None:
        """No broker took the one that was chosen: the other one has its turn."""
        if self._is_next:
            LOG.warning("no connection with the next certificate; using the old one")
        self._not_before_s = self._monotonic() + RETRY_S if self._is_next else float("-inf")
        self._is_next = False

    def is_next_due(self) -> bool:
        """Whether the next one is there and shall be tried now; looks at the folder twice a minute."""
        now_s = self._monotonic()
        if self._is_next or now_s - self._looked_s < LOOK_S:
            return False
        self._looked_s = now_s
        return now_s >= self._not_before_s and self._is_there()

    def _is_there(self) -> bool:
        return next_of(self._cert).exists() and next_of(self._key).exists()

    def _replace(self, path: Path) -> None:
        try:
            next_of(path).replace(path)
        except OSError as error:  # read-only storage: the next one is used, and stays where it is
            LOG.warning("%s: %s", path, error.strerror or error)
