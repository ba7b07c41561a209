"""The mapping table: our columns -> properties of the three collections, with title and JSON type. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from dashboard_api.formats.times import iso, number
from ingest.schema import live
from languages.catalogue import Catalogue


@dataclass(frozen=True, slots=True)
class CollectionAbout:
    """What is known of a collection before any feature is.

    Attributes:
        filters: properties that may be asked for by value.
        properties: name -> JSON type.
        is_temporal: its features have a time, from ``opened_at`` to ``closed_at``.
        has_filter: it takes CQL2 filters.
    """

    id: str
    key: str
    filters: tuple[str, ...]
    properties: Mapping[str, str]
    is_temporal: bool = False
    has_filter: bool = False


COLLECTIONS: Final[Mapping[str, CollectionAbout]] = {
    about.id: about
    for about in (
        CollectionAbout(
            "lamps",
            "lamp_id",
            ("district",),
            {
                "lamp_id": "string",
                "cabinet_id": "string",
                "circuit": "string",
                "position": "integer",
                "position_source": "string",
                "rated_power_w": "number",
                "technology": "string",
                "phase": "string",
                "dimmable": "boolean",
                "street": "string",
                "district": "string",
                "village": "string",
                "road_class": "string",
                "installed_on": "string",
                "state": "string",
            },
        ),
        CollectionAbout(
            "faults",
            "id",
            ("code", "state", "severity", "district", "cabinet_id", "lamp_id"),
            {
                "id": "string",
                "code": "string",
                "title": "string",
                "level": "string",
                "severity": "string",
                "priority": "integer",
                "state": "string",
                "opened_at": "string",
                "updated_at": "string",
                "closed_at": "string",
                "verified": "boolean",
                "lamp_id": "string",
                "cabinet_id": "string",
                "circuit": "string",
                "street": "string",
                "district": "string",
            },
            is_temporal=True,
            has_filter=True,
        ),
        CollectionAbout(
            "cabinets",
            "cabinet_id",
            (),
            {
                "cabinet_id": "string",
                "name": "string",
                "district": "string",
                "village": "string",
                "metered": "string",
                "switching": "string",
            },
        ),
    )
}
TIMES: Final = frozenset({"opened_at", "updated_at", "closed_at"})  # of faults, RFC 3339
STATE_NAMES: Final = live.STATE_NAMES


def lamp_properties(row: Any, extra_columns: Sequence[str]) -> dict[str, Any]:
    """A lamp's properties but for its state, which changes all the time and is put in last."""
    known = COLLECTIONS["lamps"].properties
    renamed = {"dimmable": "is_dimmable"}
    found = {name: getattr(row, renamed.get(name, name)) for name in known if name != "state"}
    found["rated_power_w"] = number(found["rated_power_w"], 1)
    found["dimmable"] = bool(found["dimmable"])
    return found | _extra(row.extra, extra_columns, known)


def cabinet_properties(row: Any, extra_columns: Sequence[str]) -> dict[str, Any]:
    """A cabinet's properties."""
    known = COLLECTIONS["cabinets"].properties
    return {name: getattr(row, name) for name in known} | _extra(row.extra, extra_columns, known)


def fault_properties(row: Any, catalogue: Catalogue) -> dict[str, Any]:
    """A fault's properties, its title in the catalogue's language."""
    made = {
        "title": catalogue.say(f"fault.{row.code}.title"),
        "opened_at": iso(row.opened_at_us),
        "updated_at": iso(row.updated_at_us),
        "closed_at": iso(row.closed_at_us),
        "verified": bool(row.is_verified),
    }
    return {name: made[name] if name in made else getattr(row, name) for name in COLLECTIONS["faults"].properties}


def _extra(extra: Mapping[str, Any], columns: Sequence[str], known: Mapping[str, str]) -> dict[str, Any]:
    return {name: extra[name] for name in columns if name in extra and name not in known}
