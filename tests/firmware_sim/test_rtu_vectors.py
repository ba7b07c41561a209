"""The simulator's own encoder against frames of real meters."""

from __future__ import annotations

import json
import struct
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from firmware_sim.errors import FrameError
from firmware_sim.meters import LampValues, Pzem, Sdm120, rtu

Vector = dict[str, Any]

# a real PZEM-004T's reply: 224.5 V, 0.108 A, 24.2 W, 6205 Wh, 50.0 Hz, power factor 1.00
CAPTURED = bytes.fromhex("01 04 14 08 C5 00 6C 00 00 00 F2 00 00 18 3D 00 00 01 F4 00 64 00 00 53 8E")
CAPTURED_VALUES = LampValues(voltage_v=224.5, current_a=0.108, power_w=24.2, energy_wh=6205, power_factor=1.0)


@pytest.fixture
def vectors(shared_data: Path) -> list[Vector]:
    """Frames captured from real meters."""
    found: list[Vector] = json.loads((shared_data / "modbus" / "vectors.json").read_text())
    assert len(found) == 19
    return found


def pzem_values(decoded: dict[str, float]) -> LampValues:
    return LampValues(
        voltage_v=decoded["V"],
        current_a=decoded["A"],
        power_w=decoded["W"],
        energy_wh=int(decoded["Wh"]),
        frequency_hz=decoded["Hz"],
        power_factor=decoded["PF"],
    )


def test_captured_pzem_reply_is_reproduced_byte_for_byte() -> None:
    request = rtu.unwrap(bytes.fromhex("01 04 00 00 00 0a 70 0d"))
    reply = Pzem(lambda: CAPTURED_VALUES).answer(request[1])
    assert reply is not None
    assert rtu.wrap(request[0], reply) == CAPTURED


def test_all_vectors_are_taken_or_refused_as_they_are_marked(vectors: list[Vector]) -> None:
    for vector in vectors:
        frame = bytes.fromhex(vector["hex"])
        if vector["kind"] in {"rsp-glitch", "rsp-nocrc"} or vector["crc_ok"] is False:
            with pytest.raises(FrameError):
                rtu.unwrap(frame)
        else:
            address, _ = rtu.unwrap(frame)
            assert address == frame[0], vector["name"]


def test_pzem_vector_is_reproduced_from_its_values(vectors: list[Vector]) -> None:
    chosen = [v for v in vectors if v["device"] == "pzem-ac" and "decoded" in v]
    assert chosen
    for vector in chosen:
        pdu = Pzem(partial(pzem_values, vector["decoded"])).answer(bytes.fromhex("04 0000 000a"))
        assert pdu is not None
        frame = bytes.fromhex(vector["hex"])
        checksum = bytes.fromhex(vector["crc_expected"])
        assert rtu.wrap(frame[0], pdu) == (frame if len(frame) == 25 else frame + checksum)


def test_sdm_vector_is_found_and_reproduced_from_its_value(vectors: list[Vector]) -> None:
    chosen = [v for v in vectors if v["device"] == "sdm" and "decoded" in v]
    assert chosen
    for vector in chosen:
        data = rtu.find_read_reply(bytes.fromhex(vector["hex"]), 1, 0x04)
        (value,) = struct.unpack(">f", data)
        assert value == pytest.approx(vector["decoded"], abs=2e-3)
        shown = LampValues(voltage_v=value, current_a=0.0, power_w=0.0)
        pdu = Sdm120(lambda shown=shown: shown).answer(bytes.fromhex("04 0000 0002"))
        assert pdu is not None
        assert pdu[2:] == data


def test_request_vector_is_answered_or_refused_by_the_device(vectors: list[Vector]) -> None:
    chosen = [v for v in vectors if v["kind"] == "req"]
    assert chosen
    for vector in chosen:
        frame = bytes.fromhex(vector["hex"])
        assert rtu.request_length(frame) == len(frame)
        _, pdu = rtu.unwrap(frame)
        values = LampValues(voltage_v=230.0, current_a=0.1, power_w=20.0)
        reply = (Pzem if vector["device"] == "pzem-ac" else Sdm120)(lambda values=values: values).answer(pdu)
        assert reply is not None
        # register 0x2000 exists only in a look-alike of the SDM120
        assert (reply == bytes((0x84, 2))) == (vector["device"] == "sdm-like")


@pytest.mark.parametrize("cut", range(len(CAPTURED)))
def test_truncated_frame_is_refused_at_any_length(cut: int) -> None:
    with pytest.raises(FrameError):
        rtu.unwrap(CAPTURED[:cut])


def test_any_single_bit_error_is_refused() -> None:
    for bit in range(8 * len(CAPTURED)):
        damaged = bytearray(CAPTURED)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(FrameError):
            rtu.unwrap(bytes(damaged))
