"""Telemetry columns: what one stored lamp reading, circuit reading and cabinet reading consists of.

Column names carry their unit; unknown is null (Parquet) or absent (InfluxDB), never 0. Strings are dictionary-encoded.
A reading is identified by (controller_id, epoch, sequence, lamp_id); beside these and ``at_us`` (UTC), what is its
record's stands with the cabinet's reading alone. The quantities are those that ``edge_agent.wire`` declares; how one is
stored follows from its datatype.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from edge_agent.wire import (
    CABINET_QUANTITIES,
    CIRCUIT_QUANTITIES,
    CONTACT_QUANTITIES,
    LAMP_QUANTITIES,
    DataType,
    Quantity,
    Summary,
)

_DTYPES: Final = {
    DataType.UINT8_ARRAY: "|u1",
    DataType.UINT16_ARRAY: "<u2",
    DataType.UINT32_ARRAY: "<u4",
    DataType.UINT64_ARRAY: "<u8",
    DataType.FLOAT_ARRAY: "<f4",
    DataType.DOUBLE_ARRAY: "<f8",
    DataType.UINT64: "<u8",
    DataType.BOOLEAN: "?",
}


@dataclass(frozen=True, slots=True)
class Column:
    """One stored column: its name, its little-endian numpy type code and the metric it comes from."""

    name: str
    dtype: str
    metric: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantityColumn(Column):
    """The column of a lamp's or circuit's quantity.

    Attributes:
        quantity: as it is declared.
        is_float: NaN is unknown.
        unknown: value of whole numbers that is stored as null; None = every value is stored.
        absent: what a row without the quantity is read as.
        is_mean: old readings are thinned to the mean of a span; otherwise to the last value. A mean of whole numbers
            would not be one.
    """

    quantity: Quantity
    is_float: bool
    unknown: int | None
    absent: float | int
    is_mean: bool

    @property
    def is_averaged(self) -> bool:
        """Whether readers average it over a span of time."""
        return self.quantity.summary is Summary.MEAN

    @property
    def is_counter(self) -> bool:
        """Whether it only grows: readers take the highest of a span."""
        return self.quantity.summary is Summary.HIGHEST


def _column(quantity: Quantity) -> QuantityColumn:
    return QuantityColumn(
        quantity.column,
        _DTYPES[quantity.datatype],
        quantity.metric,
        quantity=quantity,
        is_float=quantity.is_float,
        unknown=None if quantity.is_float or quantity.unknown is None else int(quantity.unknown),
        absent=quantity.absent_value,
        is_mean=quantity.is_float and quantity.summary is Summary.MEAN,
    )


def phase_column(column: str, phase: str) -> str:
    """The column of one phase: ``voltage_v`` of phase r is ``voltage_r_v``."""
    name, _, unit = column.rpartition("_")
    return f"{name}_{phase}_{unit}"


LAMP_VALUES: Final = tuple(_column(quantity) for quantity in LAMP_QUANTITIES)
CIRCUIT_VALUES: Final = tuple(_column(quantity) for quantity in CIRCUIT_QUANTITIES)
# Those of the cabinet that have a value for each phase, and those with one.
PHASE_VALUES: Final = tuple(_column(q) for q in CABINET_QUANTITIES if q.datatype is DataType.FLOAT_ARRAY)
CABINET_VALUES: Final = tuple(_column(q) for q in CABINET_QUANTITIES if q.datatype is not DataType.FLOAT_ARRAY)
CONTACTS: Final = tuple(quantity.column for quantity in CONTACT_QUANTITIES)

LAMP_COLUMNS: Final[tuple[Column, ...]] = (Column("lamp_id", "str", "Lamps/Id"), *LAMP_VALUES)
CIRCUIT_COLUMNS: Final[tuple[Column, ...]] = (Column("circuit", "str", "Circuits/Id"), *CIRCUIT_VALUES)
CABINET_COLUMNS: Final[tuple[Column, ...]] = (
    *(Column(phase_column(c.name, phase), c.dtype, c.metric) for c in PHASE_VALUES for phase in "rst"),
    *CABINET_VALUES,
    *(Column(quantity.column, "?", quantity.metric) for quantity in CONTACT_QUANTITIES),
)
TABLES: Final = {"lamps": LAMP_COLUMNS, "circuits": CIRCUIT_COLUMNS, "cabinets": CABINET_COLUMNS}
