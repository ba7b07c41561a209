"""One controller's Sparkplug session as its NBIRTH declared it: aliases, lamp and circuit order, and progress.

Pure: bytes in, a ``Session`` out. Whom to believe, and when to ask for a rebirth, is decided in
``ingest.sparkplug.host_application``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final

import numpy as np
from google.protobuf.message import DecodeError

from edge_agent.wire import PHASES, SEQ_MODULUS, PayloadMessage, WireError
from ingest.decode.bounds import (
    MAX_FIELDS,
    MAX_INTERVAL_S,
    MAX_LAMPS,
    MAX_PAYLOAD,
    MAX_SCHEDULE_TEXT,
    MAX_SEQUENCE,
    MAX_VERSION_TEXT,
    document_text,
    id_list,
    shown_text,
    whole_number,
)
from ingest.decode.protobuf_fields import has_more_fields
from ingest.errors import BirthError, ForeignBirthError, FullError
from ingest.model.id_directory import Directory
from ingest.model.received_ranges import ReceivedRanges
from ingest.schema.telemetry import CIRCUIT_VALUES, LAMP_VALUES, PHASE_VALUES

# Quantities by the place that they have in a decoded record. Arrays over lamps come first, then over circuits, then the
# three phases of the cabinet, then scalars.
LAMP_ARRAYS: Final = tuple(sorted(LAMP_VALUES, key=lambda column: -column.quantity.item_bytes))  # equally wide together
_WIDTHS: Final = [column.quantity.item_bytes for column in LAMP_ARRAYS]
# Kinds of arrays over lamps: the first slot of those that are so wide, and the dtype by which their items are moved.
LAMP_KINDS: Final = {_WIDTHS.index(width): f"<u{width}" for width in dict.fromkeys(_WIDTHS)}
FIRST_CIRCUIT: Final = len(LAMP_ARRAYS)
FIRST_CABINET: Final = FIRST_CIRCUIT + len(CIRCUIT_VALUES)
N_ARRAYS: Final = FIRST_CABINET + len(PHASE_VALUES)
CABINET_ENERGY: Final = N_ARRAYS
EPOCH: Final = N_ARRAYS + 1
SEQUENCE: Final = N_ARRAYS + 2
PENDING: Final = N_ARRAYS + 3
INTERVAL: Final = N_ARRAYS + 4
DOOR: Final = N_ARRAYS + 5
CONTACTOR: Final = N_ARRAYS + 6
SUPPLY: Final = N_ARRAYS + 7
SYNCHRONISED: Final = N_ARRAYS + 8
N_SLOTS: Final = N_ARRAYS + 9

SLOT_OF: Final[dict[str, int]] = {
    **{column.quantity.metric: i for i, column in enumerate((*LAMP_ARRAYS, *CIRCUIT_VALUES, *PHASE_VALUES))},
    "Cabinet/Energy": CABINET_ENERGY,
    "Outbox/Epoch": EPOCH,
    "Outbox/Sequence": SEQUENCE,
    "Outbox/Pending": PENDING,
    "Sweep/Interval": INTERVAL,
    "Cabinet/Door Open": DOOR,
    "Cabinet/Contactor Closed": CONTACTOR,
    "Cabinet/Supply Present": SUPPLY,
    "Clock/Synchronised": SYNCHRONISED,
}
# Kinds of arrays by their first slot, and how many of them follow: those of a kind are equally long.
ARRAY_KINDS: Final = {
    **{first: _WIDTHS.count(_WIDTHS[first]) for first in LAMP_KINDS},
    FIRST_CIRCUIT: len(CIRCUIT_VALUES),
    FIRST_CABINET: len(PHASE_VALUES),
}
_ABSENT_ITEMS: Final = tuple(
    tuple(column.quantity.pack(column.absent) for column in columns)
    for columns in (LAMP_ARRAYS, CIRCUIT_VALUES, PHASE_VALUES)
)
# What a record says once, and of its cabinet.
SCALARS: Final = (CABINET_ENERGY, DOOR, CONTACTOR, SUPPLY)
_WORTH_A_LOOK: Final = 16_384  # bytes: in more, the name is looked for before the payload is parsed
_UINT64: Final = (1 << 64) - 1


@dataclass(slots=True)
class Session:
    """A controller that is online, in the order of its birth.

    Attributes:
        controller: its number in the directory.
        slots: alias -> slot, as the birth numbered them.
        layout: equal for sessions whose payloads are to be read alike: the same aliases, as many lamps and circuits.
        fillers: per array slot the bytes that represent "unknown" over all its items, of exactly the right length.
        lamps: int32 bytes, numbers of its lamps in the order of ``Lamps/Id``; so circuits.
        first_lamp: the batch's, if all its lamps are the register's.
        epoch: that of the records which are read by this birth; 0 = it does not say: its first record's.
        seq: the last Sparkplug sequence number.
        live_sequence: the number of its last live record.
        n_unread: payloads in its name since the last record whose numbers could not be read.
        unread_hash: theirs; None = they differ, or may be another agent's of the same name.
        next_round: the round of this tick in which its next live record may stand.
    """

    controller_id: str
    controller: int
    bd_seq: int | None
    slots: dict[int, int]
    layout: object
    lamp_ids: tuple[str, ...]
    circuit_ids: tuple[str, ...]
    lamps: bytes
    first_lamp: int
    circuits: bytes
    fillers: tuple[bytes, ...]
    sizes: tuple[int, ...]
    at_ms: int
    epoch: int
    sequence: int | None
    pending: int | None
    interval_s: int
    is_synchronised: bool
    agent_version: str | None
    schedule: str | None
    takes_schedule: bool
    n_strange: int
    seq: int = 0
    last_at_us: int = 0
    next_round: int = 0
    live_sequence: int = 0
    n_unread: int = 0
    unread_hash: int | None = None
    ranges: ReceivedRanges | None = None


def parse_birth(controller_id: str, data: bytes, directory: Directory) -> Session:
    """A session from an NBIRTH payload; a birth that is refused leaves nothing behind in the directory.

    Raises:
        FullError: the directory has no room for all of its ids that the register does not know.
        ForeignBirthError: it has no ``Outbox/Epoch``.
        BirthError: not a payload, seq is not 0, or something in it is larger than allowed or cannot be read.
    """
    if len(data) > MAX_PAYLOAD:
        raise BirthError(f"NBIRTH of {controller_id}: {len(data)} bytes")
    if len(data) > _WORTH_A_LOOK and b"Outbox/Epoch" not in data:  # other systems' births may be large, and many
        raise ForeignBirthError(f"NBIRTH of {controller_id}: no Outbox/Epoch")
    if has_more_fields(data, MAX_FIELDS):
        raise BirthError(f"NBIRTH of {controller_id}: more than {MAX_FIELDS} fields")
    message = PayloadMessage()
    try:
        message.ParseFromString(data)
        named = _by_name(message)
        epoch = whole_number(named.get("Outbox/Epoch"), _UINT64)
        if epoch is None:
            raise ForeignBirthError(f"NBIRTH of {controller_id}: no Outbox/Epoch")
        _check_seq(message)
        slots = _slots(named)
        lamp_ids = id_list(named.get("Lamps/Id"), MAX_LAMPS)
        circuit_ids = id_list(named.get("Circuits/Id"), MAX_LAMPS)
        sequence = whole_number(named.get("Outbox/Sequence"), MAX_SEQUENCE)
        pending = whole_number(named.get("Outbox/Pending"), MAX_SEQUENCE)
        bd_seq = whole_number(named.get("bdSeq"), _UINT64)
        # only now, when nothing can be wrong any more: these remember what they are given
        circuits, n_strange_circuits = directory.circuit_numbers(controller_id, circuit_ids)
        try:
            lamps, n_strange = directory.lamp_numbers(controller_id, lamp_ids)
        except (OverflowError, FullError):
            directory.forget_last_circuits()
            raise
        controller = directory.controllers.number(controller_id)
    except (DecodeError, UnicodeDecodeError, WireError, OverflowError) as error:
        raise BirthError(f"NBIRTH of {controller_id}: {error}") from error
    schedule = named.get("Schedule/Document")
    interval = named.get("Sweep/Interval")
    fillers = _fillers(len(lamp_ids), len(circuit_ids))
    return Session(
        controller_id=controller_id,
        controller=controller,
        bd_seq=bd_seq,
        slots=slots,
        layout=_layout(frozenset(slots.items()), len(lamp_ids), len(circuit_ids)),
        lamp_ids=lamp_ids,
        circuit_ids=circuit_ids,
        lamps=np.array(lamps, "<i4").tobytes(),
        first_lamp=_first_lamp(lamps, n_strange),
        circuits=np.array(circuits, "<i4").tobytes(),
        fillers=fillers,
        sizes=tuple(len(filler) for filler in fillers),
        at_ms=message.timestamp,
        epoch=epoch,
        sequence=sequence,
        pending=pending,
        interval_s=believed_interval(0 if interval is None else interval.long_value or interval.int_value),
        is_synchronised="Clock/Synchronised" not in named or named["Clock/Synchronised"].boolean_value,
        agent_version=shown_text(named.get("Agent/Version"), MAX_VERSION_TEXT),
        schedule=document_text(schedule, MAX_SCHEDULE_TEXT),
        takes_schedule=schedule is not None,
        n_strange=n_strange + n_strange_circuits,
    )


def believed_interval(reported_s: int) -> int:
    """An interval in s as the agent reports it; 0 (unknown) if it is implausible."""
    return reported_s if reported_s <= MAX_INTERVAL_S else 0


def renumbered(session: Session, directory: Directory) -> Session:
    """The same session, its controller, lamps and circuits numbered by another directory."""
    lamps, n_strange = directory.lamp_numbers(session.controller_id, session.lamp_ids)
    circuits, n_strange_circuits = directory.circuit_numbers(session.controller_id, session.circuit_ids)
    return replace(
        session,
        controller=directory.controllers.number(session.controller_id),
        lamps=np.array(lamps, "<i4").tobytes(),
        first_lamp=_first_lamp(lamps, n_strange),
        circuits=np.array(circuits, "<i4").tobytes(),
        n_strange=n_strange + n_strange_circuits,
    )


def _by_name(message: PayloadMessage) -> dict[str, Any]:
    """A payload's metrics."""
    named: dict[str, Any] = {}
    for metric in message.metrics:
        name = metric.name
        if not isinstance(name, str):
            raise WireError("a metric's name is not UTF-8")
        if name in named and name in SLOT_OF:
            raise WireError(f"{name} stands in it twice")
        named[name] = metric
    return named


