"""Hostile, truncated and merely odd NCMD payloads."""

from __future__ import annotations

import contextlib
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.control.command import BadCommand, Command, DimCommand, parse_command
from edge_agent.wire import BY_NAME, DataType, Metric, Payload, encode_payload

UNTIL = Metric(1_795_000_000_000, name="Lamps/Dim Until", datatype=DataType.DATE_TIME)


def ncmd(*metrics: Metric) -> bytes:
    return encode_payload(Payload(1, None, metrics))


def dim(levels: bytes) -> Metric:
    return Metric(levels, name="Lamps/Dim Command", datatype=DataType.UINT8_ARRAY)


def test_everything_at_once():
    command = parse_command(
        ncmd(
            Metric(True, name="Node Control/Rebirth", datatype=DataType.BOOLEAN),
            Metric(7, alias=BY_NAME["Outbox/Epoch"].alias),
            Metric(9, name="Outbox/Acknowledged"),
            dim(b"\x00\x64\xfe\xff"),
            UNTIL,
            Metric("{}", name="Schedule/Document"),
            Metric("hello", name="Somebody/Else", datatype=DataType.STRING),
        ),
        4,
    )
    assert command == Command(True, (7, 9), DimCommand(b"\x00\x64\xfe\xff", 1_795_000_000_000), "{}")


@pytest.mark.parametrize(
    ("metrics", "reason"),
    [
        ([dim(b"\x65" * 4), UNTIL], "level 101"),
        ([dim(b"\xfd" * 4), UNTIL], "level 253"),
        ([dim(b"\x32" * 3), UNTIL], "3 levels for 4 lamps"),
        ([dim(b""), UNTIL], "0 levels"),
        ([dim(b"\x32" * 4)], "without Lamps/Dim Until"),
        ([dim(b"\x32" * 4), Metric(None, name="Lamps/Dim Until")], "is None"),
        ([dim(b"\x32" * 4), Metric(1 << 63, name="Lamps/Dim Until", datatype=DataType.DATE_TIME)], "no time"),
        ([Metric(50, name="Lamps/Dim Command", datatype=DataType.UINT8), UNTIL], "not a UInt8Array"),
        ([dim(b"\x32" * 4), dim(b"\x33" * 4), UNTIL], "twice"),
        ([Metric(3, name="Outbox/Acknowledged")], "without Outbox/Epoch"),
        ([Metric("3", name="Outbox/Acknowledged", datatype=DataType.STRING), Metric(7, name="Outbox/Epoch")], "str of"),
        ([Metric(-1, name="Outbox/Acknowledged", datatype=DataType.INT64), Metric(7, name="Outbox/Epoch")], "is -1"),
        ([Metric(None, name="Outbox/Acknowledged"), Metric(7, name="Outbox/Epoch")], "is None"),
        ([Metric(1, name="Node Control/Rebirth", datatype=DataType.INT32)], "twice"),
        ([Metric(b"{}", name="Schedule/Document", datatype=DataType.UINT8_ARRAY)], "Schedule/Document"),
        ([Metric("x" * 20_000, name="Schedule/Document")], "str of 20000"),
        ([Metric(True, name="Node Control/Rebirth", alias=5, datatype=DataType.BOOLEAN)], "alias 5"),
    ],
)
def test_one_bad_part_refuses_the_whole(metrics, reason):
    with pytest.raises(BadCommand, match=reason):
        parse_command(ncmd(Metric(True, name="Node Control/Rebirth", datatype=DataType.BOOLEAN), *metrics), 4)


def test_a_rebirth_that_is_no_boolean_is_refused():
    with pytest.raises(BadCommand, match="boolean"):
        parse_command(ncmd(Metric(1, name="Node Control/Rebirth", datatype=DataType.INT32)), 4)


def test_commands_that_cannot_expire_need_no_time():
    assert parse_command(ncmd(dim(b"\xff\xfe\xff\xff")), 4).dim == DimCommand(b"\xff\xfe\xff\xff", 0)


@given(st.binary(max_size=300))
@settings(max_examples=300)
def test_any_bytes_are_obeyed_or_refused_never_worse(data):
    with contextlib.suppress(BadCommand):
        parse_command(data, 4)


def test_flipped_bytes_of_a_good_command_are_obeyed_within_limits_or_refused():
    good = ncmd(dim(b"\x32" * 4), UNTIL, Metric(7, name="Outbox/Epoch"), Metric(9, name="Outbox/Acknowledged"))
    source = random.Random(4)
    n_refused = 0
    for _ in range(3000):
        data = bytearray(good)
        for _ in range(source.randrange(1, 4)):
            data[source.randrange(len(data))] = source.randrange(256)
        try:
            command = parse_command(bytes(data), 4)
        except BadCommand:
            n_refused += 1
            continue
        if command.dim is not None:
            assert len(command.dim.levels) == 4
            assert all(level <= 100 or level >= 254 for level in command.dim.levels)
    assert n_refused > 300


def test_a_flood_of_bytes_is_not_even_parsed():
    with pytest.raises(BadCommand, match="too many"):
        parse_command(b"\0" * 10_000_000, 4)
