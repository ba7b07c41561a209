"""Every MQTT topic by every identity, against a real Mosquitto with the files that terang-city writes."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from city_pki.authority import create_authority
from city_pki.broker_files import acl_text, listener_text
from city_pki.errors import PkiError
from tests.city_pki.tls_stand import GROUP, HOST, OBSERVER, TlsClient, TlsStand, wait_until

KINDS = ("NBIRTH", "NDATA", "NDEATH", "NCMD", "DBIRTH", "DDATA", "DDEATH", "DCMD")
NODES = ("A", "B", "revoked", HOST)
TOPICS = (
    *(f"spBv1.0/{GROUP}/{kind}/{node}" for kind in KINDS for node in NODES),
    *(f"spBv1.0/{GROUP}/{kind}/A/device" for kind in ("DDATA", "NDATA", "NCMD")),
    *(f"spBv1.0/other/{kind}/A" for kind in ("NBIRTH", "NDATA", "NDEATH", "NCMD")),
    "spBv1.0/STATE/terang",
    "spBv1.0/STATE/other",
    "STATE/terang",
    "terang/A",
    "A",
)


def own(node: str) -> set[str]:
    return {f"spBv1.0/{GROUP}/{kind}/{node}" for kind in ("NBIRTH", "NDATA", "NDEATH")}


STATE = "spBv1.0/STATE/terang"
# identity: what it may write, what it may read; None = it does not even get in
ALLOWED: dict[str, tuple[set[str], set[str]] | None] = {
    "A": (own("A"), {f"spBv1.0/{GROUP}/NCMD/A", STATE}),
    "B": (own("B"), {f"spBv1.0/{GROUP}/NCMD/B", STATE}),
    HOST: (
        {f"spBv1.0/{GROUP}/NCMD/{node}" for node in NODES} | {STATE},
        set().union(*(own(node) for node in NODES if node != HOST)) | {f"spBv1.0/{GROUP}/NCMD/{HOST}", STATE},
    ),
    "revoked": None,
    "expired": None,
    "foreign": None,
    "no certificate": None,
}


@pytest.fixture(scope="module")
def stand(require_debian, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    stand = TlsStand(require_debian("mosquitto"), folder)
    for name in ("A", "B", HOST, OBSERVER, "revoked"):
        stand.issue(name)
    stand.issue_expired("A", "expired")
    stranger = create_authority(folder / "stranger", "Kota Uji", folder / "stranger.key", datetime.now(UTC))
    stand.issue("A", authority=stranger, file="foreign")
    stand.authority.revoke("revoked", datetime.now(UTC))
    stand.write_lists()
    stand.start()
    yield stand
    stand.stop()


def _readable(client: TlsClient, observer: TlsClient, identity: str) -> set[str]:
    """Topics that reach a client that asks for everything."""
    for topic in (*TOPICS, f"spBv1.0/{GROUP}/NCMD/{identity}"):
        observer.publish(topic, topic.encode())
    wait_until(lambda: sum(topic == f"spBv1.0/{GROUP}/NCMD/{identity}" for topic, _ in client.got) == 2)
    return {topic for topic, payload in client.got if payload == topic.encode()}


def _is_heard(stand: TlsStand, observer: TlsClient, identity: str, topic: str) -> bool:
    """Whether a message gets through; the broker ends the connection of who is denied."""
    client = stand.client(identity)
    message = (topic, f"from {identity}".encode())
    client.publish(*message)
    wait_until(lambda: client.is_out or message in observer.got)
    client.close()
    return message in observer.got


@pytest.mark.parametrize("identity", ALLOWED)
def test_an_identity_writes_and_reads_what_the_table_says(stand: TlsStand, identity: str) -> None:
    observer = stand.client(OBSERVER)
    client = stand.client(None if identity == "no certificate" else identity)
    allowed = ALLOWED[identity]
    try:
        assert client.is_in == (allowed is not None)
        if allowed is None:
            return
        assert _readable(client, observer, identity) == allowed[1]
        client.close()
        assert {topic for topic in TOPICS if _is_heard(stand, observer, identity, topic)} == allowed[0]
    finally:
        client.close()
        observer.close()


def test_a_will_for_another_controller_or_the_host_is_not_spoken(stand: TlsStand) -> None:
    observer = stand.client(OBSERVER)
    for will in (f"spBv1.0/{GROUP}/NDEATH/B", STATE):
        client = stand.client("A", will=will)
        client.break_off()
        wait_until(partial(getattr, client, "is_out"))
    client = stand.client("A", will=f"spBv1.0/{GROUP}/NDEATH/A")
    client.break_off()
    wait_until(lambda: any(payload == b"will" for _, payload in observer.got))
    assert [topic for topic, payload in observer.got if payload == b"will"] == [f"spBv1.0/{GROUP}/NDEATH/A"]
    observer.close()


def test_a_controller_cannot_end_another_session_by_its_client_id(stand: TlsStand) -> None:
    victim = stand.client("B")
    thieves = [stand.client("A", client_id=client_id) for client_id in ("B", HOST)]
    assert all(thief.is_in for thief in thieves)
    victim.publish(f"spBv1.0/{GROUP}/NDATA/B", b"still here")
    observer = stand.client(OBSERVER)
    victim.publish(f"spBv1.0/{GROUP}/NDATA/B", b"and after")
    wait_until(lambda: (f"spBv1.0/{GROUP}/NDATA/B", b"and after") in observer.got)
    assert not victim.is_out
    for client in (victim, observer, *thieves):
        client.close()


def test_the_file_that_ships_is_what_the_command_writes() -> None:
    shipped = Path(__file__).parents[2] / "deploy" / "mosquitto-tls.conf"
    assert shipped.read_text() == listener_text(Path("/srv/terang/city/broker"), 8883)


@pytest.mark.parametrize("name", ["a/b", "+", "#", "x\ntopic readwrite #", "", " x", "x" * 65])
def test_a_name_that_would_break_the_list_is_refused(stand: TlsStand, name: str) -> None:
    with pytest.raises(PkiError):
        acl_text(GROUP, "terang", [name])
    with pytest.raises(PkiError):
        stand.issue(name, file="never")
    assert not (Path(stand.identities) / "never.crt").exists()