def _check_seq(message: PayloadMessage) -> None:
    if message.seq != 0:
        raise WireError(f"seq is {message.seq}, not 0")


def _slots(named: Mapping[str, Any]) -> dict[int, int]:
    slots = {m.alias: SLOT_OF[name] for name, m in named.items() if name in SLOT_OF and m.HasField("alias")}
    if len(slots) < sum(name in SLOT_OF and m.HasField("alias") for name, m in named.items()):
        raise WireError("two metrics have the same alias")
    return slots


def _first_lamp(lamps: list[int], n_strange: int) -> int:
    is_run = not n_strange and lamps and lamps == list(range(lamps[0], lamps[0] + len(lamps)))
    return lamps[0] if is_run else -1


@lru_cache(1 << 13)
def _layout(slots: frozenset[tuple[int, int]], n_lamps: int, n_circuits: int) -> object:
    """One object for all equal layouts: what is looked up for every message should not be hashed for each."""
    del slots, n_lamps, n_circuits
    return object()


def missing_before(session: Session, seq: int) -> int:
    """How many of the session's messages are missing between its last and ``seq``, at which it is afterwards."""
    n_missing = (seq - session.seq - 1) % SEQ_MODULUS
    session.seq = seq % SEQ_MODULUS
    return n_missing


@lru_cache(256)
def _fillers(n_lamps: int, n_circuits: int) -> tuple[bytes, ...]:
    """The unknown values that replace each missing array."""
    lamp, circuit, phases = _ABSENT_ITEMS
    return (
        *(item * n_lamps for item in lamp),
        *(item * n_circuits for item in circuit),
        *(item * len(PHASES) for item in phases),
    )
