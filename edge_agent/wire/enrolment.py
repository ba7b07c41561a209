"""How a controller asks for its certificate: the one-time code, and what proves that both sides know it.

A code holds a secret of 80 bits and the first 128 bits of the SHA-256 of the city's root certificate. The secret
itself never goes over the network: the controller proves with a MAC over its request that it has the code, and the
server proves the same over its answer. So neither can be replaced on the way, whatever carries them. Only hashes; no
network, no file.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from typing import Final

from edge_agent.wire.errors import WireError

SECRET_BYTES: Final = 10
FINGERPRINT_BYTES: Final = 16
MAX_CSR: Final = 4096  # characters of a request for a certificate, and of a certificate that signs one
MAX_ANSWER_BYTES: Final = 256 * 1024
_GROUP: Final = 6


@dataclass(frozen=True, slots=True)
class EnrolmentCode:
    """A code as it is written down.

    Attributes:
        secret: known to the server as a hash alone.
        fingerprint: beginning of the SHA-256 of the root certificate.
    """

    secret: bytes
    fingerprint: bytes

    def __str__(self) -> str:
        """The code in groups of six letters and digits."""
        text = base64.b32encode(self.secret + self.fingerprint).decode().rstrip("=")
        return "-".join(text[i : i + _GROUP] for i in range(0, len(text), _GROUP))

    @property
    def key(self) -> bytes:
        """What the server keeps: a hash of the secret, and the key of both MACs."""
        return hashlib.sha256(b"terang-enrolment-code\0" + self.secret).digest()


def parse_code(text: str) -> EnrolmentCode:
    """Read a code as a person typed it: blanks, dashes and case do not matter.

    Raises:
        WireError: it is no code; the text does not repeat it.
    """
    letters = "".join(character for character in text[:200] if not character.isspace() and character != "-").upper()
    try:
        data = base64.b32decode(letters + "=" * (-len(letters) % 8))
    except (binascii.Error, ValueError) as error:
        raise WireError("not a code for enrolment: letters A to Z and digits 2 to 7, with dashes") from error
    if len(data) != SECRET_BYTES + FINGERPRINT_BYTES:
        raise WireError(f"not a code for enrolment: {len(letters)} letters and digits, and 42 are needed")
    return EnrolmentCode(data[:SECRET_BYTES], data[SECRET_BYTES:])


def lookup(key: bytes) -> str:
    """The name by which a request says which code it has, without giving it away."""
    return hashlib.sha256(b"terang-enrolment-lookup\0" + key).hexdigest()[:32]


def request_proof(key: bytes, csr: str) -> str:
    """The MAC over a request for a certificate."""
    return hmac.new(key, _joined("request", csr), hashlib.sha256).hexdigest()


def answer_proof(key: bytes, certificate: str, ca: str, agent_toml: str) -> str:
    """The MAC over what the server sends back."""
    return hmac.new(key, _joined("answer", certificate, ca, agent_toml), hashlib.sha256).hexdigest()


def renewal_bytes(csr: str) -> bytes:
    """What the key of the present certificate signs (ECDSA with SHA-256), to ask for the next one."""
    return _joined("renewal", csr)


def shown_digest(digest: str) -> str:
    """The beginning of a key's SHA-256 as two people read it to each other."""
    return " ".join(digest[i : i + 4] for i in range(0, 24, 4))


def is_same(one: str, other: str) -> bool:
    """Whether two proofs are equal, in a time that does not depend on where they differ."""
    return hmac.compare_digest(one.encode(), other.encode())


def _joined(*parts: str) -> bytes:
    return b"".join(len(part.encode()).to_bytes(4, "big") + part.encode() for part in ("terang-enrolment-1", *parts))
