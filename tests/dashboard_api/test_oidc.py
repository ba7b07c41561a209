"""Sign-in by a real OpenID provider, and everything that an ID token can be wrong in.

The provider of the package `oidc-provider-mock` runs on this machine. What it answers at its token endpoint is signed
anew on the way, with its own key or another one.
"""

from __future__ import annotations

import base64
import hmac
import json
import time
from urllib.parse import parse_qs, urlsplit

import httpx
import oidc_provider_mock
import pytest
from fastapi.testclient import TestClient
from joserfc import jwt
from joserfc.jwk import RSAKey
from oidc_provider_mock._app import OpenIDCode

from dashboard_api.app import create_app
from ingest.schema.city import read_city
from tests.dashboard_api.people import PASSWORD

USERS = (
    oidc_provider_mock.User(sub="u-1", claims={"preferred_username": "Budi", "roles": ["pju-kru"], "area": ["Siak"]}),
    oidc_provider_mock.User(sub="u-2", claims={"preferred_username": "Siti", "roles": ["pju-kru", "pju-operator"]}),
    oidc_provider_mock.User(sub="u-3", claims={"preferred_username": "Tono", "roles": ["other"]}),
)
SETTINGS = """
[oidc]
issuer = "{issuer}"
client_id = "terang"
districts_claim = "area"
roles = {{ "pju-kru" = "crew", "pju-operator" = "operator" }}
"""


class Resigner:
    """WSGI: lets a test change ID tokens on their way out of the token endpoint."""

    def __init__(self, app):
        self.app = app
        self.change = None
        self.key = None  # the provider's own

    def __call__(self, environ, start_response):
        head = []
        body = b"".join(self.app(environ, lambda status, headers, _exc=None: head.extend([status, headers])))
        if self.change is not None and environ["PATH_INFO"].endswith("/token") and head[0].startswith("200"):
            document = json.loads(body)
            document["id_token"] = self.change(document["id_token"])
            body = json.dumps(document).encode()
            head[1] = [pair for pair in head[1] if pair[0].lower() != "content-length"]
        start_response(head[0], [*head[1], ("Content-Length", str(len(body)))][-len(head[1]) - 1 :])
        return [body]


@pytest.fixture
def provider(monkeypatch):
    held = {}
    config = OpenIDCode.get_jwt_config

    def seen(self, grant, client=None):
        held.update(config(self, grant, client))
        return config(self, grant, client)

    monkeypatch.setattr(OpenIDCode, "get_jwt_config", seen)
    with oidc_provider_mock.run_server_in_thread(user_claims=USERS) as server:
        server.app = Resigner(server.app)
        server.app.key = lambda: RSAKey.import_key(held["key"])
        server.issuer = f"http://localhost:{server.server_port}"
        yield server


@pytest.fixture
def database_url():
    return "sqlite:///data/terang.db"


@pytest.fixture
def app(town, provider):
    file = town.city.folder / "city.toml"
    file.write_text(file.read_text() + SETTINGS.format(issuer=provider.issuer))
    return create_app(read_city(town.city.folder, {"TERANG_OIDC_CLIENT_SECRET": "s"}))


def consent(client, subject="u-1", target="/"):
    """The browser's way to the provider and back; the address that it comes back to."""
    begun = client.get("/sign-in/oidc", params={"next": target}, follow_redirects=False)
    assert begun.status_code == 303, begun.text
    answer = httpx.post(begun.headers["location"], data={"sub": subject})
    assert answer.status_code == 302, answer.text
    return answer.headers["location"]


def come_back(client, address):
    return client.get(address.replace("http://testserver", ""), follow_redirects=False)


def claims_of(token):
    body = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))


def changed(provider, **members):
    def change(token):
        claims = {name: value for name, value in {**claims_of(token), **members}.items() if value is not None}
        return jwt.encode({"alg": "RS256"}, claims, provider.app.key())

    return change


def test_a_person_comes_in_with_the_role_and_districts_of_the_provider(app):
    with TestClient(app) as client:
        answer = come_back(client, consent(client, target="/?fault=01J"))
        assert (answer.status_code, answer.headers["location"]) == (303, "/?fault=01J"), answer.text
        me = client.get("/api/v1/me").json()
        assert (me["name"], me["role"], me["districts"]) == ("budi", "crew", ["Siak"])


def test_the_highest_of_several_roles_counts(app):
    with TestClient(app) as client:
        come_back(client, consent(client, "u-2"))
        assert client.get("/api/v1/me").json()["role"] == "operator"


def test_who_has_no_role_does_not_get_in(app):
    with TestClient(app) as client:
        assert come_back(client, consent(client, "u-3")).status_code == 403
        assert client.get("/api/v1/me").status_code == 401


def test_the_code_flow_asks_with_state_nonce_and_a_challenge(app):
    with TestClient(app) as client:
        begun = client.get("/sign-in/oidc", follow_redirects=False)
        asked = parse_qs(urlsplit(begun.headers["location"]).query)
    assert asked["response_type"] == ["code"]
    assert asked["code_challenge_method"] == ["S256"]
    assert all(len(asked[name][0]) >= 43 for name in ("state", "nonce", "code_challenge"))
    assert asked["redirect_uri"] == ["http://testserver/sign-in/oidc/callback"]


