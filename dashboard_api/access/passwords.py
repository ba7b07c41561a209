"""Passwords: argon2id hashes, and equal work for accounts that there are not."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import Final

from pwdlib import PasswordHash
from pwdlib.exceptions import UnknownHashError
from pwdlib.hashers.argon2 import Argon2Hasher

SHORTEST: Final = 10
LONGEST: Final = 256  # characters: an argon2 of a megabyte is somebody's attack


@lru_cache(maxsize=1)
def _hasher() -> PasswordHash:
    # OWASP's first choice for argon2id: 19 MiB, two passes, one lane
    return PasswordHash((Argon2Hasher(time_cost=2, memory_cost=19_456, parallelism=1),))


@lru_cache(maxsize=1)
def _nobodys_hash() -> str:
    return _hasher().hash("a password that nobody has")


def _normal(password: str) -> str:
    """One form of the same letters, whichever keyboard they came from."""
    return unicodedata.normalize("NFKC", password)


def password_problem(password: str) -> str | None:
    """The code of what is wrong with a new password, None = nothing."""
    if len(password) < SHORTEST:
        return "password_short"
    if len(password) > LONGEST:
        return "password_long"
    try:
        _normal(password).encode()
    except UnicodeEncodeError:
        return "password_letters"
    return None


def hash_password(password: str) -> str:
    """The hash to store."""
    return _hasher().hash(_normal(password))


def is_password(password: str, stored: str | None) -> bool:
    """Whether it is the password; takes the same time where there is no hash to compare with."""
    if len(password) > LONGEST:
        password = password[:LONGEST] + "\0"  # cannot be right: nothing as long was ever stored
    try:
        is_right = _hasher().verify(_normal(password).encode("utf-8", "replace"), stored or _nobodys_hash())
    except UnknownHashError:
        return False
    return is_right and stored is not None


def warm() -> None:
    """Make the hash of nobody, so that the first unknown name takes no longer than the next."""
    _nobodys_hash()
