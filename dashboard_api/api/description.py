"""The API described for people at ``/docs``, from its own OpenAPI document; nothing is fetched from anywhere else."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any, Final

from fastapi import Request
from fastapi.responses import HTMLResponse

_METHODS: Final = ("get", "post", "put", "delete")
_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;overflow-wrap:anywhere}"
    "body{color:#1a1d24;background:#fff}"
    "h2{font:600 1rem/1.4 ui-monospace,monospace;margin:2rem 0 .25rem;overflow-wrap:anywhere}"
    "h2 b{display:inline-block;min-width:3.5rem}"
    "p{margin:.25rem 0}"
    "dl{display:grid;grid-template-columns:minmax(min(8rem,40%),auto) minmax(0,1fr);gap:.1rem 1rem;margin:.5rem 0}"
    "dt{font-family:ui-monospace,monospace}dd{margin:0;color:#4a5160}"
    "@media(prefers-color-scheme:dark){body{color:#e6e8ee;background:#0d1017}dd{color:#9aa3b5}a{color:#8ab4ff}}"
)

_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY: Final = f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; frame-ancestors 'none'; base-uri 'none'"


def get_description(request: Request) -> HTMLResponse:
    """Every path with its parameters, on one plain page."""
    return HTMLResponse(
        description_html(request.app.openapi()),
        headers={"Content-Security-Policy": _POLICY},
    )


def description_html(document: Mapping[str, Any]) -> str:
    """The page for an OpenAPI document. Pure."""
    about = document["info"]
    head = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(about['title'])} API</title><style>{_STYLE}</style><main><h1>{escape(about['title'])} API</h1>"
        f"<p>{escape(about.get('summary', ''))}. Version {escape(about['version'])}.</p>"
        '<p>For programs: <a href="/openapi.json">/openapi.json</a>. Errors are RFC 9457 problem documents.</p>'
    )
    return head + "".join(_operations(document)) + "</main></html>\n"


def _operations(document: Mapping[str, Any]) -> Iterator[str]:
    for path, item in document["paths"].items():
        for method in _METHODS:
            if method in item:
                operation = item[method]
                yield f"<h2><b>{method.upper()}</b> {escape(path)}</h2>"
                yield f"<p>{escape(operation.get('description') or operation.get('summary', ''))}</p>"
                yield _table([*_parameters(operation), *_body(operation, document)])


def _table(rows: list[tuple[str, str]]) -> str:
    cells = "".join(f"<dt>{escape(name)}</dt><dd>{escape(what)}</dd>" for name, what in rows)
    return f"<dl>{cells}</dl>" if rows else ""


def _parameters(operation: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for parameter in operation.get("parameters", ()):
        what = [f"in the {parameter['in']}", parameter.get("description", ""), _kind(parameter.get("schema", {}))]
        yield parameter["name"], "; ".join(part for part in what if part)


def _body(operation: Mapping[str, Any], document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    name = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
    schema = document.get("components", {}).get("schemas", {}).get(name, {})
    for field, one in schema.get("properties", {}).items():
        what = ["in the JSON body", one.get("description", ""), _kind(one)]
        what.append("required" if field in schema.get("required", ()) else "")
        yield field, "; ".join(part for part in what if part)


def _kind(schema: Mapping[str, Any]) -> str:
    """Type, allowed words and default in few words."""
    options = [one for one in schema.get("anyOf", [schema]) if one.get("type") != "null"]
    words = [" | ".join(map(str, one["enum"])) if "enum" in one else str(one.get("type", "")) for one in options]
    words += [str(schema["const"])] if "const" in schema else []
    kind = ", ".join(word for word in words if word)
    return kind + (f", default {schema['default']}" if schema.get("default") is not None else "")
