"""One controller's Sparkplug session as its NBIRTH declared it: aliases, lamp and circuit order, and where it stands.

Pure: bytes in, a ``Session`` out. Whom to believe, and when to ask for a rebirth, is decided in
``ingest.sparkplug.host_application``.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Final

import numpy as np
from google.protobuf.message import DecodeError

from edge_agent.wire import SEQ_MODULUS, PayloadMessage, WireError, unpack_strings
from ingest.errors import BirthError
from ingest.model.id_directory import Directory
from ingest.model.received_ranges import Mark

# Quantities by the place that they have in a decoded record. Arrays over lamps come first, then over circuits, then the
# three phases of the cabinet, then scalars.
LAMP_METRICS: Final = (
    ("Lamps/Voltage", 4),
    ("Lamps/Current", 4),
    ("Lamps/Power", 4),
    ("Lamps/Power Factor", 4),
    ("Lamps/Temperature", 4),
    ("Lamps/Energy", 4),
    ("Lamps/Burning Hours", 4),
    ("Lamps/Switch Count", 4),
    ("Lamps/Dim Level", 1),
    ("Lamps/Status", 1),
    ("Lamps/Quality", 1),
)
CIRCUIT_METRICS: Final = ("Circuits/Voltage", "Circuits/Current", "Circuits/Power", "Circuits/Energy")
CABINET_METRICS: Final = ("Cabinet/Voltage", "Cabinet/Current", "Cabinet/Power")
FIRST_BYTE: Final = [size for _, size in LAMP_METRICS].index(1)  # quantities of one byte a lamp come last
FIRST_CIRCUIT: Final = len(LAMP_METRICS)
FIRST_CABINET: Final = FIRST_CIRCUIT + len(CIRCUIT_METRICS)
N_ARRAYS: Final = FIRST_CABINET + len(CABINET_METRICS)
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
    **{name: i for i, (name, _) in enumerate(LAMP_METRICS)},
    **{name: FIRST_CIRCUIT + i for i, name in enumerate(CIRCUIT_METRICS)},
    **{name: FIRST_CABINET + i for i, name in enumerate(CABINET_METRICS)},
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
    0: FIRST_BYTE,
    FIRST_BYTE: FIRST_CIRCUIT - FIRST_BYTE,
    FIRST_CIRCUIT: len(CIRCUIT_METRICS),
    FIRST_CABINET: len(CABINET_METRICS),
}
# What a record says once, and of its cabinet.
SCALARS: Final = (CABINET_ENERGY, DOOR, CONTACTOR, SUPPLY)
MAX_PAYLOAD: Final = 4_000_000  # bytes: 65,536 lamps with every quantity take 1.8 million
MAX_LAMPS: Final = 65_536  # of one controller; a bus carries 247


@dataclass(slots=True)
class Session:
    """A controller that is online, in the order of its birth.

    Attributes:
        controller: its number in the directory.
        slots: alias -> slot, as the birth numbered them.
        layout: equal for sessions whose payloads are to be read alike: the same aliases, as many lamps and circuits.
        fillers: per array slot the bytes that stand for "unknown" over all its items, of exactly the right length.
        lamps: int32 bytes, numbers of its lamps in the order of ``Lamps/Id``; so circuits.
        first_lamp: the batch's, if all its lamps are the register's.
        epoch: that of the records which are read by this birth; 0 = it does not say: its first record's.
        birth: the NBIRTH's payload.
        seq: the last Sparkplug sequence number.
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
    birth: bytes
    seq: int = 0
    last_at_us: int = 0
    next_round: int = 0
    mark: Mark | None = None
    unknown_aliases: set[int] = field(default_factory=set)