def wrong_tokens(provider):
    foreign = RSAKey.generate_key(2048)
    own = provider.app.key
    claims = claims_of
    return {
        "issuer": changed(provider, iss="https://evil.example"),
        "audience": changed(provider, aud="another-client"),
        "several audiences without azp": changed(provider, aud=["terang", "another-client"]),
        "azp": changed(provider, aud=["terang", "another"], azp="another"),
        "nonce": changed(provider, nonce="another"),
        "no nonce": changed(provider, nonce=None),
        "expired": changed(provider, exp=int(time.time()) - 3600),
        "no expiry": changed(provider, exp=None),
        "issued in the future": changed(provider, iat=int(time.time()) + 3600),
        "no subject": changed(provider, sub=None),
        "subject of another type": changed(provider, sub=["u-1"]),
        "unsigned": lambda token: _unsigned(claims(token)),
        "signature cut off": lambda token: token.rpartition(".")[0] + ".",
        "another key": lambda token: jwt.encode({"alg": "RS256"}, claims(token), foreign),
        "another key with its id": lambda token: jwt.encode(
            {"alg": "RS256", "jwk": foreign.as_dict(private=False)}, claims(token), foreign
        ),
        "public key as a shared secret": lambda token: _shared(claims(token), own().as_pem(private=False)),
        "claims swapped under the signature": _swapped,
        "no token": lambda _token: "",
        "no text": lambda _token: 7,
    }


def _part(document):
    return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()


def _unsigned(claims):
    return f"{_part({'alg': 'none'})}.{_part(claims)}."


def _shared(claims, secret):
    signed = f"{_part({'alg': 'HS256', 'typ': 'JWT'})}.{_part(claims)}"
    mac = hmac.new(secret, signed.encode(), "sha256").digest()
    return f"{signed}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def _swapped(token):
    head, _body, signature = token.split(".")
    return f"{head}.{_part({**claims_of(token), 'sub': 'u-2', 'roles': ['pju-operator']})}.{signature}"


@pytest.mark.parametrize(
    "what",
    [
        "issuer",
        "audience",
        "several audiences without azp",
        "azp",
        "nonce",
        "no nonce",
        "expired",
        "no expiry",
        "issued in the future",
        "no subject",
        "subject of another type",
        "unsigned",
        "signature cut off",
        "another key",
        "another key with its id",
        "public key as a shared secret",
        "claims swapped under the signature",
        "no token",
        "no text",
    ],
)
def test_a_token_that_is_wrong_in_anything_opens_nothing(app, provider, what):
    with TestClient(app) as client:
        address = consent(client)
        provider.app.change = wrong_tokens(provider)[what]
        answer = come_back(client, address)
        assert answer.status_code == 401, answer.text
        assert client.get("/api/v1/me").status_code == 401
        provider.app.change = changed(provider)  # signed anew and otherwise as it was: the test's own way is sound
        assert come_back(client, consent(client)).status_code == 303


def test_an_answer_is_good_once_and_for_the_browser_that_asked(app):
    with TestClient(app) as client:
        address = consent(client)
        stranger = TestClient(app)
        assert come_back(stranger, address).status_code == 401  # and it is used up by that
        assert come_back(client, address).status_code == 401
        address = consent(client)
        assert come_back(client, address).status_code == 303
        client.cookies.clear()
        assert come_back(client, address).status_code == 401


@pytest.mark.parametrize("query", ["", "?state=x&code=y", "?code=y", "?error=access_denied"])
def test_an_answer_that_nobody_asked_for_is_refused(app, query):
    with TestClient(app) as client:
        assert come_back(client, f"/sign-in/oidc/callback{query}").status_code == 401


def test_an_answer_of_another_issuer_is_refused(app):
    with TestClient(app) as client:
        assert come_back(client, consent(client) + "&iss=https%3A%2F%2Fevil.example").status_code == 401


def test_a_name_taken_there_opens_nobodys_account_here(app, people):
    people.add("Budi", "administrator")
    with TestClient(app) as client:
        come_back(client, consent(client))
        me = client.get("/api/v1/me").json()
        assert me["name"].startswith("budi-")
        assert me["role"] == "crew"
        assert client.post("/api/v1/session", json={"name": me["name"], "password": PASSWORD}).status_code == 401


def test_a_disabled_account_stays_out_and_a_role_follows_the_provider(app, people):
    with TestClient(app) as client:
        come_back(client, consent(client))
        people.accounts.disable("budi")
        app.state.context.admission.forget()
        assert client.get("/api/v1/me").status_code == 401
        assert come_back(client, consent(client)).status_code == 401


def test_a_provider_that_says_another_issuer_is_not_asked(town, provider):
    file = town.city.folder / "city.toml"
    other = provider.issuer.replace("localhost", "127.0.0.1") + "/"
    file.write_text(file.read_text() + SETTINGS.format(issuer=other))
    with TestClient(create_app(read_city(town.city.folder, {}))) as client:
        assert client.get("/sign-in/oidc", follow_redirects=False).status_code == 401


def test_a_provider_that_is_away_is_told(town):
    file = town.city.folder / "city.toml"
    file.write_text(file.read_text() + SETTINGS.format(issuer="http://127.0.0.1:9"))
    with TestClient(create_app(read_city(town.city.folder, {}))) as client:
        assert client.get("/sign-in/oidc", follow_redirects=False).status_code == 503
        assert client.get("/api/v1/faults").status_code == 401  # with a provider there are accounts
