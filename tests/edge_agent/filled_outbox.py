"""Outboxes with records that hold their number, for the tests of outbox and storage."""

from __future__ import annotations

import itertools
import random
from pathlib import Path

from edge_agent.outbox.queue import Outbox
from edge_agent.outbox.waiting import Draft
from tests.edge_agent.stub_meters import lamp_layout

LAYOUT = lamp_layout(2)
EPOCHS = itertools.count(1000)


def opened(path: Path, **limits) -> Outbox:
    settings_ = {"retention_s": 30 * 86400.0, "max_bytes": 50_000_000} | limits
    return Outbox(path, random_epoch=lambda: next(EPOCHS), **settings_)


def draft(i: int, run_s: float | None = None, n_bytes: int = 300) -> Draft:
    return Draft(
        1_795_000_000_000 + i, float(i) if run_s is None else run_s, LAYOUT, random.Random(i).randbytes(n_bytes)
    )


def bodies(outbox: Outbox) -> list[tuple[int, int]]:
    return [(record.sequence, record.at_ms - 1_795_000_000_000) for record in outbox.fetch(outbox.first_held, 100_000)]
