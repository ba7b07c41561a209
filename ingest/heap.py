"""The C heap of a process that needs the same memory again every second."""

from __future__ import annotations

import ctypes
from typing import Final

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # mallopt(3) of glibc
_KEPT: Final = 1 << 30


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
