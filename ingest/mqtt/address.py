"""Where the broker is: an ``mqtt://`` or ``mqtts://`` URL, and what a connection to it needs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from ingest.errors import UnusableError
from ingest.schema.safe_url import without_secrets
from languages.message import Message

_PORTS: Final = {"mqtt": 1883, "mqtts": 8883}


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where and how to connect."""

    host: str
    port: int
    is_tls: bool = False
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    username: str | None = None
    password: str | None = None


def parse_address(url: str) -> tuple[str, int, bool]:
    """``(host, port, is_tls)`` of an ``mqtt://`` or ``mqtts://`` URL.

    Raises:
        UnusableError: it names no host, or a port that is none.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS[parts.scheme]
    except (KeyError, ValueError):
        raise UnusableError(Message("terminal.error.broker_url", url=without_secrets(url))) from None
    if not parts.hostname:
        raise UnusableError(Message("terminal.error.broker_no_host", url=without_secrets(url)))
    return parts.hostname, port, parts.scheme == "mqtts"
