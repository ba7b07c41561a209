"""Alive, able to serve, and figures for Prometheus."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import PlainTextResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from dashboard_api.desk import Desk, desk_of
from dashboard_api.errors import UnavailableError

router: Final = APIRouter(tags=["health"])


@router.get("/healthz", response_class=PlainTextResponse)
async def get_health() -> str:
    """The process answers."""
    return "ok\n"


@router.get("/readyz", responses={503: {"description": "not able to serve; the detail says why"}})
def get_readiness(desk: Annotated[Desk, Depends(desk_of)]) -> dict[str, Any]:
    """The database answers and holds a register."""
    version = desk.database.register_version()
    if version == 0:
        raise UnavailableError("the database holds no register yet: start terang-ingest, or import one")
    return {"ready": True, "register_version": version}


@router.get("/metrics", response_class=Response)
def get_metrics(request: Request) -> Response:
    """Prometheus text format."""
    return Response(generate_latest(request.app.state.metrics), media_type=CONTENT_TYPE_LATEST)
