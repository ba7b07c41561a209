"""Settings of an OpenID provider that are refused, and its client secret."""

from __future__ import annotations

import pytest

from ingest.schema.city import CityError, read_city


@pytest.fixture
def database_url():
    return "sqlite:///data/terang.db"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('[oidc]\nclient_secret = "s"', "client_secret"),
        ('[oidc]\nissuer = "http://id.example"', "https"),
        ('[oidc]\nroles = { a = "root" }', "roles"),
        ('[web]\ntrusted_proxies = ["everybody"]', "trusted_proxies"),
        ('[web]\nallowed_origins = ["*"]', "allowed_origins"),
    ],
)
def test_settings_that_would_open_a_door_are_refused(tmp_path, text, reason):
    (tmp_path / "city.toml").write_text(f'[city]\nname = "K"\n{text}\n')
    with pytest.raises(CityError, match=reason):
        read_city(tmp_path, {})


def test_the_client_secret_comes_from_a_file_that_nobody_else_reads(tmp_path):
    (tmp_path / "city.toml").write_text('[city]\nname = "K"\n[oidc]\nclient_secret_file = "s"\n')
    (tmp_path / "s").write_text("secret\n")
    (tmp_path / "s").chmod(0o644)
    city = read_city(tmp_path, {})
    with pytest.raises(CityError, match="chmod 600"):
        city.oidc_secret()
    (tmp_path / "s").chmod(0o600)
    assert city.oidc_secret() == "secret"
    assert "hidden" not in repr(read_city(tmp_path, {"TERANG_OIDC_CLIENT_SECRET": "hidden"}))
