"""What no text shows: the user and password of a URL, wherever it was written by mistake."""

from __future__ import annotations

import re
from typing import Final

HIDDEN: Final = "***"
_USER_PART: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,30}:/{1,3})\S{0,500}@")
_PLAIN_PLACE: Final = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]*:/{1,3}(?:[\w.-]*|\[[0-9A-Fa-f:.]*\])(?::\d{1,5})?/?|[\w.-]+:\d{1,5}", re.ASCII
)
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:/{0,3}")


def without_user_part(text: str) -> str:
    """A text in which ``***`` stands for what comes before the ``@`` of each URL."""
    return _USER_PART.sub(rf"\1{HIDDEN}@", text) if "@" in text else text


def place_alone(url: str) -> str:
    """A URL that cannot be used, as it may be shown: whole if it is scheme, host and port alone, else its scheme."""
    if _PLAIN_PLACE.fullmatch(url):
        return url
    scheme = _SCHEME.match(url)
    return f"{scheme[0] if scheme else ''}{HIDDEN}"
