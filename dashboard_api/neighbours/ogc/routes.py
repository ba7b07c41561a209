"""The functions behind ``/ogc``: read parameters, ask the collections, answer as GeoJSON or HTML."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from fastapi import Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.concurrency import run_in_threadpool

from dashboard_api.context import CatalogueOf, Context, ContextOf
from dashboard_api.errors import BadRequestError, NotFoundError
from dashboard_api.formats.look import look_of
from dashboard_api.http.compression import answer
from dashboard_api.http.json_answer import language_headers
from dashboard_api.neighbours.ogc import documents, html
from dashboard_api.neighbours.ogc.cql2 import FILTER_PARAMETERS, parse_filter
from dashboard_api.neighbours.ogc.features import FeaturePage, sources_of
from dashboard_api.neighbours.ogc.mapping import COLLECTIONS
from dashboard_api.neighbours.ogc.open_api import open_api_document
from dashboard_api.neighbours.ogc.parameters import FORMATS, cursor_of, only_known, parse_items
from dashboard_api.version import terang_version
from languages.catalogue import Catalogue

_EVERYWHERE: Final = ("f", "lang")
_ITEMS: Final = (*_EVERYWHERE, "limit", "bbox", "bbox-crs", "datetime", "cursor")
_SHORT: Final = 200  # features that are joined within a millisecond or two


async def get_landing_page(request: Request, context: ContextOf, catalogue: CatalogueOf) -> Response:
    """OGC API - Features: what is where. `/ogc/api` describes all paths, parameters and answers for GIS programs."""
    _given, form = _parameters(request)
    document = documents.landing_page(_root(request), form, context.city.city.name, catalogue)
    return _document(context, document, form, catalogue, [html.paragraph(document["description"])])


async def get_api(request: Request, context: ContextOf, catalogue: CatalogueOf) -> Response:
    """OGC API - Features: the OpenAPI 3.0 document."""
    _given, form = _parameters(request)
    title = catalogue.say("ogc.title", city=context.city.city.name)
    document = open_api_document(_root(request), title, terang_version())
    if form == "json":
        return JSONResponse(document, media_type=documents.OPENAPI, headers=_headers(catalogue))
    sections = []
    for path, item in document["paths"].items():
        operation = item["get"]
        names = [_named(one, document) for one in [*item.get("parameters", []), *operation["parameters"]]]
        sections.append(html.section(f"GET {path}", [html.paragraph(operation["summary"]), html.text_list(names)]))
    return HTMLResponse(_page(context, catalogue, title, sections), headers=_headers(catalogue, form))


def _named(parameter: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    found = parameter
    if "$ref" in parameter:
        found = document["components"]["parameters"][parameter["$ref"].rpartition("/")[2]]
    return f"{found['name']} ({found['in']}): {found.get('description', 'required')}"


async def get_conformance(request: Request, context: ContextOf, catalogue: CatalogueOf) -> Response:
    """OGC API - Features: the conformance classes that hold."""
    _given, form = _parameters(request)
    document = documents.conformance(_root(request), form)
    return _document(context, document, form, catalogue, [html.text_list(document["conformsTo"])], title="Conformance")


async def get_collections(request: Request, context: ContextOf, catalogue: CatalogueOf) -> Response:
    """OGC API - Features: the collections, each with its extent."""
    _given, form = _parameters(request)
    root = _root(request)
    found = await context.answer(partial(_described, request, context, catalogue, form), is_short=False)
    document = documents.collections(root, form, found)
    sections = [html.section(one["title"], [*_about(one), html.links_list(one["links"])]) for one in found]
    return _document(context, document, form, catalogue, sections, title="Collections")


def _described(request: Request, context: Context, catalogue: Catalogue, form: str) -> list[dict[str, Any]]:
    return [_one_described(request, context, catalogue, form, name) for name in COLLECTIONS]


def _one_described(
    request: Request, context: Context, catalogue: Catalogue, form: str, collection_id: str
) -> dict[str, Any]:
    extent = _sources(request, context)[collection_id].extent()
    return documents.collection(_root(request), form, COLLECTIONS[collection_id], extent, catalogue)


def _about(one: Mapping[str, Any]) -> list[str]:
    return [html.paragraph(one["description"]), html.paragraph(f"extent: {json.dumps(one.get('extent'))}")]


async def get_collection(request: Request, context: ContextOf, catalogue: CatalogueOf, collection_id: str) -> Response:
    """OGC API - Features: one collection with its extent."""
    _given, form = _parameters(request)
    _must_be_collection(collection_id)
    describe = partial(_one_described, request, context, catalogue, form, collection_id)
    document = await context.answer(describe, is_short=False)
    return _document(context, document, form, catalogue, _about(document))


async def get_queryables(request: Request, context: ContextOf, catalogue: CatalogueOf, collection_id: str) -> Response:
    """OGC API - Features: the properties that a collection may be filtered by, as a JSON Schema."""
    _given, form = _parameters(request)
    _must_be_collection(collection_id)
    document = documents.queryables(_root(request), COLLECTIONS[collection_id], catalogue)
    if form == "json":
        return JSONResponse(document, media_type=documents.SCHEMA, headers=_headers(catalogue))
    lines = [f"{name}: {one.get('format', one.get('type'))}" for name, one in document["properties"].items()]
    page = _page(context, catalogue, document["title"], [html.text_list(lines)])
    return HTMLResponse(page, headers=_headers(catalogue, form))


async def get_items(request: Request, context: ContextOf, catalogue: CatalogueOf, collection_id: str) -> Response:
    """OGC API - Features: a page of a collection's features.

    Parameters beside `f` and `lang`: `limit` (more than 1000 is taken as 1000), `bbox`, `bbox-crs` (CRS84), `datetime`,
    `cursor` (from the link `next`), for lamps `district`, for faults `code`, `state`, `severity`, `district`,
    `cabinet_id`, `lamp_id`, and `filter` with `filter-lang` (`cql2-text`, `cql2-json`) and `filter-crs` (CRS84). Any
    other is 400.
    """
    _must_be_collection(collection_id)
    about = COLLECTIONS[collection_id]
    more = FILTER_PARAMETERS if about.has_filter else ()
    given, form = _parameters(request, (*_ITEMS, *about.filters, *more))
    where = await run_in_threadpool(parse_filter, given) if any(name in given for name in more) else None
    query = parse_items(given, about.filters, where)
    source = _sources(request, context)[collection_id]
    page = await context.answer(
        partial(source.page, query, catalogue), is_short=query.limit <= _SHORT and where is None
    )
    asked = {name: value for name, value in given.items() if name != "f"}
    return _items(request, collection_id, page, asked, form, catalogue)


def _items(
    request: Request,
    collection_id: str,
    page: FeaturePage,
    asked: Mapping[str, str],
    form: str,
    catalogue: Catalogue,
) -> Response:
    root = _root(request)
    cursor = None if page.last_id is None else cursor_of(page.last_id)
    links = documents.items_links(root, form, collection_id, asked, cursor)
    head = {
        "type": "FeatureCollection",
        "timeStamp": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        **({} if page.n_matched is None else {"numberMatched": page.n_matched}),
        "numberReturned": len(page.features),
        "links": links,
    }
    if form == "json":
        text = json.dumps(head, ensure_ascii=False, separators=(",", ":")).encode()
        body = b'%b,"features":[%b]}' % (text[:-1], b",".join(page.features))
        return answer(request, body, documents.GEOJSON, _headers(catalogue))
    features = [json.loads(feature) for feature in page.features]
    addresses = [documents.item_address(root, collection_id, feature["id"]) + "?f=html" for feature in features]
    title = catalogue.say(f"ogc.{collection_id}.title")
    table = html.features_table(features, addresses, COLLECTIONS[collection_id].properties)
    parts = [html.paragraph(f"{head.get('numberMatched', '')} / {len(features)}"), html.links_list(links), table]
    return HTMLResponse(_page(request.app.state.context, catalogue, title, parts), headers=_headers(catalogue, form))


async def get_item(
    request: Request, context: ContextOf, catalogue: CatalogueOf, collection_id: str, feature_id: str
) -> Response:
    """OGC API - Features: one feature."""
    _given, form = _parameters(request)
    _must_be_collection(collection_id)
    source = _sources(request, context)[collection_id]
    feature = await context.answer(partial(source.one, feature_id, catalogue))
    if feature is None:
        raise NotFoundError("no_feature", feature_id=feature_id, collection=collection_id)
    links = documents.item_links(_root(request), form, collection_id, feature_id)
    if form == "json":
        text = json.dumps(links, ensure_ascii=False, separators=(",", ":")).encode()
        body = b'%b,"links":%b}' % (feature[:-1], text)
        return answer(request, body, documents.GEOJSON, _headers(catalogue))
    table = html.features_table([json.loads(feature)], [links[0]["href"]], COLLECTIONS[collection_id].properties)
    parts = [html.links_list(links), table]
    return HTMLResponse(_page(context, catalogue, feature_id, parts), headers=_headers(catalogue, form))


def _sources(request: Request, context: Context) -> Mapping[str, Any]:
    """The collections' features, made once per app."""
    found: Mapping[str, Any] | None = getattr(request.app.state, "ogc_sources", None)
    if found is None:
        found = request.app.state.ogc_sources = sources_of(context)
    return found


