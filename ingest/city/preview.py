"""A map of a register as one HTML file that asks no other machine for anything: canvas, pan, zoom, and what was found.

Written beside a dry run, so that a person sees a wrong zone, a lost district or a cabinet's wrong lamps at a glance.
The page itself is in ``preview.html``.
"""

from __future__ import annotations

import html
import json
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any, Final

import numpy as np

from ingest.city.extent import extent_of
from ingest.city.importing import Draft
from ingest.errors import UnusableError
from ingest.register.register import Lamps, with_centroids
from languages.catalogue import Catalogue
from languages.message import Message, Plain, printable, why

_MOST_ISSUES: Final = 200
_WORDS: Final = ("map", "taken", "without", "cabinets", "in_force", "head_changes", "head_findings")  # of the template
_MOST_NAMED: Final = 100_000  # lamps whose ids the file carries; beyond it only their places


def write_preview(
    path: Path, draft: Draft, old: Lamps | None, source: str, rows: list[str], changes: list[str], words: Catalogue
) -> None:
    """Write the map.

    Args:
        path: the file to write.
        draft: what would be imported.
        old: lamps of the register in force, shown beneath.
        source: the source's name.
        rows: lines of the summary, ``number<TAB>text``.
        changes: lines of the difference.
        words: in whose language the page is.

    Raises:
        UnusableError: the file cannot be written.
    """
    lamps = draft.lamps
    extent = extent_of(lamps.latitude, lamps.longitude)
    assert extent is not None
    cabinets = with_centroids(draft.cabinets, lamps)
    is_named = len(lamps) <= _MOST_NAMED
    data: dict[str, Any] = {
        "box": [extent.south, extent.west, extent.north, extent.east],
        "lat": _rounded(lamps.latitude),
        "lon": _rounded(lamps.longitude),
        "fed": (lamps.cabinet >= 0).astype(int).tolist(),
        "id": [printable(lamp_id) for lamp_id in lamps.lamp_id] if is_named else [],
        "what": _what(lamps) if is_named else [],
        "old": [[], []] if old is None else [_rounded(old.latitude), _rounded(old.longitude)],
        "cab": [_rounded(axis[~np.isnan(axis)]) for axis in (cabinets.latitude, cabinets.longitude)],
    }
    none = _safe(words.say("terminal.city.page.none"))
    page = Template(resources.files("ingest.city").joinpath("preview.html").read_text(encoding="utf-8"))
    text = page.substitute(
        {key: _safe(words.say(f"terminal.city.page.{key}")) for key in _WORDS},
        language=words.language,
        title=_safe(words.say("terminal.city.page.title", source=source, n=f"{len(lamps):,}")),
        subtitle=_safe(words.say("terminal.city.page.subtitle", extent=extent.message.say(words), crs=draft.crs)),
        rows="".join(
            f"<tr><td>{_safe(n)}</td><td>{_safe(what)}</td></tr>" for n, what in (r.split("\t") for r in rows)
        ),
        changes="".join(f"<li>{_safe(line)}</li>" for line in changes) or f"<li>{none}</li>",
        issues=_issue_list(draft, words) or f"<li>{none}</li>",
        # nothing that a register holds may end the script element
        data=json.dumps(data, ensure_ascii=False, allow_nan=False).replace("<", "\\u003c").replace("\u2028", " "),
    )
    try:
        path.write_text(text, encoding="utf-8", errors="replace")
    except OSError as error:
        raise UnusableError(Message("terminal.error.at", where=Plain(path), reason=why(error))) from error


def _issue_list(draft: Draft, words: Catalogue) -> str:
    issues = sorted(draft.issues, key=lambda issue: not issue.is_refused)
    items = [
        f"<li{' class=refused' if issue.is_refused else ''}>{_safe(issue.say(words))}</li>"
        for issue in issues[:_MOST_ISSUES]
    ]
    if len(issues) > _MOST_ISSUES:
        more = words.say("terminal.city.page.more", n=f"{len(issues) - _MOST_ISSUES:,}")
        items.append(f"<li>{_safe(more)}</li>")
    return "".join(items)


def _what(lamps: Lamps) -> list[str]:
    rated = lamps.rated_power_w.tolist()
    return [
        printable(" ".join(part for part in (tech, f"{power:g} W" if power == power else "", cabinet, street) if part))  # noqa: PLR0124  # NaN
        for tech, power, cabinet, street in zip(lamps.technology, rated, lamps.cabinet_id, lamps.street, strict=True)
    ]


def _rounded(values: Any) -> list[float]:
    rounded: list[float] = np.round(values, 6).tolist()
    return rounded


def _safe(text: str) -> str:
    return html.escape(printable(text))
