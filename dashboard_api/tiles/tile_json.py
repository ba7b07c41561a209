"""What map programs read to show the tiles: TileJSON 3.0 of a layer, and a MapLibre style of all. Pure.

Both lead to this server alone: no fonts, pictures or base maps of others.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from dashboard_api.tiles.places import MAX_ZOOM

FIELDS: Final[Mapping[str, Mapping[str, str]]] = {
    "lamps": {"lamp_id": "String", "state": "String", "level": "Number", "count": "Number"},
    "faults": {"id": "String", "code": "String", "severity": "String", "state": "String", "priority": "Number"},
    "cabinets": {"cabinet_id": "String", "name": "String", "controller_id": "String"},
}
_STATE_COLOURS: Final = {
    "lit": "#f2b233",
    "dark": "#c62828",
    "off": "#607d8b",
    "silent": "#7b1fa2",
    "unmetered": "#9e9e9e",
}
Box = tuple[float, float, float, float]


def tile_json(root: str, layer: str, title: str, bounds: Box | None) -> dict[str, Any]:
    """TileJSON of a layer of the server at ``root``; ``bounds``: west, south, east, north, None = nothing is there."""
    document: dict[str, Any] = {
        "tilejson": "3.0.0",
        "name": title,
        "scheme": "xyz",
        "tiles": [f"{root}/tiles/{layer}/{{z}}/{{x}}/{{y}}.mvt"],
        "minzoom": 0,
        "maxzoom": MAX_ZOOM,
        "vector_layers": [{"id": layer, "fields": dict(FIELDS[layer]), "minzoom": 0, "maxzoom": MAX_ZOOM}],
    }
    return document if bounds is None else {**document, "bounds": list(bounds)}


def style(root: str, title: str, bounds: Box | None) -> dict[str, Any]:
    """A MapLibre style: lamps by their state, cabinets, and faults on top."""
    document: dict[str, Any] = {
        "version": 8,
        "name": title,
        "sources": {layer: {"type": "vector", "url": f"{root}/tiles/{layer}.json"} for layer in FIELDS},
        "layers": [
            {"id": "background", "type": "background", "paint": {"background-color": "#0d1017"}},
            _circles("lamps", ["match", ["get", "state"], *_pairs(), "#9e9e9e"], (1.5, 7)),
            _circles("cabinets", "#4fc3f7", (2, 8)),
            _circles("faults", "#ff5252", (3, 11)),
        ],
    }
    if bounds is None:
        return document
    west, south, east, north = bounds
    return {**document, "center": [(west + east) / 2, (south + north) / 2], "zoom": 12}


def _pairs() -> list[str]:
    return [word for pair in _STATE_COLOURS.items() for word in pair]


def _circles(layer: str, colour: Any, radius: tuple[float, float]) -> dict[str, Any]:
    small, large = radius
    return {
        "id": layer,
        "type": "circle",
        "source": layer,
        "source-layer": layer,
        "paint": {
            "circle-color": colour,
            "circle-radius": ["interpolate", ["linear"], ["zoom"], 10, small, 18, large],
            "circle-stroke-width": 1,
            "circle-stroke-color": "#0d1017",
        },
    }
