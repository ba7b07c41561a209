"""The mapping table: our lamps, cabinets and circuits -> entities of Smart Data Models' Streetlighting. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal
from urllib.parse import quote, unquote

from dashboard_api.live import lamp_states
from ingest.schema.codes import BY_CODE

LAMP: Final = "Streetlight"
CABINET: Final = "StreetlightControlCabinet"
GROUP: Final = "StreetlightGroup"
URN: Final = "urn:ngsi-ld:"
MODEL_URI: Final = "https://smartdatamodels.org/dataModel.Streetlighting/"
CONTEXT_URI: Final = (
    "https://raw.githubusercontent.com/smart-data-models/dataModel.Streetlighting/master/context.jsonld"
)
CONTEXT_LINK: Final = f'<{CONTEXT_URI}>; rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"'

Kind = Literal["text", "number", "time", "object", "list"]


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute of an entity.

    Attributes:
        kind: of its value; texts, numbers and times can be compared in ``q``.
        form: how NGSI-LD writes it.
        unit: UN/CEFACT code of a number.
        is_observed: measured: the normalized form says when.
    """

    kind: Kind = "text"
    form: Literal["Property", "GeoProperty", "Relationship"] = "Property"
    unit: str | None = None
    is_observed: bool = False


_LOCATION: Final = Attribute("object", "GeoProperty")
_REFERENCE: Final = Attribute("text", "Relationship")
_REFERENCES: Final = Attribute("list", "Relationship")
# type -> its attributes, in the order in which they are written
TYPES: Final[Mapping[str, Mapping[str, Attribute]]] = {
    LAMP: {
        "location": _LOCATION,
        "status": Attribute(),
        "powerState": Attribute(is_observed=True),
        "illuminanceLevel": Attribute("number", is_observed=True),
        "circuit": Attribute(),
        "refStreetlightControlCabinet": _REFERENCE,
        "refStreetlightGroup": _REFERENCE,
        "areaServed": Attribute(),
        "address": Attribute("object"),
        "powerRating": Attribute("number", unit="WTT"),
        "powerConsumption": Attribute("number", unit="WTT", is_observed=True),
        "current": Attribute("number", unit="AMP", is_observed=True),
        "voltage": Attribute("number", unit="VLT", is_observed=True),
        "powerFactor": Attribute("number", unit="C62", is_observed=True),
        "observationDateTime": Attribute("time"),
    },
    CABINET: {
        "location": _LOCATION,
        "name": Attribute(),
        "areaServed": Attribute(),
        "workingMode": Attribute(),
        "refStreetlightGroup": _REFERENCES,
    },
    GROUP: {
        "location": _LOCATION,
        "circuitId": Attribute(),
        "powerState": Attribute(),
        "refStreetlightControlCabinet": _REFERENCE,
        "refStreetlight": _REFERENCES,
    },
}
# what changes by itself, so that a subscription may watch it
WATCHED: Final[Mapping[str, tuple[str, ...]]] = {
    LAMP: ("powerState", "status", "illuminanceLevel"),
    GROUP: ("powerState",),
}

OK: Final = "ok"
DEFECTIVE: Final = "defectiveLamp"
BROKEN: Final = "brokenLantern"
# code of a fault -> ``status`` of the lamps that it is about. A lamp that is dark for want of supply is not broken
# itself, and one whose meter or radio fails still burns: the model has no other word for them. ``status_of`` has an
# answer for codes without a row.
STATUS_OF: Final[Mapping[str, str]] = {
    "lampFailure": DEFECTIVE,
    "cyclingFailure": DEFECTIVE,
    "lampPowerTooLow": DEFECTIVE,
    "lampPowerTooHigh": DEFECTIVE,
    "powerFactorTooLow": DEFECTIVE,
    "lampUnexpectedOn": BROKEN,
    "relayFailure": BROKEN,
    "dimmingFailure": BROKEN,
    "highTemperature": BROKEN,
    "controlGearFailure": BROKEN,
    "communicationFailure": OK,
    "meterFailure": OK,
    "supplyVoltageTooLow": OK,
    "supplyVoltageTooHigh": OK,
    "circuitFailure": OK,
    "cableFailure": OK,
    "circuitPowerTooLow": OK,
    "supplyLoss": OK,
    "neutralFailure": OK,
    "contactorFailure": OK,
    "cabinetDoorOpen": OK,
    "unmeteredLoad": OK,
    "busFailure": OK,
    "controllerOffline": OK,
}
STATUSES: Final = (OK, BROKEN, DEFECTIVE)  # what is worse stands later
ON: Final = "on"
OFF: Final = "off"
LOW: Final = "low"
# our state -> ``powerState``; None = not known, the attribute is left out
POWER_STATE_OF: Final[Mapping[int, str | None]] = {
    lamp_states.SILENT: None,
    lamp_states.OFF: OFF,
    lamp_states.LIT: ON,  # LOW where it is dimmed
    lamp_states.DARK: OFF,
    lamp_states.UNMETERED: None,
}
POWER_STATES: Final = (None, OFF, LOW, ON)


def status_of(code: str) -> str:
    """``status`` of a lamp with an open fault; without a row in ``STATUS_OF``, broken where the lamp itself failed."""
    known = BY_CODE.get(code)
    return STATUS_OF.get(code, BROKEN if known is not None and known.family == "lamp" else OK)


def short_name(name: str) -> str:
    """A type or attribute by its short name, however the caller writes it."""
    return name.removeprefix(MODEL_URI)


def entity_id(kind: str, *parts: str) -> str:
    """The URN of an entity; ``parts``: our own ids."""
    return ":".join((f"{URN}{kind}", *(quote(part, safe="") for part in parts)))


def parts_of(entity: str) -> tuple[str, tuple[str, ...]] | None:
    """Type and our own ids of a URN, None where it is none of ours."""
    kind, *parts = entity.removeprefix(URN).split(":")
    if not entity.startswith(URN) or kind not in TYPES or len(parts) != (2 if kind == GROUP else 1):
        return None
    return kind, tuple(unquote(part) for part in parts)


def normalized(kind: str, simple: Mapping[str, Any]) -> dict[str, Any]:
    """An entity in NGSI-LD's normalized form, of its simplified one."""
    observed_at = simple.get("observationDateTime")
    found: dict[str, Any] = {"id": simple["id"], "type": simple["type"]}
    for name, value in simple.items():
        attribute = TYPES[kind].get(name)
        if attribute is None:
            continue
        if attribute.form == "Relationship":
            found[name] = {"type": "Relationship", "object": value}
            continue
        written = {"@type": "DateTime", "@value": value} if attribute.kind == "time" else value
        found[name] = {"type": attribute.form, "value": written}
        if attribute.unit is not None:
            found[name]["unitCode"] = attribute.unit
        if attribute.is_observed and observed_at is not None:
            found[name]["observedAt"] = observed_at
    return found
