"""What the audit log leaves outside the database: ``ingest.schema.audit_anchors`` with the API's errors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from dashboard_api.store.engine import Database
from ingest.schema.audit_anchors import ANCHOR_FILE, HEAD_FILE, Anchor, read_anchors, read_head, write_anchor

__all__ = ["ANCHOR_FILE", "HEAD_FILE", "Anchor", "keep_anchor", "read_anchors", "read_head"]


def keep_anchor(database: Database, key: Callable[[], bytes], folder: Path, day: str) -> None:
    """Write the head's file, and today's anchor if there is none yet.

    Args:
        database: the city's.
        key: reads the audit key.
        folder: the city's data folder.
        day: today by the city's clock, ISO 8601.

    Raises:
        UnavailableError: the database does not answer.
        UnusableError: the audit key cannot be read.
        OSError: the files cannot be written.
    """
    with database.reading() as connection:
        write_anchor(connection, key, folder, day)
