"""Search by what people read on a pole or a street sign: lamps, streets, cabinets, open faults."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query
from fastapi.responses import JSONResponse

from dashboard_api.context import ContextOf
from dashboard_api.store.search import search_register


def get_search(
    context: ContextOf,
    q: Annotated[str, Query(min_length=1, max_length=100, description="part of an id, name, street or assignee")],
    limit: Annotated[int, Query(ge=1, le=50, description="entries of each kind")] = 8,
) -> JSONResponse:
    """Lamps, streets, cabinets and open faults whose id, name, street or assignee holds ``q``, of any case."""
    items: list[dict[str, Any]] = search_register(context.database, q.strip(), limit) if q.strip() else []
    return JSONResponse({"items": items, "next_cursor": None})
