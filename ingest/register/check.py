"""Validates columns of text and converts them to a register: refusals, corrections and their reasons.

Pure. The same rules hold for the city's own files and for what an import maps from a foreign register.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ingest.register.fields import Fields, one_form
from ingest.register.register import UNKNOWN_INT, Cabinets, Lamps
from ingest.schema.limits import TECHNOLOGIES
from languages.message import Message, Plain

LAMP_COLUMNS: Final = (
    "lamp_id", "cabinet_id", "circuit", "position", "position_source", "latitude", "longitude", "rated_power_w",
    "technology", "bus", "address", "profile", "phase", "dimmable", "street", "district", "village", "road_class",
    "installed_on",
)  # fmt: skip
CABINET_COLUMNS: Final = (
    "cabinet_id", "controller_id", "name", "latitude", "longitude", "district", "village", "supply_account",
    "supply_va", "transformer", "metered", "switching",
)  # fmt: skip
LONGEST_ID: Final = 128
LONGEST_NAME: Final = 64
LONGEST_TEXT: Final = 500
DEGREES: Final = Message("finding.unit.degrees")
MAX_POWER_W: Final = 5000.0  # the largest flood lights take 2 kW
MAX_SUPPLY_VA: Final = 1e7
_NOTHING: Final[Mapping[str, Any]] = {}


def check_cabinets(fields: Fields) -> Cabinets:
    """Read ``cabinets.csv``; the rows that `Fields` marks refused are left out."""
    cabinet_id = fields.keys("cabinet_id", LONGEST_ID)
    controller_id = [one_form(name) for name in fields.texts("controller_id", LONGEST_ID)]
    for row, controller in enumerate(controller_id):
        if any(character in controller for character in "/+#"):
            fields.mend(row, "controller_id", Message("finding.topic_marks", value=controller))
            controller_id[row] = ""
    latitude = fields.numbers("latitude", -90, 90, DEGREES)
    longitude = fields.numbers("longitude", -180, 180, DEGREES)
    is_placed = ~np.isnan(latitude) & ~np.isnan(longitude) & ~((latitude == 0) & (longitude == 0))
    cabinets = Cabinets(
        cabinet_id=cabinet_id,
        controller_id=controller_id,
        name=fields.texts("name", LONGEST_TEXT),
        latitude=np.where(is_placed, latitude, np.nan),
        longitude=np.where(is_placed, longitude, np.nan),
        district=fields.texts("district", LONGEST_TEXT),
        village=fields.texts("village", LONGEST_TEXT),
        supply_account=fields.texts("supply_account", LONGEST_NAME),
        supply_va=fields.numbers("supply_va", 0, MAX_SUPPLY_VA, Plain("VA"), may_group=True),
        transformer=fields.texts("transformer", LONGEST_TEXT),
        metered=fields.texts("metered", 16),
        switching=fields.choices("switching", ("contactor", "lamp"), ""),
        extra=extra_of(fields, CABINET_COLUMNS),
    )
    return cabinets if not fields.is_refused.any() else keep_cabinets(cabinets, ~fields.is_refused)


def check_lamps(fields: Fields, cabinets: Cabinets) -> Lamps:
    """Read ``lamps.csv`` against its cabinets; the rows that `Fields` marks refused are left out."""
    latitude, longitude = _places(fields)
    lamp_id = fields.keys("lamp_id", LONGEST_ID)
    cabinet_row = {cabinet_id: row for row, cabinet_id in enumerate(cabinets.cabinet_id)}
    cabinet_id = [one_form(name) for name in fields.raw("cabinet_id")]
    cabinet = np.array([cabinet_row.get(name, UNKNOWN_INT) for name in cabinet_id], np.int32)
    for row in np.flatnonzero(cabinet < 0).tolist():
        if cabinet_id[row]:
            fields.mend(row, "cabinet_id", Message("finding.no_cabinet", value=cabinet_id[row]))
            cabinet_id[row] = ""
    rated = fields.numbers("rated_power_w", 0, MAX_POWER_W, Plain("W"), may_group=True)
    fields.where(rated == 0, lambda row: fields.mend(row, "rated_power_w", Message("finding.no_rating")))
    rated[rated == 0] = np.nan
    address = fields.integers("address", 1, 247)
    bus = fields.texts("bus", LONGEST_NAME)
    _check_addresses(fields, cabinets, cabinet, bus, address)
    lamps = Lamps(
        lamp_id=lamp_id,
        cabinet_id=cabinet_id,
        cabinet=cabinet,
        circuit=[one_form(name) for name in fields.texts("circuit", LONGEST_NAME)],
        position=fields.integers("position", 1, 2**31 - 1),
        position_source=fields.choices("position_source", ("survey", "estimated"), ""),
        latitude=latitude,
        longitude=longitude,
        rated_power_w=rated.astype(np.float32),
        technology=fields.choices("technology", TECHNOLOGIES, "other"),
        bus=bus,
        address=address,
        profile=fields.texts("profile", LONGEST_NAME),
        phase=fields.choices("phase", ("R", "S", "T"), ""),
        is_dimmable=fields.booleans("dimmable"),
        street=fields.texts("street", LONGEST_TEXT),
        district=fields.texts("district", LONGEST_TEXT),
        village=fields.texts("village", LONGEST_TEXT),
        road_class=fields.texts("road_class", LONGEST_TEXT),
        installed_on=fields.texts("installed_on", 10),
        extra=extra_of(fields, LAMP_COLUMNS),
    )
    return lamps if not fields.is_refused.any() else keep_lamps(lamps, ~fields.is_refused)


def _places(fields: Fields) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Required coordinates; a row without them is refused with the reason that its column gave."""
    found: list[npt.NDArray[np.float64]] = []
    other = {"latitude": "longitude", "longitude": "latitude"}
    for column, maximum in (("latitude", 90.0), ("longitude", 180.0)):
        n_before = len(fields.issues)
        values = fields.numbers(column, -maximum, maximum, DEGREES)
        # what would be a mended value elsewhere refuses the row here
        fields.issues[n_before:] = [issue for issue in fields.issues[n_before:] if not issue.line]
        texts, others = fields.raw(column), fields.raw(other[column])
        for row in np.flatnonzero(np.isnan(values)).tolist():
            fields.refuse(row, column, _why_no_place(texts[row], others[row], column, maximum))
        found.append(values)
    latitude, longitude = found
    for row in np.flatnonzero((latitude == 0) & (longitude == 0)).tolist():
        fields.refuse(row, "latitude", Message("finding.origin"))
    return latitude, longitude


