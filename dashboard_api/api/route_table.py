"""Every route of the API in one table: path, who may call it, what it answers, which problems it has.

A new route is a function in a module of this folder (or of ``pages`` or ``neighbours``) and one row in
``shown_routes``, ``work_routes``, ``neighbour_routes`` or ``page_routes``. ``role`` is the lowest role that may call
the route, ``scopes`` what an API token needs for it; ``access.guard`` checks both before every route.
Without accounts whoever is at this machine is an operator.
Routes are tried one after another, so what is asked most stands first.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from fastapi import APIRouter, FastAPI
from pydantic import BaseModel
from starlette.routing import BaseRoute

from dashboard_api.access.guard import Guard
from dashboard_api.access.roles import Rule
from dashboard_api.api import (
    models,
)
from dashboard_api.api.neighbour_routes import CITIZENS, NEIGHBOURS
from dashboard_api.api.page_routes import PAGES
from dashboard_api.api.route import Route
from dashboard_api.api.shown_routes import SHOWN
from dashboard_api.api.work_routes import WORK
from dashboard_api.errors import UnguardedError
from dashboard_api.formats.problem_document import MEDIA_TYPE
from dashboard_api.http.query_check import QueryCheck

ROUTES: Final = (*CITIZENS, *SHOWN, *WORK, *NEIGHBOURS, *PAGES)
_EVERYWHERE: Final[Mapping[int, str]] = {
    400: "a parameter with an impossible value; the detail names it",
    401: "nobody is signed in, or by a token or password that does not hold",
    403: "whoever asks may not do this, or another site's page asks",
    422: "not as this document describes; the detail names the place",
    429: "asked too often; `Retry-After` says when to come back",
    503: "a store does not answer, or holds nothing yet; may be repeated later",
}


def add_routes(app: FastAPI) -> None:
    """Add the table's routes to ``app``, each behind its guard, described for the OpenAPI document."""
    for route, prepared in zip(ROUTES, _prepared(), strict=True):
        own = copy.copy(prepared)
        _guard(app, own, route.rule)
        app.router.routes.append(own)


@cache
def _prepared() -> tuple[BaseRoute, ...]:
    """The routes without guards: their parameters and models are analysed once, which takes most of an app's making."""
    router = APIRouter()
    for route in ROUTES:
        if route.is_plain:
            _add_plain(router, route)
            continue
        router.add_api_route(
            route.path,
            route.endpoint,
            methods=[route.method],
            tags=[route.tag] if route.tag else None,
            status_code=route.status,
            response_model=route.answer,
            response_class=route.response_class,
            responses=_responses(route),
            include_in_schema=bool(route.tag),
            openapi_extra={
                "x-role": str(route.role),
                "x-scopes": sorted(route.rule.scopes),
                **({"requestBody": route.body} if route.body else {}),
            },
        )
        if not route.reads_query:
            _check_query(router.routes[-1])
    return tuple(router.routes)


def _add_plain(router: APIRouter, route: Route) -> None:
    router.add_route(route.path, route.endpoint, methods=[route.method], include_in_schema=False)
    added: Any = router.routes[-1]
    if not route.reads_query:
        added.app = QueryCheck(added.app, route.query)


def _check_query(route: Any) -> None:
    """Let a route refuse query parameters that neither it nor what it depends on knows."""
    known: set[str] = set()
    dependants = [route.dependant]
    while dependants:
        dependant = dependants.pop()
        known.update(field.alias for field in dependant.query_params)
        dependants.extend(dependant.dependencies)
    route.app = QueryCheck(route.app, known)


def guard_others(app: FastAPI, rules: Mapping[str, Rule]) -> None:
    """Put a guard before the routes that the framework added itself.

    Args:
        app: with all its routes.
        rules: path -> rule of such a route.

    Raises:
        UnguardedError: a route has neither a row in the table nor a rule here.
    """
    for route in app.router.routes:
        path = getattr(route, "path", "")
        if isinstance(getattr(route, "app", None), Guard):
            continue
        if path not in rules:
            raise UnguardedError(f"{path or route}: no rule says who may call it; it needs a row in the route table")
        _guard(app, route, rules[path])


def _guard(app: FastAPI, route: Any, rule: Rule) -> None:
    route.app = Guard(route.app, rule, lambda: app.state.context.gate)


def _responses(route: Route) -> dict[int | str, dict[str, Any]]:
    found: dict[int | str, dict[str, Any]] = {}
    if route.others:
        content = {
            media: {} if model is None else {"schema": _reference(model)} for media, model in route.others.items()
        }
        found[route.status] = {"content": content}
    for status, meaning in {**_EVERYWHERE, **(route.problems or {})}.items():
        model = models.FaultProblem if status == 409 and route.tag == "faults" else models.Problem
        found[status] = {"description": meaning, "content": {MEDIA_TYPE: {"schema": _reference(model)}}}
        found[status]["content"] |= {media_type: {} for media_type in route.error_types}
    for status, meaning in (route.also or {}).items():
        found[status] = {"description": meaning}
    return found


def _reference(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{model.__name__}"}
