"""Codes, requests and answers, as ``enrolments.json`` of a city's ``pki`` folder holds them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

APPROVAL_TIME: Final = timedelta(minutes=2)  # somebody waits at the cabinet
RENEWAL_TIME: Final = timedelta(days=7)  # for an operator, where the old certificate has expired


@dataclass(frozen=True, slots=True)
class Code:
    """A code that was given out.

    Attributes:
        key: SHA-256 of its secret, hexadecimal.
        controller: whom it is for.
        until: end of its time, ISO 8601.
        agent_toml: the controller's file, for one that has none.
        is_used: a request came with it.
    """

    key: str
    controller: str
    until: str
    agent_toml: str
    is_used: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """A request for a certificate.

    Attributes:
        id: unguessable; who has it may ask what became of the request.
        controller: whom the certificate is for.
        csr: the request, PEM.
        digest: SHA-256 of its public key, to be compared by two people.
        until: until when it may be approved, ISO 8601.
        code_key: of the code it came with; None = a present certificate's key signed it.
        certificate: what was issued; None = nothing yet.
        is_refused: an operator said no.
        approved_by: who said yes; None = nobody had to.
    """

    id: str
    controller: str
    csr: str
    digest: str
    until: str
    code_key: str | None = None
    certificate: str | None = None
    is_refused: bool = False
    approved_by: str | None = None

    def state(self, now: datetime) -> str:
        """``approved``, ``refused``, ``expired`` or ``waiting``."""
        if self.certificate is not None:
            return "approved"
        if self.is_refused:
            return "refused"
        return "expired" if datetime.fromisoformat(self.until) < now else "waiting"

    @property
    def asked_at(self) -> datetime:
        """When it came."""
        return datetime.fromisoformat(self.until) - (RENEWAL_TIME if self.code_key is None else APPROVAL_TIME)


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a request; the last four are there once it is approved."""

    state: str
    certificate: str | None = None
    ca: str | None = None
    agent_toml: str | None = None
    proof: str | None = None
