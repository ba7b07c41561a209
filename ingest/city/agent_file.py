"""``agent.toml`` of one cabinet's Raspberry Pi, made from the register.

Meters that are no lamp's are in columns of ``cabinets.csv`` beyond the contract's: ``cabinet_meter`` and ``io`` as
``BUS:ADDRESS:PROFILE``, ``circuit_meters`` as ``CIRCUIT=BUS:ADDRESS:PROFILE`` with blanks between them, ``ports`` as
``BUS=PATH``. What the register does not know is in the file as a line to fill in.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ingest.errors import UnusableError
from ingest.register.register import Register
from ingest.schema.city import City
from languages.message import Message, Plain

DEFAULT_BUS = "A"
_CITYWIDE = ("embedded:",)  # brokers that no other machine can reach


@dataclass(slots=True)
class _Bus:
    port: str
    lamps: list[tuple[int, str, str]] = field(default_factory=list)  # address, lamp_id, profile
    circuits: list[tuple[int, str, str]] = field(default_factory=list)  # address, circuit, profile
    cabinet: tuple[int, str] | None = None
    io: tuple[int, str] | None = None


@dataclass(frozen=True, slots=True)
class SecureLink:
    """How a controller with a certificate reaches the broker, and whose orders it obeys.

    Attributes:
        url: ``mqtts://HOST[:PORT]``.
        folder: where the agent finds ``ca.crt``, ``controller.crt`` and ``controller.key``; empty = beside its file.
        keys: public keys that sign orders, working and recovery, as base64url, and how often the working key was
            replaced; None = orders are not signed.
        server: where the certificate is renewed, ``https://HOST``; None = by hand.
    """

    url: str
    folder: str = ""
    keys: tuple[str, str, int] | None = None
    server: str | None = None


def agent_toml(register: Register, city: City, controller_id: str, secure: SecureLink | None = None) -> str:
    """The file's text.

    Args:
        register: the city's.
        city: its settings.
        controller_id: whose file.
        secure: certificate and keys; None = the city's broker as it is.

    Raises:
        UnusableError: the register has no such controller, it has no meter, or an address is incomplete.
    """
    cabinets = [row for row, name in enumerate(register.cabinets.controller_id) if name == controller_id]
    if not cabinets or not controller_id:
        known = ", ".join(sorted({name for name in register.cabinets.controller_id if name})[:5]) or "none"
        raise UnusableError(
            Message("terminal.error.no_such_controller", controller_id=controller_id, known=Plain(known))
        )
    buses: dict[str, _Bus] = {}
    ports: dict[str, str] = {}
    for row in cabinets:
        ports.update(_pairs(register.cabinets.extra[row], "ports"))

    def bus(name: str) -> _Bus:
        return buses.setdefault(name, _Bus(ports.get(name, f"/dev/serial/by-id/CHANGE-ME-{name}")))

    lamps = register.lamps
    for lamp in np.flatnonzero(np.isin(lamps.cabinet, cabinets) & (lamps.address >= 0)).tolist():
        if not lamps.profile[lamp]:
            raise UnusableError(Message("terminal.error.no_profile", lamp_id=Plain(lamps.lamp_id[lamp])))
        entry = (int(lamps.address[lamp]), lamps.lamp_id[lamp], lamps.profile[lamp])
        bus(lamps.bus[lamp] or DEFAULT_BUS).lamps.append(entry)
    for row in cabinets:
        _add_cabinet_meters(bus, register.cabinets.extra[row])
    _refuse_shared_addresses(buses)
    if not buses:
        raise UnusableError(Message("terminal.error.no_meter", controller_id=Plain(controller_id)))
    return _text(city, controller_id, _place(register, cabinets), buses, secure)


def _refuse_shared_addresses(buses: Mapping[str, _Bus]) -> None:
    for name, bus in buses.items():
        others = [(device[0], what) for what, device in (("cabinet", bus.cabinet), ("io", bus.io)) if device]
        owners: dict[int, str] = {}
        for address, owner in [*((meter[0], meter[1]) for meter in (*bus.lamps, *bus.circuits)), *others]:
            if address in owners:
                both = f"{owners[address]} and {owner}"
                raise UnusableError(
                    Message("terminal.error.shared_address", address=Plain(address), name=Plain(name), both=Plain(both))
                )
            owners[address] = owner


def _add_cabinet_meters(bus: Any, extra: Mapping[str, Any]) -> None:
    for column in ("cabinet_meter", "io"):
        if extra.get(column):
            name, address, profile = _meter(str(extra[column]), column)
            setattr(bus(name), "cabinet" if column == "cabinet_meter" else "io", (address, profile))
    for circuit, text in _pairs(extra, "circuit_meters").items():
        name, address, profile = _meter(text, "circuit_meters")
        bus(name).circuits.append((address, circuit, profile))


def _pairs(extra: Mapping[str, Any], column: str) -> dict[str, str]:
    pairs = {}
    for item in str(extra.get(column, "")).split():
        name, separator, value = item.partition("=")
        if not (name and separator and value):
            raise UnusableError(Message("terminal.error.no_pair", column=Plain(column), item=item))
        pairs[name] = value
    return pairs


def _meter(text: str, column: str) -> tuple[str, int, str]:
    parts = text.split(":")
    if len(parts) != 3 or not parts[1].isascii() or not parts[1].isdigit() or not 1 <= int(parts[1]) <= 247:
        raise UnusableError(Message("terminal.error.no_meter_text", column=Plain(column), text=text))
    return parts[0] or DEFAULT_BUS, int(parts[1]), parts[2]


def _place(register: Register, cabinets: list[int]) -> tuple[float, float]:
    for row in cabinets:
        latitude, longitude = float(register.cabinets.latitude[row]), float(register.cabinets.longitude[row])
        if not (math.isnan(latitude) or math.isnan(longitude)):
            return latitude, longitude
    name = register.cabinets.cabinet_id[cabinets[0]]
    raise UnusableError(Message("terminal.error.no_cabinet_place", name=Plain(name)))


def _text(
    city: City,
    controller_id: str,
    place: tuple[float, float],
    buses: Mapping[str, _Bus],
    secure: SecureLink | None,
) -> str:
    is_reachable = not city.broker.url.startswith(_CITYWIDE)
    url = city.broker.url if is_reachable else "mqtt://127.0.0.1:1883"
    lines = [
        "# Made by terang-city from the register; edit what only the cabinet knows, such as the serial ports.",
        "[controller]",
        f"group = {_quoted(city.city.group)}",
        f"id = {_quoted(controller_id)}",
        f"latitude = {place[0]:.6f}",
        f"longitude = {place[1]:.6f}",
        f"timezone = {_quoted(city.city.timezone)}",
        "",
        "[broker]",
        *([f"url = {_quoted(url)}"] if secure is None else _secure_lines(secure)),
        "",
        "[sweep]",
        "interval_s = 60",
        "interval_day_s = 300",
        "slow_s = 900",
        "",
        "[outbox]",
        'path = "/var/lib/terang/outbox.db"',
        "retention_days = 30",
    ]
    for name, bus in sorted(buses.items()):
        lines += [
            "",
            "[[bus]]",
            f"name = {_quoted(name)}",
            f"port = {_quoted(bus.port)}",
            "baud = 9600",
            'parity = "N"',
        ]
        lines += _entries("lamps", "lamp_id", bus.lamps)
        lines += _entries("circuits", "circuit", bus.circuits)
        for key, device in (("cabinet", bus.cabinet), ("io", bus.io)):
            if device is not None:
                lines.append(f"{key} = {{ address = {device[0]}, profile = {_quoted(device[1])} }}")
    return "\n".join(lines) + "\n"


def _secure_lines(secure: SecureLink) -> list[str]:
    """The rest of ``[broker]``, and the sections after it."""
    files = (("ca", "ca.crt"), ("cert", "controller.crt"), ("key", "controller.key"))
    prefix = f"{secure.folder.rstrip('/')}/" if secure.folder else ""
    lines = [f"url = {_quoted(secure.url)}", *(f"{key} = {_quoted(prefix + name)}" for key, name in files)]
    if secure.server is not None:
        lines += ["", "[enrolment]", f"server = {_quoted(secure.server)}"]
    if secure.keys is not None:
        lines += ["", "[keys]", f"working = {_quoted(secure.keys[0])}", f"recovery = {_quoted(secure.keys[1])}"]
        lines += [f"number = {secure.keys[2]}"] if secure.keys[2] else []
    return lines


def _entries(key: str, name: str, meters: list[tuple[int, str, str]]) -> list[str]:
    if not meters:
        return []
    return [
        f"{key} = [",
        *(
            f"    {{ address = {address}, {name} = {_quoted(what)}, profile = {_quoted(profile)} }},"
            for address, what, profile in meters
        ),
        "]",
    ]


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
