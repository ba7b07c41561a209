"""The record ``issued.json`` of a city's ``pki`` folder: every certificate that was issued, and which are revoked."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from city_pki.errors import PkiError
from city_pki.secret_file import MAX_BYTES, read_secret, write_secret
from edge_agent.wire import read_json
from languages.message import Message, Plain, why


@dataclass(frozen=True, slots=True)
class Issued:
    """One certificate that the intermediate signed.

    Attributes:
        serial: hexadecimal serial number.
        name: common name: a controller's id, or a server's.
        not_after: end of validity, ISO 8601.
        key: SHA-256 of the public key, hexadecimal.
        revoked_at: when it was revoked, ISO 8601; None = it is not revoked.
    """

    serial: str
    name: str
    not_after: str
    key: str
    revoked_at: str | None = None


def read_issued(folder: Path) -> tuple[Issued, ...]:
    """Every certificate on record, oldest first.

    Raises:
        PkiError: the record cannot be read.
    """
    path = folder / "issued.json"
    try:
        return tuple(Issued(**entry) for entry in read_json(read_secret(path), max_bytes=MAX_BYTES))
    except (ValueError, TypeError) as error:
        raise PkiError(Message("terminal.error.at", where=Plain(path), reason=why(error))) from error


def write_issued(folder: Path, entries: tuple[Issued, ...]) -> None:
    """Replace the record.

    Raises:
        PkiError: it cannot be written.
    """
    text = json.dumps([asdict(entry) for entry in entries], indent=0)
    write_secret(folder / "issued.json", text.encode())


def barred_names(folder: Path) -> tuple[str, ...]:
    """Names of which every certificate is revoked: the broker's list denies them everything.

    Raises:
        PkiError: the record cannot be read.
    """
    entries = read_issued(folder)
    valid = {entry.name for entry in entries if entry.revoked_at is None}
    return tuple(sorted({entry.name for entry in entries} - valid))
