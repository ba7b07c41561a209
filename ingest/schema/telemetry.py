"""Telemetry columns: what one stored lamp reading, circuit reading and cabinet reading consists of.

Column names carry their unit; unknown is null (Parquet) or absent (InfluxDB), never 0. Strings are dictionary-encoded.
A reading is told apart by (controller_id, epoch, sequence, lamp_id); beside these and ``at_us`` (UTC), what is its
record's stands with the cabinet's reading alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Column:
    """One stored column: its name, its little-endian numpy type code and the metric it comes from."""

    name: str
    dtype: str
    metric: str | None = None


LAMP_COLUMNS: Final = (
    Column("lamp_id", "str", "Lamps/Id"),
    Column("voltage_v", "<f4", "Lamps/Voltage"),
    Column("current_a", "<f4", "Lamps/Current"),
    Column("power_w", "<f4", "Lamps/Power"),
    Column("power_factor", "<f4", "Lamps/Power Factor"),
    Column("temperature_c", "<f4", "Lamps/Temperature"),
    Column("energy_wh", "<u4", "Lamps/Energy"),
    Column("burning_hours", "<u4", "Lamps/Burning Hours"),
    Column("switch_count", "<u4", "Lamps/Switch Count"),
    Column("level", "|u1", "Lamps/Dim Level"),
    Column("status", "|u1", "Lamps/Status"),
    Column("quality", "|u1", "Lamps/Quality"),
)
CIRCUIT_COLUMNS: Final = (
    Column("circuit", "str", "Circuits/Id"),
    Column("voltage_v", "<f4", "Circuits/Voltage"),
    Column("current_a", "<f4", "Circuits/Current"),
    Column("power_w", "<f4", "Circuits/Power"),
    Column("energy_wh", "<u4", "Circuits/Energy"),
)
CABINET_COLUMNS: Final = (
    *(Column(f"voltage_{phase}_v", "<f4", "Cabinet/Voltage") for phase in "rst"),
    *(Column(f"current_{phase}_a", "<f4", "Cabinet/Current") for phase in "rst"),
    *(Column(f"power_{phase}_w", "<f4", "Cabinet/Power") for phase in "rst"),
    Column("energy_wh", "<u8", "Cabinet/Energy"),
    Column("is_door_open", "?", "Cabinet/Door Open"),
    Column("is_contactor_closed", "?", "Cabinet/Contactor Closed"),
    Column("is_supply_present", "?", "Cabinet/Supply Present"),
)
TABLES: Final = {"lamps": LAMP_COLUMNS, "circuits": CIRCUIT_COLUMNS, "cabinets": CABINET_COLUMNS}
