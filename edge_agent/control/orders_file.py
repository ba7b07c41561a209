"""The orders in storage: the schedule document and the dim commands that are still in force.

Owns the file beside the outbox, apart from it, so that a corrupt outbox never turns a city dark. It is replaced
atomically and synced: after a power cut either the old or the new orders stand.
"""

from __future__ import annotations

import json
import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from durable_files.bounded_read import read_bounded
from durable_files.whole_file import replace_file
from edge_agent.errors import Fatal
from edge_agent.wire import read_json
from languages.message import Message, Plain, why

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES: Final = 1_000_000
LATEST_MS: Final = 4_102_444_800_000  # 2100-01-01: a command that holds longer is no command
LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Override:
    """A commanded level [%] that holds until a Unix time."""

    level: int
    until_ms: int


@dataclass(frozen=True, slots=True)
class HeldOrders:
    """Orders that outlive a restart.

    Attributes:
        schedule: the document's text as it came; None = none yet.
        overrides: lamp id -> commanded level.
    """

    schedule: str | None = None
    overrides: dict[str, Override] = field(default_factory=dict)


def save_orders(path: Path, orders: HeldOrders) -> None:
    """Replace the file.

    Raises:
        OSError: storage is full or read-only; the old file is kept.
    """
    document = {
        "schedule": orders.schedule,
        "overrides": {lamp_id: [order.level, order.until_ms] for lamp_id, order in orders.overrides.items()},
    }
    replace_file(path, json.dumps(document).encode(), mode=0o600)


def load_orders(path: Path) -> HeldOrders:
    """Read the file; one that cannot be read is as good as none, and said so."""
    try:
        document: Any = read_json(read_bounded(path, MAX_BYTES), max_bytes=MAX_BYTES)
        schedule = document["schedule"]
        overrides = {
            str(lamp_id): Override(int(level), int(until_ms))
            for lamp_id, (level, until_ms) in document["overrides"].items()
            if 0 <= int(level) <= 100 and 0 <= int(until_ms) <= LATEST_MS
        }
    except FileNotFoundError:
        return HeldOrders()
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        LOG.error("%s is unreadable, lamps follow the sun: %s", path, error)  # noqa: TRY400 - no traceback
        return HeldOrders()
    return HeldOrders(schedule if isinstance(schedule, str) else None, overrides)


def forget_request(path: Path) -> Path:
    """The file whose presence asks the agent to forget its schedule."""
    return path.with_name(path.name + ".forget-schedule")


def ask_to_forget(path: Path, wait_s: float) -> bool:
    """Ask a running agent to forget its schedule; return whether it did within `wait_s` [s].

    Raises:
        Fatal: the request cannot be written.
    """
    request = forget_request(path)
    try:
        request.touch()
    except OSError as error:
        raise Fatal(Message("terminal.error.at", where=Plain(request), reason=why(error))) from error
    deadline_s = time.monotonic() + wait_s
    while request.exists() and time.monotonic() < deadline_s:
        time.sleep(0.1)
    return not request.exists()


def take_forget_request(path: Path) -> bool:
    """Whether the agent is asked to forget its schedule; the request is used up.

    A request that cannot be deleted (storage is read-only) is not obeyed, since it would hold for ever.
    """
    try:
        forget_request(path).unlink()
    except OSError:
        return False
    return True