def _must_be_collection(collection_id: str) -> None:
    if collection_id not in COLLECTIONS:
        raise NotFoundError("no_collection", collection=collection_id, known=list(COLLECTIONS))


def _parameters(request: Request, known: Collection[str] = _EVERYWHERE) -> tuple[dict[str, str], str]:
    """The query's parameters, and the format of the answer: ``f``, else what ``Accept`` prefers, else JSON.

    Raises:
        BadRequestError: a parameter is unknown, stands twice, or ``f`` is no format of ours.
    """
    given = only_known(request.query_params.multi_items(), known)
    if "f" in given:
        if given["f"] not in FORMATS:
            raise BadRequestError("not_one_of", name="f", value=given["f"], known=list(FORMATS))
        return given, given["f"]
    return given, "html" if _prefers_html(request.headers.get("accept", "")) else "json"


def _prefers_html(accept: str) -> bool:
    """Whether ``Accept`` gives HTML more weight than any JSON; the first of equal weight wins."""
    best: dict[bool, tuple[float, int]] = {}
    for place, part in enumerate(accept[:1000].split(",")):
        name, *options = [one.strip().lower() for one in part.split(";")]
        weight = next((_weight(one[2:]) for one in options if one.startswith("q=")), 1.0)
        is_html = name in {"text/html", "application/xhtml+xml"}
        if is_html or name in {"*/*", "application/*"} or name.endswith("json"):
            best[is_html] = max(best.get(is_html, (-1.0, 0)), (weight, -place))
    return best.get(True, (0.0, -1_000_000)) > best.get(False, (0.0, -1_000_000))


def _weight(text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        return 0.0
    return weight if 0 <= weight <= 1 else 0.0


def _root(request: Request) -> str:
    """Absolute address of the landing page, by the scheme and host that the request came to."""
    return f"{str(request.base_url).rstrip('/')}/ogc"


def _headers(catalogue: Catalogue, form: str = "json") -> dict[str, str]:
    headers = {**language_headers(catalogue), "X-Content-Type-Options": "nosniff"}
    headers["Vary"] = f"{headers['Vary']}, Accept"
    return headers if form == "json" else {**headers, "Content-Security-Policy": html.POLICY}


def _page(context: Context, catalogue: Catalogue, title: str, parts: list[str]) -> str:
    return html.page(catalogue.language, look_of(context.city), title, parts)


def _document(
    context: Context,
    document: Mapping[str, Any],
    form: str,
    catalogue: Catalogue,
    parts: list[str],
    title: str | None = None,
) -> Response:
    if form == "json":
        return JSONResponse(document, headers=_headers(catalogue))
    words = title or document["title"]
    return HTMLResponse(
        _page(context, catalogue, words, [*parts, html.links_list(document["links"])]),
        headers=_headers(catalogue, form),
    )
