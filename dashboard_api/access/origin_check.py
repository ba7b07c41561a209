"""Refuses requests that another site's page sends with the user's cookies (CSRF). Pure.

Browsers say where a request comes from in ``Sec-Fetch-Site`` and ``Origin``, and pages cannot change either. A request
with neither comes from no browser of the last years. The rule holds without accounts too: a page of another site could
otherwise send orders to this machine.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final
from urllib.parse import urlsplit

SAFE_METHODS: Final = frozenset(("GET", "HEAD", "OPTIONS"))


def is_own_origin(
    site: str | None, origin: str | None, scheme: str, host: str, allowed_origins: Collection[str] = ()
) -> bool:
    """Whether a request that changes something comes from the service's own pages, or from no page at all.

    Args:
        site: ``Sec-Fetch-Site``.
        origin: ``Origin``.
        scheme: http or https, as the request came.
        host: ``Host``.
        allowed_origins: further origins that may.
    """
    if origin is not None and origin in allowed_origins:
        return True
    if site is not None:
        return site in {"same-origin", "none"}
    if origin is None:
        return True
    return _parts(origin) == _parts(f"{scheme}://{host}")


def _parts(origin: str) -> tuple[str, str, int | None] | str:
    """Scheme, host and port of an origin; itself where it is none (``null``), which equals no host's."""
    try:
        split = urlsplit(origin)
        port = split.port
    except ValueError:
        return origin
    if split.hostname is None or split.path not in {"", "/"}:
        return origin
    return split.scheme, split.hostname, port or {"http": 80, "https": 443}.get(split.scheme)
