"""A draft of a mapping for a department's list, and what its import reports."""

from __future__ import annotations

from ingest.city.importing import draft_register
from ingest.city.mapping import ImportMap

LAMP = {"lamp_id": "id", "latitude": "lat", "longitude": "lon", "cabinet_id": "box", "rated_power_w": "watt"}


def drafted(path, lamp=LAMP, **sections):
    return draft_register(path, ImportMap(lamp=lamp, **sections), lambda *_: None)


def reported(draft):
    return "\n".join(map(str, draft.issues))
