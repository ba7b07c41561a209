"""Asks the city for this controller's certificate: with a one-time code, or with the certificate that it has.

Runs in a process of its own, `terang-agent enroll` and `renew`: the library that makes keys is too large for the one
that sweeps. The private key is made here and never leaves. What arrives is believed if the code's proof covers it, or
if the authority that this controller trusts already has signed it.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID

from durable_files.bounded_read import read_bounded
from durable_files.whole_file import replace_file
from edge_agent.enrolment_server import Server
from edge_agent.errors import Fatal, Retryable
from edge_agent.link.certificate_files import next_of
from edge_agent.wire import WireError, read_json
from edge_agent.wire.enrolment import (
    MAX_ANSWER_BYTES,
    EnrolmentCode,
    answer_proof,
    is_same,
    lookup,
    renewal_bytes,
    request_proof,
    shown_digest,
)
from languages.message import Message, Plain, why

APPROVAL_S: Final = 130.0  # an operator has two minutes
POLL_S: Final = 2.0
RENEW_AT: Final = 2 / 3  # of its life


@dataclass(frozen=True, slots=True)
class Place:
    """Paths of a controller's certificate, key and authority."""

    cert: Path
    key: Path
    ca: Path

    @property
    def asked(self) -> Path:
        """A request that waits for its answer, with its key: mode 0600."""
        return self.key.with_name(self.key.name + ".asked")


def enroll(
    server: Server,
    code: EnrolmentCode,
    place: Place,
    config: Path,
    say: Callable[[str, dict[str, str]], None],
    monotonic: Callable[[], float] = time.monotonic,
    expected: str | None = None,
) -> str:
    """Make a key, have it signed with a code, and put certificate and agent.toml in their places; returns the name.

    Args:
        server: the city's.
        code: as the operator gave it.
        place: where the files go; where a certificate stands already, the new one waits beside it to be tried.
        config: agent.toml, written if it is missing and left alone if not.
        say: called with what to show and its parameters: `waiting` with the key's digest.
        monotonic: a clock that never jumps [s].
        expected: the controller's name in the agent.toml that is there; None = there is none.

    Raises:
        Fatal: refused, lapsed, an answer without the proof of the code, or a folder that cannot be written.
        Retryable: the server does not answer.
    """
    _check_folders(place, config)
    key = ec.generate_private_key(ec.SECP256R1())
    csr = _csr(key, "new controller")
    document = {"csr": csr, "lookup": lookup(code.key), "proof": request_proof(code.key, csr)}
    answer = _decided(server, _patient(lambda: server.ask(document), monotonic), say, key, monotonic)
    certificate, ca, agent_toml, proof = (_text(answer, name) for name in ("certificate", "ca", "agent_toml", "proof"))
    if not is_same(proof, answer_proof(code.key, certificate, ca, agent_toml)):
        raise Fatal(Message("agent.error.other_answer"))
    root = _root(ca)
    if root.fingerprint(hashes.SHA256())[: len(code.fingerprint)] != code.fingerprint:
        raise Fatal(Message("agent.error.other_authority"))
    name = _check(certificate, root, key)
    if expected not in {None, name}:
        raise Fatal(
            Message("agent.error.other_controller", name=Plain(name), config=Plain(config), expected=Plain(expected))
        )
    _write(place.ca, ca.encode(), 0o644)
    _install(place, key, certificate)
    if agent_toml and not config.exists():
        _write(config, agent_toml.encode(), 0o644)
    return name


def renew(server: Server, place: Place, now: datetime, *, is_forced: bool = False) -> str:
    """Ask for the next certificate if the present one is in the last third of its life, or fetch the answer.

    Returns:
        ``fresh`` (nothing to do), ``next`` (the next one is there, and the agent tries it), or ``waiting`` (an operator
        has to approve, since the present one has expired; the next call asks again).

    Raises:
        Fatal: files are missing or broken, or the city refuses.
        Retryable: the server does not answer.
    """
    try:
        present = x509.load_pem_x509_certificate(read_bounded(place.cert, MAX_ANSWER_BYTES))
        old_key = serialization.load_pem_private_key(read_bounded(place.key, MAX_ANSWER_BYTES), None)
        root = _root(read_bounded(place.ca, MAX_ANSWER_BYTES).decode())
    except (OSError, ValueError, TypeError) as error:
        raise Fatal(
            Message(
                "agent.error.certificate_files",
                cert=Plain(place.cert),
                key=Plain(place.key),
                ca=Plain(place.ca),
                reason=why(error),
            )
        ) from error
    life = present.not_valid_after_utc - present.not_valid_before_utc
    if next_of(place.cert).exists():
        return "next"
    if not is_forced and now < present.not_valid_before_utc + RENEW_AT * life:
        return "fresh"
    if not isinstance(old_key, ec.EllipticCurvePrivateKey):
        raise Fatal(Message("agent.error.no_curve", key=Plain(place.key)))
    csr, key = _asked(place) or _new_request(place, _name(present))
    signature = old_key.sign(renewal_bytes(csr), ec.ECDSA(hashes.SHA256())).hex()
    chain = present.public_bytes(Encoding.PEM).decode()
    answer = server.ask({"csr": csr, "certificate": chain, "signature": signature})
    if answer.get("state") == "waiting":
        return "waiting"
    if answer.get("state") != "approved":
        place.asked.unlink(missing_ok=True)
        raise Fatal(Message("agent.error.city_answers", value=Plain(f"{answer.get('state')!s:.40}")))
    certificate = _text(server.answer(_text(answer, "id")), "certificate")
    if _check(certificate, root, key) != _name(present):
        raise Fatal(Message("agent.error.other_certificate"))
    _install(place, key, certificate)
    place.asked.unlink(missing_ok=True)
    return "next"


