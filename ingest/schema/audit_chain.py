"""The audit log's arithmetic: commitments to names, the MAC of a line, the seal of its newest line. Pure.

A line's MAC is HMAC-SHA-256, under the city's audit key, over the MAC of the line before it and the line's canonical
JSON. Whoever lacks the key can neither change a line, nor take one out, nor write one. The seal of the newest line
covers its number, so that lines cannot be cut off at the end either.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Any, Final

FIRST_MAC: Final = "0" * 64  # what the first line follows


@dataclass(frozen=True, slots=True)
class Line:
    """One line; ``actor`` and ``origin`` are commitments, ``before`` and ``after`` JSON objects without names."""

    seq: int
    at_us: int
    actor: str
    origin: str
    action: str
    target: str
    before: dict[str, Any]
    after: dict[str, Any]

    def canonical(self) -> bytes:
        """The bytes that the MAC covers."""
        members = {name: getattr(self, name) for name in self.__slots__}
        return json.dumps(members, sort_keys=True, ensure_ascii=True, separators=(",", ":"), allow_nan=False).encode()


def commitment(salt: str, kind: str, text: str) -> str:
    """A commitment to ``text``; ``salt`` is 16 random bytes in hexadecimal. Without the salt it tells nothing."""
    return hmac.new(bytes.fromhex(salt), f"{kind}\0{text}".encode(), hashlib.sha256).hexdigest()


def line_mac(key: bytes, previous: str, line: Line) -> str:
    """The MAC of a line that follows the line with MAC ``previous``."""
    return hmac.new(key, b"line\0" + bytes.fromhex(previous) + line.canonical(), hashlib.sha256).hexdigest()


def seal(key: bytes, purpose: str, seq: int, mac: str) -> str:
    """The seal over the newest line's number and MAC; ``purpose`` is ``head``, or the day of an anchor."""
    return hmac.new(key, f"seal\0{purpose}\0{seq}\0{mac}".encode(), hashlib.sha256).hexdigest()
