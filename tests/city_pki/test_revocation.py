"""Revoking a controller ends its session at a real Mosquitto within a minute, and nobody else's."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import UTC, datetime
from functools import partial

import pytest

from city_pki.errors import PkiError
from city_pki.issued import barred_names
from city_pki.takeover import BrokerPlace, end_session, signal_broker
from tests.city_pki.tls_stand import GROUP, HOST, OBSERVER, TlsStand, wait_until


@pytest.fixture
def stand(require_debian, tmp_path):
    stand = TlsStand(require_debian("mosquitto"), tmp_path)
    for name in ("A", "B", "C", HOST, OBSERVER):
        stand.issue(name)
    stand.start()
    yield stand
    stand.stop()


def place(stand: TlsStand) -> BrokerPlace:
    return BrokerPlace("localhost", stand.port, stand.pki / "ca.crt")


def revoke(stand: TlsStand, name: str) -> None:
    stand.authority.revoke(name, datetime.now(UTC))
    stand.write_lists()
    signal_broker(stand.folder / "mosquitto.pid")
    end_session(stand.authority, place(stand), GROUP, name)


def test_a_revoked_controller_is_out_within_a_minute_and_the_others_stay(stand: TlsStand) -> None:
    clients = {name: stand.client(name, subscribe=f"spBv1.0/{GROUP}/NCMD/{name}") for name in ("A", "B", "C", HOST)}
    started_s = time.monotonic()
    for n_out, name in enumerate(("A", "C"), start=1):  # the second list of revocations holds like the first
        revoke(stand, name)
        wait_until(partial(getattr, clients[name], "is_out"))
        assert time.monotonic() - started_s < 60
        assert not stand.client(name).is_in
        assert sum(client.is_out for client in clients.values()) == n_out
    observer = stand.client(OBSERVER)
    clients["B"].publish(f"spBv1.0/{GROUP}/NDATA/B", b"still here")
    wait_until(lambda: (f"spBv1.0/{GROUP}/NDATA/B", b"still here") in observer.got)


def test_a_controller_enrolled_again_comes_in_and_its_stolen_certificate_does_not(stand: TlsStand) -> None:
    stand.client("A")
    revoke(stand, "A")
    stand.issue("A", file="A-new")
    assert barred_names(stand.pki) == ()
    stand.write_lists()
    stand.reload()
    new = stand.client("A-new")
    observer = stand.client(OBSERVER)
    new.publish(f"spBv1.0/{GROUP}/NDATA/A", b"new")
    wait_until(lambda: (f"spBv1.0/{GROUP}/NDATA/A", b"new") in observer.got)
    assert not stand.client("A").is_in
    assert not new.is_out


def test_a_broker_that_does_not_read_its_lists_is_told_and_not_believed(stand: TlsStand) -> None:
    stand.authority.revoke("A", datetime.now(UTC))
    stand.write_lists()  # and no signal
    with pytest.raises(PkiError, match="has not read its lists again; A may still be connected"):
        end_session(stand.authority, place(stand), GROUP, "A", deadline_s=2)


def test_reloads_by_the_dozen_lose_no_session(stand: TlsStand) -> None:
    client = stand.client("B")
    for _ in range(12):
        stand.write_lists()
        stand.reload()
        time.sleep(0.05)
    observer = stand.client(OBSERVER)
    client.publish(f"spBv1.0/{GROUP}/NDATA/B", b"still here")
    wait_until(lambda: (f"spBv1.0/{GROUP}/NDATA/B", b"still here") in observer.got)


@pytest.mark.parametrize(("contents", "reason"), [("", "no process id"), ("1", "is no broker"), ("-1", "is no broker")])
def test_no_other_process_is_signalled(tmp_path, contents, reason) -> None:
    (tmp_path / "pid").write_text(contents)
    with pytest.raises(PkiError, match=reason):
        signal_broker(tmp_path / "pid")


def test_a_broker_that_is_gone_is_told(tmp_path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    (tmp_path / "pid").write_text(str(ended.pid))
    with pytest.raises(PkiError, match="got no signal"):
        signal_broker(tmp_path / "pid")
