"""Allocator settings for a process that needs the same memory again every second."""

from __future__ import annotations

import ctypes
import gc
from typing import Final

import pyarrow as pa

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # mallopt(3) of glibc
_KEPT: Final = 1 << 30
_GC_THRESHOLD: Final = (200_000, 20, 50)  # some ticks' objects, which are gone by then; nothing but paho makes cycles


def collect_rarely() -> None:
    """Look for garbage rarely, and never again through what is there now.

    A register's objects live as long as the process, and are millions.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLD)
    gc.enable()


def keep_memory() -> None:
    """Let the heap keep what a tick gave back: asking the kernel for it anew costs a page fault every 4 kB.

    A C library without ``mallopt`` is left as it is.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return
    mallopt(_MMAP_THRESHOLD, _KEPT)
    mallopt(_TRIM_THRESHOLD, _KEPT)


def give_back_memory() -> None:
    """Return to the kernel what is free now; the next ticks ask for theirs anew.

    A flood of large messages, or a day's segments that were merged, would otherwise count as this process's for weeks.
    A C library without ``malloc_trim`` keeps its part.
    """
    pa.default_memory_pool().release_unused()
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError):
        return
    trim(0)
