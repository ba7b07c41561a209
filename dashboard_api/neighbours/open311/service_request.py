"""One service request as Open311 shows it: of a citizen's report, or of a fault."""

from __future__ import annotations

from typing import Any

from dashboard_api.formats.times import iso
from dashboard_api.neighbours.citizens.report_intake import ReportIntake, fault_word
from dashboard_api.neighbours.open311 import mapping
from ingest.schema import life
from languages.catalogue import Catalogue


def request_of_report(row: Any, intake: ReportIntake, catalogue: Catalogue) -> dict[str, Any]:
    """Of a report's row."""
    outcome = intake.outcome_of(row)
    updated_us = row.at_us if outcome.fault is None else max(row.at_us, outcome.fault.updated_at_us)
    return _request(
        request_id=row.number,
        is_open=not outcome.is_closed,
        notes=catalogue.say(f"report.{outcome.word}"),
        service=row.service,
        description=row.description,
        requested_us=row.at_us,
        updated_us=updated_us,
        address=row.address,
        lamp_id=row.lamp_id,
        place=(row.latitude, row.longitude),
        catalogue=catalogue,
    )


def request_of_fault(row: Any, catalogue: Catalogue) -> dict[str, Any]:
    """Of a fault's row."""
    return _request(
        request_id=row.id,
        is_open=row.state != life.CLOSED,
        notes=catalogue.say(f"report.{fault_word(row.state)}"),
        service=mapping.SERVICE_OF.get(row.code, mapping.OTHER),
        description=catalogue.say(f"fault.{row.code}.title"),
        requested_us=row.opened_at_us,
        updated_us=row.updated_at_us,
        address=row.street,
        lamp_id=row.lamp_id,
        place=(row.latitude, row.longitude),
        catalogue=catalogue,
    )


def _request(
    *,
    request_id: str,
    is_open: bool,
    notes: str,
    service: str,
    description: str | None,
    requested_us: int,
    updated_us: int,
    address: str | None,
    lamp_id: str | None,
    place: tuple[float | None, float | None],
    catalogue: Catalogue,
) -> dict[str, Any]:
    return {
        "service_request_id": request_id,
        "status": "open" if is_open else "closed",
        "status_notes": notes,
        "service_name": catalogue.say(f"open311.{service}"),
        "service_code": service,
        "description": description,
        "agency_responsible": None,
        "service_notice": None,
        "requested_datetime": iso(requested_us),
        "updated_datetime": iso(updated_us),
        "expected_datetime": None,
        "address": address,
        "address_id": lamp_id,
        "zipcode": None,
        "lat": place[0],
        "long": place[1],
        "media_url": None,
    }
