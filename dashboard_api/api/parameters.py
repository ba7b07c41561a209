"""What the OpenAPI document says of parameters that many routes share: descriptions, and examples."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

# name -> (description where the route gives none, example)
PARAMETERS: Final[dict[str, tuple[str, Any]]] = {
    "service_name": ("name of a TALQ service", "ConfigurationService"),
    "class_name": ("name of a TALQ device class", "TerangLamp"),
    "device_address": ("UUID of a TALQ device", "0b9b0f7c-5a0e-5f5e-9a52-6a5b0a0c3c11"),
    "function_id": ("a function of a TALQ device", "monitor"),
    "attribute_name": ("an attribute of a TALQ function", "activePower"),
    "logger_address": ("address of a TALQ logger", "terang-events"),
    "calendar_address": ("id of a TALQ calendar", "night-saving"),
    "program_address": ("id of a TALQ control program", "dimmed-from-ten"),
    "group_address": ("address of a TALQ group", "cabinet.C-017"),
    "member_resource": ("`devices` or `groups`", "groups"),
    "member_address": ("address of a member of a TALQ group", "cabinet.C-017"),
    "entity_id": ("URN of an entity of NGSI-LD", "urn:ngsi-ld:Streetlight:L-000123"),
    "subscription_id": ("URI of a subscription of NGSI-LD", "urn:ngsi-ld:Subscription:01JDB2M7Z8Q5W3N4T6V9X0Y1KC"),
    "language": ("code of the language", "id"),
    "layer": ("`lamps`, `faults` or `cabinets`", "lamps"),
    "z": ("zoom of the tile", 14),
    "x": ("column of the tile at its zoom, from the west", 12834),
    "y": ("row of the tile at its zoom, from the north", 8155),
    "fault_id": ("ULID of the fault", "01JDB2M7Z8Q5W3N4T6V9X0Y1KC"),
    "photo_id": ("ULID of the photo", "01JDB2M7Z8Q5W3N4T6V9X0Y1KD"),
    "lamp_id": ("as the register writes it; it may hold slashes", "L-000123"),
    "cabinet_id": ("as the register writes it; it may hold slashes", "C-017"),
    "command_id": ("ULID of the command", "01JDB2M7Z8Q5W3N4T6V9X0Y1KE"),
    "state": ("state of the fault", "open"),
    "code": ("codes of faults", "lampFailure,circuitFailure"),
    "severity": ("severities of faults", "critical,major"),
    "district": ("as the register writes it", "Siak"),
    "bbox": ("west,south,east,north in degrees", "102.0,0.7,102.1,0.8"),
    "near": ("latitude,longitude in degrees", "0.7893,102.0489"),
    "since": ("ISO 8601 with a zone", "2026-11-23T00:00:00+07:00"),
    "start": ("ISO 8601 with a zone", "2026-11-23T17:00:00+07:00"),
    "end": ("ISO 8601 with a zone", "2026-11-24T07:00:00+07:00"),
    "order": ("order of the list", "priority"),
    "limit": ("entries of a page", 100),
    "f": ("format of the answer", "json"),
    "include": ("also suppressed faults", "suppressed"),
    "result": ("of the repair", "still_dark"),
    "every": ("length of a period", "1h"),
    "enrolment_id": ("id of the enrolment", "7f3a9c0e5b12"),
    "collection_id": ("`lamps`, `faults` or `cabinets`", "lamps"),
    "feature_id": ("id of the lamp, fault or cabinet; it may hold slashes", "L-000123"),
    "form": ("format of the answer", "json"),
    "service_code": ("code of the service, as the list of services has it", "lamp-dark"),
    "request_id": ("number of the service request", "K7M2QX4T"),
    "number": ("number of a citizen's report", "7K3M2QXDAB"),
    "token": ("the number of the service request", "K7M2QX4T"),
    "name": ("name of the data set", "lamps"),
    "q": ("what to search for", "Melati"),
    "everywhere": ("on every device", True),
    "actor": ("who acted", "local"),
    "lang": ("language of the words in the answer", "id"),
    "last-event-id": ("id of the last event that was received", "42"),
}


def describe_parameters(document: dict[str, Any]) -> None:
    """Fill in descriptions and examples of an OpenAPI document's parameters."""
    for parameter in _parameters(document):
        description, example = PARAMETERS.get(parameter["name"].lower(), ("", None))
        if description:
            parameter.setdefault("description", description)
            parameter.setdefault("example", example)


def _parameters(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for operations in document["paths"].values():
        for operation in operations.values():
            yield from operation.get("parameters", [])
