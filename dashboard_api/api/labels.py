"""``/labels``: the labels of one cabinet and its lamps, to print."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from fastapi import Request
from fastapi.responses import HTMLResponse, Response

from dashboard_api.api.fields import Id
from dashboard_api.context import CatalogueOf, ContextOf
from dashboard_api.errors import BadRequestError, NotFoundError
from dashboard_api.formats.label_sheet import POLICY, Label, label_sheets
from dashboard_api.http.json_answer import language_headers
from dashboard_api.store.cabinet_lamps import cabinet_lamps
from dashboard_api.store.register_rows import one_cabinet

MAX_LABELS: Final = 1_000  # of an answer; `terang-api labels` writes a whole city


def get_labels(request: Request, context: ContextOf, catalogue: CatalogueOf, cabinet_id: Id) -> Response:
    """Labels of a cabinet and its lamps in the order of its cables, as an HTML document for A4."""
    cabinet = one_cabinet(context.database, cabinet_id)
    if cabinet is None:
        raise NotFoundError("no_cabinet", cabinet_id=cabinet_id)
    rows = cabinet_lamps(context.database, cabinet_id)
    if len(rows) >= MAX_LABELS:
        raise BadRequestError("too_many_labels", n=MAX_LABELS)

    def labels() -> Iterator[Label]:
        yield Label("cabinet", cabinet_id, cabinet.name or "")
        for row in rows:
            yield Label("lamp", row.lamp_id, row.street or "")

    hosts = context.city.web.hosts
    site = f"https://{hosts[0]}" if hosts else str(request.base_url)
    document = "".join(label_sheets(labels(), site, context.city.city.name, catalogue))
    return HTMLResponse(document, headers={**language_headers(catalogue), "Content-Security-Policy": POLICY})
