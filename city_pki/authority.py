"""The city's certification authority: a root whose key is kept offline, and the intermediate that signs every day.

Owns the files of ``pki``: ``root.crt``, ``intermediate.crt`` and ``.key``, ``ca.crt`` (both certificates, what
everybody trusts) and ``crl.pem``; every certificate is noted in ``issued.json``. Times are passed in, UTC and aware.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from city_pki.certificates import (
    EARLIER,
    MAX_NAME,
    authority_certificate,
    certificate_builder,
    check_key,
    check_name,
    common_name,
    general_name,
    key_digest,
    private_pem,
)
from city_pki.errors import PkiError, RefusedError
from city_pki.issued import Issued, read_issued, write_issued
from city_pki.secret_file import locked, read_secret, write_public, write_secret
from languages.message import Message, Plain, why

ROOT_DAYS: Final = 7305
INTERMEDIATE_DAYS: Final = 3652
CONTROLLER_DAYS: Final = 365
SERVER_DAYS: Final = 730
CRL_DAYS: Final = 7305  # an outdated list locks every controller out of Mosquitto, so it never becomes outdated
REMEMBERED: Final = timedelta(days=1826)  # an expired certificate: so long may a controller be off and come back
_LOCK: Final = "pki.lock"


@dataclass(frozen=True, slots=True)
class Authority:
    """The intermediate with its key, and the folder it works in."""

    folder: Path
    root: x509.Certificate
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def chain(self) -> bytes:
        """Intermediate and root, PEM: what goes to who has to trust this city."""
        return self.certificate.public_bytes(Encoding.PEM) + self.root.public_bytes(Encoding.PEM)

    def issue(self, public_key: Any, name: str, now: datetime, *, server_names: tuple[str, ...] = ()) -> bytes:
        """Sign a certificate; returns PEM with the intermediate after it.

        Args:
            public_key: whose it shall be.
            name: the common name.
            now: start of validity.
            server_names: DNS names and addresses, for a server; none = for a client.

        Raises:
            PkiError: the name is none, or the folder cannot be written.
            RefusedError: the key is of a kind that is not accepted.
        """
        check_name(name)
        check_key(public_key)
        days = SERVER_DAYS if server_names else CONTROLLER_DAYS
        usage = ExtendedKeyUsageOID.SERVER_AUTH if server_names else ExtendedKeyUsageOID.CLIENT_AUTH
        end = min(now + timedelta(days=days), self.certificate.not_valid_after_utc)
        builder = certificate_builder(name, self.certificate.subject, public_key, now, end)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        builder = builder.add_extension(identifier, critical=False)
        if server_names:
            names = x509.SubjectAlternativeName([general_name(item) for item in server_names])
            builder = builder.add_extension(names, critical=False)
        certificate = builder.sign(self.key, hashes.SHA256())
        entry = Issued(f"{certificate.serial_number:x}", name, end.isoformat(), key_digest(public_key))
        with locked(self.folder / _LOCK):
            kept = (old for old in read_issued(self.folder) if datetime.fromisoformat(old.not_after) + REMEMBERED > now)
            write_issued(self.folder, (*kept, entry))
        return certificate.public_bytes(Encoding.PEM) + self.certificate.public_bytes(Encoding.PEM)

    def issue_unlisted(self, name: str, now: datetime, lifetime: timedelta) -> tuple[bytes, bytes]:
        """``(key, certificate)`` as PEM for a few minutes, not written down: to end a revoked controller's session."""
        check_name(name)
        key = ec.generate_private_key(ec.SECP256R1())
        builder = certificate_builder(name, self.certificate.subject, key.public_key(), now, now + lifetime)
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        certificate = builder.sign(self.key, hashes.SHA256())
        return private_pem(key), certificate.public_bytes(Encoding.PEM) + self.certificate.public_bytes(Encoding.PEM)

    def revoke(self, name: str, now: datetime) -> tuple[Issued, ...]:
        """Revoke every certificate of a name and write ``crl.pem``; returns those that were revoked now.

        Raises:
            PkiError: no certificate was ever issued to this name, or the folder cannot be written.
        """
        with locked(self.folder / _LOCK):
            entries = read_issued(self.folder)
            if all(entry.name != name for entry in entries):
                raise PkiError(Message("terminal.error.never_issued", name=Plain(name)))
            hit = tuple(entry for entry in entries if entry.name == name and entry.revoked_at is None)
            after = tuple(replace(entry, revoked_at=now.isoformat()) if entry in hit else entry for entry in entries)
            write_issued(self.folder, after)
            self._write_crl(after, now)
        return hit

    def _write_crl(self, entries: tuple[Issued, ...], now: datetime) -> None:
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.certificate.subject)
        start = max(now - EARLIER, _newer_than(self.folder / "crl.pem"))  # of two lists OpenSSL takes the newer one
        builder = builder.last_update(start).next_update(now + timedelta(days=CRL_DAYS))
        number = x509.CRLNumber(int(now.timestamp() * 1000))
        builder = builder.add_extension(number, critical=False)
        for entry in entries:
            if entry.revoked_at is not None and datetime.fromisoformat(entry.not_after) > now:
                revoked = x509.RevokedCertificateBuilder().serial_number(int(entry.serial, 16))
                builder = builder.add_revoked_certificate(
                    revoked.revocation_date(datetime.fromisoformat(entry.revoked_at)).build()
                )
        crl = builder.sign(self.key, hashes.SHA256())
        write_public(self.folder / "crl.pem", crl.public_bytes(Encoding.PEM))

    def check_own(self, certificate: x509.Certificate) -> Issued:
        """The entry of a certificate that this authority issued and has not revoked, whether or not it has expired.

        Raises:
            RefusedError: it is another authority's, was changed, or is revoked.
        """
        try:
            certificate.verify_directly_issued_by(self.certificate)
        except (InvalidSignature, ValueError, TypeError) as error:
            raise RefusedError("not a certificate of this city") from error
        serial = f"{certificate.serial_number:x}"
        entry = next((entry for entry in read_issued(self.folder) if entry.serial == serial), None)
        if entry is None:
            raise RefusedError(f"certificate {serial} is not on record")
        if entry.revoked_at is not None:
            raise RefusedError(f"certificate {serial} of {entry.name} is revoked")
        return entry


