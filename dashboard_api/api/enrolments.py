"""Controllers ask for certificates, operators approve. What is decided, and how, stands in ``city_pki.enrolments``."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import Path as PathParameter
from fastapi import Request, status
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from city_pki.authority import Authority, open_authority
from city_pki.broker_files import listening_port, write_broker_files
from city_pki.enrolment_records import Request as Enrolment
from city_pki.enrolments import Enrolments
from city_pki.errors import PkiError, RefusedError
from dashboard_api.access.guard import address_of
from dashboard_api.context import ActorOf, Context, ContextOf
from dashboard_api.errors import ForbiddenError, NotFoundError, RequestError, UnavailableError, UnusableError
from dashboard_api.formats.times import iso
from dashboard_api.store.audit import Actor, Entry, Name
from dashboard_api.store.register_rows import cabinets_of_controllers
from edge_agent.wire.enrolment import MAX_CSR, shown_digest

LOG: Final = logging.getLogger(__name__)
_HEX: Final = r"^[0-9a-f]*$"
EnrolmentId = Annotated[str, PathParameter(max_length=64)]


class CodeRequest(BaseModel):
    """A request for a certificate with a one-time code, or signed with the key of the present certificate."""

    model_config = ConfigDict(extra="forbid")

    csr: str = Field(max_length=MAX_CSR, description="certificate signing request, PEM")
    lookup: str | None = Field(None, max_length=64, pattern=_HEX, description="which code")
    proof: str | None = Field(
        None, max_length=64, pattern=_HEX, description="HMAC-SHA-256 of the code over the request"
    )
    certificate: str | None = Field(None, max_length=MAX_CSR, description="the present certificate, PEM")
    signature: str | None = Field(None, max_length=512, pattern=r"^([0-9a-f]{2})*$", description="of its key")


class Decision(BaseModel):
    """Whether the controller gets its certificate."""

    model_config = ConfigDict(extra="forbid")

    approve: bool


def post_enrolment(context: ContextOf, request_of: Request, request: CodeRequest) -> JSONResponse:
    """Ask for a certificate. With a code, or an expired certificate, an operator has to approve."""
    _require_authority(context)
    now, enrolments = datetime.now(UTC), Enrolments(_folder(context))
    with _errors():
        if request.lookup is not None and request.proof is not None:
            taken = enrolments.ask_with_code(request.csr, request.lookup, request.proof, now)
        elif request.certificate is not None and request.signature is not None:
            signature = bytes.fromhex(request.signature)
            authority = _authority(context)
            taken = enrolments.ask_with_certificate(authority, request.csr, request.certificate, signature, now)
        else:
            raise ForbiddenError("enrolment_refused")
    _note_request(context, request_of, taken)
    LOG.info("enrolment of %s, key %s: %s", taken.controller, shown_digest(taken.digest), taken.state(now))
    return _json({"id": taken.id, "state": taken.state(now)}, status.HTTP_202_ACCEPTED)


def _note_request(context: Context, request: Request, taken: Enrolment) -> None:
    """Write a request's line into the audit log. The code is used up by now, so that one without a line stands too."""
    actor = Actor(Name("controller", taken.controller), address_of(request.scope))
    after = {"controller_id": taken.controller, "key": shown_digest(taken.digest), "is_renewal": taken.code_key is None}
    try:
        with context.database.writing() as connection:
            context.audit.append(connection, Entry(actor, "enrolment.ask", taken.id, after=after))
    except (RequestError, UnusableError) as error:
        LOG.warning("enrolment of %s is not in the audit log: %s", taken.controller, error)


def get_enrolment(context: ContextOf, enrolment_id: EnrolmentId) -> JSONResponse:
    """What became of a request."""
    _require_authority(context)
    with _errors():
        ca = (_folder(context) / "ca.crt").read_text(encoding="utf-8")
        answer = Enrolments(_folder(context)).answer(enrolment_id, ca, datetime.now(UTC))
    if answer is None:
        raise NotFoundError("no_enrolment", enrolment_id=enrolment_id)
    return _json(asdict(answer))


def get_enrolments(context: ContextOf) -> JSONResponse:
    """Requests that wait for an operator, oldest first."""
    now = datetime.now(UTC)
    with _errors():
        waiting = Enrolments(_folder(context)).waiting(now)
    served = cabinets_of_controllers(context.database, sorted({one.controller for one in waiting}))
    items = [
        {
            "id": one.id,
            "controller_id": one.controller,
            "key": shown_digest(one.digest),
            "asked_at": _text(one.asked_at),
            "age_s": round((now - one.asked_at).total_seconds(), 1),
            "until": _text(datetime.fromisoformat(one.until)),
            "is_renewal": one.code_key is None,
            "cabinets": [{"cabinet_id": cabinet, "name": name} for cabinet, name in served.get(one.controller, ())],
        }
        for one in waiting
    ]
    return _json({"items": items, "next_cursor": None})


def post_decision(context: ContextOf, actor: ActorOf, enrolment_id: EnrolmentId, decision: Decision) -> JSONResponse:
    """Approve a request that waits, or refuse it."""
    now, enrolments = datetime.now(UTC), Enrolments(_folder(context))
    with _errors():
        waiting = next((one for one in enrolments.waiting(now) if one.id == enrolment_id), None)
        if waiting is None:
            raise NotFoundError("no_enrolment", enrolment_id=enrolment_id)
        # the line comes first: nothing is decided that the audit log does not tell
        action = "enrolment.approve" if decision.approve else "enrolment.refuse"
        with context.database.writing() as connection:
            after = {"controller_id": waiting.controller, "key": shown_digest(waiting.digest)}
            context.audit.append(connection, Entry(actor, action, enrolment_id, after=after))
        name = actor.person.text
        if decision.approve:
            authority = _authority(context)
            done = enrolments.approve(authority, enrolment_id, name, now)
            city, broker = context.city.city, context.city.folder / "broker"
            write_broker_files(broker, authority, city.group, city.host_id, listening_port(broker))
        else:
            done = enrolments.refuse(enrolment_id, name, now)
    LOG.info("enrolment of %s: %s by %s", done.controller, done.state(now), name)
    return _json({"id": done.id, "state": done.state(now)})


def _text(at: datetime) -> str | None:
    return iso(int(at.timestamp() * 1_000_000))


def _folder(context: Context) -> Path:
    return context.city.folder / "pki"


def _require_authority(context: Context) -> None:
    if not (_folder(context) / "root.crt").exists():
        raise NotFoundError("no_authority")


def _authority(context: Context) -> Authority:
    return open_authority(_folder(context))


@contextmanager
def _errors() -> Iterator[None]:
    """What the city's authority says is for the log; who asked learns no more than that it was refused."""
    try:
        yield
    except RefusedError as error:
        LOG.warning("enrolment refused: %s", error)
        raise ForbiddenError("enrolment_refused") from error
    except (PkiError, OSError) as error:
        LOG.warning("enrolment: %s", error)
        raise UnavailableError("authority_unusable") from error


def _json(document: dict[str, Any], code: int = status.HTTP_200_OK) -> JSONResponse:
    return JSONResponse(document, code, headers={"Cache-Control": "no-store"})
