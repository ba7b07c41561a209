"""What the audit log leaves outside the database: its newest line's number, and one anchor a day.

Whoever can write the database could put an older copy of it in place. The file ``audit-head.json`` tells how far the
log had come, and ``audit-anchors.jsonl`` grows by one sealed line a day, which also goes to the program's log: kept on
another machine, it proves which lines there were.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from durable_files.bounded_read import read_bounded
from durable_files.whole_file import give_to_owner_of_folder, replace_file
from ingest.schema.audit_chain import seal
from ingest.schema.audit_log import newest

_MAX_BYTES: Final = 100_000_000
HEAD_FILE: Final = "audit-head.json"
ANCHOR_FILE: Final = "audit-anchors.jsonl"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Anchor:
    """The newest line on a day; in the head's file ``day`` is ``head``."""

    day: str
    seq: int
    mac: str
    seal: str

    def is_genuine(self, key: bytes) -> bool:
        """Whether it was sealed with the audit key."""
        return self.seal == seal(key, self.day, self.seq, self.mac)


def write_anchor(connection: Connection, key: Callable[[], bytes], folder: Path, day: str) -> None:
    """Write the head's file, and today's anchor if there is none yet; one process at a time.

    Args:
        connection: to the city's database.
        key: reads the audit key.
        folder: the city's data folder.
        day: today by the city's clock, ISO 8601.

    Raises:
        KeyFileError: the key cannot be read.
        OSError: the files cannot be written.
        ValueError: a line of the anchors' file is no anchor.
    """
    row = newest(connection)
    if row is None:
        return
    audit_key = key()
    if row.seal != seal(audit_key, "head", row.seq, row.mac):
        return
    path = folder / ANCHOR_FILE
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "r+", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # the API and a command may come at the same moment
        give_to_owner_of_folder(path)
        head = read_head(folder)
        if head is None or head.seq < row.seq:
            _write_whole(folder / HEAD_FILE, Anchor("head", row.seq, row.mac, row.seal))
        text = file.read()
        whole = text[: text.rfind("\n") + 1]
        if whole != text:  # the power went while an anchor was written
            file.truncate(len(whole))
        anchors = _anchors(whole)
        if anchors and anchors[-1].day >= day:
            return
        anchor = Anchor(day, row.seq, row.mac, seal(audit_key, day, row.seq, row.mac))
        file.write(json.dumps(asdict(anchor)) + "\n")
        file.flush()
        os.fsync(file.fileno())
    _log.warning("audit anchor of %s: line %d, %s, seal %s", day, anchor.seq, anchor.mac, anchor.seal)


def _write_whole(path: Path, anchor: Anchor) -> None:
    replace_file(path, json.dumps(asdict(anchor)).encode(), mode=0o600, is_owned_like_folder=True)


def read_head(folder: Path) -> Anchor | None:
    """The head's file; None = there is none.

    Raises:
        ValueError: it holds no anchor.
    """
    try:
        text = read_bounded(folder / HEAD_FILE, _MAX_BYTES).decode("ascii")
    except FileNotFoundError:
        return None
    return _anchor(text)


def read_anchors(path: Path) -> list[Anchor]:
    """The anchors of a file, oldest first; empty where there is none.

    Raises:
        ValueError: a line is no anchor.
    """
    try:
        text = read_bounded(path, _MAX_BYTES).decode("ascii")
    except FileNotFoundError:
        return []
    return _anchors(text)


def _anchors(text: str) -> list[Anchor]:
    return [_anchor(line) for line in text.splitlines() if line.strip()]


def _anchor(text: str) -> Anchor:
    try:
        document = json.loads(text)
        return Anchor(str(document["day"]), int(document["seq"]), str(document["mac"]), str(document["seal"]))
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"not an anchor: {text[:80]!r}") from error