def _why_no_place(text: str, other: str, column: str, maximum: float) -> Message:
    if not text:
        return Message("finding.required")
    if column == "longitude":
        return Message("finding.no_longitude", value=text, most=maximum)
    try:
        is_swapped = abs(float(text)) <= 180 and abs(float(other)) <= 90
    except ValueError:
        is_swapped = False
    if is_swapped:
        return Message("finding.no_latitude_swapped", value=text, most=maximum)
    return Message("finding.no_latitude", value=text, most=maximum)


def _check_addresses(
    fields: Fields, cabinets: Cabinets, cabinet: npt.NDArray[np.int32], bus: list[str], address: npt.NDArray[np.int32]
) -> None:
    """Tell of two meters that share an address on one bus; what they send is still theirs, so both are taken."""
    seen: dict[tuple[str, str, int], int] = {}
    for row in np.flatnonzero((address >= 0) & (cabinet >= 0) & ~fields.is_refused).tolist():
        at = int(cabinet[row])
        owner = cabinets.controller_id[at] or "\0" + cabinets.cabinet_id[at]
        first = seen.setdefault((owner, bus[row], int(address[row])), row)
        if first != row:
            line = int(fields.table.lines[first])
            reason = Message("finding.shared_address", address=int(address[row]), bus=bus[row], line=line)
            fields.mend(row, "address", reason)


def doubled_positions(lamps: Lamps) -> list[tuple[int, int]]:
    """Pairs of rows that claim the same position on the same circuit: (later row, first row)."""
    seen: dict[tuple[int, str, int], int] = {}
    found = []
    for row in np.flatnonzero((lamps.position >= 0) & (lamps.cabinet >= 0)).tolist():
        if lamps.circuit[row]:
            first = seen.setdefault((int(lamps.cabinet[row]), lamps.circuit[row], int(lamps.position[row])), row)
            if first != row:
                found.append((row, first))
    return found


def extra_of(fields: Fields, known: Sequence[str]) -> list[Mapping[str, Any]]:
    """Unknown columns by row, empty values left out; rows without any share one empty mapping."""
    unknown = [column for column in fields.table.columns if column not in known]
    if not unknown:
        return [_NOTHING] * fields.n_rows
    columns = [fields.table.columns[column] for column in unknown]
    return [
        {name: value for name, value in zip(unknown, values, strict=True) if value} or _NOTHING
        for values in zip(*columns, strict=True)
    ]


def keep_lamps(lamps: Lamps, is_kept: npt.NDArray[np.bool_]) -> Lamps:
    """The lamps that a mask marks."""
    return Lamps(**_kept(lamps, is_kept))


def keep_cabinets(cabinets: Cabinets, is_kept: npt.NDArray[np.bool_]) -> Cabinets:
    """The cabinets that a mask marks."""
    return Cabinets(**_kept(cabinets, is_kept))


def _kept(columns: Lamps | Cabinets, is_kept: npt.NDArray[np.bool_]) -> dict[str, Any]:
    rows = np.flatnonzero(is_kept)
    listed = rows.tolist()
    taken = {}
    for name in columns.__dataclass_fields__:
        column = getattr(columns, name)
        taken[name] = column[rows] if isinstance(column, np.ndarray) else [column[row] for row in listed]
    return taken
