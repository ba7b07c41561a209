"""Takes a report: finds its lamp, says what is known of it already, stores it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any, Final

from fastapi import Request

from dashboard_api.access.rate_limits import network_of
from dashboard_api.context import Context
from dashboard_api.errors import BadRequestError, TooManyError, UnavailableError
from dashboard_api.neighbours.citizens.contacts import Contacts
from dashboard_api.neighbours.citizens.rate_limit import RateLimit
from dashboard_api.store.fault_list import open_faults_of_lamp
from dashboard_api.store.lamps_meant import nearest_lamp
from dashboard_api.store.register_rows import one_lamp
from dashboard_api.store.reports import Report, fault_of_report, file_report, one_report
from ingest.schema import life, live
from ingest.schema.report_tables import CITIZEN

_NUMBER_LETTERS: Final = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # none that is read as another
_NUMBER_LENGTH: Final = 10
_OF_ADDRESS: Final = (10, 600.0)  # reports, seconds
_OF_LAMP: Final = (30, 3600.0)
_FORMS_OF_ADDRESS: Final = (60, 600.0)  # sent forms, also those that are asked again
_NEAR_M: Final = 30.0  # a tap on a map means a lamp as near as this
# what a crew found -> the last part of ``report.…`` in the catalogues
_FOUND_BY_CREW: Final = {"in_order": "in_order", "mended": "mended", "not_found": "nothing_found"}
MAX_TEXT: Final = 2000
MAX_ADDRESS: Final = 300
MAX_CONTACT: Final = 200


@dataclass(frozen=True, slots=True)
class Wish:
    """What a citizen sends.

    Attributes:
        service: what is wrong, a service code of the Open311 mapping.
        lamp_id: of the register, or None.
        address: street or place in words.
    """

    service: str
    lamp_id: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    address: str | None = None
    description: str | None = None
    contact: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where a report stands.

    Attributes:
        word: ``known``, ``assigned``, ``repaired``, ``done``, ``ended``, ``checked``, what a crew
            found, or what was found of the lamp when the report came.
        fault: the row of its fault, or None.
    """

    word: str
    fault: Any | None
    is_closed: bool


class ReportIntake:
    """Takes reports. Safe to call from threads."""

    def __init__(self, context: Context) -> None:
        """Over the city's stores."""
        self._context = context
        self._contacts = Contacts(context.city.data_folder)
        self._of_address = RateLimit(*_OF_ADDRESS)
        self._of_lamp = RateLimit(*_OF_LAMP)
        self._forms = RateLimit(*_FORMS_OF_ADDRESS)

    def admit(self, address: str) -> None:
        """Count a form that came from a network address, before anything is looked up for it.

        Raises:
            TooManyError: too many from this address.
        """
        who = network_of(address)
        self._hold_back(max(self._of_address.left_s(who), self._forms.wait_s(who)))

    def take(self, wish: Wish, address: str) -> str:
        """Store a report that came from a network address. Returns its number.

        Raises:
            BadRequestError: a text that is too long, or no place at all.
            TooManyError: too many from this address, or of this lamp.
            UnavailableError: the database does not answer, or holds too many reports without an outcome.
        """
        for name, text, most in (
            ("description", wish.description, MAX_TEXT),
            ("address", wish.address, MAX_ADDRESS),
            ("contact", wish.contact, MAX_CONTACT),
        ):
            if text is not None and len(text) > most:
                raise BadRequestError("length_out_of_range", name=name, most=most)
        self._hold_back(self._of_address.left_s(network_of(address)))
        lamp_id = wish.lamp_id
        if lamp_id is None and wish.latitude is not None and wish.longitude is not None:
            lamp_id = nearest_lamp(self._context.database, wish.latitude, wish.longitude, _NEAR_M)
        if lamp_id is None and wish.latitude is None and not wish.address:
            raise BadRequestError("report_without_place")
        self._hold_back(self._of_address.wait_s(network_of(address)))
        if lamp_id is not None:
            self._hold_back(self._of_lamp.wait_s(lamp_id))
        now_us = self._context.now_us()
        report = self._report(wish, lamp_id, now_us)
        if not file_report(self._context.database, report):
            raise UnavailableError("too_many_reports_wait")
        return report.number

    def outcome(self, number: str) -> tuple[Any, Outcome] | None:
        """A report's row and where it stands, None where there is no such report.

        Raises:
            UnavailableError: the database does not answer.
        """
        row = one_report(self._context.database, number, self._context.now_us())
        return None if row is None else (row, self.outcome_of(row))

    def outcome_of(self, row: Any) -> Outcome:
        """Where a report stands."""
        if row.outcome is not None:
            return Outcome(_FOUND_BY_CREW.get(row.outcome, "checked"), None, is_closed=True)
        fault = fault_of_report(self._context.database, row)
        if fault is None:
            return Outcome("checked" if row.closed_at_us is not None else row.found, None, row.closed_at_us is not None)
        word = fault_word(fault.state)
        if word == "done" and fault.evidence.get("source") == CITIZEN:
            word = "ended"  # nothing measured that it burns
        return Outcome(word, fault, fault.state == life.CLOSED)

    def _report(self, wish: Wish, lamp_id: str | None, now_us: int) -> Report:
        found, fault_id, row = "unknown", None, None
        if lamp_id is not None:
            found, fault_id, row = self._known(lamp_id)
        return Report(
            number="".join(secrets.choice(_NUMBER_LETTERS) for _ in range(_NUMBER_LENGTH)),
            at_us=now_us,
            service=wish.service,
            found=found,
            lamp_id=lamp_id,
            latitude=wish.latitude if row is None else row.latitude,
            longitude=wish.longitude if row is None else row.longitude,
            address=wish.address or (None if row is None else row.street),
            description=wish.description or None,
            fault_id=fault_id,
            contact=self._contacts.encrypted(wish.contact) if wish.contact else None,
        )

    def _known(self, lamp_id: str) -> tuple[str, str | None, Any]:
        """What is known of a lamp now: a word, the id of its most urgent fault, and its row.

        Raises:
            BadRequestError: the register holds no such lamp.
        """
        with self._context.database.reading() as connection:
            row = one_lamp(connection, lamp_id)
            if row is None:
                raise BadRequestError("no_lamp", lamp_id=lamp_id)
            faults = open_faults_of_lamp(connection, lamp_id)
        causes = [fault for fault in faults if fault.caused_by is None] or faults
        if causes:
            return "known", causes[0].id, row
        if row.address is None:
            return "unmetered", None, row
        picture = self._context.picture_of(row.register_version)
        if picture is None or picture.columns["at_us"][row.row] == 0:
            return "unheard", None, row
        name = live.STATE_NAMES[int(picture.columns["state"][row.row])]
        return {"lit": "burning", "off": "off", "dark": "dark"}.get(name, "unheard"), None, row

    @staticmethod
    def _hold_back(wait_s: int) -> None:
        if wait_s:
            raise TooManyError("too_many_reports", retry_after_s=wait_s)


def fault_word(state: str) -> str:
    """What a citizen is told of a fault in that state: the last part of ``report.…`` in the catalogues."""
    words = {life.ASSIGNED: "assigned", life.REPAIRED: "repaired", life.CLOSED: "done"}
    return words.get(state, "known")


def intake_of(request: Request) -> ReportIntake:
    """The app's intake."""
    found: ReportIntake = request.app.state.report_intake
    return found
