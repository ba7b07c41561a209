"""Which language somebody wants: of a request's ``Accept-Language``, or of a terminal's environment. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

VARIABLE: Final = "TERANG_LANGUAGE"
_MAX_HEADER: Final = 1_000  # characters that are looked at
_MAX_RANGES: Final = 20


def accepted_language(header: str, known: Collection[str]) -> str | None:
    """The language of ``known`` that an ``Accept-Language`` header (RFC 9110, section 12.5.4) likes best, or None."""
    wanted: list[tuple[float, int, str]] = []
    for place, part in enumerate(header[:_MAX_HEADER].split(",")[:_MAX_RANGES]):
        tag, _, parameter = part.partition(";")
        weight = _weight(parameter)
        found = _known(tag.strip(), known)
        if found is not None and weight > 0:
            wanted.append((-weight, place, found))
    return min(wanted)[2] if wanted else None


def terminal_language(environment: Mapping[str, str], known: Collection[str], configured: str | None = None) -> str:
    """The language for a terminal: ``TERANG_LANGUAGE``, what a file configures, the locale's, else ``en``."""
    locale = environment.get("LC_ALL") or environment.get("LC_MESSAGES") or environment.get("LANG") or ""
    for asked in (environment.get(VARIABLE), configured, locale.partition(".")[0].replace("_", "-")):
        found = _known(asked or "", known)
        if found is not None:
            return found
    return "en"


def _known(tag: str, known: Collection[str]) -> str | None:
    """The tag itself, or the longest beginning of it that is known: ``id`` for ``id-ID``."""
    by_lower = {code.lower(): code for code in known}
    parts = tag.lower().split("-")
    for n in range(len(parts), 0, -1):
        found = by_lower.get("-".join(parts[:n]))
        if found is not None:
            return found
    return None


def _weight(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if name != "q":
        return 1.0
    try:
        return min(1.0, max(0.0, float(value)))
    except ValueError:
        return 0.0
