"""The next certificate is tried before the old one goes, by a running agent at a real Mosquitto."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from city_pki.authority import create_authority
from edge_agent.link import certificate_files
from edge_agent.link.certificate_files import RETRY_S, CertificateFiles, next_of
from tests.city_pki.tls_stand import TlsStand, wait_until
from tests.edge_agent.test_mqtt_link import Linked


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def pair(tmp_path) -> tuple[Path, Path]:
    cert, key = tmp_path / "controller.crt", tmp_path / "controller.key"
    for path in (cert, key):
        path.write_text("old")
        next_of(path).write_text("next")
    return cert, key


def texts(*paths: Path) -> list[str]:
    return [path.read_text() for path in paths]


def test_an_accepted_next_certificate_takes_the_old_ones_place(pair) -> None:
    files = CertificateFiles(*pair, Clock())
    assert texts(*files.choose()) == ["next", "next"]
    assert texts(*pair) == ["old", "old"]
    files.accepted()
    assert texts(*pair) == ["next", "next"]
    assert not any(next_of(path).exists() for path in pair)
    assert files.choose() == pair


def test_a_refused_next_certificate_lets_the_old_one_serve_for_an_hour(pair) -> None:
    clock = Clock()
    files = CertificateFiles(*pair, clock)
    files.choose()
    files.failed()
    assert files.choose() == pair
    files.accepted()
    assert texts(*pair) == ["old", "old"]
    clock.now_s = RETRY_S - 1
    assert not files.is_next_due()
    clock.now_s = RETRY_S + certificate_files.LOOK_S
    assert files.is_next_due()


def test_where_the_old_one_is_refused_too_the_next_one_has_its_turn_at_once(pair) -> None:
    files = CertificateFiles(*pair, Clock())
    for expected in ("next", "old", "next", "old"):
        assert texts(*files.choose()) == [expected, expected]
        files.failed()


def test_half_a_pair_is_not_tried(pair) -> None:
    next_of(pair[0]).unlink()
    assert CertificateFiles(*pair, Clock()).choose() == pair


def test_an_exchange_that_a_power_cut_broke_off_is_completed(pair) -> None:
    next_of(pair[1]).replace(pair[1])  # the key went first, and then the power
    assert texts(*CertificateFiles(*pair, Clock()).choose()) == ["next", "next"]


@pytest.fixture
def stand(require_debian, tmp_path, monkeypatch) -> Iterator[TlsStand]:
    monkeypatch.setattr(certificate_files, "LOOK_S", 0.1)
    stand = TlsStand(require_debian("mosquitto"), tmp_path, group="g")
    stand.start()
    yield stand
    stand.stop()


def agent_of(stand: TlsStand, folder: Path) -> Linked:
    cert, key = stand.identities / "n.crt", stand.identities / "n.key"
    agent = Linked(folder, f"mqtts://localhost:{stand.port}", ca=stand.pki / "ca.crt", cert=cert, key=key)
    agent.beat()
    agent.link.start()
    return agent


def give_next(stand: TlsStand, file: str) -> bytes:
    for end in ("key", "crt"):
        path = stand.identities / f"{file}.{end}"
        path.replace(next_of(stand.identities / f"n.{end}"))
    return next_of(stand.identities / "n.crt").read_bytes()


def test_a_running_agent_connects_anew_with_the_next_certificate(stand: TlsStand, tmp_path: Path) -> None:
    stand.issue("n")
    agent = agent_of(stand, tmp_path)
    wait_until(lambda: agent.session.is_born)
    stand.issue("n", file="young")
    young = give_next(stand, "young")
    wait_until(lambda: (stand.identities / "n.crt").read_bytes() == young)
    wait_until(lambda: agent.session.is_born)
    agent.close()


def test_a_next_certificate_that_the_broker_refuses_leaves_the_old_one_at_work(stand: TlsStand, tmp_path: Path) -> None:
    stand.issue("n")
    old = (stand.identities / "n.crt").read_bytes()
    agent = agent_of(stand, tmp_path)
    wait_until(lambda: agent.session.is_born)
    stranger = create_authority(tmp_path / "stranger", "Kota Uji", tmp_path / "stranger.key", datetime.now(UTC))
    stand.issue("n", authority=stranger, file="foreign")
    foreign = give_next(stand, "foreign")
    wait_until(lambda: not agent.session.is_born)
    wait_until(lambda: agent.session.is_born)
    assert (stand.identities / "n.crt").read_bytes() == old
    assert next_of(stand.identities / "n.crt").read_bytes() == foreign
    agent.close()


@pytest.mark.parametrize("spoilt", [b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_a_spoilt_next_certificate_leaves_the_old_one_at_work(stand: TlsStand, tmp_path: Path, spoilt: bytes) -> None:
    stand.issue("n")
    for end in ("key", "crt"):
        next_of(stand.identities / f"n.{end}").write_bytes(spoilt)
    agent = agent_of(stand, tmp_path)
    wait_until(lambda: agent.session.is_born)
    agent.close()


def test_an_expired_certificate_gives_way_to_the_next_one(stand: TlsStand, tmp_path: Path) -> None:
    stand.issue_expired("n", "n")
    agent = agent_of(stand, tmp_path)
    wait_until(lambda: agent.link.last_error != "")
    assert not agent.session.is_born
    stand.issue("n", file="young")
    give_next(stand, "young")
    wait_until(lambda: agent.session.is_born)
    agent.close()
