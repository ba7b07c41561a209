"""Certificates and keys as X.509 and PEM: names, kinds of keys, and what every certificate of a city has in common."""

from __future__ import annotations

import ipaddress
from datetime import datetime, timedelta
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID

from city_pki.errors import PkiError, RefusedError
from edge_agent.wire.enrolment import MAX_CSR
from languages.message import Message, Plain

EARLIER: Final = timedelta(days=1)  # a controller's clock may be behind
MAX_NAME: Final = 64  # characters of a common name in X.509


def check_name(name: str) -> None:
    """Whether a name may be a common name, which becomes one level of a topic and a line of the broker's list.

    Raises:
        PkiError: it may not.
    """
    if not name or len(name) > MAX_NAME or name != name.strip():
        raise PkiError(Message("terminal.error.certificate_name", name=name[:80], max_name=Plain(MAX_NAME)))
    if any(character in "/+#" or not character.isprintable() for character in name):
        raise PkiError(Message("terminal.error.certificate_marks", name=name))


def check_key(public_key: Any) -> None:
    """Accept keys on P-256 and P-384 alone: what the agent makes, and nothing weak.

    Raises:
        RefusedError: another kind.
    """
    is_good = isinstance(public_key, ec.EllipticCurvePublicKey) and public_key.curve.name in {"secp256r1", "secp384r1"}
    if not is_good:
        raise RefusedError("a key on the curve P-256 or P-384 is needed")


def key_digest(public_key: Any) -> str:
    """SHA-256 of a public key, hexadecimal: what two people compare over the telephone."""
    digest = hashes.Hash(hashes.SHA256())
    digest.update(public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    return digest.finalize().hex()


def csr_digest(csr: str) -> str:
    """`key_digest` of the key that a signing request (PEM) is for; its signature shows that the sender has the key.

    Raises:
        RefusedError: it is no such request, its key is of another kind, or its signature is wrong.
    """
    try:
        request = x509.load_pem_x509_csr(csr[:MAX_CSR].encode())
        key = request.public_key()
        is_good = request.is_signature_valid
    except (ValueError, TypeError, InvalidSignature, UnicodeEncodeError) as error:
        raise RefusedError("csr: is no request for a certificate") from error
    except Exception as error:  # the library has an exception for every algorithm that it does not know
        raise RefusedError("csr: is of a kind that is not accepted") from error
    check_key(key)
    if not is_good:
        raise RefusedError("csr: its signature is not its key's")
    return key_digest(key)


def new_key() -> ec.EllipticCurvePrivateKey:
    """A new private key for a controller or server."""
    return ec.generate_private_key(ec.SECP256R1())


def private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """A private key as PEM."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def certificate_builder(
    name: str, issuer: x509.Name, public_key: Any, start: datetime, end: datetime
) -> x509.CertificateBuilder:
    """A certificate with a new serial number, valid from a day before ``start`` to ``end``; not signed yet."""
    builder = x509.CertificateBuilder().subject_name(common_name(name)).issuer_name(issuer).public_key(public_key)
    builder = builder.serial_number(x509.random_serial_number())
    return builder.not_valid_before(start - EARLIER).not_valid_after(end)


def authority_certificate(
    name: x509.Name,
    issuer: x509.Name,
    public_key: Any,
    signer: ec.EllipticCurvePrivateKey,
    now: datetime,
    days: int,
    path_length: int,
) -> x509.Certificate:
    """Sign the certificate of an authority.

    Args:
        name: whose it is.
        issuer: the authority that signs; the same as ``name`` for a root.
        public_key: of ``name``.
        signer: private key of ``issuer``.
        now: start of validity.
        days: length of validity.
        path_length: how many authorities may follow below this one.
    """
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(issuer).public_key(public_key)
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - EARLIER).not_valid_after(now + timedelta(days=days))
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
    builder = builder.add_extension(usage, critical=True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    return builder.add_extension(identifier, critical=False).sign(signer, hashes.SHA256())


def common_name(text: str) -> x509.Name:
    """An X.509 name of one attribute, the common name."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def general_name(text: str) -> x509.GeneralName:
    """A server's name for the extension SubjectAlternativeName: an IP address where the text is one, else DNS."""
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)
