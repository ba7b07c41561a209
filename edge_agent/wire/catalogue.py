"""The metric catalogue: names, datatypes, aliases, and the values that mean something special."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from edge_agent.wire.datatypes import DataType
from edge_agent.wire.quantities import ALL as QUANTITIES

COMMAND_LEAVE: Final = 254  # Lamps/Dim Command: leave the lamp as it is
COMMAND_SCHEDULE: Final = 255  # Lamps/Dim Command: back to the schedule
PHASES: Final = ("R", "S", "T")

STATUS_RELAY_CLOSED: Final = 1 << 0
STATUS_DRIVER_FAULT: Final = 1 << 1
STATUS_THERMAL_DERATING: Final = 1 << 2
STATUS_THERMAL_SHUTDOWN: Final = 1 << 3
STATUS_RESTARTED: Final = 1 << 4


class Quality(IntEnum):
    """How a lamp's meter answered in one sweep (``Lamps/Quality``)."""

    GOOD = 0
    NO_RESPONSE = 1
    GARBLED = 2
    DEVICE_EXCEPTION = 3
    IMPLAUSIBLE = 4


@dataclass(frozen=True, slots=True)
class MetricSpec:
    """One row of the metric catalogue.

    Attributes:
        name: the metric's name in births and commands.
        datatype: its Sparkplug datatype.
        alias: the number that this project's agents give it; a host obeys the birth's. None = never aliased.
        is_command: only an NCMD carries a value; the birth lists it as null.
        is_birth_only: in the birth alone.
        is_slow: may be left out of a live sweep that did not sample it.
    """

    name: str
    datatype: DataType
    alias: int | None
    is_command: bool = False
    is_birth_only: bool = False
    is_slow: bool = False


# Every metric that is no measured quantity (edge_agent.wire.quantities).
_OTHERS: Final[tuple[MetricSpec, ...]] = (
    MetricSpec("bdSeq", DataType.INT64, None, is_birth_only=True),
    MetricSpec("Node Control/Rebirth", DataType.BOOLEAN, None, is_command=True),
    MetricSpec("Agent/Version", DataType.STRING, 2, is_birth_only=True),
    MetricSpec("Clock/Synchronised", DataType.BOOLEAN, 3),
    MetricSpec("Sweep/Interval", DataType.UINT32, 4),
    MetricSpec("Outbox/Epoch", DataType.UINT64, 5),
    MetricSpec("Outbox/Sequence", DataType.UINT64, 6),
    MetricSpec("Outbox/Pending", DataType.UINT64, 7),
    MetricSpec("Lamps/Id", DataType.STRING_ARRAY, 8, is_birth_only=True),
    MetricSpec("Circuits/Id", DataType.STRING_ARRAY, 24, is_birth_only=True),
    MetricSpec("Outbox/Acknowledged", DataType.UINT64, 32, is_command=True),
    MetricSpec("Lamps/Dim Command", DataType.UINT8_ARRAY, 33, is_command=True),
    MetricSpec("Lamps/Dim Until", DataType.DATE_TIME, 34, is_command=True),
    MetricSpec("Schedule/Document", DataType.STRING, 35),
    # The agent on itself, for whoever keeps it running; no verdict on a lamp needs them.
    MetricSpec("Agent/Sweep Duration", DataType.FLOAT, 36),  # s, of the slowest bus
    MetricSpec("Agent/Commands Refused", DataType.UINT32, 37),  # NCMD payloads that changed nothing, since start
    MetricSpec("Outbox/Dropped", DataType.UINT64, 38),  # records of this epoch given up unacknowledged
    MetricSpec("Outbox/Waiting", DataType.UINT32, 39),  # records in memory because the disk took none
    MetricSpec("Lamps/Poll Errors", DataType.UINT32_ARRAY, 40, is_slow=True),  # failed polls by lamp, since start
    # `signed_order` has their form.
    MetricSpec("Schedule/Signature", DataType.STRING, 41, is_command=True),
    MetricSpec("Command/Signature", DataType.STRING, 42, is_command=True),
    MetricSpec("Keys/Rotation", DataType.STRING, 43, is_command=True),  # another working key for the two above
)
# By alias; what is never aliased is in front.
CATALOGUE: Final[tuple[MetricSpec, ...]] = tuple(
    sorted(
        (*_OTHERS, *(MetricSpec(q.metric, q.datatype, q.alias, is_slow=q.is_slow) for q in QUANTITIES)),
        key=lambda spec: spec.alias or 0,
    )
)
BY_NAME: Final[dict[str, MetricSpec]] = {spec.name: spec for spec in CATALOGUE}
BY_ALIAS: Final[dict[int, MetricSpec]] = {spec.alias: spec for spec in CATALOGUE if spec.alias is not None}
