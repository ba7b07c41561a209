"""The keys that sign schedules and commands: one to work with on the server, one offline to replace it.

Owns ``orders.key`` (the working key's seed, mode 0600) and ``orders.json`` (the public keys, and the change of key that
the recovery key signed last) of a city's ``pki``, and the counter that every signed order takes a number from.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from city_pki.errors import PkiError
from city_pki.secret_file import MAX_BYTES, locked, read_secret, write_public, write_secret
from durable_files.bounded_read import read_bounded
from edge_agent.wire import WireError, read_json
from edge_agent.wire.signed_order import (
    KEY_BYTES,
    KeyRotation,
    OrderSignature,
    decode_bytes,
    encode_bytes,
    key_id,
    order_bytes,
    parse_rotation,
    rotation_bytes,
)
from languages.message import Message, Plain, why

KEY_FILE: Final = "orders.key"
PUBLIC_FILE: Final = "orders.json"
COUNTER_FILE: Final = "order_counter"
RESERVED: Final = 5000  # numbers that are taken from the file at once


@dataclass(frozen=True, slots=True)
class PublicKeys:
    """What a controller pins, and the change of key that it may have missed.

    Attributes:
        working: public key of the server's key.
        recovery: public key of the one that is kept offline.
        rotation: the latest change of the working key; None = the first one is in force.
    """

    working: bytes
    recovery: bytes
    rotation: KeyRotation | None = None


class OrderSigner:
    """Signs with the working key; one per process.

    Attributes:
        keys: the public keys, and the latest change of key.
        trouble: why the counter is not kept; None = it is.
    """

    def __init__(self, key_file: Path, counter_file: Path, wall_ms: Callable[[], int]) -> None:
        """Load the key.

        Args:
            key_file: the working key; the public ones are beside it.
            counter_file: where the counter is kept.
            wall_ms: UTC milliseconds; the counter is at least this, so that a lost file does no harm.

        Raises:
            PkiError: there is no key, it can be read by others, or it is not the one in ``orders.json``.
        """
        self.keys = read_public(key_file.parent)
        self._key = _private(key_file)
        if self._key.public_key().public_bytes_raw() != self.keys.working:
            raise PkiError(
                Message("terminal.error.other_working", key_file=Plain(key_file), public_file=Plain(PUBLIC_FILE))
            )
        self._id = key_id(self.keys.working)
        self._counter_file = counter_file
        self._wall_ms = wall_ms
        self._next = self._end = 0
        self.trouble: str | None = None

    def sign(self, kind: str, group: str, controller: str, order: bytes) -> str:
        """The signature metric of an order."""
        counter, at_ms = self._take(), self._wall_ms()
        signature = self._key.sign(order_bytes(kind, group, controller, counter, at_ms, order))
        return str(OrderSignature(self._id, counter, at_ms, signature))

    def _take(self) -> int:
        """The next number: never one of before, whatever process took that, nor one below the clock.

        Where the file cannot be written, the clock alone keeps it growing over a restart; `trouble` says so.
        """
        if self._next >= self._end:
            self._next = max(self._next, self._wall_ms())
            try:
                with locked(self._counter_file.with_name(COUNTER_FILE + ".lock")):
                    self._next = max(self._next, _read_counter(self._counter_file))
                    write_secret(self._counter_file, str(self._next + RESERVED).encode())
                self.trouble = None
            except PkiError as error:
                self.trouble = str(error)
            self._end = self._next + RESERVED
        self._next += 1
        return self._next - 1


def create_keys(folder: Path, recovery_file: Path) -> PublicKeys:
    """Make both keys; never overwrites.

    Raises:
        PkiError: there are keys already, or a file cannot be written.
    """
    for path in (folder / PUBLIC_FILE, folder / KEY_FILE, recovery_file):
        if path.exists():
            raise PkiError(Message("terminal.error.exists_unchanged", file=Plain(path)))
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise PkiError(Message("terminal.error.at", where=Plain(folder), reason=why(error))) from error
    working, recovery = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    keys = PublicKeys(working.public_key().public_bytes_raw(), recovery.public_key().public_bytes_raw())
    write_secret(recovery_file, _text(recovery))
    write_secret(folder / KEY_FILE, _text(working))
    _write_public(folder, keys)
    return keys


def rotate_keys(folder: Path, recovery_file: Path, group: str) -> PublicKeys:
    """Make another working key and have the recovery key sign it; the old one need not be there.

    Raises:
        PkiError: the recovery key is another one, can be read by others, or a file cannot be written.
    """
    keys = read_public(folder)
    recovery = _private(recovery_file)
    if recovery.public_key().public_bytes_raw() != keys.recovery:
        raise PkiError(Message("terminal.error.other_recovery", recovery_file=Plain(recovery_file)))
    working = Ed25519PrivateKey.generate()
    number = 1 if keys.rotation is None else keys.rotation.number + 1
    public = working.public_key().public_bytes_raw()
    rotation = KeyRotation(number, public, recovery.sign(rotation_bytes(group, number, public)))
    changed = PublicKeys(public, keys.recovery, rotation)
    write_secret(folder / KEY_FILE, _text(working))
    _write_public(folder, changed)
    return changed


def read_public(folder: Path) -> PublicKeys:
    """The public keys.

    Raises:
        PkiError: there are none, or the file is broken.
    """
    path = folder / PUBLIC_FILE
    try:
        document: dict[str, Any] = read_json(read_bounded(path, MAX_BYTES))
        working, recovery = (decode_bytes(document[name], KEY_BYTES) for name in ("working", "recovery"))
        rotation = parse_rotation(document["rotation"]) if document["rotation"] is not None else None
    except FileNotFoundError as error:
        raise PkiError(Message("terminal.error.no_keys", file=Plain(path))) from error
    except (OSError, ValueError, TypeError, KeyError, WireError) as error:
        raise PkiError(Message("terminal.error.at", where=Plain(path), reason=why(error))) from error
    return PublicKeys(working, recovery, rotation)


def _write_public(folder: Path, keys: PublicKeys) -> None:
    rotation = None if keys.rotation is None else str(keys.rotation)
    document = {"working": encode_bytes(keys.working), "recovery": encode_bytes(keys.recovery), "rotation": rotation}
    write_public(folder / PUBLIC_FILE, json.dumps(document).encode())


def _text(key: Ed25519PrivateKey) -> bytes:
    return encode_bytes(key.private_bytes_raw()).encode() + b"\n"


def _private(path: Path) -> Ed25519PrivateKey:
    try:
        return Ed25519PrivateKey.from_private_bytes(decode_bytes(read_secret(path).decode().strip(), KEY_BYTES))
    except (UnicodeDecodeError, WireError) as error:
        raise PkiError(Message("terminal.error.no_key", file=Plain(path), key_bytes=Plain(KEY_BYTES))) from error


def _read_counter(path: Path) -> int:
    """The first number that nobody took; 0 where the file is lost or broken, for then the clock is beyond it."""
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return 0
