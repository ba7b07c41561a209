"""The mapping table: services of Open311, and which of them a fault's code belongs to. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ingest.schema.codes import CATALOGUE

LAMP_DARK: Final = "lamp-dark"
LAMP_DAY: Final = "lamp-day"
LAMP_FLICKER: Final = "lamp-flicker"
AREA_DARK: Final = "area-dark"
CABINET: Final = "cabinet"
OTHER: Final = "other"
SERVICES: Final = (LAMP_DARK, LAMP_DAY, LAMP_FLICKER, AREA_DARK, CABINET, OTHER)
GROUP: Final = "street-lighting"
LAMP_ATTRIBUTE: Final = "LAMP"
_SERVICE_OF: Final[Mapping[str, str]] = {
    "lampFailure": LAMP_DARK,
    "controlGearFailure": LAMP_DARK,
    "lampUnexpectedOn": LAMP_DAY,
    "cyclingFailure": LAMP_FLICKER,
    "circuitFailure": AREA_DARK,
    "supplyLoss": AREA_DARK,
    "cableFailure": AREA_DARK,
    "contactorFailure": AREA_DARK,
    "cabinetDoorOpen": CABINET,
}
SERVICE_OF: Final[Mapping[str, str]] = {one.code: _SERVICE_OF.get(one.code, OTHER) for one in CATALOGUE}


def codes_of(service: str) -> tuple[str, ...]:
    """The fault codes of a service."""
    return tuple(code for code, of in SERVICE_OF.items() if of == service)
