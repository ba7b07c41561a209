"""What Mosquitto reads: its listener with mutual TLS, and the list of who may read and write which topic.

A client's certificate name is its user name and its client id, so that nobody takes over another's session. Controllers
share four patterns; the host has lines of its own; a barred name is denied everything, which wins over the patterns.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from city_pki.authority import Authority
from city_pki.certificates import check_name
from city_pki.errors import PkiError
from city_pki.issued import barred_names
from city_pki.secret_file import write_public
from languages.message import Message, Plain, why

LISTENER = """\
# Mosquitto for controllers with certificates: beside mosquitto.conf's settings, instead of its listener.
# Made by `terang-city broker-files`. The broker's user must be able to read the files that are named here.
per_listener_settings false
listener {port}
cafile {folder}/ca.crt
crlfile {folder}/crl.pem
certfile {folder}/broker.crt
keyfile {folder}/broker.key
tls_version tlsv1.2
require_certificate true

# The certificate's name is the user's name and the client id: a stolen SD card cannot end another's session.
use_identity_as_username true
use_username_as_clientid true
allow_anonymous false
acl_file {folder}/acl

# The same limits as in mosquitto.conf.
max_queued_messages 0
max_queued_bytes 0
max_inflight_messages 0
max_packet_size 4194304
persistence false
retain_available true
set_tcp_nodelay true
log_type error
log_type warning
log_type notice
connection_messages true
"""


def host_name(group: str, host_id: str) -> str:
    """Common name of the host's certificate, another one for each group; no controller may have it."""
    return f"terang-host-{host_id}-{group}"


def write_broker_files(folder: Path, authority: Authority, group: str, host_id: str, port: int) -> None:
    """Write access list, revocation list, trusted certificates and listener into the broker's folder.

    Raises:
        PkiError: a name cannot be in the list, or a file cannot be written.
    """
    try:
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        crl = (authority.folder / "crl.pem").read_bytes()
    except OSError as error:
        raise PkiError(Message("terminal.error.at", where=Plain(folder), reason=why(error))) from error
    write_public(folder / "ca.crt", authority.chain)
    write_public(folder / "crl.pem", crl)
    write_public(folder / "mosquitto-tls.conf", listener_text(folder.absolute(), port).encode())
    write_public(folder / "acl", acl_text(group, host_id, barred_names(authority.folder)).encode())  # the last: a
    # system that watches this file finds the others in place


def listener_text(folder: Path, port: int) -> str:
    """The text of ``mosquitto-tls.conf``, whose files are in ``folder``."""
    if not str(folder).isprintable():
        raise PkiError(Message("terminal.error.control_character", folder=Plain(f"{folder!s:.200}")))
    return LISTENER.format(port=port, folder=folder)


def listening_port(folder: Path) -> int:
    """The port in the broker's folder, to write its files anew; 8883 where there is none yet."""
    try:
        lines = (folder / "mosquitto-tls.conf").read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("listener "))
    except (OSError, ValueError, IndexError, StopIteration):
        return 8883


def acl_text(group: str, host_id: str, barred: Iterable[str]) -> str:
    """The text of the broker's access list.

    Args:
        group: the city's Sparkplug group.
        host_id: its host application.
        barred: certificate names that are denied everything.

    Raises:
        PkiError: a name cannot be in the list.
    """
    for name in (group, host_id):
        check_name(name)
    host = host_name(group, host_id)
    base = f"spBv1.0/{group}"
    lines = [
        "# Made by terang-city: who may read and write which topic. Do not edit: revocations write it anew.",
        "",
        f"user {host}",
        f"topic read {base}/NBIRTH/+",
        f"topic read {base}/NDATA/+",
        f"topic read {base}/NDEATH/+",
        f"topic write {base}/NCMD/+",
        f"topic readwrite spBv1.0/STATE/{host_id}",
        # the controllers' patterns hold for the host's name too
        *(f"topic deny {base}/{kind}/{host}" for kind in ("NBIRTH", "NDATA", "NDEATH")),
    ]
    for name in sorted(set(barred)):
        check_name(name)
        if name == host:
            raise PkiError(Message("terminal.error.host_itself", name=Plain(name)))
        lines += ["", f"user {name}", "topic deny #"]
    lines += [
        "",
        "# controllers: each under its own name alone",
        f"pattern write {base}/NBIRTH/%u",
        f"pattern write {base}/NDATA/%u",
        f"pattern write {base}/NDEATH/%u",
        f"pattern read {base}/NCMD/%u",
        f"pattern read spBv1.0/STATE/{host_id}",
        "",
    ]
    return "\n".join(lines)
