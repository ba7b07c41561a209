"""The pages ``/lapor`` and ``/lapor/{number}`` as HTML, a few kilobytes. They work without the map's script. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from html import escape
from typing import Any, Final
from zoneinfo import ZoneInfo

from dashboard_api.formats.look import Look
from dashboard_api.neighbours.citizens.report_intake import MAX_ADDRESS, MAX_CONTACT, MAX_TEXT, Outcome
from dashboard_api.neighbours.open311.mapping import SERVICES
from languages.catalogue import Catalogue

POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'self'; connect-src 'self'; img-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_STYLE: Final = (
    "body{font:18px/1.5 system-ui,sans-serif;max-width:34rem;margin:1rem auto;padding:0 1rem;color:#1a1d24}"
    "label{display:block;margin:1rem 0 .25rem;font-weight:600}small{display:block;color:#4a5160}"
    "input[type=text],textarea,select{font:inherit;width:100%;box-sizing:border-box;padding:.6rem;"
    "border:1px solid #6b7280;border-radius:.4rem;background:#fff;color:inherit}"
    "button{font:inherit;font-weight:600;width:100%;margin:1.25rem 0;padding:.9rem;border:0;border-radius:.4rem;"
    "background:#0b57d0;color:#fff}.choice{display:flex;gap:.6rem;padding:.5rem 0;font-weight:400;margin:0}"
    ".said{border-left:.3rem solid #0b57d0;padding:.5rem 1rem;font-size:1.15rem}.wrong{border-color:#b3261e}"
    "canvas{width:100%;height:60vh;max-height:26rem;border:1px solid #6b7280;border-radius:.4rem;color:#8a4b00;"
    "outline-color:#0b57d0;touch-action:none}.row{display:flex;gap:.5rem}#map button{margin:.25rem 0;padding:.6rem}"
    ":focus-visible{outline:3px solid #0b57d0;outline-offset:2px}"
    "dt{font-weight:600}dd{margin:0 0 .5rem;overflow-wrap:anywhere}"
    "@media(prefers-color-scheme:dark){body{color:#e6e8ee;background:#0d1017}small{color:#9aa3b5}"
    "input[type=text],textarea,select{background:#161b26}"
    "a{color:#8ab4ff}canvas{color:#ffca7a}canvas,:focus-visible{outline-color:#8ab4ff}}"
)


def report_form(
    catalogue: Catalogue,
    look: Look,
    given: dict[str, str],
    choices: Sequence[Any] = (),
    wrong: str = "",
    *,
    script: str = "/lapor/map.js",
) -> str:
    """The form, filled with what was given.

    ``choices``: lamps of which the reporter has to name one; ``script``: address of the map's script.
    """
    say = catalogue.say
    parts = [f"<p>{escape(say('report.lead'))}</p>"]
    if wrong:
        parts.append(f'<p class="said wrong" role="alert">{escape(wrong)}</p>')
    parts.append('<form method="post" action="/lapor">')
    parts.append(f'<input type="hidden" name="lang" value="{escape(catalogue.language)}">')
    if choices:
        parts.append(f'<fieldset><legend class="said">{escape(say("report.which"))}</legend>')
        parts += [_choice(f"{one.lamp_id}", f"{one.lamp_id}, {one.street or ''}") for one in choices]
        parts.append(_choice("", say("report.none_of_these")))
        parts.append("</fieldset>")
    parts.append(_input("place", say("report.place"), given, MAX_ADDRESS, say("report.place.hint"), is_required=True))
    parts.append(_map(catalogue, script))
    options = "".join(
        f'<option value="{name}"{" selected" if given.get("service") == name else ""}>'
        f"{escape(say(f'open311.{name}'))}</option>"
        for name in SERVICES
    )
    parts.append(f'<label for="service">{escape(say("report.what"))}</label>')
    parts.append(f'<select id="service" name="service">{options}</select>')
    parts.append(f'<label for="description">{escape(say("report.description"))}</label>')
    parts.append(
        f'<textarea id="description" name="description" rows="3" maxlength="{MAX_TEXT}">'
        f"{escape(given.get('description', ''))}</textarea>"
    )
    parts.append(_input("contact", say("report.contact"), given, MAX_CONTACT, say("report.contact.hint")))
    parts.append(f"<button>{escape(say('report.send'))}</button></form>")
    return _page(catalogue, look, say("report.title", city=look.title), parts, "/lapor")


def outcome_page(catalogue: Catalogue, look: Look, zone: ZoneInfo, row: Any, outcome: Outcome, now_us: int) -> str:
    """What became of a report."""
    say = catalogue.say
    sentence = say(f"report.{outcome.word}")
    if outcome.fault is not None and not outcome.is_closed:
        since = _clock(outcome.fault.opened_at_us, zone, now_us)
        sentence = f"{say('report.known_since', at=since)} {sentence}"
    facts = [
        (say("report.number"), row.number),
        (say("report.at"), _clock(row.at_us, zone, 0)),
        (say("report.what"), say(f"open311.{row.service}")),
        (say("report.lamp"), row.lamp_id),
        (say("report.address"), row.address),
        (say("report.description"), row.description),
    ]
    if row.joined_to is not None:
        sentence += f" {say('report.joined')}"
    if outcome.is_closed and outcome.fault is not None and outcome.fault.closed_at_us is not None:
        facts.append((say("report.closed_at"), _clock(outcome.fault.closed_at_us, zone, 0)))
    shown = "".join(f"<dt>{escape(name)}</dt><dd>{escape(str(text))}</dd>" for name, text in facts if text)
    parts = [
        f'<p class="said">{escape(sentence)}</p><dl>{shown}</dl>',
        f"<p>{escape(say('report.keep'))}</p>",
        f'<p><a href="/lapor">{escape(say("report.another"))}</a></p>',
    ]
    return _page(catalogue, look, say("report.title", city=look.title), parts, f"/lapor/{row.number}")


def not_found_page(catalogue: Catalogue, look: Look) -> str:
    """No report has that number."""
    parts = [
        f'<p class="said wrong">{escape(catalogue.say("report.not_found"))}</p>',
        f'<p><a href="/lapor">{escape(catalogue.say("report.another"))}</a></p>',
    ]
    return _page(catalogue, look, catalogue.say("report.title", city=look.title), parts, "/lapor")


def _map(catalogue: Catalogue, script: str) -> str:
    """Where the script puts the map; without it, nothing is seen."""
    words = {
        "open": catalogue.say("report.map"),
        **{name: catalogue.say(f"report.map.{name}") for name in ("near", "hint", "in", "out", "none")},
        "chosen": catalogue.say("report.map.chosen", lamp_id="{lamp_id}"),
    }
    data = "".join(f' data-{name}="{escape(text)}"' for name, text in words.items())
    return f'<div id="map" hidden{data}></div><script src="{escape(script)}" defer></script>'


def _choice(value: str, text: str) -> str:
    return (
        f'<label class="choice"><input type="radio" name="lamp" value="{escape(value)}" required>'
        f"<span>{escape(text)}</span></label>"
    )


def _input(
    name: str, label: str, given: dict[str, str], most: int, hint: str = "", *, is_required: bool = False
) -> str:
    small = f"<small>{escape(hint)}</small>" if hint else ""
    return (
        f'<label for="{name}">{escape(label)}{small}</label><input type="text" id="{name}" name="{name}" '
        f'maxlength="{most}" value="{escape(given.get(name, ""))}"{" required" if is_required else ""}>'
    )


def _page(catalogue: Catalogue, look: Look, title: str, parts: Iterable[str], path: str) -> str:
    other = "en" if catalogue.language == "id" else "id"
    name = {"en": "English", "id": "Bahasa Indonesia"}[other]
    return (
        f'<!doctype html><html lang="{escape(catalogue.language)}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><title>{escape(title)}</title>'
        '<link rel="icon" href="/icon.svg" type="image/svg+xml">'
        f"<style>{_STYLE}{look.style}</style></head><body><main>{look.logo}<h1>{escape(title)}</h1>{''.join(parts)}</main>"
        f'<footer><p><a href="{escape(path)}?lang={other}" hreflang="{other}" lang="{other}">{name}</a></p></footer>'
        "</body></html>\n"
    )


def _clock(at_us: int, zone: ZoneInfo, now_us: int) -> str:
    """The city's time: of today the clock alone."""
    at = datetime.fromtimestamp(at_us / 1e6, UTC).astimezone(zone)
    today = datetime.fromtimestamp(now_us / 1e6, UTC).astimezone(zone).date()
    return f"{at:%H:%M}" if at.date() == today else f"{at:%Y-%m-%d %H:%M}"
