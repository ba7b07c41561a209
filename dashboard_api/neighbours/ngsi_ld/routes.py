"""Routes under ``/ngsi-ld/v1``; problems carry the types of NGSI-LD (ETSI GS CIM 009, 5.5.2)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, Final
from urllib.parse import urlencode

import numpy as np
from fastapi import Request
from fastapi.responses import JSONResponse, Response
from starlette.concurrency import run_in_threadpool
from ulid import ULID

from dashboard_api.context import ActorOf, Context, ContextOf, PrincipalOf, problem_catalogue
from dashboard_api.errors import (
    BadRequestError,
    MediaTypeError,
    NotFoundError,
    RequestError,
    TooLargeError,
    UnavailableError,
    UsedIdError,
)
from dashboard_api.formats.problem_document import MEDIA_TYPE, error_document
from dashboard_api.neighbours.ngsi_ld import mapping, parameters
from dashboard_api.neighbours.ngsi_ld.entities import EntitySource, Snapshot
from dashboard_api.neighbours.ngsi_ld.selecting import chosen, row_of
from dashboard_api.neighbours.ngsi_ld.subscriptions import expiry_us, parse_subscription, subscription_document
from dashboard_api.neighbours.ogc.parameters import only_known
from dashboard_api.neighbours.outgoing.endpoints import check_endpoint
from dashboard_api.store.ngsi_subscriptions import (
    add_subscription,
    all_subscriptions,
    one_subscription,
    remove_subscription,
)

JSON: Final = "application/json"
JSON_LD: Final = "application/ld+json"
SUBSCRIPTIONS: Final = "/ngsi-ld/v1/subscriptions"
_ERRORS: Final = "https://uri.etsi.org/ngsi-ld/errors/"
_ERROR_OF: Final[Mapping[type[RequestError], str]] = {
    BadRequestError: "BadRequestData",
    NotFoundError: "ResourceNotFound",
    UsedIdError: "AlreadyExists",
    UnavailableError: "InternalError",
}
_LARGEST_BODY: Final = 64 << 10
_OF_OWNER: Final = 5
_IN_ALL: Final = 20


async def get_entities(request: Request) -> Response:
    """NGSI-LD: entities, page by page.

    Parameters: `type`, `id` (lists with commas), `idPattern` (a regular expression), `attrs`, `q` (comparisons joined
    by `;`), `georel` (`near;maxDistance==METRES`, `near;minDistance==METRES`, `within`) with `geometry` (`Point` or
    `Polygon`) and `coordinates`, `limit` (up to 1000), `offset`, `count` (`true`: `NGSILD-Results-Count`) and
    `options` (`keyValues`, `simplified`, `normalized`). One of the first six has to be there.
    """

    async def make() -> Response:
        given = _given(request, parameters.LIST_PARAMETERS)
        query = parameters.parse_entities(given)
        source = _source(request)
        n_matched, documents = await run_in_threadpool(_page, source, query)
        headers = {"NGSILD-Results-Count": str(n_matched)} if query.is_counted else {}
        return _written(request, documents, headers, _page_links(given, query, n_matched))

    return await _answer(request, make)


async def get_entity(request: Request, entity_id: str) -> Response:
    """NGSI-LD: one entity. Parameters: `attrs`, `options`."""

    async def make() -> Response:
        given = _given(request, parameters.ONE_PARAMETERS)
        is_simple, _is_counted = parameters.parse_form(given)
        attrs = parameters.parse_selection(given).attrs
        source = _source(request)
        document = await run_in_threadpool(_one, source, entity_id, attrs, is_simple=is_simple)
        return _written(request, document)

    return await _answer(request, make)


async def get_types(request: Request) -> Response:
    """NGSI-LD: the types of entities; with `details=true` and their attributes."""

    async def make() -> Response:
        given = _given(request, ("details", "local", "lang"))
        parameters.parse_switch(given, "local")
        if parameters.parse_switch(given, "details"):
            types = [
                {
                    "id": mapping.MODEL_URI + name,
                    "type": "EntityType",
                    "typeName": name,
                    "attributeNames": list(attributes),
                }
                for name, attributes in mapping.TYPES.items()
            ]
            return _written(request, types)
        document = {
            "id": f"{mapping.URN}EntityTypeList:terang",
            "type": "EntityTypeList",
            "typeList": list(mapping.TYPES),
        }
        return _written(request, document)

    return await _answer(request, make)


async def post_subscription(request: Request, context: ContextOf, actor: ActorOf, principal: PrincipalOf) -> Response:
    """NGSI-LD: subscribe to changes of lamps or circuits; `Location` says where the subscription stands.

    Notifications go to hosts alone that `[ngsi] notify` of `city.toml` lists, at most every ten seconds.
    """

    async def make() -> Response:
        _given(request, ("lang",))
        found, document = parse_subscription(await _body(request))
        check_endpoint(found.notification.endpoint.uri, context.city.ngsi.notify)
        now_us = context.now_us()
        subscription_id = found.id or f"{mapping.URN}Subscription:{ULID()}"
        values = {
            "id": subscription_id,
            "owner": principal.id,
            "created_at_us": now_us,
            "document": document,
            "expires_at_us": expiry_us(found, now_us),
            "is_active": found.isActive,
            "n_sent": 0,
            "n_failed": 0,
            "n_failed_ever": 0,
            "next_at_us": now_us,
        }
        await run_in_threadpool(_add, context, actor, values)
        row = await run_in_threadpool(one_subscription, context.database, subscription_id)
        headers = {"Location": f"{SUBSCRIPTIONS}/{subscription_id}"}
        return JSONResponse(subscription_document(row, now_us), 201, headers)

    return await _answer(request, make)


async def get_subscriptions(request: Request, context: ContextOf) -> Response:
    """NGSI-LD: all subscriptions. Parameters: `limit`, `offset`, `count`."""

    async def make() -> Response:
        given = _given(request, ("limit", "offset", "count", "lang"))
        limit = parameters.parse_number(given, "limit", parameters.DEFAULT_LIMIT)
        offset = parameters.parse_number(given, "offset", 0)
        is_counted = parameters.parse_switch(given, "count")
        rows = await run_in_threadpool(all_subscriptions, context.database)
        now_us = context.now_us()
        shown = [subscription_document(row, now_us) for row in rows[offset : offset + min(limit, parameters.MAX_LIMIT)]]
        return _written(request, shown, {"NGSILD-Results-Count": str(len(rows))} if is_counted else {})

    return await _answer(request, make)


async def get_subscription(request: Request, context: ContextOf, subscription_id: str) -> Response:
    """NGSI-LD: one subscription, with how notifying went."""

    async def make() -> Response:
        _given(request, ("lang",))
        row = await run_in_threadpool(one_subscription, context.database, subscription_id)
        return _written(request, subscription_document(row, context.now_us()))

    return await _answer(request, make)


async def delete_subscription(request: Request, context: ContextOf, actor: ActorOf, subscription_id: str) -> Response:
    """NGSI-LD: end a subscription."""

    async def make() -> Response:
        _given(request, ("lang",))
        await run_in_threadpool(remove_subscription, context.database, context.audit, actor, subscription_id)
        return Response(status_code=204)

    return await _answer(request, make)


def _add(context: Context, actor: Any, values: dict[str, Any]) -> None:
    add_subscription(context.database, context.audit, actor, values, of_owner=_OF_OWNER, in_all=_IN_ALL)


def _source(request: Request) -> EntitySource:
    source: EntitySource = request.app.state.entities
    return source


def _given(request: Request, known: Collection[str]) -> dict[str, str]:
    return only_known(request.query_params.multi_items(), known)


def _page(source: EntitySource, query: parameters.EntityQuery) -> tuple[int, list[dict[str, Any]]]:
    """How many entities match, and those of the page."""
    snapshot = source.snapshot()
    n_matched, documents = 0, []
    start, end = query.offset, query.offset + query.limit
    for kind, rows in chosen(snapshot, query.selection):
        of_page = rows[max(0, start - n_matched) : max(0, end - n_matched)]
        n_matched += len(rows)
        if len(of_page):
            documents += _documents(snapshot, kind, of_page, query.selection.attrs, is_simple=query.is_simple)
    return n_matched, documents


def _one(source: EntitySource, entity: str, attrs: tuple[str, ...] | None, *, is_simple: bool) -> dict[str, Any]:
    snapshot = source.snapshot()
    for kind in mapping.TYPES:
        row = row_of(snapshot, kind, entity)
        if row is not None:
            return _documents(snapshot, kind, np.array([row]), attrs, is_simple=is_simple)[0]
    raise NotFoundError("ngsi_no_entity", entity_id=entity)


def _documents(
    snapshot: Snapshot, kind: str, rows: Any, attrs: tuple[str, ...] | None, *, is_simple: bool
) -> list[dict[str, Any]]:
    """Entities in the form that is asked for."""
    if is_simple:
        return snapshot.documents(kind, rows, attrs)
    # when a value was measured stands in the entity, also where that attribute is not asked for
    wanted = None if attrs is None else (*attrs, "observationDateTime")
    found = [mapping.normalized(kind, one) for one in snapshot.documents(kind, rows, wanted)]
    if attrs is not None and "observationDateTime" not in attrs:
        for one in found:
            one.pop("observationDateTime", None)
    return found


def _page_links(given: Mapping[str, str], query: parameters.EntityQuery, n_matched: int) -> list[str]:
    """Links to the pages beside this one."""
    found = []
    beside = {"prev": query.offset - query.limit, "next": query.offset + query.limit}
    if query.limit and query.offset:
        found.append(("prev", max(0, beside["prev"])))
    if query.limit and beside["next"] < n_matched:
        found.append(("next", beside["next"]))
    return [
        f'</ngsi-ld/v1/entities?{urlencode({**given, "limit": query.limit, "offset": offset})}>; rel="{relation}"'
        for relation, offset in found
    ]


def _written(
    request: Request, document: Any, headers: Mapping[str, str] | None = None, links: Collection[str] = ()
) -> Response:
    """The document as JSON with the context in its head, or as JSON-LD where that is asked for."""
    given = dict(headers or {})
    is_ld = JSON_LD in request.headers.get("accept", "")
    links = list(links) if is_ld else [mapping.CONTEXT_LINK, *links]
    if links:
        given["Link"] = ", ".join(links)
    given["Vary"] = "Accept"
    if is_ld:
        document = (
            [{**one, "@context": mapping.CONTEXT_URI} for one in document]
            if isinstance(document, list)
            else {**document, "@context": mapping.CONTEXT_URI}
        )
    return JSONResponse(document, headers=given, media_type=JSON_LD if is_ld else JSON)


async def _body(request: Request) -> bytes:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in {JSON, JSON_LD}:
        raise MediaTypeError("ngsi_media_type", known=[JSON, JSON_LD])
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST_BODY:
            raise TooLargeError("form_too_large", max_bytes=_LARGEST_BODY)
    return bytes(body)


async def _answer(request: Request, make: Callable[[], Awaitable[Response]]) -> Response:
    """What ``make`` returns, or its error in NGSI-LD's form."""
    try:
        return await make()
    except RequestError as error:
        status, document = error_document(error, problem_catalogue(request))
        kind = next((name for of, name in _ERROR_OF.items() if isinstance(error, of)), None)
        if kind is not None:
            document["type"] = _ERRORS + kind
        return JSONResponse(document, status, headers=error.headers, media_type=MEDIA_TYPE)
