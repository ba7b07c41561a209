"""Sign-in by an OpenID provider: authorization code with PKCE, and an ID token that is believed only if all of it fits.

Each sign-in has a state, a nonce and a verifier of its own, bound to the browser by a cookie and used up by the first
answer, so that nothing can be replayed.
"""

from __future__ import annotations

import hmac
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import OAuth2Client
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from dashboard_api.access.roles import RANK, Role
from dashboard_api.errors import ForbiddenError, NotFoundError, UnauthorisedError, UnavailableError
from ingest.schema.sections import OidcSection

_LASTS_US: Final = 600 * 1_000_000  # from leaving to coming back
_KEPT: Final = 20_000
_TIMEOUT_S: Final = 10.0
_METADATA_US: Final = 3600 * 1_000_000
_KEYS_AGAIN_US: Final = 60 * 1_000_000  # an unknown key asks for the keys again, not more often than this
_LEEWAY_S: Final = 60
# signatures that the provider alone can make: neither none nor a secret that is shared
ALGORITHMS: Final = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "Ed25519",
    "EdDSA",
)


@dataclass(frozen=True, slots=True)
class Begun:
    """A sign-in that has been sent to the provider."""

    nonce: str
    verifier: str
    target: str
    browser: str
    ends_us: int


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom the provider confirmed, and what they may do here."""

    issuer: str
    subject: str
    name: str
    role: Role
    districts: tuple[str, ...]
    target: str


class OidcProvider:
    """The city's OpenID provider. Blocks while it asks: call from a thread."""

    def __init__(self, settings: OidcSection, secret: Callable[[], str | None], clock: Callable[[], int]) -> None:
        """``secret``: reads the client secret; ``clock``: UTC microseconds."""
        self._settings = settings
        self._secret = secret
        self._clock = clock
        self._lock = threading.Lock()
        self._begun: OrderedDict[str, Begun] = OrderedDict()
        self._metadata: tuple[dict[str, Any], int] | None = None
        self._keys: tuple[KeySet, int] | None = None

    def begin(self, redirect_uri: str, target: str) -> tuple[str, str]:
        """``(where to send the browser, what its cookie holds until it comes back)``.

        Raises:
            NotFoundError: the city has no provider.
            UnavailableError: the provider does not answer.
        """
        endpoint = self._endpoint("authorization_endpoint")
        nonce, verifier, browser = (secrets.token_urlsafe(32) for _ in range(3))
        with self._client(redirect_uri) as client:
            url, state = client.create_authorization_url(
                endpoint, state=secrets.token_urlsafe(32), nonce=nonce, code_verifier=verifier
            )
        with self._lock:
            self._begun[state] = Begun(nonce, verifier, target, browser, self._clock() + _LASTS_US)
            while len(self._begun) > _KEPT:
                self._begun.popitem(last=False)
        return str(url), browser

    def finish(self, answer: Mapping[str, str], browser: str | None, redirect_uri: str) -> Subject:
        """Whom the provider's answer confirms.

        Raises:
            UnauthorisedError: the answer is not one to this browser's sign-in, or its ID token does not hold.
            ForbiddenError: the person has no role here.
            UnavailableError: the provider does not answer.
        """
        with self._lock:
            begun = self._begun.pop(answer.get("state", ""), None)
        if begun is None or begun.ends_us <= self._clock():
            raise UnauthorisedError("oidc_refused", reason="state")
        if browser is None or not hmac.compare_digest(begun.browser.encode(), browser.encode()):
            raise UnauthorisedError("oidc_refused", reason="browser")
        if answer.get("iss", self._settings.issuer) != self._settings.issuer:
            raise UnauthorisedError("oidc_refused", reason="iss")
        if "code" not in answer:
            raise UnauthorisedError("oidc_refused", reason=_short(answer.get("error", "code")))
        claims = self._claims(self._id_token(answer["code"], begun.verifier, redirect_uri), begun.nonce)
        return self._subject(claims, begun.target)

    def _id_token(self, code: str, verifier: str, redirect_uri: str) -> str:
        endpoint = self._endpoint("token_endpoint")
        try:
            with self._client(redirect_uri) as client:
                token = client.fetch_token(endpoint, code=code, code_verifier=verifier)
        except OAuthError as error:
            raise UnauthorisedError("oidc_refused", reason=_short(error.error)) from error
        except (httpx.HTTPError, ValueError) as error:
            raise UnavailableError("oidc_silent") from error
        id_token = token.get("id_token") if isinstance(token, dict) else None
        if not isinstance(id_token, str):
            raise UnauthorisedError("oidc_refused", reason="id_token")
        return id_token

    def _claims(self, id_token: str, nonce: str) -> dict[str, Any]:
        """The claims of an ID token that holds: signature, issuer, audience, times, nonce."""
        settings = self._settings
        try:
            try:
                token = jwt.decode(id_token, self._key_set(), algorithms=list(ALGORITHMS))
            except (JoseError, ValueError):
                if not self._forget_keys():
                    raise
                token = jwt.decode(id_token, self._key_set(), algorithms=list(ALGORITHMS))
            registry = jwt.JWTClaimsRegistry(
                now=self._clock() // 1_000_000,
                leeway=_LEEWAY_S,
                iss={"essential": True, "value": settings.issuer},
                aud={"essential": True, "value": settings.client_id},
                sub={"essential": True},
                exp={"essential": True},
                iat={"essential": True},
                nonce={"essential": True, "value": nonce},
            )
            registry.validate(token.claims)
        except (JoseError, ValueError, TypeError) as error:
            raise UnauthorisedError("oidc_refused", reason=_short(getattr(error, "error", "id_token"))) from error
        audience = token.claims["aud"]
        authorised = token.claims.get("azp")
        is_shared = isinstance(audience, list) and len(audience) > 1
        if authorised != settings.client_id and (is_shared or authorised is not None):
            raise UnauthorisedError("oidc_refused", reason="azp")
        return dict(token.claims)

    def _subject(self, claims: Mapping[str, Any], target: str) -> Subject:
        settings = self._settings
        subject = claims["sub"]
        if not isinstance(subject, str) or not 0 < len(subject) <= 255:
            raise UnauthorisedError("oidc_refused", reason="sub")
        given = [Role(settings.roles[name]) for name in _texts(claims, settings.roles_claim) if name in settings.roles]
        if not given:
            raise ForbiddenError("oidc_no_role")
        districts = _texts(claims, settings.districts_claim) if settings.districts_claim else ()
        name = (*_texts(claims, settings.name_claim), subject)[0]
        return Subject(settings.issuer, subject, name, max(given, key=RANK.__getitem__), districts, target)

    def _client(self, redirect_uri: str) -> OAuth2Client:
        return OAuth2Client(
            self._settings.client_id,
            self._secret(),
            scope=self._settings.scope,
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
            timeout=_TIMEOUT_S,
            follow_redirects=False,
        )

    def _endpoint(self, name: str) -> str:
        """An address that the provider's metadata name; https, as the issuer's own."""
        issuer = self._settings.issuer
        if not issuer:
            raise NotFoundError("oidc_off")
        now_us = self._clock()
        if self._metadata is None or not 0 <= now_us - self._metadata[1] <= _METADATA_US:
            document = _fetched(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
            if document.get("issuer") != issuer:
                raise UnauthorisedError("oidc_refused", reason="issuer")
            self._metadata = (document, now_us)
        address = self._metadata[0].get(name)
        if not isinstance(address, str) or urlsplit(address).scheme not in {"https", urlsplit(issuer).scheme}:
            raise UnauthorisedError("oidc_refused", reason=name)
        return address

    def _key_set(self) -> KeySet:
        if self._keys is None:
            document = _fetched(self._endpoint("jwks_uri"))
            self._keys = (KeySet.import_key_set(document), self._clock())  # type: ignore[arg-type]  # checked by it
        return self._keys[0]

    def _forget_keys(self) -> bool:
        """Whether the keys are old enough to be asked for again: the provider may have changed them."""
        if self._keys is None or 0 <= self._clock() - self._keys[1] < _KEYS_AGAIN_US:
            return False
        self._keys = None
        return True


def _fetched(address: str) -> dict[str, Any]:
    try:
        answer = httpx.get(address, timeout=_TIMEOUT_S, follow_redirects=False)
        answer.raise_for_status()
        document = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        raise UnavailableError("oidc_silent") from error
    if not isinstance(document, dict):
        raise UnavailableError("oidc_silent")
    return document


def _texts(claims: Mapping[str, Any], path: str) -> tuple[str, ...]:
    """The texts at a claim: one, or a list of them; a dot goes into an object."""
    value: Any = claims.get(path)
    if value is None:
        value = claims
        for part in path.split("."):
            value = value.get(part) if isinstance(value, dict) else None
    if isinstance(value, str):
        return (value,)
    return tuple(one for one in value if isinstance(one, str)) if isinstance(value, list) else ()


def _short(reason: Any) -> str:
    """A reason that is a code; whatever else an answer says is not shown."""
    text = str(reason)
    return text if len(text) <= 40 and text.replace("_", "").isalnum() and text.isascii() else "error"
