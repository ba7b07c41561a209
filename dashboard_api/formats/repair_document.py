"""A repair and its result as JSON, with the result in words. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from dashboard_api.formats.times import iso, number
from languages.catalogue import Catalogue


def repair_document(repair: Any, catalogue: Catalogue, zone: ZoneInfo) -> dict[str, Any]:
    """A ``store.repairs.Repair``; times in its words are the city's."""
    event = repair.event
    return {
        "action_id": event.action_id,
        "at": iso(event.at_us),
        "claimed_at": event.data.get("claimed_at"),
        "actor": event.actor,
        "note": event.note,
        "cause": event.data.get("cause"),
        "part": event.data.get("part"),
        "result": repair.result,
        "result_at": iso(repair.result_at_us),
        "power_w": number(repair.power_w, 1),
        "words": _words(repair, catalogue, zone),
    }


def _words(repair: Any, catalogue: Catalogue, zone: ZoneInfo) -> str:
    if repair.result_at_us is None:
        return catalogue.say("repair.waiting")
    time = f"{datetime.fromtimestamp(repair.result_at_us // 1_000_000, UTC).astimezone(zone):%H:%M}"
    if repair.result == "verified":
        if repair.power_w is None:
            return catalogue.say("repair.verified", time=time)
        return catalogue.say("repair.verified_power", power_w=f"{repair.power_w:.1f}", time=time)
    if repair.result == "still_dark":
        is_of_light = repair.fault.code in {"lampFailure", "circuitFailure", "cableFailure", "supplyLoss"}
        return catalogue.say("repair.still_dark" if is_of_light else "repair.still_failing", time=time)
    return catalogue.say("repair.reopened" if repair.result == "reopened" else "repair.closed", time=time)