def parse_birth(controller_id: str, data: bytes, directory: Directory) -> Session:
    """A session from an NBIRTH payload.

    Raises:
        BirthError: not a payload, seq is not 0, or a list in it cannot be read.
    """
    if len(data) > MAX_PAYLOAD:
        raise BirthError(f"NBIRTH of {controller_id}: {len(data)} bytes")
    message = PayloadMessage()
    try:
        message.ParseFromString(data)
        named = {metric.name: metric for metric in message.metrics}
        slots = {m.alias: SLOT_OF[name] for name, m in named.items() if name in SLOT_OF and m.HasField("alias")}
        lamp_ids = _strings(named.get("Lamps/Id"))
        circuit_ids = _strings(named.get("Circuits/Id"))
        lamps, n_strange = directory.lamp_numbers(controller_id, lamp_ids)
        circuits, n_strange_circuits = directory.circuit_numbers(controller_id, circuit_ids)
        controller = directory.controllers.number(controller_id)
    except (DecodeError, UnicodeDecodeError, WireError, OverflowError) as error:
        raise BirthError(f"NBIRTH of {controller_id}: {error}") from error
    if message.seq != 0:
        raise BirthError(f"NBIRTH of {controller_id}: seq is {message.seq}, not 0")
    if len(lamp_ids) > MAX_LAMPS or len(circuit_ids) > MAX_LAMPS:
        raise BirthError(f"NBIRTH of {controller_id}: {len(lamp_ids)} lamps, {len(circuit_ids)} circuits")
    schedule = named.get("Schedule/Document")
    return Session(
        controller_id=controller_id,
        controller=controller,
        bd_seq=_integer(named.get("bdSeq")),
        slots=slots,
        layout=_layout(frozenset(slots.items()), len(lamp_ids), len(circuit_ids)),
        lamp_ids=lamp_ids,
        circuit_ids=circuit_ids,
        lamps=np.array(lamps, "<i4").tobytes(),
        first_lamp=lamps[0]
        if not n_strange and lamps and lamps == list(range(lamps[0], lamps[0] + len(lamps)))
        else -1,
        circuits=np.array(circuits, "<i4").tobytes(),
        fillers=_fillers(len(lamp_ids), len(circuit_ids)),
        sizes=tuple(len(filler) for filler in _fillers(len(lamp_ids), len(circuit_ids))),
        at_ms=message.timestamp,
        epoch=_integer(named.get("Outbox/Epoch")) or 0,
        sequence=_integer(named.get("Outbox/Sequence")),
        pending=_integer(named.get("Outbox/Pending")),
        interval_s=_integer(named.get("Sweep/Interval")) or 0,
        is_synchronised="Clock/Synchronised" not in named or named["Clock/Synchronised"].boolean_value,
        agent_version=named["Agent/Version"].string_value if "Agent/Version" in named else None,
        schedule=schedule.string_value if schedule is not None and not schedule.is_null else None,
        takes_schedule=schedule is not None,
        n_strange=n_strange + n_strange_circuits,
        birth=data,
    )


def renumbered(session: Session, directory: Directory) -> Session:
    """The same session, its controller, lamps and circuits numbered by another directory."""
    born = parse_birth(session.controller_id, session.birth, directory)
    return replace(
        session,
        controller=born.controller,
        lamps=born.lamps,
        first_lamp=born.first_lamp,
        circuits=born.circuits,
        n_strange=born.n_strange,
    )


@lru_cache(1 << 16)
def _layout(slots: frozenset[tuple[int, int]], n_lamps: int, n_circuits: int) -> object:
    """One object for all equal layouts: what is looked up for every message should not be hashed for each."""
    del slots, n_lamps, n_circuits
    return object()


def is_next(session: Session, seq: int) -> bool:
    """Whether ``seq`` follows the session's last; the session stands at ``seq`` afterwards either way."""
    follows = seq == (session.seq + 1) % SEQ_MODULUS
    session.seq = seq
    return follows


def _strings(metric: Any) -> tuple[str, ...]:
    return () if metric is None or metric.is_null else unpack_strings(metric.bytes_value)


def _integer(metric: Any) -> int | None:
    if metric is None or metric.is_null:
        return None
    return int(metric.long_value or metric.int_value)


def _fillers(n_lamps: int, n_circuits: int) -> tuple[bytes, ...]:
    """Unknown of every array: NaN, all ones, level 255; a lamp whose status is not told is not told open."""
    nan, ones = np.full(1, np.nan, "<f4").tobytes(), b"\xff\xff\xff\xff"
    lamp = [nan] * 5 + [ones] * 3 + [b"\xff", b"\x01", b"\x00"]
    circuit = [nan, nan, nan, ones]
    return (*(item * n_lamps for item in lamp), *(item * n_circuits for item in circuit), nan * 3, nan * 3, nan * 3)
