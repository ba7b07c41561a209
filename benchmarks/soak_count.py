"""Compares what agents' outboxes say is acknowledged with what the store holds: records lost, and records doubled.

For benchmarks whose agents have outboxes on disk and whose city keeps its telemetry in Parquet. An outbox alone is
believed here: what somebody forged on the broker acknowledges nothing.
"""

from __future__ import annotations

import json
import sqlite3
import tomllib
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from firmware_sim.fleet.simulation import READY_FILE
from ingest.schema.segments import table_files

_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Outbox:
    """One agent's numbers: everything up to ``acknowledged`` is stored, its host said."""

    controller_id: str
    epoch: int
    acknowledged: int


def outbox_files(city: Path) -> dict[str, Path]:
    """Controller id -> outbox of the demo's agents; to be asked while the demo is running."""
    configs = json.loads((city / "data" / READY_FILE).read_text(encoding="utf-8"))
    files = {}
    for controller_id, config in configs.items():
        path = Path(config)
        files[controller_id] = path.parent / tomllib.loads(path.read_text(encoding="utf-8"))["outbox"]["path"]
    return files


def read_outbox(controller_id: str, path: Path) -> Outbox:
    """The numbers of an outbox whose agent has ended, or is running.

    Raises:
        sqlite3.Error: it is no outbox.
    """
    with closing(sqlite3.connect(path)) as database:
        numbers = dict(database.execute("SELECT name, value FROM number").fetchall())
    return Outbox(controller_id, numbers["epoch"], numbers.get("acknowledged", 0))


def compare(city: Path, outboxes: list[Outbox]) -> dict[str, int]:
    """Records acknowledged, of these the lost ones, and rows of the whole store that are there more than once."""
    stored: Counter[tuple[str, int, int]] = Counter()
    for path in table_files(city / "data" / "telemetry", "cabinets"):
        table = pq.read_table(path, columns=["controller_id", "epoch", "sequence"], partitioning=None)
        stored.update(zip(*(column.to_pylist() for column in table.columns), strict=True))
    lost = [
        (outbox.controller_id, outbox.epoch, sequence)
        for outbox in outboxes
        for sequence in range(1, outbox.acknowledged + 1)
        if (outbox.controller_id, outbox.epoch, sequence) not in stored
    ]
    if lost:
        print(f"lost, the first of {len(lost)}: {lost[:_SHOWN]}")
    return {
        "stored": stored.total(),
        "acknowledged": sum(outbox.acknowledged for outbox in outboxes),
        "lost": len(lost),
        "doubled": stored.total() - len(stored),
    }
