"""The truth benchmark's table and its JSON object."""

from __future__ import annotations

import statistics
from typing import Any, Final

import numpy as np

from benchmarks.truth.score import CONFIRM_S, Tally, wilson

_EXACT: Final = {
    "cableFailure": "exact spans",
    "circuitPowerTooLow": "exact counts of dark lamps",
    "communicationFailure": "silent lamps told dark or lit, or called ambiguous",
}


def _share(hits: int, n: int) -> float | None:
    return round(hits / n, 4) if n else None


def f1_of(tally: Tally) -> float | None:
    """F1 of a code; None where nothing was scored and nothing shown."""
    if not tally.n:
        return None
    precision = tally.n_right / max(tally.n_right + tally.n_false, 1)
    recall = tally.n_found / tally.n
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def print_report(tallies: dict[str, Tally], lamp_nights: int, n_errors: int) -> None:
    """Print one line a code, then errors."""
    print(
        f"{'code':22} {'n':>4} {'precision [95 %]':>22} {'recall [95 %]':>22} {'F1':>6} {'delay p50/p95':>13} "
        f"{'confirm':>7} {'false':>5} {'per 1e6 lamp-nights [95 %]':>27} {'later':>5}"
    )
    for code, tally in tallies.items():
        n_told = tally.n_right + tally.n_false
        precision, recall = wilson(tally.n_right, n_told), wilson(tally.n_found, tally.n)
        low, high = wilson(tally.n_false, lamp_nights)
        delays = tally.delays
        delay = f"{statistics.median(delays):.0f}/{np.percentile(delays, 95):.0f}" if delays else "-"
        f1 = f1_of(tally)
        print(
            f"{code:22} {tally.n:>4} "
            f"{_text(tally.n_right, n_told):>7} [{precision[0]:.3f}, {precision[1]:.3f}] "
            f"{_text(tally.n_found, tally.n):>7} [{recall[0]:.3f}, {recall[1]:.3f}] "
            f"{'-' if f1 is None else f'{f1:.3f}':>6} {delay:>13} {CONFIRM_S.get(code, 120) // 60:>7} "
            f"{tally.n_false:>5} "
            f"{tally.n_false / lamp_nights * 1e6:>9.1f} [{low * 1e6:.1f}, {high * 1e6:.1f}] "
            f"{tally.n_explained_later:>5}"
        )
    for code, what in _EXACT.items():
        tally = tallies[code]
        low, high = wilson(tally.n_exact, tally.n_exact_asked)
        print(f"{what}: {tally.n_exact} of {tally.n_exact_asked} [{low:.3f}, {high:.3f}]")
    for code, tally in tallies.items():
        for line in tally.false[:n_errors]:
            print(f"false  {line}")
        for line in tally.missed[:n_errors]:
            print(f"missed {code} {line}")
        for line in tally.inexact[:n_errors]:
            print(f"inexact {line}")
        for line in tally.later[: n_errors // 4]:
            print(f"later  {line}")


def _text(hits: int, n: int) -> str:
    share = _share(hits, n)
    return "-" if share is None else f"{share:.3f}"


def summary(tallies: dict[str, Tally], lamp_nights: int) -> dict[str, Any]:
    """The last line's object."""
    scores = [score for tally in tallies.values() if (score := f1_of(tally)) is not None]
    cable = tallies["cableFailure"]
    false_dark = tallies["lampFailure"].n_false
    low, high = wilson(false_dark, lamp_nights)
    return {
        "macro_f1": round(statistics.fmean(scores), 4) if scores else None,
        "lowest_f1": round(min(scores), 4) if scores else None,
        "n_codes_scored": len(scores),
        "false_lamp_failure_per_million_lamp_nights": round(false_dark / lamp_nights * 1e6, 2),
        "false_lamp_failure_interval": [round(low * 1e6, 2), round(high * 1e6, 2)],
        "false_per_million_lamp_nights": round(sum(t.n_false for t in tallies.values()) / lamp_nights * 1e6, 2),
        "lamp_nights": lamp_nights,
        "exact_spans": _share(cable.n_exact, cable.n_exact_asked),
        "exact_dark_counts": _share(tallies["circuitPowerTooLow"].n_exact, tallies["circuitPowerTooLow"].n_exact_asked),
        "codes": {
            code: {
                "n": tally.n,
                "precision": _share(tally.n_right, tally.n_right + tally.n_false),
                "recall": _share(tally.n_found, tally.n),
                "median_delay_sweeps": statistics.median(tally.delays) if tally.delays else None,
                "p95_delay_sweeps": float(np.percentile(tally.delays, 95)) if tally.delays else None,
                "n_false": tally.n_false,
            }
            for code, tally in tallies.items()
        },
    }
