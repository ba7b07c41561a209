"""The quantities that a controller measures, each declared once.

One row of ``LAMPS``, ``CIRCUITS``, ``CABINET`` or ``CONTACTS`` is all that there is to say about a quantity. The metric
catalogue, the agent's readings, records and terminal, and on the server columns, stores, API and the page's labels are
derived from it when they are imported (docs/decisions/0011-a-quantity-is-declared-once.md). Imports nothing else of the
project but the datatypes.
"""

from __future__ import annotations

import math
import struct
from array import array
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from edge_agent.wire.datatypes import ARRAY_TYPECODE, DataType

UNKNOWN_UINT32: Final = 0xFFFFFFFF  # energy, hours, switch-on count
LEVEL_UNKNOWN: Final = 255  # Lamps/Dim Level: a photocell switches the lamp
_NAN: Final = math.nan
SHOWN_UNITS: Final = {"1": "", "bits": "", "degC": "°C"}


class Summary(Enum):
    """How many readings of a quantity over a span of time are summed up."""

    MEAN = "mean"
    HIGHEST = "highest"  # counters
    NONE = "none"  # codes and bits


@dataclass(frozen=True, slots=True)
class Quantity:
    """One measured or reported quantity.

    Attributes:
        name: what meter profiles and the agent's readings call it.
        column: what columns, stores and the API call it: the name with its unit.
        metric: its Sparkplug metric.
        alias: the metric's alias in this project's births.
        datatype: the metric's datatype. Arrays have one item for each lamp or circuit, or for phases R, S and T.
        unit: of its values; ``"1"`` for a plain number or ratio, ``"bits"`` for bits.
        english: its name for people; so ``indonesian``.
        unknown: the value that says "not known"; None = there is none: every value of an array means something, and a
            scalar that is not known is null.
        unanswered: the item of a lamp that did not answer; by default ``unknown``.
        absent: what a host uses where a record or a stored row does not have the quantity; by default ``unknown``.
        is_slow: sampled in slow sweeps alone.
        is_from_meter: a register of the meter; otherwise the agent knows it itself.
        is_state: one byte with few different values over a city.
        summary: how many readings are summed up.
        decimals: that are shown.
        plausible: what a public lighting net can show, where a meter's profile names no range of its own; None = all.
    """

    name: str
    column: str
    metric: str
    alias: int
    datatype: DataType
    unit: str
    english: str
    indonesian: str
    unknown: float | int | None = None
    unanswered: float | int | None = None
    absent: float | int | None = None
    is_slow: bool = False
    is_from_meter: bool = True
    is_state: bool = False
    summary: Summary = Summary.MEAN
    decimals: int = 0
    plausible: tuple[float, float] | None = None

    @property
    def typecode(self) -> str:
        """The typecode of its array's items (``array.array``'s); KeyError for a scalar."""
        return ARRAY_TYPECODE[self.datatype]

    @property
    def item_bytes(self) -> int:
        """Bytes of one item of its array."""
        return struct.calcsize(f"<{self.typecode}")

    @property
    def is_float(self) -> bool:
        """Whether its array holds floating-point numbers."""
        return self.datatype in (DataType.FLOAT_ARRAY, DataType.DOUBLE_ARRAY)

    @property
    def shown_unit(self) -> str:
        """The unit as people read it; empty for plain numbers and bits."""
        return SHOWN_UNITS.get(self.unit, self.unit)

    def title(self, language: str) -> str:
        """What it is called in a language whose catalogue does not name it yet; in English where it is not declared."""
        return self.indonesian if language == "id" else self.english

    @property
    def unanswered_value(self) -> float | int:
        """The item of a lamp or circuit that did not answer."""
        return _first_given(self.unanswered, self.unknown)

    @property
    def absent_value(self) -> float | int:
        """The value that a host uses where a record does not have the quantity."""
        return _first_given(self.absent, self.unknown)

    def unanswered_array(self, n: int) -> array[Any]:
        """N items of which nothing is known."""
        return array(self.typecode, [self.unanswered_value]) * n

    def pack(self, value: float) -> bytes:
        """One item as it travels, little-endian."""
        return struct.pack(f"<{self.typecode}", value)


def _first_given(value: float | None, otherwise: float | None) -> float:
    return value if value is not None else otherwise if otherwise is not None else 0


