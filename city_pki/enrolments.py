"""Codes and requests for certificates: who may ask, who approved, and what was issued.

Owns ``enrolments.json`` of a city's ``pki`` (mode 0600). A code is kept as a hash, bound to one controller, for a
quarter of an hour and one request. A request waits for an operator; one that the key of a valid certificate signed
needs none.
Used by the command line and by the API at the same time.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from city_pki.authority import Authority, root_fingerprint
from city_pki.certificates import check_name, csr_digest
from city_pki.enrolment_records import APPROVAL_TIME, RENEWAL_TIME, Answer, Code, Request
from city_pki.errors import PkiError, RefusedError
from city_pki.secret_file import MAX_BYTES, locked, read_secret, write_secret
from edge_agent.wire import read_json
from edge_agent.wire.enrolment import (
    FINGERPRINT_BYTES,
    MAX_CSR,
    SECRET_BYTES,
    EnrolmentCode,
    answer_proof,
    is_same,
    lookup,
    renewal_bytes,
    request_proof,
)
from languages.message import Message, Plain

CODE_LIFETIME: Final = timedelta(minutes=15)
CLOCK_ERROR: Final = timedelta(minutes=5)
KEPT: Final = timedelta(days=14)  # answers that nobody fetched
MOST: Final = 10_000  # codes, and requests
MOST_RENEWALS: Final = 20  # of one controller that are kept: one that asks without end gets no more
FILE: Final = "enrolments.json"


class Enrolments:
    """The codes and requests of one city."""

    def __init__(self, folder: Path) -> None:
        """Name the ``pki`` folder; nothing is read yet."""
        self._folder = folder

    def new_code(self, controller: str, agent_toml: str, now: datetime) -> EnrolmentCode:
        """Give out a code; an older one of this controller no longer holds.

        Raises:
            PkiError: there is no authority yet, or too many codes are out.
        """
        check_name(controller)
        code = EnrolmentCode(secrets.token_bytes(SECRET_BYTES), root_fingerprint(self._folder)[:FINGERPRINT_BYTES])
        until = (now + CODE_LIFETIME).isoformat()
        with self._writing(now) as (codes, _requests):
            codes[:] = [old for old in codes if old.controller != controller]
            if len(codes) >= MOST:
                raise PkiError(Message("terminal.error.many_codes", most=Plain(MOST)))
            codes.append(Code(code.key.hex(), controller, until, agent_toml))
        return code

    def ask_with_code(self, csr: str, name: str, proof: str, now: datetime) -> Request:
        """Take a request that comes with a code, once; the same request again gets the same answer.

        Args:
            csr: the request, PEM.
            name: which code, see `edge_agent.wire.enrolment.lookup`.
            proof: the MAC over the request.
            now: this server's time.

        Raises:
            RefusedError: no such code, it is used or too old, or the proof is another one's.
        """
        digest = csr_digest(csr)
        with self._writing(now) as (codes, requests):
            code = next((code for code in codes if is_same(lookup(bytes.fromhex(code.key)), name)), None)
            if code is None or not _is_in_time(code, now):
                raise RefusedError("no such code, or its time is over")
            if not is_same(request_proof(bytes.fromhex(code.key), csr), proof):
                raise RefusedError(f"a request for {code.controller} without the proof of its code")
            if code.is_used:
                same = next((one for one in requests if one.code_key == code.key and one.csr == csr), None)
                if same is None:
                    raise RefusedError(f"the code for {code.controller} is used")
                return same
            codes[codes.index(code)] = replace(code, is_used=True)
            until = (now + APPROVAL_TIME).isoformat()
            request = Request(_new_id(), code.controller, csr, digest, until, code.key)
            _add(requests, request)
        return request

    def ask_with_certificate(
        self, authority: Authority, csr: str, certificate: str, signature: bytes, now: datetime
    ) -> Request:
        """Take a request that the key of an older certificate signed; one that has expired waits for an operator.

        Args:
            authority: issues at once where the certificate is still valid.
            csr: the request, PEM.
            certificate: the older certificate, PEM.
            signature: ECDSA with SHA-256 over `edge_agent.wire.enrolment.renewal_bytes`.
            now: this server's time.

        Raises:
            RefusedError: the certificate is not ours, is revoked, or did not sign the request.
        """
        digest = csr_digest(csr)
        try:
            older = x509.load_pem_x509_certificate(certificate[:MAX_CSR].encode())
            key = older.public_key()
            if not isinstance(key, ec.EllipticCurvePublicKey):
                raise RefusedError("a certificate with a key on P-256 or P-384 is needed")
            entry = authority.check_own(older)
            key.verify(signature, renewal_bytes(csr), ec.ECDSA(hashes.SHA256()))
        except (ValueError, TypeError, InvalidSignature) as error:
            raise RefusedError("the request is not signed with the certificate's key") from error
        with self._writing(now) as (_codes, requests):
            same = next((one for one in requests if one.controller == entry.name and one.csr == csr), None)
            if same is not None and same.state(now) != "expired":
                return same
            if sum(one.controller == entry.name and one.code_key is None for one in requests) >= MOST_RENEWALS:
                raise RefusedError(f"{entry.name} has asked {MOST_RENEWALS} times within three weeks")
            waiting = [one for one in requests if one.controller == entry.name and one.code_key is None]
            for old in waiting:  # a controller that asks again has forgotten the key of its last request
                if old.state(now) == "waiting":
                    requests.remove(old)
            request = Request(_new_id(), entry.name, csr, digest, (now + RENEWAL_TIME).isoformat())
            if older.not_valid_after_utc >= now:
                request = _issued(request, authority, now)
            _add(requests, request)
        return request

    def approve(self, authority: Authority, request_id: str, actor: str, now: datetime) -> Request:
        """Issue the certificate of a request that waits.

        Raises:
            PkiError: no such request, or it does not wait (any more).
        """
        with self._writing(now) as (_codes, requests):
            request = _waiting(requests, request_id, now)
            done = replace(_issued(request, authority, now), approved_by=actor)
            requests[requests.index(request)] = done
        return done

    def refuse(self, request_id: str, actor: str, now: datetime) -> Request:
        """Say no to a request that waits.

        Raises:
            PkiError: no such request, or it does not wait (any more).
        """
        with self._writing(now) as (_codes, requests):
            request = _waiting(requests, request_id, now)
            done = replace(request, is_refused=True, approved_by=actor)
            requests[requests.index(request)] = done
        return done

    def waiting(self, now: datetime) -> tuple[Request, ...]:
        """Requests that wait for an operator, oldest first."""
        return tuple(request for request in self._read()[1] if request.state(now) == "waiting")

    def answer(self, request_id: str, ca: str, now: datetime) -> Answer | None:
        """What became of a request; None = there is none of this id."""
        codes, requests = self._read()
        request = next((one for one in requests if is_same(one.id, request_id)), None)
        if request is None:
            return None
        if request.certificate is None:
            return Answer(request.state(now))
        code = next((code for code in codes if code.key == request.code_key), None)
        agent_toml = "" if code is None else code.agent_toml
        proof = None
        if request.code_key is not None:
            proof = answer_proof(bytes.fromhex(request.code_key), request.certificate, ca, agent_toml)
        return Answer("approved", request.certificate, ca, agent_toml, proof)

    def _read(self) -> tuple[list[Code], list[Request]]:
        path = self._folder / FILE
        if not path.exists():
            return [], []
        try:
            document = read_json(read_secret(path), max_bytes=MAX_BYTES)
            return [Code(**each) for each in document["codes"]], [Request(**each) for each in document["requests"]]
        except (ValueError, TypeError, KeyError) as error:
            raise PkiError(
                Message("terminal.error.broken_codes", file=Plain(path), name=Plain(type(error).__name__))
            ) from error

    @contextmanager
    def _writing(self, now: datetime) -> Iterator[tuple[list[Code], list[Request]]]:
        """Codes and requests to change, written back if nothing was raised; what is over for long falls out."""
        with locked(self._folder / f".{FILE}.lock"):
            codes, requests = self._read()
            codes = [code for code in codes if datetime.fromisoformat(code.until) + KEPT > now]
            requests = [request for request in requests if datetime.fromisoformat(request.until) + KEPT > now]
            yield codes, requests
            document = {"codes": [asdict(each) for each in codes], "requests": [asdict(each) for each in requests]}
            write_secret(self._folder / FILE, json.dumps(document).encode())


def _new_id() -> str:
    return secrets.token_hex(16)


def _issued(request: Request, authority: Authority, now: datetime) -> Request:
    key = x509.load_pem_x509_csr(request.csr.encode()).public_key()
    certificate = authority.issue(key, request.controller, now)
    return replace(request, certificate=certificate.decode())


def _add(requests: list[Request], request: Request) -> None:
    if len(requests) >= MOST:
        raise PkiError(Message("terminal.error.many_requests", most=Plain(MOST)))
    requests.append(request)


def _waiting(requests: list[Request], request_id: str, now: datetime) -> Request:
    request = next(
        (one for one in requests if request_id in {one.id, one.controller} and one.state(now) == "waiting"), None
    )
    if request is None:
        raise PkiError(Message("terminal.error.no_request", request_id=Plain(request_id)))
    return request


def _is_in_time(code: Code, now: datetime) -> bool:
    """One that was given out later than now is too old: the clock was set back, and nobody knows how long ago."""
    until = datetime.fromisoformat(code.until)
    return until - CODE_LIFETIME - CLOCK_ERROR <= now <= until
