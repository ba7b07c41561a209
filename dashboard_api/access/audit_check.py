"""Checks the audit log: every line's MAC, its newest line's seal, the anchors, and the commitments to names."""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from dashboard_api.access.anchors import Anchor
from dashboard_api.store import audit
from dashboard_api.store.engine import Connection, Row
from ingest.schema.audit_chain import FIRST_MAC, commitment, line_mac, seal


@dataclass(slots=True)
class Report:
    """What was checked, and what is wrong, in words."""

    n_lines: int = 0
    n_blanked: int = 0
    problems: list[str] = field(default_factory=list)


def check_log(connection: Connection, key: bytes, head: Anchor | None, anchors: Sequence[Anchor]) -> Report:
    """Check every line.

    Args:
        connection: to the city's database.
        key: the audit key.
        head: of the head's file, None = there is no such file.
        anchors: to hold the log to.
    """
    report = Report()
    wanted = {anchor.seq for anchor in anchors} | ({head.seq} if head else set())
    macs: dict[int, str] = {}
    used: set[str] = set()
    previous, last = FIRST_MAC, 0
    for line, mac in audit.lines(connection):
        report.n_lines += 1
        if line.seq != last + 1:
            report.problems.append(f"line {last + 1}{_to(last + 1, line.seq - 1)} is missing")
        elif not hmac.compare_digest(line_mac(key, previous, line), mac):
            report.problems.append(f"line {line.seq} is not as it was written, or not by this city")
        previous, last = mac, line.seq
        used |= {line.actor, line.origin}
        if line.seq in wanted:
            macs[line.seq] = mac
    report.problems += _head_problems(audit.newest(connection), key, last, previous)
    report.problems += _anchor_problems(key, macs, last, head, anchors)
    _check_names(connection, used, report)
    return report


def _to(first: int, last: int) -> str:
    return f" to {last}" if last > first else ""


def _head_problems(row: Row[Any] | None, key: bytes, last: int, mac: str) -> Iterator[str]:
    if row is None:
        if last > 0:
            yield "the record of the newest line is missing"
        return
    if row.seal != seal(key, "head", row.seq, row.mac):
        yield "the record of the newest line does not carry this city's seal"
    elif row.seq > last:
        yield f"line {last + 1}{_to(last + 1, row.seq)} is cut off at the end"
    elif row.seq < last or row.mac != mac:
        yield f"the newest line is recorded as {row.seq}, and the log ends with {last}"


def _anchor_problems(
    key: bytes, macs: dict[int, str], last: int, head: Anchor | None, anchors: Sequence[Anchor]
) -> Iterator[str]:
    for anchor in ([head] if head else []) + list(anchors):
        what = "the file of the newest line" if anchor.day == "head" else f"the anchor of {anchor.day}"
        if not anchor.is_genuine(key):
            yield f"{what} does not carry this city's seal"
        elif anchor.seq > last:
            yield f"{what} knows line {anchor.seq}, and the log ends with {last}: lines are cut off at the end"
        elif macs.get(anchor.seq) != anchor.mac:
            yield f"{what} knows another line {anchor.seq}"
    days = [anchor.day for anchor in anchors]
    if days != sorted(set(days)):
        yield "the anchors are not in order of their days"


def _check_names(connection: Connection, used: set[str], report: Report) -> None:
    names = audit.names(connection)
    for row in names.values():
        if row.salt is None and row.text is None:
            report.n_blanked += 1
        elif row.salt is None or row.text is None or commitment(row.salt, row.kind, row.text) != row.commitment:
            report.problems.append(f"the {row.kind} behind {row.commitment[:12]}… is another one than was logged")
    missing = len(used - names.keys())
    if missing:
        report.problems.append(f"{missing} names that lines were written with are gone without having been blanked")
