"""The metric catalogue: names, datatypes, aliases, and the values that mean something special."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

UNKNOWN_UINT32: Final = 0xFFFFFFFF  # energy, hours, switch-on count
LEVEL_UNKNOWN: Final = 255  # Lamps/Dim Level: a photocell switches the lamp
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


class DataType(IntEnum):
    """Sparkplug B datatypes that Terang uses, with the standard's numbers."""

    INT32 = 3
    INT64 = 4
    UINT8 = 5
    UINT16 = 6
    UINT32 = 7
    UINT64 = 8
    FLOAT = 9
    DOUBLE = 10
    BOOLEAN = 11
    STRING = 12
    DATE_TIME = 13
    TEXT = 14
    UINT8_ARRAY = 26
    UINT16_ARRAY = 27
    UINT32_ARRAY = 28
    UINT64_ARRAY = 29
    FLOAT_ARRAY = 30
    DOUBLE_ARRAY = 31
    STRING_ARRAY = 33


@dataclass(frozen=True, slots=True)
class MetricSpec:
    """One row of the metric catalogue.

    Attributes:
        name: the metric's name in births and commands.
        datatype: its Sparkplug datatype.
        alias: the number that this project's agents give it; a host obeys the birth's. None = never aliased.
        is_command: only an NCMD carries a value; the birth lists it as null.
        is_birth_only: stands in the birth alone.
        is_slow: may be left out of a live sweep that did not sample it.
    """

    name: str
    datatype: DataType
    alias: int | None
    is_command: bool = False
    is_birth_only: bool = False
    is_slow: bool = False


CATALOGUE: Final[tuple[MetricSpec, ...]] = (
    MetricSpec("bdSeq", DataType.INT64, None, is_birth_only=True),
    MetricSpec("Node Control/Rebirth", DataType.BOOLEAN, None, is_command=True),
    MetricSpec("Agent/Version", DataType.STRING, 2, is_birth_only=True),
    MetricSpec("Clock/Synchronised", DataType.BOOLEAN, 3),
    MetricSpec("Sweep/Interval", DataType.UINT32, 4),
    MetricSpec("Outbox/Epoch", DataType.UINT64, 5),
    MetricSpec("Outbox/Sequence", DataType.UINT64, 6),
    MetricSpec("Outbox/Pending", DataType.UINT64, 7),
    MetricSpec("Lamps/Id", DataType.STRING_ARRAY, 8, is_birth_only=True),
    MetricSpec("Lamps/Voltage", DataType.FLOAT_ARRAY, 9),
    MetricSpec("Lamps/Current", DataType.FLOAT_ARRAY, 10),
    MetricSpec("Lamps/Power", DataType.FLOAT_ARRAY, 11),
    MetricSpec("Lamps/Power Factor", DataType.FLOAT_ARRAY, 12),
    MetricSpec("Lamps/Temperature", DataType.FLOAT_ARRAY, 13, is_slow=True),
    MetricSpec("Lamps/Energy", DataType.UINT32_ARRAY, 14, is_slow=True),
    MetricSpec("Lamps/Burning Hours", DataType.UINT32_ARRAY, 15, is_slow=True),
    MetricSpec("Lamps/Switch Count", DataType.UINT32_ARRAY, 16, is_slow=True),
    MetricSpec("Lamps/Dim Level", DataType.UINT8_ARRAY, 17),
    MetricSpec("Lamps/Status", DataType.UINT8_ARRAY, 18),
    MetricSpec("Lamps/Quality", DataType.UINT8_ARRAY, 19),
    MetricSpec("Cabinet/Voltage", DataType.FLOAT_ARRAY, 20),
    MetricSpec("Cabinet/Current", DataType.FLOAT_ARRAY, 21),
    MetricSpec("Cabinet/Power", DataType.FLOAT_ARRAY, 22),
    MetricSpec("Cabinet/Energy", DataType.UINT64, 23, is_slow=True),
    MetricSpec("Circuits/Id", DataType.STRING_ARRAY, 24, is_birth_only=True),
    MetricSpec("Circuits/Voltage", DataType.FLOAT_ARRAY, 25),
    MetricSpec("Circuits/Current", DataType.FLOAT_ARRAY, 26),
    MetricSpec("Circuits/Power", DataType.FLOAT_ARRAY, 27),
    MetricSpec("Circuits/Energy", DataType.UINT32_ARRAY, 28, is_slow=True),
    MetricSpec("Cabinet/Door Open", DataType.BOOLEAN, 29),
    MetricSpec("Cabinet/Contactor Closed", DataType.BOOLEAN, 30),
    MetricSpec("Cabinet/Supply Present", DataType.BOOLEAN, 31),
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
BY_NAME: Final[dict[str, MetricSpec]] = {spec.name: spec for spec in CATALOGUE}
BY_ALIAS: Final[dict[int, MetricSpec]] = {spec.alias: spec for spec in CATALOGUE if spec.alias is not None}