def _electrical(owner: str, first_alias: int) -> tuple[Quantity, ...]:
    """Voltage, current and power of lamps, circuits or the cabinet's phases."""
    kind = DataType.FLOAT_ARRAY
    return (
        Quantity(
            "voltage", "voltage_v", f"{owner}/Voltage", first_alias, kind, "V", "Voltage", "Tegangan", _NAN, decimals=1,
            plausible=(0.0, 450.0),
        ),
        Quantity(
            "current", "current_a", f"{owner}/Current", first_alias + 1, kind, "A", "Current", "Arus", _NAN, decimals=3,
            plausible=(0.0, 10_000.0),
        ),
        Quantity(
            "power", "power_w", f"{owner}/Power", first_alias + 2, kind, "W", "Power", "Daya", _NAN, decimals=1,
            plausible=(-3e6, 3e6),
        ),
    )  # fmt: skip  # a table


def _counter(
    name: str, metric: str, alias: int, unit: str, english: str, indonesian: str,
    kind: DataType = DataType.UINT32_ARRAY, plausible: tuple[float, float] | None = None,
) -> Quantity:  # fmt: skip  # a table
    """A counter that only grows, read in slow sweeps; its name has its unit already."""
    return Quantity(
        name, name, metric, alias, kind, unit, english, indonesian,
        unknown=UNKNOWN_UINT32 if kind is DataType.UINT32_ARRAY else None, is_slow=True, summary=Summary.HIGHEST,
        plausible=plausible,
    )  # fmt: skip  # a row


# In the order of the columns. A new quantity takes an alias that no row and no other metric has.
LAMPS: Final[tuple[Quantity, ...]] = (
    *_electrical("Lamps", 9),
    Quantity(
        "power_factor", "power_factor", "Lamps/Power Factor", 12, DataType.FLOAT_ARRAY, "1",
        "Power factor", "Faktor daya", _NAN, decimals=2, plausible=(-1.05, 1.05),
    ),
    Quantity(
        "temperature", "temperature_c", "Lamps/Temperature", 13, DataType.FLOAT_ARRAY, "degC",
        "Temperature", "Suhu", _NAN, is_slow=True, decimals=1, plausible=(-60.0, 250.0),
    ),
    _counter("energy_wh", "Lamps/Energy", 14, "Wh", "Energy", "Energi"),
    _counter("burning_hours", "Lamps/Burning Hours", 15, "h", "Burning hours", "Jam nyala", plausible=(0.0, 1e6)),
    _counter("switch_count", "Lamps/Switch Count", 16, "1", "Switch count", "Jumlah nyala"),
    Quantity(
        "level", "level", "Lamps/Dim Level", 17, DataType.UINT8_ARRAY, "%", "Dim level", "Tingkat redup",
        LEVEL_UNKNOWN, is_from_meter=False, is_state=True,
    ),
    Quantity(  # a status that is not reported does not mean an open relay
        "status", "status", "Lamps/Status", 18, DataType.UINT8_ARRAY, "bits", "Status bits", "Bit status",
        unanswered=0, absent=1, is_state=True, summary=Summary.NONE,
    ),
    Quantity(  # 1 = no response
        "quality", "quality", "Lamps/Quality", 19, DataType.UINT8_ARRAY, "1", "Reading quality", "Mutu pembacaan",
        unanswered=1, absent=0, is_from_meter=False, is_state=True, summary=Summary.NONE,
    ),
)  # fmt: skip  # a table
CABINET: Final[tuple[Quantity, ...]] = (
    *_electrical("Cabinet", 20),
    _counter("energy_wh", "Cabinet/Energy", 23, "Wh", "Energy", "Energi", DataType.UINT64),
)
CIRCUITS: Final[tuple[Quantity, ...]] = (
    *_electrical("Circuits", 25),
    _counter("energy_wh", "Circuits/Energy", 28, "Wh", "Energy", "Energi"),
)
CONTACTS: Final[tuple[Quantity, ...]] = tuple(
    Quantity(
        name, f"is_{name}", f"Cabinet/{metric}", alias, DataType.BOOLEAN, "1", english, indonesian, summary=Summary.NONE
    )
    for name, metric, alias, english, indonesian in (
        ("door_open", "Door Open", 29, "Door open", "Pintu terbuka"),
        ("contactor_closed", "Contactor Closed", 30, "Contactor closed", "Kontaktor tertutup"),
        ("supply_present", "Supply Present", 31, "Supply present", "Suplai ada"),
    )
)
ALL: Final[tuple[Quantity, ...]] = (*LAMPS, *CABINET, *CIRCUITS, *CONTACTS)
