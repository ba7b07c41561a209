"""Everything that a detection remembers between two sweeps, found by walking through its objects, whatever they are.

So that a new piece of memory which no snapshot holds is found by a test, and not by a city after a restart.
"""

from collections import deque
from dataclasses import is_dataclass

import numpy as np

from ingest.detection.conditions.causes import Causes
from ingest.detection.memory.debounce import Debounce
from ingest.detection.memory.limit_table import LimitTable
from ingest.detection.rules import RuleSet
from ingest.detection.snapshot import arrays_of
from ingest.lighting.schedules import Schedules
from ingest.lighting.timetable import CabinetTimetable
from ingest.model.finding import Key
from ingest.model.fleet import Fleet
from ingest.schema.city import City
from tests.ingest.detection.exact_path import differences

# What no restart has to keep, by the end of its path, and why.
LEFT_OUT = {
    "now_us": "the time is passed in with every sweep",
    "presence.listening_us": "since when somebody listens is a new time after a restart",
    "presence.ticked_us": "the same",
    "state.n_list_changes": "counts changes for caches that are computed anew",
    "sums.n_changes": "as n_list_changes",
    "loads.n_changes": "as n_list_changes",
    "loads.bare": "follows from the lists",
    "state.low_w": "a band; without one a lamp's next good sample is judged, with the same result",
    "state.high_w": "the same",
    "state.least_pf": "the same",
    "stable_regions.reported": "a region in which nothing changes; without one a sample is judged all the same",
    "stable_regions.bounds": "the same",
    "known.level": "the same, of levels",
    "context.scheduled": "of the sweep at hand",
    "rules.is_weather_dark": "of the sweep at hand",
    "rules.is_contactor_suspect": "of the sweep at hand",
    "rules.overvolted": "of the sweep at hand",
    "rules.refuted": "of the sweep at hand",
    "dips.put_out": "of the sweep at hand",
    "balance.commands": "of the sweep at hand",
    "back.lamp": "of the sweep at hand",
    "back.since_s": "of the sweep at hand",
    "silence.pending": "of the sweep at hand",
    "cases.begun": "of the sweep at hand",
    "screen": "shortcuts; see the states' bands",
    "voltages.is_idle": "whether any counter runs, looked up anew",
    "silent_load.kept": "without sums from which no silence goes on; what a snapshot holds is compared",
    "maintenance": "handed over anew at every start",
}
CONSTANT = (Fleet, City, RuleSet, LimitTable, Schedules, CabinetTimetable, Causes, np.dtype)


def _is_left_out(path):
    plain = f".{path}".replace("._", ".")
    return any(plain.endswith(f".{name}") for name in LEFT_OUT)


def walk(item, path="", seen=None):
    """Yield ``(path, value)`` of every array, number, text and container that an object's memory consists of."""
    seen = set() if seen is None else seen
    if _is_left_out(path) or isinstance(item, CONSTANT) or callable(item):
        return
    if isinstance(item, np.ndarray | np.generic | int | float | str | bytes | Key | type(None)):
        yield path, item
        return
    if id(item) in seen:
        return
    seen.add(id(item))
    if isinstance(item, dict):
        for key in sorted(item, key=repr):
            yield from walk(item[key], f"{path}[{key}]", seen)
    elif isinstance(item, set | frozenset):
        yield path, sorted(item, key=repr)
    elif isinstance(item, list | tuple | deque):
        for i, one in enumerate(item):
            yield from walk(one, f"{path}[{i}]", seen)
    else:
        names = list(vars(item)) if hasattr(item, "__dict__") else []
        names += [name for name in getattr(type(item), "__slots__", ()) if name not in names]
        assert names or is_dataclass(item), f"{path}: {type(item)}"
        for name in names:
            yield from walk(getattr(item, name), f"{path}.{name}" if path else name, seen)


def whole_memory(detection):
    """All of it but the arrays that a snapshot holds by itself, which ``exact_path.differences`` compares."""
    parts = detection._parts(detection._state.marks())
    kept = {id(values) for holders in parts.values() for _, holder in holders for values in arrays_of(holder).values()}
    kept |= {id(holder._words) for holders in parts.values() for _, holder in holders if isinstance(holder, Debounce)}
    found = {path: value for path, value in walk(detection) if id(value) not in kept}
    return found | detection._silent_load.kept.arrays()


def _is_same(one, other):
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return one.shape == other.shape and np.array_equal(one, other, equal_nan=one.dtype.kind == "f")
    return type(one) is type(other) and (one == other or (one != one and other != other))  # noqa: PLR0124  # NaN


def apart(restarted, plain):
    """What a restarted detection remembers otherwise than one that was not."""
    left, right = whole_memory(restarted), whole_memory(plain)
    found = sorted(left.keys() ^ right.keys())
    found += [
        f"{path}: {left[path]}, not {right[path]}"
        for path in left.keys() & right.keys()
        if not _is_same(left[path], right[path])
    ]
    return found + [
        text for text in differences(restarted, plain) if not _is_left_out(text.partition("[")[0].replace("/", "."))
    ]
