# ruff: noqa: F811  (fixtures of another module are imported by name, and asked for as parameters)
"""A controller gets its next certificate by the present one."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from city_pki.authority import create_authority
from city_pki.certificates import new_key, private_pem
from city_pki.enrolment_records import RENEWAL_TIME
from city_pki.enrolments import MOST_RENEWALS
from city_pki.issued import read_issued
from city_pki.secret_file import write_public, write_secret
from edge_agent.enrolment import renew
from edge_agent.errors import Fatal
from edge_agent.link.certificate_files import next_of
from tests.city_pki.enrolment_stand import Stand, name_on, stand  # noqa: F401

PJU = "PJU-000"


def test_a_young_certificate_is_not_renewed(stand: Stand) -> None:
    stand.certify(stand.now - timedelta(days=200))
    assert renew(stand.server, stand.place, stand.now) == "fresh"
    assert stand.server.sent == []


def test_an_old_certificate_is_followed_by_the_next_one_without_an_operator(stand: Stand) -> None:
    stand.certify(stand.now - timedelta(days=300))
    before = stand.place.cert.read_bytes(), stand.place.key.read_bytes()
    assert renew(stand.server, stand.place, stand.now) == "next"
    assert (stand.place.cert.read_bytes(), stand.place.key.read_bytes()) == before, (
        "the old one serves until it is tried"
    )
    assert name_on(next_of(stand.place.cert)) == PJU
    assert next_of(stand.place.key).read_bytes() != before[1]
    assert next_of(stand.place.key).stat().st_mode & 0o777 == 0o600
    assert renew(stand.server, stand.place, stand.now) == "next"
    assert len(read_issued(stand.city / "pki")) == 2


def test_one_that_was_off_for_400_days_comes_back_when_an_operator_approves(stand: Stand) -> None:
    stand.certify(stand.now - timedelta(days=400))
    assert renew(stand.server, stand.place, stand.now) == "waiting"
    assert renew(stand.server, stand.place, stand.now) == "waiting", "the same request, not another one"
    [request] = stand.enrolments.waiting(stand.now)
    assert request.controller == PJU
    stand.approve()
    assert renew(stand.server, stand.place, stand.now) == "next"
    assert name_on(next_of(stand.place.cert)) == PJU
    assert not stand.place.asked.exists()


def test_an_approval_that_comes_too_late_is_asked_for_again(stand: Stand) -> None:
    stand.certify(stand.now - timedelta(days=400))
    renew(stand.server, stand.place, stand.now)
    [request] = stand.enrolments.waiting(stand.now)
    until = datetime.fromisoformat(request.until)
    assert until >= stand.now + RENEWAL_TIME
    assert stand.enrolments.waiting(until - timedelta(seconds=1)) == (request,)
    assert stand.enrolments.waiting(until + timedelta(seconds=1)) == ()


def test_a_controller_that_asks_without_end_gets_no_more(stand: Stand) -> None:
    stand.certify(stand.now - timedelta(days=300))
    for _ in range(MOST_RENEWALS):
        assert renew(stand.server, stand.place, stand.now) == "next"
        for path in (stand.place.cert, stand.place.key):
            next_of(path).unlink()
    with pytest.raises(Fatal, match="403"):
        renew(stand.server, stand.place, stand.now)


@pytest.mark.parametrize("days", [300, 400])
def test_a_revoked_certificate_is_not_renewed(stand: Stand, days: int) -> None:
    stand.certify(stand.now - timedelta(days=days))
    stand.authority.revoke(PJU, stand.now)
    with pytest.raises(Fatal, match="403"):
        renew(stand.server, stand.place, stand.now)
    assert not next_of(stand.place.cert).exists()


def test_another_authoritys_certificate_and_anothers_key_renew_nothing(stand: Stand) -> None:
    stand.certify(stand.now - timedelta(days=300))
    own = stand.place.key.read_bytes()
    write_secret(stand.place.key, private_pem(new_key()))
    with pytest.raises(Fatal, match="403"):
        renew(stand.server, stand.place, stand.now)
    write_secret(stand.place.key, own)
    stranger = create_authority(stand.cabinet / "pki", "Kota Uji", stand.cabinet / "root.key", stand.now)
    key = new_key()
    write_secret(stand.place.key, private_pem(key))
    write_public(stand.place.cert, stranger.issue(key.public_key(), PJU, stand.now - timedelta(days=300)))
    stand.place.asked.unlink(missing_ok=True)
    with pytest.raises(Fatal, match="403"):
        renew(stand.server, stand.place, stand.now)
