"""Reads a file that anything may stand in place of: a pipe does not stall the reader, a giant does not fill memory."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path


def read_bounded(path: Path, max_bytes: int) -> bytes:
    """The bytes of a regular file.

    Raises:
        OSError: it cannot be read; it is a folder (EISDIR), a pipe, socket or device (EINVAL), or longer than
            ``max_bytes`` (EFBIG).
    """
    # without O_NONBLOCK, opening a pipe waits for a writer that may never come
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(file.fileno())
        if stat.S_ISDIR(found.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        data = b"" if found.st_size > max_bytes else file.read(max_bytes + 1)
        if found.st_size > max_bytes or len(data) > max_bytes:
            raise OSError(errno.EFBIG, f"longer than {max_bytes} bytes", str(path))
        return data


def is_special(path: Path) -> bool:
    """Whether something other than a regular file stands there, which a reader that takes a path would wait for."""
    try:
        return not stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return False