def create_authority(folder: Path, city_name: str, root_key: Path, now: datetime) -> Authority:
    """Make root and intermediate; never overwrites.

    Args:
        folder: the city's ``pki``.
        city_name: part of both names.
        root_key: where the root's key is written; keep it on a medium that is then removed and stored offline.
        now: start of validity.

    Raises:
        PkiError: there is one already, or a file cannot be written.
    """
    for path in (folder / "root.crt", root_key):
        if path.exists():
            raise PkiError(Message("terminal.error.exists_unchanged", file=Plain(path)))
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise PkiError(Message("terminal.error.at", where=Plain(folder), reason=why(error))) from error
    title = city_name[: MAX_NAME - 20].strip()
    root, key = ec.generate_private_key(ec.SECP384R1()), ec.generate_private_key(ec.SECP256R1())
    root_name, name = common_name(f"{title} root"), common_name(f"{title} intermediate")
    root_certificate = authority_certificate(root_name, root_name, root.public_key(), root, now, ROOT_DAYS, 1)
    certificate = authority_certificate(name, root_name, key.public_key(), root, now, INTERMEDIATE_DAYS, 0)
    authority = Authority(folder, root_certificate, certificate, key)
    write_secret(root_key, private_pem(root))
    write_secret(folder / "intermediate.key", private_pem(key))
    write_public(folder / "intermediate.crt", certificate.public_bytes(Encoding.PEM))
    write_public(folder / "ca.crt", authority.chain)
    write_issued(folder, ())
    authority._write_crl((), now)  # noqa: SLF001 - its own maker
    write_public(folder / "root.crt", root_certificate.public_bytes(Encoding.PEM))
    return authority


def open_authority(folder: Path) -> Authority:
    """Load the intermediate.

    Raises:
        PkiError: there is none yet, a file is broken, or the key can be read by others.
    """
    if not (folder / "root.crt").exists():
        raise PkiError(Message("terminal.error.no_authority", folder=Plain(folder)))
    try:
        root = x509.load_pem_x509_certificate((folder / "root.crt").read_bytes())
        certificate = x509.load_pem_x509_certificate((folder / "intermediate.crt").read_bytes())
        key = serialization.load_pem_private_key(read_secret(folder / "intermediate.key"), None)
    except (OSError, ValueError, TypeError) as error:
        raise PkiError(Message("terminal.error.at", where=Plain(folder), reason=why(error))) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        raise PkiError(Message("terminal.error.other_intermediate", folder=Plain(folder)))
    return Authority(folder, root, certificate, key)


def root_fingerprint(folder: Path) -> bytes:
    """SHA-256 of the root certificate.

    Raises:
        PkiError: there is none yet.
    """
    try:
        return x509.load_pem_x509_certificate((folder / "root.crt").read_bytes()).fingerprint(hashes.SHA256())
    except (OSError, ValueError) as error:
        raise PkiError(Message("terminal.error.at", where=Plain(folder / "root.crt"), reason=why(error))) from error


def _newer_than(path: Path) -> datetime:
    """One second after the start of validity of the present revocation list; the earliest time there is without one."""
    try:
        return x509.load_pem_x509_crl(path.read_bytes()).last_update_utc + timedelta(seconds=1)
    except (OSError, ValueError):
        return datetime.min.replace(tzinfo=UTC)
