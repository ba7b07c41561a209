"""GeoReport Bulk: every service request as CSV, JSON or XML, sent while it is read. Pure.

The fields are those of the proposed specification's table, in its order; ``closed_date`` is called so in all formats.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from dashboard_api.formats.spreadsheet import safe_cell
from dashboard_api.neighbours.open311.xml_text import element, xml_head

Row = Mapping[str, Any]
FIELDS: Final = (
    "service_request_id",
    "requested_datetime",
    "updated_datetime",
    "closed_date",
    "status_description",
    "status_notes",
    "source",
    "service_name",
    "service_subtype",
    "description",
    "agency_responsible",
    "address",
    "lat",
    "long",
)
_PIECE: Final = 1 << 16  # characters


def as_csv(rows: Iterable[Row]) -> Iterator[bytes]:
    """RFC 4180 with a header; opens in a spreadsheet without running anything."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL)
    writer.writerow(FIELDS)
    for row in rows:
        writer.writerow(["" if row[name] is None else safe_cell(row[name]) for name in FIELDS])
        if out.tell() > _PIECE:
            yield out.getvalue().encode()
            out.seek(0)
            out.truncate()
    yield out.getvalue().encode()


def as_json(rows: Iterable[Row]) -> Iterator[bytes]:
    """A list of objects."""
    yield b"["
    for index, row in enumerate(rows):
        text = json.dumps({name: row[name] for name in FIELDS}, ensure_ascii=False, allow_nan=False)
        yield (("," if index else "") + text + "\n").encode()
    yield b"]\n"


def as_xml(rows: Iterable[Row]) -> Iterator[bytes]:
    """``service_requests`` with one ``request`` each."""
    yield f"{xml_head()}<service_requests>\n".encode()
    for row in rows:
        yield f"{element('request', {name: row[name] for name in FIELDS})}\n".encode()
    yield b"</service_requests>\n"


FORMATS: Final[Mapping[str, tuple[str, Callable[[Iterable[Row]], Iterator[bytes]]]]] = {
    "csv": ("text/csv", as_csv),
    "json": ("application/json", as_json),
    "xml": ("text/xml", as_xml),
}
