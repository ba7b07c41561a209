"""The city's title, colour and logo on pages that the server writes itself."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from ingest.schema.city import City


@dataclass(frozen=True, slots=True)
class Look:
    """How a city's pages look.

    Attributes:
        title: above the pages.
        accent: colour of a line under the heading, ``#rrggbb``; empty = none.
        has_logo: a logo is shown.
    """

    title: str
    accent: str = ""
    has_logo: bool = False

    @property
    def logo(self) -> str:
        """The logo as markup; its text stands beside it."""
        return '<img class="logo" src="/branding/logo.png" alt="" height="48">' if self.has_logo else ""

    @property
    def style(self) -> str:
        """Style rules of the colour: a line, so that no text depends on how light or dark it is."""
        return f"h1{{border-bottom:4px solid {escape(self.accent)}}}" if self.accent else ""


def look_of(city: City, most_logo_bytes: int | None = None) -> Look:
    """The city's look; a logo of more than ``most_logo_bytes`` is left out, for pages that have to be light."""
    logo = city.branding.logo
    has_logo = logo is not None
    if logo is not None and most_logo_bytes is not None:
        try:
            has_logo = (city.folder / logo).stat().st_size <= most_logo_bytes
        except OSError:
            has_logo = False
    return Look(city.shown_name, city.branding.accent, has_logo)
