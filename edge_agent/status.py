"""The status file of the running agent: a small JSON file beside the outbox.

Owns the file's format; the agent writes it, ``terang-agent status`` reads it. It is replaced atomically: a reader
never sees half of it. It is not synced: after a power cut a stale status is no loss, and storage is spared.
"""

import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from durable_files.bounded_read import read_bounded
from durable_files.whole_file import replace_file
from edge_agent.errors import AgentError
from edge_agent.wire import read_json

MAX_BYTES = 1_000_000
MAX_NUMBER = 4_102_444_800_000  # the year 2100 [ms], which no count of ours reaches


class NoStatus(AgentError):  # noqa: N818 - says what the caller shows: there is none
    """No agent has written a status here, or the file is not one."""


@dataclass(frozen=True, slots=True)
class AgentStatus:
    """A running agent at one moment.

    Attributes:
        at_ms: when this was written, Unix time [ms].
        started_ms: when the agent started.
        pid: its process.
        version: its version.
        controller_id: who it is.
        n_lamps: in its list.
        n_good: of them with a good reading in the latest sweep.
        last_sweep_ms: end of the latest sweep; 0 = none yet.
        last_sweep_s: its duration.
        interval_s: present interval between sweeps.
        is_lit: lamps are commanded on.
        broker_url: connected to, or tried last.
        is_connected: whether the session is up.
        waiting_for_host: primary host that is not online, so that nothing is published; empty = none.
        is_clock_synchronised: whether timestamps can be believed.
        outbox_pending: records held, not yet acknowledged.
        outbox_sequence: number of the newest record.
        outbox_oldest_ms: time of the oldest record held; 0 = none.
        outbox_bytes: size of the file.
        n_dropped: records dropped unacknowledged, for age or size.
        n_set_aside: corrupt outbox files set aside since start.
        ports: bus name -> "open", or why it is not.
        errors: bus name -> address -> sweeps without a good reading since start.
        pauses_ms: bus name -> address -> quiet time learned for a device that needs one [ms].
        last_error: latest trouble, in words.
    """

    at_ms: int
    started_ms: int
    pid: int
    version: str
    controller_id: str
    n_lamps: int
    n_good: int = 0
    last_sweep_ms: int = 0
    last_sweep_s: float = 0.0
    interval_s: float = 60.0
    is_lit: bool = False
    broker_url: str = ""
    is_connected: bool = False
    waiting_for_host: str = ""
    is_clock_synchronised: bool = False
    outbox_pending: int = 0
    outbox_sequence: int = 0
    outbox_oldest_ms: int = 0
    outbox_bytes: int = 0
    n_dropped: int = 0
    n_set_aside: int = 0
    ports: dict[str, str] = field(default_factory=dict)
    errors: dict[str, dict[str, int]] = field(default_factory=dict)
    pauses_ms: dict[str, dict[str, int]] = field(default_factory=dict)
    last_error: str = ""


def write_status(path: Path, status: AgentStatus) -> None:
    """Replace the status file.

    Raises:
        OSError: the disk is full or read-only; the old file is kept.
    """
    # written every few seconds: syncing it would wear out storage for nothing
    replace_file(path, f"{json.dumps(asdict(status))}\n".encode(), is_synced=False, is_durable=False)


def read_status(path: Path) -> AgentStatus:
    """Read what the agent wrote last.

    Raises:
        NoStatus: there is no such file, or another program's.
    """
    try:
        document: Any = read_json(read_bounded(path, MAX_BYTES), max_bytes=MAX_BYTES)
    except FileNotFoundError as error:
        raise NoStatus(f"{path}: no agent has run with this file yet") from error
    except (OSError, ValueError) as error:
        raise NoStatus(f"{path}: {error}") from error
    kinds = {item.name: item.type for item in fields(AgentStatus)}
    try:
        known = {key: value for key, value in document.items() if key in kinds}
        bad = [key for key, value in known.items() if not _is_of(kinds[key], value)]
        if bad:
            raise NoStatus(f"{path}: not a status file: {bad[0]} is {str(known[bad[0]])[:60]!r}")
        return AgentStatus(**known)
    except (AttributeError, TypeError) as error:
        raise NoStatus(f"{path}: not a status file: {error}") from error


def _is_of(kind: object, value: Any) -> bool:
    """Whether a value is one that an attribute of this type may have, and within what can be shown."""
    if kind in (str, bool):
        return type(value) is kind
    if kind in (int, float):
        return type(value) in (int, kind) and 0 <= value <= MAX_NUMBER
    if not isinstance(value, dict):
        return False
    inner = str if kind == dict[str, str] else dict[str, int] if kind == dict[str, dict[str, int]] else int
    return all(_is_of(inner, each) for each in value.values())
