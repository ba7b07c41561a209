"""Writes a large file with O_DIRECT, bypassing the operating system's cache.

What is stored is not read soon. Copied into the cache page by page it costs a third of a nanosecond a byte, as much as
encoding it; from aligned memory the disk takes it by itself.
"""

from __future__ import annotations

import errno
import mmap
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pyarrow as pa

_PAGE: Final = 4096  # what any disk's blocks are a part of
_STEP: Final = 4 << 20


class Scratch:
    """Page-aligned memory in which files are made, one at a time; kept, since new memory costs more than the copy."""

    def __init__(self) -> None:
        """Hold none yet."""
        self._memory = mmap.mmap(-1, _PAGE)

    def of(self, n_bytes: int) -> mmap.mmap:
        """At least so many bytes; what was in the memory before is in nobody's use any more."""
        if len(self._memory) < n_bytes:
            self._memory = mmap.mmap(-1, -(-n_bytes // _STEP) * _STEP)
        return self._memory


def write_direct(path: Path, scratch: Scratch, most_bytes: int, fill: Callable[[pa.NativeFile], None]) -> bool:
    """Make a file in memory and write it for good; False, and nothing is to be relied on, where that is not possible.

    Args:
        path: a new file, or one that may be overwritten.
        scratch: nobody else's meanwhile.
        most_bytes: what the file will hardly exceed; if it does, it is not written.
        fill: writes the file's bytes, front to back.

    Raises:
        OSError: the disk is full or refuses.
    """
    memory = scratch.of(most_bytes)
    with pa.FixedSizeBufferWriter(pa.py_buffer(memory)) as sink:
        try:
            fill(sink)
        except (OSError, pa.ArrowInvalid):  # there is nothing else in it that could fail
            return False
        size = sink.tell()
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_DIRECT, 0o666)
    except OSError as error:
        if error.errno == errno.EINVAL:  # a file system that cannot
            return False
        raise
    try:
        if not _write(descriptor, memory, size):
            return False
        os.ftruncate(descriptor, size)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return True


def _write(descriptor: int, memory: mmap.mmap, size: int) -> bool:
    """Write whole pages; the last one is cut by the caller."""
    end, at = -(-size // _PAGE) * _PAGE, 0
    with memoryview(memory) as view:
        while at < end:
            try:
                n = os.write(descriptor, view[at:end])
            except OSError as error:
                if error.errno == errno.EINVAL and at == 0:
                    return False
                raise
            if n < _PAGE:  # the disk's last bytes: the rest of a page cannot be written so
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            at += n // _PAGE * _PAGE
            os.lseek(descriptor, at, os.SEEK_SET)
    return True
