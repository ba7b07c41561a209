"""Signed orders: which bytes the city's key signs, and where the signature is in an NCMD.

An order is a schedule document or a dim command to one controller. What is signed are its exact bytes, the target
(group and controller), a counter that only grows, and the time of signing. The keys are Ed25519 (RFC 8032), of which
this module knows the bytes alone. The text of a signature metric is

    v1.{key id}.{counter}.{signed at, ms}.{signature, base64url without padding}

and of a change of the working key, signed by the recovery key,

    v1.{number}.{new working key, base64url}.{signature, base64url}
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from typing import Final

from edge_agent.wire.errors import WireError

SCHEDULE: Final = "schedule"
COMMAND: Final = "command"
KEY_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64
MAX_SIGNATURE_TEXT: Final = 256
MAX_COUNTER: Final = 2**63 - 1
_VERSION: Final = "v1"
_ORDER: Final = b"terang-order-1"
_ROTATION: Final = b"terang-key-rotation-1"


@dataclass(frozen=True, slots=True)
class OrderSignature:
    """A signature as it came.

    Attributes:
        key_id: which working key, see `key_id`.
        counter: grows with every order of that key.
        at_ms: when it was signed, by the host's clock.
        signature: 64 bytes.
    """

    key_id: str
    counter: int
    at_ms: int
    signature: bytes

    def __str__(self) -> str:
        """The metric's text."""
        return f"{_VERSION}.{self.key_id}.{self.counter}.{self.at_ms}.{encode_bytes(self.signature)}"


@dataclass(frozen=True, slots=True)
class KeyRotation:
    """A new working key, signed by the recovery key; the highest number is in force."""

    number: int
    working: bytes
    signature: bytes

    def __str__(self) -> str:
        """The metric's text."""
        return f"{_VERSION}.{self.number}.{encode_bytes(self.working)}.{encode_bytes(self.signature)}"


def order_bytes(kind: str, group: str, controller: str, counter: int, at_ms: int, order: bytes) -> bytes:
    """What is signed: every part with its length before it, so that no two orders have the same bytes."""
    numbers = (str(counter).encode(), str(at_ms).encode())
    return _joined(_ORDER, kind.encode(), group.encode(), controller.encode(), *numbers, order)


def rotation_bytes(group: str, number: int, working: bytes) -> bytes:
    """What the recovery key signs when the working key is replaced, for all controllers of a group."""
    return _joined(_ROTATION, group.encode(), str(number).encode(), working)


def command_bytes(levels: bytes, until_ms: int | None) -> bytes:
    """The exact bytes of a dim command: ``Lamps/Dim Until`` as text (empty where it is left out), then the levels."""
    return _joined(b"" if until_ms is None else str(until_ms).encode(), levels)


def parse_signature(text: object) -> OrderSignature:
    """Read a signature metric.

    Raises:
        WireError: it is not of that form.
    """
    parts = _parts(text, 5)
    signature = decode_bytes(parts[4], SIGNATURE_BYTES)
    return OrderSignature(parts[1], _number(parts[2]), _number(parts[3]), signature)


def parse_rotation(text: object) -> KeyRotation:
    """Read a change of the working key.

    Raises:
        WireError: it is not of that form.
    """
    parts = _parts(text, 4)
    return KeyRotation(_number(parts[1]), decode_bytes(parts[2], KEY_BYTES), decode_bytes(parts[3], SIGNATURE_BYTES))


def key_id(public_key: bytes) -> str:
    """Eight characters that identify a public key in signatures and logs."""
    return hashlib.sha256(public_key).hexdigest()[:8]


def encode_bytes(data: bytes) -> str:
    """Bytes as base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode_bytes(text: str, n_bytes: int) -> bytes:
    """Read base64url of exactly so many bytes, of which there is one spelling.

    Raises:
        WireError: it is not that.
    """
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise WireError("not base64url") from error
    if len(data) != n_bytes or encode_bytes(data) != text:
        raise WireError(f"{len(data)} bytes of base64url, and {n_bytes} are needed")
    return data


def _joined(*parts: bytes) -> bytes:
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def _parts(text: object, n_parts: int) -> list[str]:
    if not isinstance(text, str) or len(text) > MAX_SIGNATURE_TEXT or not text.isascii():
        raise WireError("a signature is a text of some 130 characters")
    parts = text.split(".")
    if len(parts) != n_parts or parts[0] != _VERSION:
        raise WireError(f"a signature begins with {_VERSION} and has {n_parts} parts")
    return parts


def _number(text: str) -> int:
    if not text.isdigit() or len(text) > 19 or str(int(text)) != text or int(text) > MAX_COUNTER:
        raise WireError(f"{text[:20]!r} is no counter or time")
    return int(text)
