"""URLs as they may be shown: in errors, logs and on pages, without the password or token that they hold.

The only way in which a URL of a city's settings gets into a text. Works on mistyped URLs too: what might be a part of a
secret is hidden, even if that hides a host.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote, quote_plus, unquote, unquote_plus

HIDDEN: Final = "***"
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)(:/{0,3})(.*)", re.DOTALL)
_PLAIN: Final = frozenset(("parquet", "sqlite", "embedded"))  # name files and ports of this machine
_SHOWN: Final = frozenset(("org", "bucket", "db", "database", "tls", "mode", "uri", "sslmode", "target_session_attrs"))
_HOST: Final = re.compile(r"(?:[\w.,-]*|\[[0-9a-fA-F:.]*\])(?::\d{1,5})?(?:,[\w.-]+(?::\d{1,5})?)*", re.ASCII)
_LEAST: Final = 3  # characters of a part of a secret that is worth hiding in other texts


def without_secrets(url: str) -> str:
    """The URL with ``***`` in place of its password, token and anything that may be a part of one."""
    match = _SCHEME.fullmatch(url)
    if match is None:
        return HIDDEN
    scheme, slashes, rest = match.groups()
    if scheme.split("+")[0].lower() in _PLAIN and "@" not in rest:
        return url
    user_part, at, tail = rest.rpartition("@")
    shown_user = ""
    if at:
        user, colon, _ = user_part.partition(":")
        shown_user = f"{user}:{HIDDEN}@" if colon and re.fullmatch(r"[\w.-]*", user, re.ASCII) else f"{HIDDEN}@"
    place, question, query = tail.partition("?")
    host, slash, path = place.partition("/")
    if not slashes.endswith("//") or "#" in place or _HOST.fullmatch(host) is None:
        return f"{scheme}{slashes}{shown_user}{HIDDEN}"
    return f"{scheme}{slashes}{shown_user}{host}{slash}{path}{question}{_shown_query(query)}"


def _shown_query(query: str) -> str:
    parts = []
    for part in query.split("&") if query else []:
        name, equals, _ = part.partition("=")
        is_name = re.fullmatch(r"\w*", name, re.ASCII) is not None
        parts.append(part if name in _SHOWN else f"{name}{equals}{HIDDEN}" if is_name and equals else HIDDEN)
    return "&".join(parts)


def secrets_of(url: str) -> list[str]:
    """What may be in no text: the URL's secrets, and their parts as a careless reader of URLs would cut them."""
    match = _SCHEME.fullmatch(url)
    scheme, rest = (match[1], match[3]) if match else ("", url)
    if scheme.split("+")[0].lower() in _PLAIN and "@" not in rest:
        return []
    user_part, at, tail = rest.rpartition("@")
    found = [user_part.partition(":")[2] or user_part] if at else []
    place, _, query = tail.partition("?")
    if match is None:
        found.append(url)
    elif not at and _HOST.fullmatch(place.partition("/")[0]) is None:
        found.append(place.partition(":")[2] or place)
    for part in query.split("&"):
        name, equals, value = part.partition("=")
        if name not in _SHOWN:
            found.append(value if equals else name)
    parts = {piece for secret in found for piece in (secret, *re.split(r"[@/:?#&=\[\],]", secret)) if piece}
    parts |= {unquote(piece) for piece in parts} | {unquote_plus(piece) for piece in parts}
    parts |= {
        written
        for piece in parts
        for written in (quote(piece, "", errors="replace"), quote_plus(piece, errors="replace"))
    }  # by a driver again
    return sorted((piece for piece in parts if len(piece) >= _LEAST), key=len, reverse=True)


def scrubbed(text: str, *urls: str) -> str:
    """A text of somebody else (a driver's error, say) with whatever is secret in some URLs hidden."""
    for url in urls:
        for secret in secrets_of(url):
            text = text.replace(secret, HIDDEN)
    return text
