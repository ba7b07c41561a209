"""Whether work grows as fast as what it works on, measured on a machine that has other work as well."""

from __future__ import annotations

import gc
from collections.abc import Callable

import pytest


def check_growth(
    small: Callable[[], float], large: Callable[[], float], factor: float, slack_s: float, tries: int = 8
) -> None:
    """Measure two sizes in turns until the larger costs less than ``factor`` times the smaller plus ``slack_s``.

    Other work of the machine only adds to a cost: the least of several is the work itself. Python's collector is off
    meanwhile, because its passes cost what the whole test process holds.

    Args:
        small: does the smaller work once and returns its CPU seconds.
        large: the same for the larger.
        factor: what the cost may grow by.
        slack_s: [s] that are too short to be measured.
        tries: after so many turns the test fails.
    """
    small_s = large_s = float("inf")
    gc.disable()
    try:
        for _ in range(tries):
            small_s, large_s = min(small_s, small()), min(large_s, large())
            if large_s < factor * small_s + slack_s:
                return
    finally:
        gc.enable()
    pytest.fail(f"{large_s:.3f} s, more than {factor} times {small_s:.3f} s")
