"""Random secrets and their hashes. A secret has 256 bits, so a plain SHA-256 of it can be stored and looked up."""

from __future__ import annotations

import hashlib
import secrets
from typing import Final

TOKEN_PREFIX: Final = "terang_"  # lets scanners of leaked secrets find one  # noqa: S105  (no secret by itself)
LONGEST: Final = 128  # characters; nothing longer is looked up
_ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"  # without what is misread on paper


def new_secret() -> str:
    """256 random bits for a URL or a cookie."""
    return secrets.token_urlsafe(32)


def new_token() -> str:
    """An API token."""
    return TOKEN_PREFIX + secrets.token_urlsafe(32)


def new_password() -> str:
    """A password of 99 bits in four groups, to be typed off a note."""
    groups = ("".join(secrets.choice(_ALPHABET) for _ in range(5)) for _ in range(4))
    return "-".join(groups)


def hash_of(secret: str) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
