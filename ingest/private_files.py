"""Files and folders that only their owner may read."""

from __future__ import annotations

import os
from pathlib import Path


def make_private(folder: Path) -> None:
    """Make a folder that its owner alone may enter, or shut one that others may enter if it is ours.

    Raises:
        OSError: it cannot be made.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.stat()
    if found.st_mode & 0o077 and found.st_uid == os.geteuid():
        folder.chmod(0o700)


def keep_private(path: Path) -> None:
    """Let nobody but its owner read a file, if it is ours.

    Raises:
        OSError: it is not there, or the disk refuses.
    """
    found = path.stat()
    if found.st_mode & 0o077 and found.st_uid == os.geteuid():
        path.chmod(0o600)
