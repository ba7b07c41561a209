"""Lists of faults as GeoJSON, CSV and GPX, from the faults in JSON. Pure."""

from __future__ import annotations

import csv
import io
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Mapping
from typing import Any, Final

from dashboard_api.formats.spreadsheet import safe_cell

CSV_COLUMNS: Final = (
    "id",
    "code",
    "title",
    "level",
    "severity",
    "priority",
    "state",
    "opened_at",
    "updated_at",
    "closed_at",
    "lamp_id",
    "lamps",
    "cabinet_id",
    "controller_id",
    "bus",
    "circuit",
    "span_after",
    "span_before",
    "latitude",
    "longitude",
    "street",
    "district",
    "caused_by",
    "assignee",
    "version",
    "advice",
)
_GPX: Final = "http://www.topografix.com/GPX/1/1"


def faults_geojson(items: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """A FeatureCollection; faults without position have a null geometry."""
    return {"type": "FeatureCollection", "features": [_feature(item) for item in items]}


def _feature(item: Mapping[str, Any]) -> dict[str, Any]:
    properties = {name: value for name, value in item.items() if name not in {"latitude", "longitude"}}
    geometry = None
    if item["latitude"] is not None and item["longitude"] is not None:
        geometry = {"type": "Point", "coordinates": [item["longitude"], item["latitude"]]}
    return {"type": "Feature", "id": item["id"], "geometry": geometry, "properties": properties}


def faults_csv(items: Iterable[Mapping[str, Any]]) -> str:
    """RFC 4180 with a header; opens in a spreadsheet without running anything.

    ``lamps`` is the number of lamps that the fault takes with it. The byte-order mark tells Excel that it is UTF-8.
    """
    out = io.StringIO()
    out.write("\ufeff")
    writer = csv.writer(out)
    writer.writerow(CSV_COLUMNS)
    for item in items:
        span = item["span"] or {"after": None, "before": None}
        flat = {**item, "span_after": span["after"], "span_before": span["before"]}
        flat["lamps"] = len(item["lamp_ids"])
        writer.writerow([safe_cell(flat[name]) for name in CSV_COLUMNS])
    return out.getvalue()


def faults_gpx(items: Iterable[Mapping[str, Any]]) -> str:
    """Waypoints in the list's order, for any navigation app."""
    ET.register_namespace("", _GPX)
    root = ET.Element(f"{{{_GPX}}}gpx", {"version": "1.1", "creator": "Terang"})
    for item in items:
        if item["latitude"] is None or item["longitude"] is None:
            continue
        point = ET.SubElement(root, f"{{{_GPX}}}wpt", {"lat": str(item["latitude"]), "lon": str(item["longitude"])})
        ET.SubElement(point, f"{{{_GPX}}}time").text = item["opened_at"]
        place = item["lamp_id"] or item["cabinet_id"] or item["code"]
        # what a navigation app lists: where, and what is wrong there
        name = " · ".join(filter(None, (place, item["street"], item["title"])))
        ET.SubElement(point, f"{{{_GPX}}}name").text = _legal(name)
        ET.SubElement(point, f"{{{_GPX}}}cmt").text = _legal(item["street"] or "")
        ET.SubElement(point, f"{{{_GPX}}}desc").text = _legal(f"{item['title']}: {item['advice']}")
        ET.SubElement(point, f"{{{_GPX}}}type").text = item["code"]
    return ET.tostring(root, encoding="unicode", xml_declaration=True)


def _legal(text: str) -> str:
    """Without the control characters that XML 1.0 cannot hold."""
    return "".join(character for character in text if character >= " " or character in "\t\n")
