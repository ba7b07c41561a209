"""State transitions of a fault: pure functions, one for each kind of change from detection.

Each returns the fault as it is now and the entry for its timeline, or None where nothing changes. A word that is older
than the newest one already applied changes nothing: after a restart detection may say again what it said before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from ingest.faultbook.fault import Entry, Fault, Spot
from ingest.model.finding import Cleared, Raised, StillFailing
from ingest.schema import life

# Figures alone are written down again at most this often: figures wobble with every sweep, a timeline must not.
EVIDENCE_INTERVAL_US: Final = 15 * 60 * 1_000_000

Step = tuple[Fault, Entry] | None


def iso_utc(at_us: int) -> str:
    """ISO 8601 in UTC with a Z, to the second, as evidence carries times."""
    return datetime.fromtimestamp(at_us // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _evidence(word: Raised) -> dict[str, Any]:
    return {**word.evidence, "since": iso_utc(word.since_us)}


def _claims(evidence: Mapping[str, Any]) -> dict[str, str | bool]:
    """What evidence says beside its figures: a reading that refutes it is news at once, while figures wobble."""
    told = {name: value for name, value in evidence.items() if isinstance(value, str | bool)}
    told.pop("since", None)
    return told


def opened(word: Raised, fault_id: str, spot: Spot, caused_by: str | None) -> tuple[Fault, Entry]:
    """A new fault."""
    fault = Fault(
        id=fault_id,
        key=word.key,
        state=life.OPEN,
        opened_at_us=word.at_us,
        updated_at_us=word.at_us,
        judged_at_us=word.at_us,
        spot=spot,
        lamp_ids=word.lamp_ids,
        evidence=_evidence(word),
        span=word.span,
        caused_by=caused_by,
    )
    data: dict[str, Any] = {"evidence": fault.evidence}
    if caused_by is not None:
        data["caused_by"] = caused_by
    return fault, Entry(fault.id, word.at_us, life.EVENT_OPENED, fault.state, fault.version, data=data)


def reopened(fault: Fault, word: Raised, caused_by: str | None) -> Step:
    """A closed fault whose condition came back within ``reopen_within``."""
    if fault.closed_at_us is None or word.at_us <= fault.judged_at_us:
        return None
    changed = replace(
        fault,
        state=life.OPEN,
        opened_at_us=min(fault.opened_at_us, word.at_us),
        closed_at_us=None,
        is_verified=False,
        lamp_ids=word.lamp_ids,
        span=word.span,
        caused_by=caused_by,
        evidence={**_evidence(word), "reopened": int(fault.evidence.get("reopened", 0)) + 1},
        updated_at_us=word.at_us,
        judged_at_us=word.at_us,
        version=fault.version + 1,
    )
    data: dict[str, Any] = {"evidence": dict(changed.evidence)}
    if caused_by is not None:
        data["caused_by"] = caused_by
    return changed, _entry(changed, life.EVENT_REOPENED, "condition_returned", data)


def confirmed(fault: Fault, word: Raised, caused_by: str | None) -> Step:
    """An open fault of which detection says more: another cause, extent or claim, or new figures after a while."""
    if word.at_us < fault.judged_at_us:
        return None
    is_new_extent = word.lamp_ids != fault.lamp_ids or word.span != fault.span
    # how many lamps are dark is an extent too: it must not contradict the power in the same evidence
    is_new_extent |= word.evidence.get("lamps_dark") != fault.evidence.get("lamps_dark")
    is_new_extent |= _claims(word.evidence) != _claims(fault.evidence)
    is_new_cause = caused_by != fault.caused_by
    is_new_evidence = word.at_us - fault.judged_at_us >= EVIDENCE_INTERVAL_US and any(
        fault.evidence.get(name) != value for name, value in word.evidence.items()
    )
    if not (is_new_extent or is_new_cause or is_new_evidence):
        return None
    kept = {name: fault.evidence[name] for name in ("since", "reopened") if name in fault.evidence}
    changed = replace(
        fault,
        lamp_ids=word.lamp_ids,
        span=word.span,
        caused_by=caused_by,
        evidence={**_evidence(word), **kept},
        updated_at_us=word.at_us,
        judged_at_us=word.at_us,
        version=fault.version + 1,
    )
    if not is_new_cause:
        return changed, _entry(changed, life.EVENT_CHANGED, data={"evidence": dict(word.evidence)})
    if caused_by is None:
        return changed, _entry(changed, life.EVENT_UNSUPPRESSED, "cause_gone")
    return changed, _entry(changed, life.EVENT_SUPPRESSED, "explained_by_another", {"caused_by": caused_by})


def cleared(fault: Fault, word: Cleared) -> Step:
    """Telemetry ends a fault from any state; after a claimed repair it thereby proves the repair."""
    if fault.state == life.CLOSED or word.at_us < fault.judged_at_us:
        return None
    is_verified = word.is_proof and fault.state == life.REPAIRED
    changed = replace(
        fault,
        state=life.CLOSED,
        opened_at_us=min(fault.opened_at_us, word.at_us),  # the clock may have been set back
        closed_at_us=word.at_us,
        is_verified=is_verified,
        updated_at_us=word.at_us,
        judged_at_us=word.at_us,
        version=fault.version + 1,
    )
    measured = "repair_proved" if is_verified else "condition_gone" if word.is_proof else "no_longer_judged"
    reason = word.reason or measured
    return changed, _entry(
        changed, life.EVENT_CLOSED, reason, {"verified": is_verified, "evidence": dict(word.evidence)}
    )


def dated_again(fault: Fault, now_us: int) -> tuple[Fault, Entry]:
    """An open fault whose time of opening has not come yet, because the clock was set back."""
    changed = replace(fault, opened_at_us=now_us, updated_at_us=now_us, judged_at_us=now_us, version=fault.version + 1)
    return changed, Entry(fault.id, now_us, life.EVENT_CHANGED, changed.state, changed.version)


def changed_by_people(fault: Fault, state: str, version: int, assignee: str | None) -> Fault:
    """The fault with what people have changed of its row meanwhile."""
    is_reopened = fault.state == life.CLOSED and state != life.CLOSED
    return replace(
        fault,
        state=state,
        version=version,
        assignee=assignee,
        closed_at_us=fault.closed_at_us if state == life.CLOSED else None,
        caused_by=None if is_reopened else fault.caused_by,
    )


def written_again(fault: Fault, *, is_missing: bool) -> tuple[Fault, list[Entry]]:
    """A fault whose row, or newest change of it, the database has lost."""
    changed = replace(fault, version=fault.version + 1)
    data = {"evidence": dict(fault.evidence)}
    first = Entry(fault.id, fault.opened_at_us, life.EVENT_OPENED, life.OPEN, 1, data)
    return changed, [*([first] if is_missing else []), _entry(changed, life.EVENT_CHANGED, "written_again")]


def still_failing(fault: Fault, word: StillFailing) -> Step:
    """A claimed repair that the next lit period did not prove."""
    if fault.state != life.REPAIRED or word.at_us < fault.judged_at_us:
        return None
    changed = replace(
        fault,
        state=life.OPEN,
        evidence={**fault.evidence, **word.evidence},
        updated_at_us=word.at_us,
        judged_at_us=word.at_us,
        version=fault.version + 1,
    )
    return changed, _entry(changed, life.EVENT_REOPENED, "still_failing", {"evidence": dict(word.evidence)})


def _entry(fault: Fault, kind: str, reason: str | None = None, data: dict[str, Any] | None = None) -> Entry:
    """``reason``: ``timeline.<reason>`` in the catalogues of words."""
    details = (data or {}) if reason is None else {**(data or {}), "reason": reason}
    return Entry(fault.id, fault.updated_at_us, kind, fault.state, fault.version, details)
