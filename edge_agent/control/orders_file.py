"""What the agent was told to do, on the card: the schedule document and the dim commands that still hold.

Owns the file beside the outbox, apart from it, so that a corrupt outbox never turns a city dark. It is replaced
atomically and synced: after a power cut either the old or the new orders stand.
"""

from __future__ import annotations

import json
import logging
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pathlib import Path

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
        OSError: the card is full or read-only; the old file stands.
    """
    document = {
        "schedule": orders.schedule,
        "overrides": {lamp_id: [order.level, order.until_ms] for lamp_id, order in orders.overrides.items()},
    }
    scratch = path.with_name(path.name + ".new")
    with scratch.open("w", encoding="utf-8") as file:
        json.dump(document, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(scratch, path)  # noqa: PTH105 - the atomic rename by its own name
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def load_orders(path: Path) -> HeldOrders:
    """Read the file; one that cannot be read is as good as none, and said so."""
    try:
        document: Any = json.loads(path.read_text(encoding="utf-8"))
        schedule = document["schedule"]
        overrides = {
            str(lamp_id): Override(int(level), int(until_ms))
            for lamp_id, (level, until_ms) in document["overrides"].items()
            if 0 <= int(level) <= 100
        }
    except FileNotFoundError:
        return HeldOrders()
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        LOG.error("%s is unreadable, lamps follow the sun: %s", path, error)  # noqa: TRY400 - no traceback
        return HeldOrders()
    return HeldOrders(schedule if isinstance(schedule, str) else None, overrides)
