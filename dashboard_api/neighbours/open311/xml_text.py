"""Writes Open311's documents as XML, member by member as the JSON has them. Pure; no XML is ever read."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from xml.sax.saxutils import escape

_ILLEGAL: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # what XML 1.0 cannot hold
# a list's element -> the element of each of its members
_MEMBER: Final[Mapping[str, str]] = {
    "services": "service",
    "service_requests": "request",
    "errors": "error",
    "attributes": "attribute",
    "values": "value",
    "endpoints": "endpoint",
    "formats": "format",
}


def xml_of(root: str, document: Any) -> str:
    """The document under an element ``root``."""
    return f"{xml_head()}{element(root, document)}\n"


def xml_head() -> str:
    """The declaration."""
    return '<?xml version="1.0" encoding="utf-8"?>\n'


def element(name: str, value: Any) -> str:
    """One element with its members."""
    if isinstance(value, Mapping):
        inner = "".join(element(key, member) for key, member in value.items())
    elif isinstance(value, Sequence) and not isinstance(value, str):
        inner = "".join(element(_MEMBER.get(name, "item"), member) for member in value)
    elif value is None:
        return f"<{name}/>"
    elif isinstance(value, bool):
        inner = "true" if value else "false"
    else:
        inner = escape(_ILLEGAL.sub("", str(value))).replace("\r", "&#13;")
    return f"<{name}>{inner}</{name}>"
