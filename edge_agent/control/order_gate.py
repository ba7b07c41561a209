"""Whose orders this controller obeys: schedules and dim commands signed with the city's key, each of them once.

Owns the pinned keys as they are in force, the counter of the newest order, and the file that keeps both over a restart.
Nothing here switches a lamp; the session asks before anything of an NCMD is carried out. Called on the link's thread.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from durable_files.bounded_read import read_bounded
from durable_files.whole_file import replace_file
from edge_agent.clock import Trust
from edge_agent.control.command import BadCommand, Command
from edge_agent.errors import Fatal
from edge_agent.wire import WireError, read_json
from edge_agent.wire.signed_order import (
    COMMAND,
    KEY_BYTES,
    SCHEDULE,
    decode_bytes,
    encode_bytes,
    key_id,
    order_bytes,
    parse_rotation,
    parse_signature,
    rotation_bytes,
)
from languages.message import Message

if TYPE_CHECKING:
    from pathlib import Path

    from edge_agent.settings import KeysConfig

MAX_AGE_MS: Final = 900_000  # of a signature, where this clock is to be trusted: an order held back is not obeyed later
_MAX_BYTES: Final = 4096
LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Held:
    """Keys and counter in force.

    Attributes:
        pinned: working key, recovery key and number as agent.toml says; those of another agent.toml are not kept.
        working: the key that signs orders now.
        number: of the change of key that put it in force.
        counter: of the newest order of this key.
    """

    pinned: tuple[bytes, bytes, int]
    working: bytes
    number: int
    counter: int = -1


class OrderGate:
    """Checks signatures, counters and, where the clock is to be trusted, the time of signing."""

    def __init__(
        self,
        keys: KeysConfig,
        group: str,
        controller: str,
        path: Path,
        now_ms: Callable[[], int],
        trust: Callable[[], Trust],
    ) -> None:
        """Take up what was in force before the restart.

        Args:
            keys: as pinned in agent.toml.
            group: the controller's Sparkplug group.
            controller: its id.
            path: file of the keys and counter in force.
            now_ms: this agent's time.
            trust: how far that may be believed.

        Raises:
            Fatal: the library that verifies signatures is not installed.
        """
        self._is_signed = _verifier()
        self._recovery = keys.recovery
        self._group, self._controller = group, controller
        self._path = path
        self._now_ms, self._trust = now_ms, trust
        pinned = (keys.working, keys.recovery, keys.number)
        self._held = _load(path, pinned) or _Held(pinned, keys.working, keys.number)

    @property
    def key_id(self) -> str:
        """The working key in force, by its short name."""
        return key_id(self._held.working)

    def admit(self, command: Command) -> None:
        """Let a command pass, or refuse it as a whole; afterwards none of its orders passes again.

        Raises:
            BadCommand: an order without a valid signature, or one that was there before.
        """
        held = self._after_rotation(command.rotation)
        for kind, order, text in (
            (SCHEDULE, None if command.schedule is None else command.schedule.encode(), command.schedule_signature),
            (COMMAND, command.dim_bytes, command.command_signature),
        ):
            if order is not None:
                held = self._after_order(held, kind, order, text)
        if held == self._held:
            return
        if held.working != self._held.working:
            LOG.warning("orders: key %s is in force, signed by the recovery key", key_id(held.working))
        self._held = held
        try:
            _save(self._path, held)
        except OSError as error:  # storage that accepts nothing must not leave the street without its schedule
            LOG.warning("the counter of orders is not in storage, until the next order: %s", error)

    def _after_order(self, held: _Held, kind: str, order: bytes, text: str | None) -> _Held:
        if text is None:
            raise BadCommand(f"{kind}: not signed, and this controller obeys signed orders alone")
        try:
            signature = parse_signature(text)
        except WireError as error:
            raise BadCommand(f"{kind}: {error}") from error
        if signature.key_id != key_id(held.working):
            raise BadCommand(f"{kind}: signed with key {signature.key_id}, and {key_id(held.working)} is in force")
        data = order_bytes(kind, self._group, self._controller, signature.counter, signature.at_ms, order)
        if not self._is_signed(held.working, data, signature.signature):
            raise BadCommand(f"{kind}: the signature is not of this order to this controller")
        if signature.counter <= held.counter:
            raise BadCommand(f"{kind}: number {signature.counter} again, after {held.counter}")
        age_ms = self._now_ms() - signature.at_ms
        if self._trust() is Trust.SYNCHRONISED and abs(age_ms) > MAX_AGE_MS:
            raise BadCommand(f"{kind}: signed {age_ms / 1000:.0f} s ago by this controller's clock")
        return _Held(held.pinned, held.working, held.number, signature.counter)

    def _after_rotation(self, text: str | None) -> _Held:
        if text is None:
            return self._held
        try:
            rotation = parse_rotation(text)
        except WireError as error:
            raise BadCommand(f"change of key: {error}") from error
        if rotation.number <= self._held.number:  # it comes with every birth
            return self._held
        data = rotation_bytes(self._group, rotation.number, rotation.working)
        if not self._is_signed(self._recovery, data, rotation.signature):
            raise BadCommand("change of key: not signed with the recovery key")
        return _Held(self._held.pinned, rotation.working, rotation.number)


def _verifier() -> Callable[[bytes, bytes, bytes], bool]:
    """Whether ``(public key, data, signature)`` belong together: libsodium's Ed25519, 1 MB where OpenSSL takes 8."""
    try:
        from nacl.exceptions import CryptoError  # noqa: PLC0415 - only where keys are pinned
        from nacl.signing import VerifyKey  # noqa: PLC0415 - as above
    except ImportError as error:
        raise Fatal(Message("agent.error.pynacl")) from error

    def is_signed(public_key: bytes, data: bytes, signature: bytes) -> bool:
        try:
            VerifyKey(public_key).verify(data, signature)
        except (CryptoError, ValueError, TypeError):
            return False
        return True

    return is_signed


def _save(path: Path, held: _Held) -> None:
    """Replace the file, synced, so that an order is not obeyed a second time after a power cut."""
    document = {
        "pinned": [encode_bytes(held.pinned[0]), encode_bytes(held.pinned[1]), held.pinned[2]],
        "working": encode_bytes(held.working),
        "number": held.number,
        "counter": held.counter,
    }
    replace_file(path, json.dumps(document).encode(), mode=0o600)


def _load(path: Path, pinned: tuple[bytes, bytes, int]) -> _Held | None:
    """What was in force, unless agent.toml pins others since; the counter goes on where the working key is the same."""
    try:
        document: Any = read_json(read_bounded(path, _MAX_BYTES), max_bytes=_MAX_BYTES)
        first, second, pinned_number = document["pinned"]
        then = (decode_bytes(first, KEY_BYTES), decode_bytes(second, KEY_BYTES), int(pinned_number))
        held = _Held(
            then, decode_bytes(document["working"], KEY_BYTES), int(document["number"]), int(document["counter"])
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        LOG.error("%s is unreadable, the keys of agent.toml are in force: %s", path, error)  # noqa: TRY400 - no traceback
        return None
    if then == pinned:
        return held
    if pinned[0] == held.working:
        return _Held(pinned, held.working, max(pinned[2], held.number), held.counter)
    LOG.warning("agent.toml pins other keys than before: they are in force")
    return None
