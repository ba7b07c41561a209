"""Finds what must not leave a city in texts that do: secrets by their values and looks, personal data by its looks.

A second line of defence: what is handed over is a list of keys, and none of them is meant for a secret or a person.
Names of people have no looks; who hands over an archive reads the texts that ``terang-city export`` prints.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from ingest.schema.city import City
from ingest.schema.errors import CityError
from ingest.schema.safe_url import secrets_of

_LEAST: Final = 6  # characters of a value that is looked for: shorter ones stand in ordinary words
_LOOKS: Final[tuple[tuple[str, re.Pattern[str]], ...]] = (
    ("e_mail", re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}\.\w")),
    ("url_login", re.compile(r"[A-Za-z][\w+.-]{0,20}://[^\s/]{1,200}@")),
    ("key", re.compile(r"-----BEGIN|\$(?:argon2|scrypt|pbkdf2|2[aby]|[156])[\w-]{0,20}\$")),
    ("token", re.compile(r"(?<![\w+/=-])(?=[\w+/=-]*\d)(?=[\w+/=-]*[A-Za-z])[\w+/=-]{28,}")),
    ("address", re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])|(?:[0-9a-fA-F]{2}[:-]){5}[0-9a-fA-F]{2}")),
    ("number", re.compile(r"(?<![\w.])\+?\d(?:[ ()./-]{0,2}\d){8,}(?!\w)")),  # of a telephone, an account, a person
)


def texts_in(value: Any, where: str = "") -> Iterator[tuple[str, str]]:
    """``(where, text)`` of every text in a document of TOML, keys included."""
    if isinstance(value, str):
        yield where, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield where, str(key)
            yield from texts_in(inner, f"{where}.{key}" if where else str(key))
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from texts_in(inner, where)


def look_of(text: str) -> str | None:
    """Which name of ``_LOOKS`` a text has that may not leave, such as ``e_mail``; None = it may."""
    return next((name for name, look in _LOOKS if look.search(text)), None)


def known_secrets(city: City, accounts: Iterable[str]) -> tuple[str, ...]:
    """Values that stand in a city's settings, in their files or in its environment, and may stand in no other city's.

    Args:
        city: settings, with what the environment adds.
        accounts: supply accounts of its register.
    """
    urls = (city.broker.url, city.telemetry.url, city.database.url, city.oidc.issuer)
    found = [city.broker.password, city.broker.username, city.telemetry.token, city.oidc.client_secret]
    for read in (city.telemetry_token, city.oidc_secret):
        try:
            found.append(read())
        except CityError:
            continue  # what cannot be read here cannot be written either
    found += [secret for url in urls for secret in secrets_of(url)]
    found += accounts
    return tuple(sorted({one for one in found if one is not None and len(one) >= _LEAST}))
