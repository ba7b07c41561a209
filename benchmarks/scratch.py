"""Where a benchmark keeps what need not outlive it."""

from __future__ import annotations

import os
from pathlib import Path


def memory_folder() -> Path | None:
    """A file system in memory in which this user may make folders; None = there is none, take the usual place."""
    shm = Path("/dev/shm")  # noqa: S108  (a folder of our own in it; the database's syncs are not measured here)
    return shm if shm.is_dir() and os.access(shm, os.W_OK | os.X_OK) else None
