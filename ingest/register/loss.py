"""Measures how many lamps a new register would remove; large losses need confirmation."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

_SHARE: Final = 0.1  # of the lamps
_FEW: Final = 5  # lamps may always go


def n_lost(old_ids: Iterable[str], new_ids: Iterable[str]) -> int:
    """How many ids are no longer there."""
    return len(set(old_ids).difference(new_ids))


def is_large_loss(n_old: int, n_gone: int, n_new: int) -> bool:
    """Whether so much is gone that a file cut short explains it better than work in the street.

    Args:
        n_old: ids before.
        n_gone: those of them that are no longer there.
        n_new: ids after.
    """
    return (n_old > 0 and n_new == 0) or (n_gone > _FEW and n_gone > _SHARE * n_old)
