"""One fault and its timeline as the contract shows them in JSON. Pure."""

from __future__ import annotations

from typing import Any, Final

from dashboard_api.formats.times import iso
from ingest.schema import life
from ingest.schema.codes import BY_CODE
from languages.catalogue import Catalogue

_KEPT_INSIDE: Final = {"answer", "body", "body_digest", "reason"}  # of what a line of the timeline holds


def fault_document(row: Any, catalogue: Catalogue) -> dict[str, Any]:
    """One fault of the ``faults`` table, with title and advice in the catalogue's language."""
    span = None if row.span_before is None else {"after": row.span_after, "before": row.span_before}
    return {
        "id": row.id,
        "code": row.code,
        "level": row.level,
        "severity": row.severity,
        "priority": row.priority,
        "state": row.state,
        "opened_at": iso(row.opened_at_us),
        "updated_at": iso(row.updated_at_us),
        "closed_at": iso(row.closed_at_us),
        "verified": bool(row.is_verified),
        "lamp_id": row.lamp_id,
        "lamp_ids": row.lamp_ids,
        "cabinet_id": row.cabinet_id,
        "controller_id": row.controller_id,
        "bus": row.bus,
        "circuit": row.circuit,
        "span": span,
        "latitude": row.latitude,
        "longitude": row.longitude,
        "street": row.street,
        "district": row.district,
        "caused_by": row.caused_by,
        "assignee": row.assignee,
        # both end with the state that they belong to, whoever ends it
        "started_at": iso(row.started_at_us) if row.state == life.ASSIGNED else None,
        "deferred_until": iso(row.deferred_until_us) if row.state == life.ACKNOWLEDGED else None,
        "version": row.version,
        "evidence": row.evidence,
        "title": catalogue.say(f"fault.{row.code}.title"),
        "advice": catalogue.say(BY_CODE[row.code].advice((row.evidence or {}).get("kind"))),
    }


def event_document(event: Any, catalogue: Catalogue) -> dict[str, Any]:
    """One line of a fault's timeline; telemetry's reason as a code and in the catalogue's language."""
    reason = event.data.get("reason")
    data = {name: value for name, value in event.data.items() if name not in _KEPT_INSIDE}
    return {
        "seq": event.seq,
        "at": iso(event.at_us),
        "actor": event.actor,
        "kind": event.kind,
        "state": event.state,
        "version": event.version,
        "reason": reason,
        "note": event.note if reason is None else catalogue.say(f"timeline.{reason}"),
        "data": data,
    }
