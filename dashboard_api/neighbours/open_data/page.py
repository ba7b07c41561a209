"""The page ``/open``: what the city promises about its lights, what it did, how fast; and the data sets. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from dashboard_api.formats.look import Look
from dashboard_api.neighbours.open_data.catalogue import DATASETS
from dashboard_api.neighbours.open_data.performance import LAST_DAYS, Performance
from languages.catalogue import Catalogue

POLICY: Final = "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"
_STYLE: Final = (
    "body{font:17px/1.5 system-ui,sans-serif;max-width:48rem;margin:2rem auto;padding:0 1rem;color:#1a1d24}"
    ".figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(13rem,100%),1fr));gap:1rem;padding:0;list-style:none}"
    ".figures li{border:1px solid #ccd0d8;border-radius:.5rem;padding:1rem}.figures b{display:block;font-size:2rem;"
    "line-height:1.2}.promise{border-left:.3rem solid #0b57d0;padding:.5rem 1rem;font-size:1.15rem}"
    "table{border-collapse:collapse;width:100%}th,td{text-align:right;padding:.3rem .5rem;border-bottom:1px solid"
    " #ccd0d8}"
    "th:first-child,td:first-child{text-align:left;white-space:nowrap}a{color:#0b57d0}.wide{overflow-x:auto}"
    ":focus-visible{outline:3px solid #0b57d0;outline-offset:2px}"
    "@media(prefers-color-scheme:dark){body{color:#e6e8ee;background:#0d1017}a{color:#8ab4ff}:focus-visible{outline-color:#8ab4ff}"
    ".figures li,th,td{border-color:#333a48}}"
)

Say = Callable[..., str]


@dataclass(frozen=True, slots=True)
class Overview:
    """What the page shows.

    Attributes:
        promised_h: hours within which a dark lamp is to burn again, 0 = nothing is promised.
        n_standing: faults that keep lamps dark now.
        available: share of lamp hours of the last days without such a fault, None = no lamps.
        months: ``(name, figures)``, newest first.
    """

    n_lamps: int
    promised_h: int
    n_standing: int
    available: float | None
    last: Performance
    months: Sequence[tuple[str, Performance]]


def open_page(catalogue: Catalogue, look: Look, licence: str, overview: Overview) -> str:
    """The page of a city, in its colour and under its logo."""
    say = catalogue.say
    title = say("open.title", city=look.title)
    parts = [f"{look.logo}<h1>{escape(title)}</h1><p>{escape(say('open.lead'))}</p>"]
    promise = say("open.promise", hours=overview.promised_h) if overview.promised_h else say("open.no_promise")
    parts.append(f'<p class="promise">{escape(promise)}</p>')
    parts.append(f"<h2>{escape(say('open.last_days', days=LAST_DAYS))}</h2>{_figures(say, overview)}")
    parts.append(f"<h2>{escape(say('open.months'))}</h2>{_table(say, overview)}<h2>{escape(say('open.data'))}</h2>")
    for name, forms in DATASETS.items():
        links = " ".join(f'<a href="/open/{name}.{form}">{form.upper()}</a>' for form in forms)
        about = escape(say(f"open.{name}.about"))
        parts.append(f"<h3>{escape(say(f'open.{name}'))}</h3><p>{about}<br>{links}</p>")
    stated = say("open.licence", licence=licence) if licence else say("open.no_licence")
    parts.append(
        f'<p>{escape(stated)}</p><p><a href="/open/catalogue.jsonld">DCAT</a> <a href="/ogc?f=html">OGC API</a> '
        f'<a href="/open311/v2/discovery.json">Open311</a> <a href="/lapor">{escape(say("open.report"))}</a></p>'
    )
    return (
        f'<!doctype html><html lang="{escape(catalogue.language)}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{escape(title)}</title>'
        '<link rel="icon" href="/icon.svg" type="image/svg+xml">'
        f"<style>{_STYLE}{look.style}</style>"
        f"</head><body><main>{''.join(parts)}</main></body></html>\n"
    )


def _figures(say: Say, overview: Overview) -> str:
    """The most important figures as large numbers, each with a sentence."""
    last = overview.last
    shown = [
        (_percent(say, overview.available), say("open.figure.available", n=overview.n_lamps)),
        (str(overview.n_standing), say("open.figure.standing")),
        (str(last.n_closed), say("open.figure.closed")),
        (_hours(say, last.median_h), say("open.figure.median")),
    ]
    if overview.promised_h:
        shown.append((_percent(say, last.share_kept), say("open.figure.kept", hours=overview.promised_h)))
    items = "".join(f"<li><b>{escape(figure)}</b>{escape(text)}</li>" for figure, text in shown)
    return f'<ul class="figures">{items}</ul>'


def _table(say: Say, overview: Overview) -> str:
    names = ["month", "opened", "closed", "median", "p90", *(["kept"] if overview.promised_h else [])]
    head = "".join(f'<th scope="col">{escape(say(f"open.column.{name}"))}</th>' for name in names)
    rows = []
    for month, one in overview.months:
        cells = [month, str(one.n_opened), str(one.n_closed), _hours(say, one.median_h), _hours(say, one.p90_h)]
        if overview.promised_h:
            cells.append(_percent(say, one.share_kept))
        rows.append(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>")
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    return f'<div class="wide" tabindex="0">{table}</div>'


def _percent(say: Say, share: float | None) -> str:
    """Rounded down, so that 100 % means all."""
    return "-" if share is None else f"{int(share * 1000) / 10:g} %".replace(".", say("open.decimal_mark"))


def _hours(say: Say, hours: float | None) -> str:
    if hours is None:
        return "-"
    return say("open.hours", n=f"{hours:.0f}") if hours < 72 else say("open.days", n=f"{hours / 24:.0f}")
