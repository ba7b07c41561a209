"""Overpass JSON, OpenStreetMap's answer to a query: nodes are lamps, their tags are columns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from ingest.city.decoding_process import cell_text
from ingest.errors import UnusableError
from ingest.register.delimited import TextTable, table_of_rows
from ingest.register.issue import Issue

COUNT_TAG: Final = "light:count"
OWN: Final = ("type", "id")
_MAX_TAGS: Final = 1000  # different ones in one file


def read_overpass(content: bytes, path: Path, place: tuple[str, str]) -> TextTable:
    """A table of the document's elements; what is no node with a place is refused by its kind.

    Args:
        content: the JSON text.
        path: for messages.
        place: names of the columns for longitude and latitude.

    Raises:
        UnusableError: it is no such document.
    """
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise UnusableError(f"{path}: not JSON: {str(error)[:200]}") from error
    elements = document.get("elements") if isinstance(document, dict) else None
    if not isinstance(elements, list):
        raise UnusableError(f"{path}: is no Overpass JSON: it has no list of elements")
    tags: dict[str, None] = {}
    for element in elements:
        if isinstance(element, dict) and isinstance(element.get("tags"), dict):
            tags.update(dict.fromkeys(map(str, element["tags"])))
        if len(tags) > _MAX_TAGS:
            raise UnusableError(f"{path}: has more than {_MAX_TAGS} different tags")
    header = [*place, *OWN, *(tag for tag in tags if tag not in OWN)]
    issues: list[Issue] = []
    rows = ((number, _row(element, header, issues, path.name, number)) for number, element in enumerate(elements, 1))
    return table_of_rows(path.name, header, rows, issues, frozenset(place))


def _row(element: Any, header: list[str], issues: list[Issue], file: str, number: int) -> list[str] | str:
    if not isinstance(element, dict):
        return "is no element"
    kind = element.get("type")
    if kind != "node":
        return f"a {kind if kind in ('way', 'relation', 'area') else 'thing of an unknown kind'}; a lamp is a node"
    latitude, longitude = element.get("lat"), element.get("lon")
    if isinstance(latitude, bool | None) or isinstance(longitude, bool | None):
        return "a node without a place"
    tags = element.get("tags")
    known = tags if isinstance(tags, dict) else {}
    count = cell_text(known.get(COUNT_TAG))
    if count not in {"", "1"}:
        reason = f"counts {count[:20]!r} lamps at one node; taken as one, unless [source] count names this tag"
        issues.append(Issue(file, number, COUNT_TAG, reason, is_refused=False))
    own = [cell_text(longitude), cell_text(latitude), "node", cell_text(element.get("id"))]
    return own + [cell_text(known.get(tag)) for tag in header[4:]]
