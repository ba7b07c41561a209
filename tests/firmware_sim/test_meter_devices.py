"""Register maps and refusals of every simulated device."""

from __future__ import annotations

import struct

import pytest

from firmware_sim.meters import (
    CabinetContacts,
    CabinetIo,
    LampNode,
    LampValues,
    Meter,
    Pzem,
    Sdm120,
    Sdm630,
    ThreePhaseValues,
)

LAMP = LampValues(
    voltage_v=231.4,
    current_a=70.123,
    power_w=16_226.5,
    energy_wh=4_649_123,
    frequency_hz=49.9,
    power_factor=0.97,
    temperature_c=-3.4,
    illuminance_lux=420,
    level_percent=70,
    status=0b10001,
    burning_hours=70_000,
    switch_count=812,
)
CABINET = ThreePhaseValues(
    voltage_v=(230.0, 0.0, 229.0),
    current_a=(10.0, 0.0, 5.0),
    power_w=(2200.0, 0.0, 1100.0),
    energy_wh=123_456_000,
)
SILENT = LampValues(voltage_v=0.0, current_a=0.0, power_w=0.0, is_silent=True)
SILENT_CABINET = ThreePhaseValues(voltage_v=(0.0,) * 3, current_a=(0.0,) * 3, power_w=(0.0,) * 3, is_silent=True)


def words(meter: Meter, first: int, count: int, function: int = 4) -> tuple[int, ...]:
    reply = meter.answer(struct.pack(">BHH", function, first, count))
    assert reply is not None
    assert reply[0] == function
    assert reply[1] == 2 * count == len(reply) - 2
    return struct.unpack(f">{count}H", reply[2:])


def value(meter: Meter, address: int) -> float:
    reply = meter.answer(struct.pack(">BHH", 4, address, 2))
    assert reply is not None
    (number,) = struct.unpack(">f", reply[2:])
    return float(number)


def test_pzem_sends_32_bit_values_low_word_first() -> None:
    volts, amps_low, amps_high, watts_low, watts_high, wh_low, wh_high, hertz, factor, alarm = words(
        Pzem(lambda: LAMP), 0, 10
    )
    assert (volts, hertz, factor, alarm) == (2314, 499, 97, 0)
    assert (amps_high << 16 | amps_low) == 70_123
    assert (watts_high << 16 | watts_low) == 162_265
    assert (wh_high << 16 | wh_low) == 4_649_123
    assert amps_high == 1
    assert wh_high > 0


def test_lamp_node_adds_its_own_registers_to_a_pzems() -> None:
    node = LampNode(lambda: LAMP)
    assert words(node, 0, 10) == words(Pzem(lambda: LAMP), 0, 10)
    temperature, lux, level, status, hours_low, hours_high, switches = words(node, 10, 7)
    assert temperature == 0x10000 - 34
    assert (lux, level, status, switches) == (420, 70, 0b10001, 812)
    assert (hours_high << 16 | hours_low) == 70_000
    assert len(words(node, 0, 17)) == 17


def test_lamp_node_takes_dim_commands_by_both_write_functions() -> None:
    levels: list[int] = []
    node = LampNode(lambda: LAMP, on_dim=levels.append)
    assert words(node, 0, 1, function=3) == (100,)
    assert node.answer(bytes.fromhex("06 0000 0032")) == bytes.fromhex("06 0000 0032")
    assert words(node, 0, 1, function=3) == (50,)
    assert node.answer(bytes.fromhex("10 0000 0001 02 0046")) == bytes.fromhex("10 0000 0001")
    assert levels == [50, 70]


def test_lamp_node_tells_when_its_status_was_read() -> None:
    reads: list[int] = []
    node = LampNode(lambda: LAMP, on_status_read=lambda: reads.append(1))
    words(node, 0, 10)
    assert not reads
    words(node, 10, 7)
    assert len(reads) == 1


@pytest.mark.parametrize(
    ("request_hex", "reply_hex"),
    [
        ("06 0000 0065", "86 03"),  # 101 %
        ("06 0001 0032", "86 02"),
        ("10 0000 0002 04 0032 0032", "90 02"),
        ("10 0000 0001 03 0032", "90 03"),
        ("04 0000 0012", "84 02"),  # 18 registers of 17
        ("04 0011 0001", "84 02"),
        ("04 0000 0000", "84 03"),
        ("03 0000 0002", "83 02"),
        ("01 0000 0001", "81 01"),
        ("2b 0e01 0000", "ab 01"),
    ],
)
def test_lamp_node_refuses_what_it_does_not_have(request_hex: str, reply_hex: str) -> None:
    node = LampNode(lambda: LAMP)
    assert node.answer(bytes.fromhex(request_hex)) == bytes.fromhex(reply_hex)
    assert node.level_percent == 100


