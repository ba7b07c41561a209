"""Damaged files are kept under another name: what was in them may still be of use to a person."""

from __future__ import annotations

import time
from pathlib import Path


def set_aside(path: Path) -> Path | None:
    """Keep a file that cannot be used under another name with the time (UTC); returns it, None if it cannot be."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    for number in range(100):
        kept = path.with_name(f"{path.name}.damaged-{stamp}{f'-{number}' if number else ''}")
        if kept.exists():
            continue
        try:
            path.rename(kept)
        except OSError:
            return None
        return kept
    return None