def _check_folders(place: Place, config: Path) -> None:
    """Before the code is used up: the folders of all files are there and may be written.

    Raises:
        Fatal: one is not.
    """
    paths = [place.ca, place.cert, place.key] if config.exists() else [place.ca, place.cert, place.key, config]
    for folder in dict.fromkeys(path.absolute().parent for path in paths):
        if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
            raise Fatal(Message("agent.error.enrolment_folder", folder=Plain(folder)))


def _decided(
    server: Server,
    answer: dict[str, Any],
    say: Callable[[str, dict[str, str]], None],
    key: ec.EllipticCurvePrivateKey,
    monotonic: Callable[[], float],
) -> dict[str, Any]:
    """Wait until an operator has decided."""
    request_id = _text(answer, "id")
    if not request_id.isalnum():
        raise Retryable("the city's answer has no id")
    digest = hashes.Hash(hashes.SHA256())
    digest.update(key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    say("waiting", {"digest": shown_digest(digest.finalize().hex())})
    end_s = monotonic() + APPROVAL_S
    while True:
        answer = _patient(lambda: server.answer(request_id), monotonic)
        if answer.get("state") == "approved":
            return answer
        if answer.get("state") != "waiting" or monotonic() > end_s:
            raise Fatal(Message("agent.error.not_approved", value=Plain(f"{answer.get('state')!s:.40}")))
        time.sleep(POLL_S)


def _patient(exchange: Callable[[], dict[str, Any]], monotonic: Callable[[], float]) -> dict[str, Any]:
    """Try again for half a minute: a mobile link drops an exchange now and then."""
    end_s = monotonic() + 30.0
    while True:
        try:
            return exchange()
        except Retryable:
            if monotonic() > end_s:
                raise
            time.sleep(POLL_S)


def _check(certificate: str, root: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> str:
    """The name on a certificate that is for this key and signed, through its intermediate, by the root."""
    try:
        own, intermediate = x509.load_pem_x509_certificates(certificate.encode())[:2]
        own.verify_directly_issued_by(intermediate)
        intermediate.verify_directly_issued_by(root)
        is_authority = intermediate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound) as error:
        raise Fatal(Message("agent.error.foreign_certificate")) from error
    if not is_authority or own.public_key() != key.public_key():
        raise Fatal(Message("agent.error.other_key"))
    return _name(own)


def _name(certificate: x509.Certificate) -> str:
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    if len(names) != 1 or not isinstance(names[0].value, str):
        raise Fatal(Message("agent.error.nameless_certificate"))
    return names[0].value


def _root(ca: str) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificates(ca.encode())[-1]
    except ValueError as error:
        raise Fatal(Message("agent.error.no_authority", reason=why(error))) from error


def _csr(key: ec.EllipticCurvePrivateKey, name: str) -> str:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])  # the city puts in the name that it knows
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return request.public_bytes(Encoding.PEM).decode()


def _new_request(place: Place, name: str) -> tuple[str, ec.EllipticCurvePrivateKey]:
    """Make another key and its request, and keep both: the answer may come days later."""
    key = ec.generate_private_key(ec.SECP256R1())
    csr = _csr(key, name)
    _write(place.asked, json.dumps({"csr": csr, "key": _pem(key).decode()}).encode(), 0o600)
    return csr, key


def _asked(place: Place) -> tuple[str, ec.EllipticCurvePrivateKey] | None:
    try:
        document = read_json(read_bounded(place.asked, MAX_ANSWER_BYTES), max_bytes=MAX_ANSWER_BYTES)
        key = serialization.load_pem_private_key(document["key"].encode(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        return str(document["csr"]), key
    except (OSError, WireError, ValueError, TypeError, KeyError, AttributeError, AssertionError):
        return None


def _install(place: Place, key: ec.EllipticCurvePrivateKey, certificate: str) -> None:
    """Put a pair in its place, or beside the one that is there: the key first, so that no half pair is tried."""
    is_first = not (place.cert.exists() and place.key.exists())
    _write(place.key if is_first else next_of(place.key), _pem(key), 0o600)
    _write(place.cert if is_first else next_of(place.cert), certificate.encode(), 0o644)


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _write(path: Path, data: bytes, mode: int) -> None:
    """Replace a file as a whole, with its mode from the first byte on.

    Raises:
        Fatal: it cannot be written.
    """
    try:
        replace_file(path, data, mode=mode, is_owned_like_folder=True)  # by sudo: the agent that reads it is not root
    except OSError as error:
        raise Fatal(Message("terminal.error.at", where=Plain(path), reason=why(error))) from error


def _text(document: dict[str, Any], name: str) -> str:
    value = document.get(name)
    if not isinstance(value, str):
        raise Retryable(f"the city's answer has no {name}")
    return value


def utc_now() -> datetime:
    """This machine's time."""
    return datetime.now(UTC)
