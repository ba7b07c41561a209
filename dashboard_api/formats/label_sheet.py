"""Labels of poles and panels as an HTML document to print: a QR code each, 21 on a sheet of A4. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import escape
from typing import Final
from urllib.parse import quote

import segno

from languages.catalogue import Catalogue

PER_SHEET: Final = 21  # 63.5 x 38.1 mm, 3 x 7: a sheet that is sold everywhere
# the document runs nothing; its style and its codes are part of it
POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"
_STYLE: Final = """
@page{size:A4;margin:15.1mm 7.2mm}
*{box-sizing:border-box}
body{margin:0;font:3.4mm/1.25 system-ui,sans-serif;color:#000;background:#fff}
header{padding:4mm;font-size:14px}
.sheet{display:grid;grid-template-columns:repeat(3,63.5mm);grid-auto-rows:38.1mm;column-gap:2.54mm;break-after:page}
.label{display:flex;gap:2mm;align-items:center;padding:2mm;overflow:hidden;break-inside:avoid}
.label svg{flex:none;width:33mm;height:33mm}
.label b{font-size:4.6mm;overflow-wrap:anywhere;display:block}
.label small{font-size:2.9mm;display:block}
@media print{header{display:none}}
@media screen{.sheet{padding:4mm}.label{outline:1px dashed #999}}
"""


@dataclass(frozen=True, slots=True)
class Label:
    """What one label names: a lamp or a cabinet.

    Attributes:
        kind: ``lamp`` or ``cabinet``.
        id: as the register has it.
        place: what a person reads under the id, such as the street.
    """

    kind: str
    id: str
    place: str


def label_address(site: str, label: Label) -> str:
    """The address that a label's code holds: the lamp or cabinet in the crew's page of ``site``."""
    return f"{site.rstrip('/')}/crew?{label.kind}={quote(label.id, safe='')}"


def label_sheets(labels: Iterable[Label], site: str, city: str, catalogue: Catalogue) -> Iterator[str]:
    """Parts of the document, a sheet each, so that a whole city is written while it is read."""
    title = escape(catalogue.say("labels.title", city=city))
    yield (
        f'<!doctype html><html lang="{escape(catalogue.language)}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{title}</title><style>{_STYLE}</style></head>'
        f"<body><main><header><h1>{title}</h1><p>{escape(catalogue.say('labels.print'))}</p></header>"
    )
    sheet: list[str] = []
    for label in labels:
        sheet.append(_label(label, site, city, catalogue))
        if len(sheet) == PER_SHEET:
            yield _sheet(sheet)
            sheet = []
    if sheet:
        yield _sheet(sheet)
    yield "</main></body></html>\n"


def _sheet(labels: list[str]) -> str:
    return f'<section class="sheet">{"".join(labels)}</section>'


def _label(label: Label, site: str, city: str, catalogue: Catalogue) -> str:
    code = segno.make_qr(label_address(site, label), error="m")
    picture = code.svg_inline(omitsize=True, svgclass=None, lineclass=None)
    kind = catalogue.say("labels.cabinet" if label.kind == "cabinet" else "labels.lamp")
    return (
        f'<div class="label">{picture}<div><small>{escape(kind)}</small><b>{escape(label.id)}</b>'
        f"<small>{escape(label.place)}</small><small>{escape(city)}</small></div></div>"
    )