@pytest.mark.parametrize("function", [0x01, 0x02, 0x03, 0x05, 0x06, 0x10])
def test_pzem_and_eastron_meters_know_one_function_only(function: int) -> None:
    for meter in (Pzem(lambda: LAMP), Sdm120(lambda: LAMP), Sdm630(lambda: CABINET)):
        assert meter.answer(struct.pack(">BHH", function, 0, 1)) == bytes((function | 0x80, 1))


def test_sdm120_floats_stand_at_the_makers_addresses() -> None:
    meter = Sdm120(lambda: LAMP)
    assert value(meter, 0x0000) == pytest.approx(231.4)
    assert value(meter, 0x0006) == pytest.approx(70.123)
    assert value(meter, 0x000C) == pytest.approx(16_226.5)
    assert value(meter, 0x001E) == pytest.approx(0.97)
    assert value(meter, 0x0046) == pytest.approx(49.9)
    assert value(meter, 0x0048) == pytest.approx(4649.123)
    assert value(meter, 0x0002) == 0.0


def test_sdm630_floats_stand_at_the_makers_addresses() -> None:
    meter = Sdm630(lambda: CABINET)
    assert [value(meter, address) for address in (0, 2, 4)] == [230.0, 0.0, 229.0]
    assert [value(meter, address) for address in (6, 8, 10)] == [10.0, 0.0, 5.0]
    assert [value(meter, address) for address in (12, 14, 16)] == [2200.0, 0.0, 1100.0]
    assert value(meter, 0x0034) == 3300.0
    assert value(meter, 0x0046) == 50.0
    assert value(meter, 0x0048) == pytest.approx(123_456.0)


def test_eastron_meter_refuses_more_than_forty_values_at_once() -> None:
    meter = Sdm120(lambda: LAMP)
    assert meter.answer(struct.pack(">BHH", 4, 0, 81)) == bytes.fromhex("84 03")
    assert len(words(meter, 0, 80)) == 80


def test_cabinet_io_gives_contacts_and_takes_the_coil() -> None:
    commands: list[bool] = []
    contacts = CabinetContacts(is_door_open=True, is_supply_present=True, is_contactor_closed=False)
    board = CabinetIo(lambda: contacts, on_coil=commands.append)
    assert board.answer(bytes.fromhex("02 0000 0003")) == bytes.fromhex("02 01 03")
    assert board.answer(bytes.fromhex("02 0002 0001")) == bytes.fromhex("02 01 00")
    assert board.answer(bytes.fromhex("01 0000 0001")) == bytes.fromhex("01 01 00")
    assert board.answer(bytes.fromhex("05 0000 ff00")) == bytes.fromhex("05 0000 ff00")
    assert board.answer(bytes.fromhex("01 0000 0001")) == bytes.fromhex("01 01 01")
    assert board.answer(bytes.fromhex("05 0000 0000")) == bytes.fromhex("05 0000 0000")
    assert commands == [True, False]


@pytest.mark.parametrize(
    ("request_hex", "reply_hex"),
    [
        ("02 0000 0004", "82 02"),
        ("01 0001 0001", "81 02"),
        ("05 0001 ff00", "85 02"),
        ("05 0000 0001", "85 03"),
        ("04 0000 0001", "84 01"),
        ("02 0000 0000", "82 03"),
    ],
)
def test_cabinet_io_refuses_what_it_does_not_have(request_hex: str, reply_hex: str) -> None:
    board = CabinetIo(CabinetContacts)
    assert board.answer(bytes.fromhex(request_hex)) == bytes.fromhex(reply_hex)
    assert not board.is_coil_on


def test_device_without_supply_is_silent() -> None:
    devices: list[Meter] = [
        Pzem(lambda: SILENT),
        LampNode(lambda: SILENT),
        Sdm120(lambda: SILENT),
        Sdm630(lambda: SILENT_CABINET),
        CabinetIo(lambda: CabinetContacts(is_silent=True)),
    ]
    for device in devices:
        assert device.answer(bytes.fromhex("04 0000 0002")) is None
        assert device.answer(bytes.fromhex("06 0000 0000")) is None


def test_request_that_ends_early_is_refused_and_never_raises() -> None:
    devices: list[Meter] = [
        Pzem(lambda: LAMP),
        LampNode(lambda: LAMP),
        Sdm630(lambda: CABINET),
        CabinetIo(CabinetContacts),
    ]
    for device in devices:
        for function in range(256):
            for tail in (b"", b"\0", b"\0\0\0", b"\xff" * 4, b"\0\0\0\1\xff"):
                reply = device.answer(bytes((function,)) + tail)
                assert reply is not None
                assert len(reply) >= 2
