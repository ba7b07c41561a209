"""The frame codec: reference frames of real meters, any split, any garbage, and laws that hold for all bytes."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.serial.frames import (
    Reply,
    ReplyScanner,
    Request,
    bits_of,
    checksum,
    read_bits,
    read_registers,
    write_coil,
    write_register,
)
from edge_agent.serial.plausibility import is_plausible
from edge_agent.serial.profile import RegisterBlock
from edge_agent.serial.profile_file import SHIPPED, load_profile

CONTRACT_REPLY = bytes.fromhex("01 04 14 08 C5 00 6C 00 00 00 F2 00 00 18 3D 00 00 01 F4 00 64 00 00 53 8E")
READ_TEN = read_registers(1, 4, 0, 10)

NAMES = {
    "V": "voltage",
    "A": "current",
    "W": "power",
    "Wh": "energy_wh",
    "Hz": "frequency",
    "PF": "power_factor",
    "alarm": "alarm",
}

byte_strings = st.binary(max_size=60)
requests = st.one_of(
    st.builds(
        read_registers,
        st.integers(1, 247),
        st.sampled_from([3, 4]),
        st.integers(0, 0xFF00),
        st.integers(1, 125),
    ),
    st.builds(
        read_bits,
        st.integers(1, 247),
        st.sampled_from([1, 2]),
        st.integers(0, 0xF000),
        st.integers(1, 2000),
    ),
    st.builds(write_register, st.integers(1, 247), st.integers(0, 0xFFFF), st.integers(0, 0xFFFF)),
    st.builds(lambda a, c, s: write_coil(a, c, is_on=s), st.integers(1, 247), st.integers(0, 0xFFFF), st.booleans()),
)


def frame(body: bytes) -> bytes:
    crc = 0xFFFF
    for byte in body:  # bit by bit, unlike the agent's table
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
    return body + struct.pack("<H", crc)


def reply_to(request: Request, fill: bytes) -> bytes:
    if not request.n_data:
        return request.wire
    data = (fill * request.n_data)[: request.n_data] if fill else bytes(request.n_data)
    return frame(bytes((request.address, request.function, request.n_data)) + data)


def scan(request: Request, *chunks: bytes, is_final: bool = True) -> Reply | None:
    scanner = ReplyScanner(request)
    for chunk in chunks:
        reply = scanner.feed(chunk)
        if reply is not None:
            return reply
    return scanner.finish() if is_final else None


def request_for(vector: dict) -> Request:
    data = bytes.fromhex(vector["hex"]).lstrip(b"\x00")
    return read_registers(data[0], 4, 0, 10 if vector["device"] != "sdm" else 2)


def test_every_reference_request_is_encoded_to_the_byte(vectors) -> None:
    wanted = {v["name"]: bytes.fromhex(v["hex"]) for v in vectors if v["kind"] == "req"}
    assert wanted == {
        "pzem_req_addr1": read_registers(1, 4, 0, 10).wire,
        "pzem_req_f8": read_registers(0xF8, 4, 0, 10).wire,
        "sdm_req_V": read_registers(1, 4, 0, 2).wire,
        "sdm_req_reg2000": read_registers(1, 4, 0x2000, 2).wire,
    }


def test_every_reference_checksum_is_reckoned_right(vectors) -> None:
    for vector in vectors:
        data = bytes.fromhex(vector["hex"])
        if vector["kind"] == "rsp-glitch":
            data = data[1:-1]
        body = data if vector["kind"] == "rsp-nocrc" else data[:-2]
        assert checksum(body) == bytes.fromhex(vector["crc_expected"]), vector["name"]


def test_every_reference_reply_is_decoded_or_refused(vectors) -> None:
    n_seen = 0
    for vector in vectors:
        if vector["kind"] == "req":
            continue
        n_seen += 1
        data = bytes.fromhex(vector["hex"])
        if vector["kind"] == "rsp-nocrc":
            assert scan(request_for(vector), data) is None
            data += bytes.fromhex(vector["crc_expected"])
        reply = scan(request_for(vector), data)
        if not vector.get("crc_ok", True):
            assert reply is None, vector["name"]
            continue
        assert reply is not None, vector["name"]
        if vector["device"] == "sdm":
            assert struct.unpack(">f", reply.data)[0] == pytest.approx(vector["decoded"], abs=1e-3)
            continue
        profile = load_profile("pzem-016", SHIPPED)
        values = profile.decoder(RegisterBlock(0, 10))(reply.data)
        for key, value in vector["decoded"].items():
            assert values[NAMES[key]] == pytest.approx(value), (vector["name"], key)
        assert is_plausible(profile, values) == (vector["device"] == "pzem-ac"), vector["name"]
    assert n_seen == 15


def test_captured_reply_of_the_contract() -> None:
    reply = scan(READ_TEN, CONTRACT_REPLY)
    assert reply is not None
    values = load_profile("pzem-004t", SHIPPED).decoder(RegisterBlock(0, 10))(reply.data)
    assert values["voltage"] == pytest.approx(224.5)
    assert values["current"] == pytest.approx(0.108)
    assert values["power"] == pytest.approx(24.2)
    assert values["energy_wh"] == 6205
    assert values["frequency"] == pytest.approx(50.0)
    assert values["power_factor"] == pytest.approx(1.0)


def test_frame_split_at_any_byte_decodes_once() -> None:
    for cut in range(len(CONTRACT_REPLY) + 1):
        scanner = ReplyScanner(READ_TEN)
        replies = [scanner.feed(CONTRACT_REPLY[:cut]), scanner.feed(CONTRACT_REPLY[cut:])]
        assert len([reply for reply in replies if reply is not None]) == 1, cut


def test_frame_byte_by_byte_says_how_much_is_missing() -> None:
    scanner = ReplyScanner(READ_TEN)
    for i, byte in enumerate(CONTRACT_REPLY[:-1]):
        assert scanner.n_missing == len(CONTRACT_REPLY) - i
        assert scanner.feed(bytes([byte])) is None
    assert scanner.feed(CONTRACT_REPLY[-1:]) is not None


def test_garbage_byte_inserted_anywhere_is_never_decoded_wrong() -> None:
    truth = CONTRACT_REPLY[3:-2]
    for position in range(len(CONTRACT_REPLY) + 1):
        for garbage in range(256):
            reply = scan(READ_TEN, CONTRACT_REPLY[:position] + bytes([garbage]) + CONTRACT_REPLY[position:])
            assert reply is None or reply.data == truth
            if position in (0, len(CONTRACT_REPLY)):
                assert reply is not None, (position, garbage)


def test_garbage_before_a_frame_is_resynchronised_whatever_it_looks_like() -> None:
    for garbage in (
        b"\x01",
        b"\x01\x04",
        b"\x01\x04\x14",
        b"\x01\x84",
        b"\x01\x84\x02",
        CONTRACT_REPLY[:-1],
        b"\0" * 9,
    ):
        assert scan(READ_TEN, garbage + CONTRACT_REPLY) is not None, garbage
        assert scan(READ_TEN, *(bytes([byte]) for byte in garbage + CONTRACT_REPLY)) is not None, garbage


def test_flipped_bit_anywhere_is_refused() -> None:
    for i in range(8 * len(CONTRACT_REPLY)):
        broken = bytearray(CONTRACT_REPLY)
        broken[i // 8] ^= 1 << i % 8
        assert scan(READ_TEN, bytes(broken)) is None


def test_reply_of_another_address_function_or_length_is_not_taken() -> None:
    for body in (b"\x02\x04\x14", b"\x01\x03\x14"):
        assert scan(READ_TEN, frame(body + CONTRACT_REPLY[3:-2])) is None
    assert scan(READ_TEN, frame(b"\x01\x04\x12" + CONTRACT_REPLY[3:-4])) is None


def test_exception_is_distinguished_from_a_reply() -> None:
    reply = scan(READ_TEN, frame(b"\x01\x84\x02"))
    assert reply == Reply(b"", exception=2)
    assert scan(READ_TEN, frame(b"\x01\x84\x77")) is None
    assert scan(READ_TEN, frame(b"\x02\x84\x02")) is None


def test_exception_pattern_inside_a_reply_does_not_cut_it_short() -> None:
    inner = frame(b"\x01\x84\x02")
    data = b"\0\0" + inner + bytes(20 - 2 - len(inner))
    whole = frame(b"\x01\x04\x14" + data)
    reply = scan(READ_TEN, *(bytes([byte]) for byte in whole))
    assert reply == Reply(data)


def test_echo_of_the_request_is_skipped() -> None:
    for cut in range(8):
        scanner = ReplyScanner(READ_TEN)
        assert scanner.feed(READ_TEN.wire[:cut]) is None
        assert scanner.n_received == 0
        assert scanner.feed(READ_TEN.wire[cut:] + CONTRACT_REPLY) is not None
        assert scanner.is_echo_seen


def test_echo_of_a_write_needs_a_reply_after_it_where_the_adapter_echoes() -> None:
    request = write_register(1, 0, 70)
    assert ReplyScanner(request).feed(request.wire) is not None
    scanner = ReplyScanner(request, is_echoing=True)
    assert scanner.feed(request.wire) is None
    assert scanner.feed(request.wire) is not None


def test_contacts_come_out_lowest_first() -> None:
    assert bits_of(b"\x05\x01", 9) == (True, False, True, False, False, False, False, False, True)


@pytest.mark.parametrize(
    "build",
    [
        lambda: read_registers(0, 4, 0, 1),
        lambda: read_registers(256, 4, 0, 1),
        lambda: read_registers(1, 4, 0, 126),
        lambda: read_registers(1, 4, 0xFFFF, 2),
        lambda: read_bits(1, 2, 0, 0),
        lambda: write_register(1, 0, 0x10000),
    ],
)
def test_request_outside_the_standard_is_refused(build) -> None:
    with pytest.raises(ValueError, match="is outside"):
        build()


@settings(max_examples=300, deadline=None)
@given(request=requests, fill=st.binary(max_size=8), before=byte_strings, after=byte_strings, data=st.data())
def test_any_reply_in_any_noise_in_any_pieces_is_found(
    request: Request, fill: bytes, before: bytes, after: bytes, data: st.DataObject
) -> None:
    whole = reply_to(request, fill)
    stream = before + whole + after
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    scanner = ReplyScanner(request)
    reply = next((r for r in map(scanner.feed, pieces) if r is not None), None) or scanner.finish()
    assert reply is not None
    if reply.exception is None and request.n_data:
        assert len(reply.data) == request.n_data
        assert reply.data in stream


@settings(max_examples=300, deadline=None)
@given(request=requests, stream=st.lists(st.binary(max_size=300), max_size=5))
def test_noise_alone_never_raises_and_what_is_taken_has_a_valid_checksum(request: Request, stream: list[bytes]) -> None:
    scanner = ReplyScanner(request)
    reply = next((r for r in map(scanner.feed, stream) if r is not None), None) or scanner.finish()
    if reply is not None and reply.exception is None and request.n_data:
        assert reply_to(request, reply.data) in b"".join(stream)
