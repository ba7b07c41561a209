"""The rows of a generated city's register, and the city folder that they are written to (its format: docs)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path

from durable_files.whole_file import replace_file


@dataclass(frozen=True, slots=True, kw_only=True)
class Lamp:
    """One row of ``lamps.csv``; empty text and None are unknown."""

    lamp_id: str
    cabinet_id: str
    circuit: str
    position: int | None
    position_source: str
    latitude: float
    longitude: float
    rated_power_w: float | None
    technology: str
    bus: str
    address: int | None
    profile: str
    phase: str
    dimmable: bool
    street: str
    district: str
    village: str
    road_class: str
    installed_on: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cabinet:
    """One row of ``cabinets.csv``.

    ``metering`` is the simulator's own column: ``lamp``, ``circuit`` or ``cabinet``, what is metered at all;
    ``meters`` says which sum meters the cabinet has beside them: ``cabinet``, ``circuit+cabinet`` or nothing.
    """

    cabinet_id: str
    controller_id: str
    name: str
    latitude: float | None
    longitude: float | None
    district: str
    village: str
    supply_account: str
    supply_va: float | None
    transformer: str
    metered: str
    switching: str
    metering: str
    meters: str


@dataclass(frozen=True, slots=True)
class Register:
    """All lamps and cabinets of a city, in file order."""

    lamps: tuple[Lamp, ...]
    cabinets: tuple[Cabinet, ...]


def write_folder(folder: Path, register: Register, settings: str) -> None:
    """Write ``city.toml``, ``lamps.csv`` and ``cabinets.csv``; each file appears whole or not at all.

    Args:
        folder: made if it is not there.
        register: the rows.
        settings: text of ``city.toml``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _write_rows(folder / "lamps.csv", [field.name for field in fields(Lamp)], register.lamps)
    _write_rows(folder / "cabinets.csv", [field.name for field in fields(Cabinet)], register.cabinets)
    replace_file(folder / "city.toml", settings.encode(), is_synced=False)


def _write_rows(path: Path, names: list[str], rows: Iterable[Lamp | Cabinet]) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(names)
    writer.writerows([_cell(getattr(row, name)) for name in names] for row in rows)
    replace_file(path, text.getvalue().encode(), is_synced=False)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.6f}".rstrip("0").rstrip(".")
    return str(value)
