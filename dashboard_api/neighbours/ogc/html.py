"""The same documents for people: plain pages that load nothing. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any, Final

from dashboard_api.formats.look import Look

_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#1a1d24"
    ";overflow-wrap:anywhere}"
    ".wide{overflow-x:auto;overflow-wrap:normal}"
    "table{border-collapse:collapse}th,td{text-align:left;padding:.2rem .8rem .2rem 0;"
    "border-bottom:1px solid #ccd0d8;vertical-align:top}a{color:#0b57d0}"
    "@media(prefers-color-scheme:dark){body{color:#e6e8ee;background:#0d1017}a{color:#8ab4ff}}"
)
POLICY: Final = "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"


def page(language: str, look: Look, title: str, parts: Iterable[str]) -> str:
    """An HTML 5 page under the city's name; ``parts`` are markup."""
    head = (
        f'<!doctype html><html lang="{escape(language)}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{escape(title)} · {escape(look.title)}</title>'
        f"<style>{_STYLE}{look.style}</style></head><body><main>"
        f"<p>{look.logo} {escape(look.title)}</p><h1>{escape(title)}</h1>"
    )
    return head + "".join(parts) + "</main></body></html>\n"


def links_list(links: Iterable[Mapping[str, str]]) -> str:
    """Links as a list, each with its relation."""
    items = (
        f'<li><a rel="{escape(one["rel"])}" type="{escape(one["type"])}" href="{escape(one["href"])}">'
        f"{escape(one['title'])}</a> ({escape(one['rel'])}, {escape(one['type'])})</li>"
        for one in links
    )
    return f"<ul>{''.join(items)}</ul>"


def paragraph(text: str) -> str:
    """A paragraph of text."""
    return f"<p>{escape(text)}</p>"


def text_list(texts: Iterable[str]) -> str:
    """A list of texts."""
    return f"<ul>{''.join(f'<li>{escape(text)}</li>' for text in texts)}</ul>"


def section(title: str, parts: Iterable[str]) -> str:
    """A section with its heading."""
    return f"<section><h2>{escape(title)}</h2>{''.join(parts)}</section>"


def features_table(features: list[Mapping[str, Any]], addresses: list[str], columns: Iterable[str]) -> str:
    """Features as rows: the first column leads to the feature itself."""
    names = [*columns, *sorted({name for one in features for name in one["properties"]} - set(columns))]
    head = "".join(f"<th>{escape(name)}</th>" for name in ("id", "longitude, latitude", *names))
    rows = []
    for one, address in zip(features, addresses, strict=True):
        place = "" if one["geometry"] is None else ", ".join(str(degrees) for degrees in one["geometry"]["coordinates"])
        cells = "".join(f"<td>{_text(one['properties'].get(name))}</td>" for name in names)
        rows.append(
            f'<tr><td><a href="{escape(address)}">{escape(str(one["id"]))}</a></td><td>{escape(place)}</td>{cells}</tr>'
        )
    # what is wider than the screen is moved by keyboard too
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    return f'<div class="wide" tabindex="0">{table}</div>'


def _text(value: Any) -> str:
    return "" if value is None else escape(str(value))
