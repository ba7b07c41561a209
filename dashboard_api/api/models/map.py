"""What the map and its search ask: changes of lamps, the lamps of a cabinet, search."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from dashboard_api.api.models.answer import Answer, example


class LampChanges(Answer):
    """Lamps whose look changed since an earlier answer; three parallel arrays."""

    model_config = example(
        {
            "mark": "3-1790000000000000",
            "at": "2026-11-23T12:05:00Z",
            "reload": False,
            "row": [17],
            "state": ["dark"],
            "level": [100],
        }
    )

    mark: str = Field(description="value of `since` in the next request")
    at: str | None = Field(description="time of the live picture; null = ingest has written none")
    reload: bool = Field(description="whether the tiles have to be loaded anew")
    row: list[int] = Field(description="the lamp's row in the register: its feature id in the tiles")
    state: list[str]
    level: list[int | None] = Field(description="commanded level, %")


class CabinetLamps(Answer):
    """A cabinet's lamps as parallel arrays, circuit after circuit, each in the order of its poles."""

    model_config = example(
        {
            "cabinet_id": "C-017",
            "n": 1,
            "columns": {
                "lamp_id": ["L-000123"],
                "circuit": ["2"],
                "position": [4],
                "latitude": [0.7893],
                "longitude": [102.0489],
                "street": ["Jalan Merdeka"],
                "rated_power_w": [90.0],
                "state": ["lit"],
                "level": [100],
                "power_w": [88.2],
            },
        }
    )

    cabinet_id: str
    n: int
    columns: dict[str, list[Any]] = Field(description="one array of `n` entries for each name; null = unknown")


class SearchItem(Answer):
    """One entry that was found."""

    kind: Literal["cabinet", "street", "lamp", "fault"]
    id: str
    name: str | None = Field(description="of a fault its code")
    place: str | None = Field(description="street, of cabinets and streets the district")
    latitude: float | None
    longitude: float | None
    n: int | None = Field(description="lamps of a street")


class SearchAnswer(Answer):
    """Entries of the register, and open faults."""

    model_config = example(
        {
            "items": [
                {
                    "kind": "lamp",
                    "id": "L-000123",
                    "name": "L-000123",
                    "place": "Jalan Merdeka",
                    "latitude": 0.7893,
                    "longitude": 102.0489,
                    "n": None,
                }
            ],
            "next_cursor": None,
        }
    )

    items: list[SearchItem]
    next_cursor: None


class TileJson(Answer):
    """TileJSON 3.0 of a layer; `bounds` is left out where there is no lamp."""

    model_config = example(
        {
            "tilejson": "3.0.0",
            "name": "Kota Terang: lamps",
            "scheme": "xyz",
            "tiles": ["https://terang.example.go.id/tiles/lamps/{z}/{x}/{y}.mvt"],
            "minzoom": 0,
            "maxzoom": 22,
            "vector_layers": [{"id": "lamps", "fields": {"lamp_id": "String"}, "minzoom": 0, "maxzoom": 22}],
            "bounds": [102.0, 0.79, 102.1, 0.8],
        }
    )

    tilejson: str
    name: str
    scheme: str
    tiles: list[str]
    minzoom: int
    maxzoom: int
    vector_layers: list[dict[str, Any]]
    bounds: list[float] = Field([])


class MapStyle(Answer):
    """A MapLibre style; `center` and `zoom` are left out where there is no lamp."""

    model_config = example({"version": 8, "name": "Kota Terang", "sources": {}, "layers": []})

    version: int
    name: str
    sources: dict[str, dict[str, Any]]
    layers: list[dict[str, Any]]
    center: list[float] = Field([])
    zoom: float = 0
