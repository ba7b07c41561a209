"""Where a page may send a browser: to paths of this service only (no open redirect). Pure."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

_LONGEST: Final = 1_000


def safe_path(wanted: str | None) -> str:
    """``wanted`` if it is a path on this service, else ``/``.

    Browsers take two slashes, or a slash and a backslash, for another host, and drop tabs and line ends in an address.
    """
    if not wanted or len(wanted) > _LONGEST or not wanted.startswith("/") or wanted.startswith(("//", "/\\")):
        return "/"
    if "\\" in wanted or any(ord(character) <= 32 or ord(character) == 127 for character in wanted):
        return "/"
    try:
        split = urlsplit(wanted)
    except ValueError:
        return "/"
    return "/" if split.scheme or split.netloc else wanted
