"""Detection's memory as named arrays, and back: counters, open runs, baselines, last values, open conditions.

Matched by id, so that it survives a changed register: what is new starts fresh, what is gone is dropped, and a lamp
with another rating or technology starts its learning anew.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ingest.detection.conditions.active_conditions import ActiveConditions
from ingest.detection.conditions.causes import Case
from ingest.detection.memory.lamp_state import LIT_YES
from ingest.errors import SnapshotError
from ingest.model.finding import Change, Cleared, Key, Place
from ingest.model.fleet import Fleet

VERSION: Final = 3
READABLE: Final = frozenset({2, VERSION})  # 2 stored the rules' flags by position, see ``upgraded``
_SPARSE: Final = 16
_LATEST_S: Final = 253_402_300_799  # the year 9999: what is later is no time, and its microseconds fit no number
_RENAMED: Final = {
    "is_status_told": "is_status_reported",
    "level_told": "level_reported",
    "level_told_s": "level_reported_s",
    "switch_told_s": "switch_reported_s",
    "told": "reported",
}
"""What arrays were called in snapshots until a reported value was called so everywhere."""
Arrays = Mapping[str, npt.NDArray[Any]]
Holder = tuple[str, object]


def ids_of(fleet: Fleet) -> dict[str, list[str]]:
    """Names of all items of each kind, unique within the kind."""
    circuits = [
        f"{fleet.cabinet_ids[k]}\x1f{q}"
        for k, q in zip(fleet.circuit_cabinet.tolist(), fleet.circuit_names, strict=True)
    ]
    return {
        "lamp": fleet.lamp_ids.tolist(),
        "circuit": circuits,
        "cabinet": list(fleet.cabinet_ids),
        "controller": list(fleet.controller_ids),
        "sum": [*circuits, *fleet.cabinet_ids],
        "meter": [
            *circuits,
            *fleet.controller_ids,
            *(f"{controller}\x1f{phase}" for controller in fleet.controller_ids for phase in "RST"),
        ],
    }


def arrays_of(holder: object) -> dict[str, npt.NDArray[Any]]:
    """The public arrays of an object, but for those that it derives from others (``DERIVED``)."""
    derived: frozenset[str] = getattr(holder, "DERIVED", frozenset())
    return {
        name: value
        for name, value in vars(holder).items()
        if isinstance(value, np.ndarray) and name[0] != "_" and name not in derived
    }


def take(
    fleet: Fleet, parts: Mapping[str, list[Holder]], book: ActiveConditions, extra: Mapping[str, Any]
) -> dict[str, Any]:
    """Everything as arrays for ``numpy.savez``.

    Args:
        fleet: whose items the arrays are over.
        parts: kind of item -> (name, object) whose public arrays' last axis is over that kind's items.
        book: open conditions.
        extra: JSON values beside them.
    """
    memory: dict[str, Any] = {"version": np.array(VERSION)}
    for kind, ids in ids_of(fleet).items():
        memory[f"{kind}_ids"] = np.array(ids, dtype=np.str_)
        for name, holder in parts.get(kind, []):
            for field, values in arrays_of(holder).items():
                if values.ndim and values.shape[-1] == len(ids):
                    _store(memory, f"{kind}/{name}/{field}", values)
    memory["rated_power_w"], memory["technology"] = fleet.rated_power_w.copy(), fleet.technology.copy()
    cases = [_case_document(fleet, case) for case in book.cases.values()]
    memory["cases"] = np.array(json.dumps({"cases": cases, "extra": extra}))
    return memory


def is_of(memory: Arrays, fleet: Fleet) -> bool:
    """Whether a memory is of the same lamps, circuits and controllers in the same order."""
    return all(memory[f"{kind}_ids"].tolist() == ids for kind, ids in ids_of(fleet).items())


def put(memory: Arrays, fleet: Fleet, parts: Mapping[str, list[Holder]]) -> npt.NDArray[np.int64]:
    """Fill the objects' arrays from a memory; returns the lamps whose rating or technology has changed since.

    Raises:
        SnapshotError: a time that is none.
    """
    changed = np.zeros(0, np.int64)
    for kind, ids in ids_of(fleet).items():
        kept_ids = memory[f"{kind}_ids"].tolist()
        is_same_order = kept_ids == ids
        if is_same_order:
            source = np.arange(len(ids))
        else:
            old = {name: i for i, name in enumerate(kept_ids)}
            source = np.fromiter((old.get(name, -1) for name in ids), np.int64, len(ids))
        new = np.flatnonzero(source >= 0)
        source = source[new]
        for name, holder in parts.get(kind, []):
            for field, values in arrays_of(holder).items():
                kept = _load(memory, f"{kind}/{name}/{field}")
                if (
                    kept is None
                    or kept.shape[:-1] != values.shape[:-1]
                    or kept.dtype != values.dtype
                    or (values.shape[-1] != len(ids))
                ):
                    continue
                if field.endswith("_s") and kept.dtype == np.int64 and (np.abs(kept // 2) > _LATEST_S // 2).any():
                    raise SnapshotError(f"{kind}/{name}/{field} holds a time that is none")
                if is_same_order:
                    values[...] = kept
                else:
                    values[..., new] = kept[..., source]
        if kind == "lamp":
            before, now = memory["rated_power_w"][source], fleet.rated_power_w[new]
            is_same = (before == now) | (np.isnan(before) & np.isnan(now))
            changed = new[~is_same | (memory["technology"][source] != fleet.technology[new])]
    return changed


def upgraded(memory: Arrays) -> dict[str, npt.NDArray[Any]]:
    """A readable memory as this version stores it.

    Version 2 had all flags of a lamp in one number: counters by the position of twelve rules, which stand under the
    rules' names beside it, and two bits of other meaning. Earlier snapshots of version 3, too, call some arrays
    otherwise.
    """
    new = {_present_name(key): values for key, values in memory.items()}
    if int(memory["version"]) == 2:
        flags = _load(memory, "lamp/state/flags")
        if flags is not None:
            new["lamp/marks/is_learning"] = (flags & np.uint32(1 << 15)) != 0
            new["lamp/marks/is_attended"] = (flags & np.uint32(1 << 13)) != 0
    lit = _load(new, "lamp/state/lit")
    if lit is not None and _load(new, "lamp/state/is_burning") is None:
        new["lamp/state/is_burning"] = lit == LIT_YES
    return new


def _present_name(key: str) -> str:
    """A key of a snapshot, ``kind/holder/array`` or one of its parts (``#at``), with the array's name of today."""
    holder, slash, array = key.rpartition("/")
    name, mark, part = array.partition("#")
    return f"{holder}{slash}{_RENAMED.get(name, name) if holder else name}{mark}{part}"


def _store(memory: dict[str, Any], key: str, values: npt.NDArray[Any]) -> None:
    """An array, or where it is mostly zero its other values alone: nothing goes on at most lamps."""
    other = np.flatnonzero(values)
    if len(other) * _SPARSE < values.size:
        memory[f"{key}#shape"], memory[f"{key}#at"] = np.array(values.shape), other
        memory[f"{key}#values"] = values.ravel()[other]
    else:
        memory[key] = values.copy()


def _load(memory: Arrays, key: str) -> npt.NDArray[Any] | None:
    """What :func:`_store` kept; None where there is none."""
    if f"{key}#shape" not in memory:
        return memory.get(key)
    values = np.zeros(memory[f"{key}#shape"].tolist(), memory[f"{key}#values"].dtype)
    values.ravel()[memory[f"{key}#at"]] = memory[f"{key}#values"]
    return values


def documents(memory: Arrays) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The open conditions and the extra values of a memory.

    Raises:
        SnapshotError: they are not to be read.
    """
    try:
        document = json.loads(str(memory["cases"]))
        return document["cases"], document["extra"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise SnapshotError(f"not the conditions of a snapshot: {error}") from error


def _case_document(fleet: Fleet, case: Case) -> dict[str, Any]:
    return {
        "code": case.code,
        "place": asdict(case.key.place),
        "at_us": case.at_us,
        "since_us": case.since_us,
        "lamp_ids": [str(fleet.lamp_ids[lamp]) for lamp in case.lamps],
        "evidence": case.evidence,
        "controller_id": fleet.controller_ids[case.controller] if case.controller >= 0 else None,
        "cabinet_id": fleet.cabinet_ids[case.cabinet] if case.cabinet >= 0 else None,
        "circuit": fleet.circuit_names[case.circuit] if case.circuit >= 0 else None,
        "span": case.span,
        "cause": None if case.cause is None else [case.cause.code, asdict(case.cause.place)],
    }


def case_of(document: Mapping[str, Any], fleet: Fleet) -> Case | None:
    """A condition read back; None where the register no longer holds its place."""
    lamps = [fleet.lamp_index[name] for name in document["lamp_ids"] if name in fleet.lamp_index]
    controller = fleet.controller_index.get(document["controller_id"] or "", -1)
    cabinet = fleet.cabinet_index.get(document["cabinet_id"] or "", -1)
    circuit = fleet.circuit_index.get((document["cabinet_id"] or "", document["circuit"] or ""), -1)
    place = Place(**document["place"])
    is_gone = (document["lamp_ids"] and not lamps) or (document["controller_id"] and controller < 0)
    is_gone = is_gone or (document["cabinet_id"] and cabinet < 0) or (document["circuit"] and circuit < 0)
    if is_gone or (lamps and int(fleet.lamp_controller[lamps[0]]) != controller):
        return None
    cause = document["cause"]
    return Case(
        Key(document["code"], place),
        document["at_us"],
        document["since_us"],
        tuple(lamps),
        document["evidence"],
        controller,
        cabinet,
        circuit,
        None if document["span"] is None else (document["span"][0], document["span"][1]),
        None if cause is None else Key(cause[0], Place(**cause[1])),
        is_reported=True,
        lamp_set=frozenset(lamps),
    )


def restore_cases(cases: list[dict[str, Any]], fleet: Fleet, book: ActiveConditions, now_us: int) -> list[Change]:
    """Put open conditions back into the book; returns the end of those whose place the register no longer holds.

    ``now_us``: when the snapshot was taken.
    """
    lost: list[Change] = []
    for document in cases:
        case = case_of(document, fleet)
        if case is None:
            key = Key(document["code"], Place(**document["place"]))
            lost.append(Cleared(key, max(now_us, document["at_us"]), is_proof=False))
        else:
            book.restore(case)
    return lost
