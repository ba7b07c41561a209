"""The order in which the words of one load are applied: causes before what they explain."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from ingest.model.finding import Change, Key, Raised, StillFailing


def causes_first(changes: Sequence[Change]) -> list[Change]:
    """The words in order, but one that names a cause after the word that raises the cause.

    A word waits for a later one only while its own condition holds: what raises a condition stays before what ends it.
    """
    raised_at: dict[Key, list[int]] = {}
    ended_at: dict[Key, list[int]] = {}
    for i, word in enumerate(changes):
        if not isinstance(word, StillFailing):
            (raised_at if isinstance(word, Raised) else ended_at).setdefault(word.key, []).append(i)
    places: list[tuple[int, int]] = [(0, 0)] * len(changes)
    for i in range(len(changes) - 1, -1, -1):  # what a word waits for comes after it, and has its place already
        word, places[i] = changes[i], (i, 0)
        if not isinstance(word, Raised) or word.cause is None:
            continue
        cause_at = raised_at.get(word.cause, [])
        n_before = bisect_left(cause_at, i)
        last_end = bisect_left(ended_at.get(word.cause, []), i) - 1
        holds = n_before > 0 and (last_end < 0 or ended_at[word.cause][last_end] < cause_at[n_before - 1])
        if holds or n_before == len(cause_at):
            continue
        anchor, depth = places[cause_at[n_before]]
        own_end = ended_at.get(word.key, [])
        n_ended = bisect_left(own_end, i)
        if n_ended == len(own_end) or own_end[n_ended] > anchor:
            places[i] = (anchor, depth + 1)
    order = sorted(range(len(changes)), key=places.__getitem__)
    return [changes[i] for i in order]
