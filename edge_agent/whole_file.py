"""Replaces a file whole or not at all: written beside, synced, renamed.

The server has the same in ``ingest.whole_file``: neither package may import the other, and files are no wire format.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

NEW: str = ".new"  # what the new file is called until it is whole


@contextmanager
def replacing(path: Path, *, mode: int = 0o666, is_synced: bool = True, is_durable: bool = True) -> Iterator[IO[bytes]]:
    """A binary file that takes the place of ``path`` when the block ends without an error.

    Args:
        path: the file; its folder must exist.
        mode: permissions of a new file, less the process's umask.
        is_synced: whether its bytes must be on the disk before they take the place: otherwise a power cut may leave an
            empty file.
        is_durable: whether the new file must be there after a power cut; otherwise it may be the old one.

    Raises:
        OSError: the disk is full or read-only; the old file is kept and nothing is left beside it.
    """
    beside = path.with_name(path.name + NEW)
    try:
        beside.unlink(missing_ok=True)  # a process that was killed left it, maybe with other permissions
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            yield file
            file.flush()
            if is_synced:
                os.fsync(file.fileno())
        os.replace(beside, path)  # noqa: PTH105  # the atomic rename by its own name
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    if is_durable:
        sync_folder(path.parent)


def replace_file(
    path: Path, data: bytes, *, mode: int = 0o666, is_synced: bool = True, is_durable: bool = True
) -> None:
    """Replace a file by these bytes; see ``replacing``."""
    with replacing(path, mode=mode, is_synced=is_synced, is_durable=is_durable) as file:
        file.write(data)


def sync_folder(folder: Path) -> None:
    """Make what was renamed in a folder last through a power cut.

    Raises:
        OSError: the disk refuses.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
