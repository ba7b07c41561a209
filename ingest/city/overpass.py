"""Overpass JSON, OpenStreetMap's answer to a query: nodes are lamps, their tags are columns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from ingest.city.decoded_text import cell_text
from ingest.errors import UnusableError
from ingest.register.issue import Issue
from ingest.register.text_table import TextTable, table_of_rows
from languages.message import Message, Plain

COUNT_TAG: Final = "light:count"
OWN: Final = ("type", "id")
_OTHER_KINDS: Final = ("way", "relation", "area")
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
        reason = Plain(str(error)[:200])
        raise UnusableError(Message("terminal.error.no_json", file=path, reason=reason)) from error
    elements = document.get("elements") if isinstance(document, dict) else None
    if not isinstance(elements, list):
        raise UnusableError(Message("terminal.error.no_overpass", file=path))
    tags: dict[str, None] = {}
    for element in elements:
        if isinstance(element, dict) and isinstance(element.get("tags"), dict):
            tags.update(dict.fromkeys(map(str, element["tags"])))
        if len(tags) > _MAX_TAGS:
            raise UnusableError(Message("terminal.error.many_tags", file=path, most=_MAX_TAGS))
    header = [*place, *OWN, *(tag for tag in tags if tag not in OWN)]
    issues: list[Issue] = []
    rows = ((number, _row(element, header, issues, path.name, number)) for number, element in enumerate(elements, 1))
    return table_of_rows(path.name, header, rows, issues, frozenset(place))


def _row(element: Any, header: list[str], issues: list[Issue], file: str, number: int) -> list[str] | Message:
    if not isinstance(element, dict):
        return Message("finding.no_element")
    kind = element.get("type")
    if kind != "node":
        if kind in _OTHER_KINDS:
            return Message("finding.no_node", kind=Plain(kind))
        return Message("finding.unknown_element")
    latitude, longitude = element.get("lat"), element.get("lon")
    if isinstance(latitude, bool | None) or isinstance(longitude, bool | None):
        return Message("finding.placeless_node")
    tags = element.get("tags")
    known = tags if isinstance(tags, dict) else {}
    count = cell_text(known.get(COUNT_TAG))
    if count not in {"", "1"}:
        reason = Message("finding.count_unread", value=count[:20])
        issues.append(Issue(file, number, COUNT_TAG, reason, is_refused=False))
    own = [cell_text(longitude), cell_text(latitude), "node", cell_text(element.get("id"))]
    return own + [cell_text(known.get(tag)) for tag in header[4:]]
