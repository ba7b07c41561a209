"""Which addresses may be sent to, and how long to wait after failures. Pure."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final
from urllib.parse import urlsplit

from dashboard_api.errors import BadRequestError

LONGEST: Final = 500  # characters of an address
GIVE_UP_AFTER: Final = 12  # failures in a row: some four and a half hours
_FIRST_WAIT_S: Final = 10
_LONGEST_WAIT_S: Final = 3600
_PORTS: Final = {"http": 80, "https": 443}


def check_endpoint(address: str, hosts: Collection[str]) -> None:
    """Refuse an address that is not http(s) to one of ``hosts`` (``name`` or ``name:port``).

    A host without a port stands for the usual port of the address's scheme.

    Raises:
        BadRequestError: the city has not listed its host, or it is no plain address.
    """
    if is_listed(address, hosts):
        return
    raise BadRequestError("endpoint_not_listed", value=address, known=sorted(hosts))


def is_listed(address: str, hosts: Collection[str]) -> bool:
    """Whether an address may be sent to."""
    if len(address) > LONGEST or not address.isascii() or not address.isprintable() or set(address) & set(' \\"<>'):
        return False
    try:
        split = urlsplit(address)
        name, port = split.hostname, split.port
    except ValueError:
        return False
    # a name before an @ is read differently by different programs
    if split.scheme not in _PORTS or not name or "@" in split.netloc or split.fragment:
        return False
    usual = _PORTS[split.scheme]
    shown = f"[{name}]" if ":" in name else name
    listed = {one.lower() for one in hosts}
    return f"{shown}:{port or usual}" in listed or (port in {None, usual} and shown in listed)


def wait_s(n_failed: int) -> int:
    """Seconds to wait after the n-th failure in a row."""
    return int(min(_FIRST_WAIT_S * 2 ** min(max(n_failed, 1) - 1, 20), _LONGEST_WAIT_S))
