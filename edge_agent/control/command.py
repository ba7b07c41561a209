"""What an NCMD asks for: checked as a whole, before anything is done.

Owns the limits of every commanded value. A payload with one bad part changes nothing; metrics that are not ours are
passed over. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from edge_agent.errors import Discard
from edge_agent.wire import BY_ALIAS, BY_NAME, COMMAND_LEAVE, COMMAND_SCHEDULE, Metric, Value, WireError, decode_payload
from edge_agent.wire.schedule import MAX_CHARACTERS
from edge_agent.wire.signed_order import MAX_SIGNATURE_TEXT, command_bytes

MAX_PAYLOAD_BYTES: Final = 256 * 1024
MAX_SCHEDULE_CHARACTERS: Final = MAX_CHARACTERS
LONGEST_DIM_MS: Final = 366 * 86_400_000  # a command that holds for years has been forgotten, or is a mistake
LATEST_DIM_MS: Final = 4_102_444_800_000  # 2100-01-01
_COMMANDED: Final = frozenset({
    "Node Control/Rebirth", "Outbox/Acknowledged", "Outbox/Epoch", "Lamps/Dim Command", "Lamps/Dim Until",
    "Schedule/Document", "Schedule/Signature", "Command/Signature", "Keys/Rotation",
})  # fmt: skip


class BadCommand(Discard):
    """An NCMD that is refused as a whole; the text says which part is wrong."""


@dataclass(frozen=True, slots=True)
class DimCommand:
    """Levels to hold until a time.

    Attributes:
        levels: one byte per lamp: 0-100 %, 254 = leave, 255 = back to the schedule.
        until_ms: Unix time.
    """

    levels: bytes
    until_ms: int


@dataclass(frozen=True, slots=True)
class Command:
    """One NCMD, checked.

    Attributes:
        wants_rebirth: a new NBIRTH is asked for.
        acknowledged: (epoch, sequence) that the host has stored.
        dim: levels to hold.
        schedule: a schedule document; its text is not checked here.
        dim_bytes: what a signature of the dim command covers; None = there is none.
        schedule_signature: of the schedule; not checked here, nor are the next two.
        command_signature: of the dim command.
        rotation: another key to sign with.
    """

    wants_rebirth: bool = False
    acknowledged: tuple[int, int] | None = None
    dim: DimCommand | None = None
    schedule: str | None = None
    dim_bytes: bytes | None = field(default=None, compare=False)  # follows from what was checked
    schedule_signature: str | None = None
    command_signature: str | None = None
    rotation: str | None = None


def parse_command(payload: bytes, n_lamps: int, now_ms: int | None = None) -> Command:
    """Check an NCMD.

    Args:
        payload: as it came.
        n_lamps: length of ``Lamps/Dim Command``.
        now_ms: this agent's time, from which a command may reach a year ahead; the payload's own counts if that is
            later, for a clock that lost its time is early. None = only the limit of all times holds.

    Raises:
        BadCommand: it is not Sparkplug B, or a part of it is not what the contract says.
    """
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise BadCommand(f"{len(payload)} bytes are too many")
    try:
        decoded = decode_payload(payload)
    except WireError as error:
        raise BadCommand(str(error)) from error
    metrics = decoded.metrics
    latest_ms = LATEST_DIM_MS
    if now_ms is not None:
        latest_ms = min(latest_ms, max(now_ms, decoded.timestamp_ms or 0) + LONGEST_DIM_MS)
    values: dict[str, Value] = {}
    for metric in metrics:
        name = _name_of(metric)
        if name not in _COMMANDED:
            continue
        if name in values:
            raise BadCommand(f"{name} stands there twice")
        values[name] = metric.value
    return Command(
        wants_rebirth=_rebirth(values),
        acknowledged=_acknowledged(values),
        dim=_dim(values, n_lamps, latest_ms),
        schedule=_schedule(values),
        dim_bytes=_dim_bytes(values),
        schedule_signature=_signature(values, "Schedule/Signature"),
        command_signature=_signature(values, "Command/Signature"),
        rotation=_signature(values, "Keys/Rotation"),
    )


def _name_of(metric: Metric) -> str | None:
    if metric.name is not None:
        spec = BY_NAME.get(metric.name)
        if spec is not None and metric.alias is not None and metric.alias != spec.alias:
            raise BadCommand(f"{metric.name} does not have alias {metric.alias}")
        return metric.name
    spec = BY_ALIAS.get(metric.alias) if metric.alias is not None else None
    return None if spec is None else spec.name


def _rebirth(values: dict[str, Value]) -> bool:
    value = values.get("Node Control/Rebirth", False)
    if not isinstance(value, bool):
        raise BadCommand(f"Node Control/Rebirth is {_shown(value)}, not a boolean")
    return value


def _acknowledged(values: dict[str, Value]) -> tuple[int, int] | None:
    if "Outbox/Acknowledged" not in values:
        return None
    if "Outbox/Epoch" not in values:
        raise BadCommand("Outbox/Acknowledged comes without Outbox/Epoch")
    return _number(values, "Outbox/Epoch"), _number(values, "Outbox/Acknowledged")


def _dim(values: dict[str, Value], n_lamps: int, latest_ms: int) -> DimCommand | None:
    if "Lamps/Dim Command" not in values:
        return None
    levels = values["Lamps/Dim Command"]
    if not isinstance(levels, bytes):
        raise BadCommand(f"Lamps/Dim Command is {_shown(levels)}, not a UInt8Array")
    if len(levels) != n_lamps:
        raise BadCommand(f"Lamps/Dim Command has {len(levels)} levels for {n_lamps} lamps")
    bad = next((level for level in levels if 100 < level < COMMAND_LEAVE), None)
    if bad is not None:
        raise BadCommand(f"Lamps/Dim Command has level {bad}")
    if all(level in {COMMAND_LEAVE, COMMAND_SCHEDULE} for level in levels):  # nothing that could expire
        return DimCommand(levels, 0)
    if "Lamps/Dim Until" not in values:
        raise BadCommand("Lamps/Dim Command comes without Lamps/Dim Until")
    until_ms = _number(values, "Lamps/Dim Until")
    if until_ms > latest_ms:
        raise BadCommand(f"Lamps/Dim Until {until_ms} is no time within a year")
    return DimCommand(levels, until_ms)


def _dim_bytes(values: dict[str, Value]) -> bytes | None:
    """Read the exact bytes of a dim command that was checked."""
    levels, until_ms = values.get("Lamps/Dim Command"), values.get("Lamps/Dim Until")
    if not isinstance(levels, bytes):
        return None
    return command_bytes(levels, until_ms if isinstance(until_ms, int) else None)


def _signature(values: dict[str, Value], name: str) -> str | None:
    text = values.get(name)
    if text is not None and (not isinstance(text, str) or len(text) > MAX_SIGNATURE_TEXT):
        raise BadCommand(f"{name} is {_shown(text)}")
    return text


def _schedule(values: dict[str, Value]) -> str | None:
    if "Schedule/Document" not in values:
        return None
    text = values["Schedule/Document"]
    if not isinstance(text, str) or len(text) > MAX_SCHEDULE_CHARACTERS:
        raise BadCommand(f"Schedule/Document is {_shown(text)}")
    return text


def _number(values: dict[str, Value], name: str) -> int:
    value = values[name]
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:  # an Int64 may be, where a UInt64 should be
        raise BadCommand(f"{name} is {_shown(value)}, not a whole number from 0 on")
    return value


def _shown(value: Value) -> str:
    return f"{type(value).__name__} of {len(value)}" if isinstance(value, bytes | str) else repr(value)
