"""The wire codec against bytes laid out by hand, and its laws."""

from __future__ import annotations

import contextlib
import struct
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.wire import (
    BY_NAME,
    CATALOGUE,
    DataType,
    Metric,
    NodeTopic,
    Payload,
    WireError,
    client_id,
    decode_payload,
    decode_state,
    encode_payload,
    encode_state,
    host_client_id,
    pack_array,
    pack_strings,
    parse_topic,
    state_topic,
    unpack_array,
    unpack_strings,
)


def test_a_named_metric_has_the_standards_field_numbers():
    data = encode_payload(
        Payload(
            timestamp_ms=1, seq=0, metrics=(Metric(value=-1, name="bdSeq", datatype=DataType.INT64, timestamp_ms=1),)
        )
    )
    metric = b"\x0a\x05bdSeq" + b"\x18\x01" + b"\x20\x04" + b"\x58" + b"\xff" * 9 + b"\x01"
    assert data == b"\x08\x01" + b"\x12" + bytes([len(metric)]) + metric + b"\x18\x00"
    assert decode_payload(data).metrics[0].value == -1


def test_data_goes_by_alias_alone_without_datatype():
    power = pack_array(DataType.FLOAT_ARRAY, array("f", [90.5]))
    alias = BY_NAME["Lamps/Power"].alias
    data = encode_payload(Payload(timestamp_ms=None, seq=None, metrics=(Metric(value=power, alias=alias),)))
    metric = bytes([0x10, alias, 0x82, 0x01, 4]) + struct.pack("<f", 90.5)
    assert data == b"\x12" + bytes([len(metric)]) + metric


def test_null_is_distinguished_from_zero():
    data = encode_payload(
        Payload(1, 0, (Metric(value=None, name="Cabinet/Energy"), Metric(value=0, name="Outbox/Pending")))
    )
    null, zero = decode_payload(data).metrics
    assert null.value is None
    assert null.datatype == DataType.UINT64
    assert zero.value == 0


def test_string_arrays_are_null_terminated_utf8():
    assert pack_strings(("L-1", "Jalan Ké")) == b"L-1\0Jalan K\xc3\xa9\0"
    assert unpack_strings(b"") == ()
    assert unpack_strings(pack_strings(("", "x", ""))) == ("", "x", "")
    with pytest.raises(WireError, match="null byte"):
        unpack_strings(b"L-1")
    with pytest.raises(WireError, match="UTF-8"):
        unpack_strings(b"\xff\0")


@given(st.lists(st.floats(width=32, allow_nan=False)))
def test_float_arrays_are_little_endian_and_round_trip(values):
    packed = pack_array(DataType.FLOAT_ARRAY, array("f", values))
    assert packed == struct.pack(f"<{len(values)}f", *values)
    assert unpack_array(DataType.FLOAT_ARRAY, packed).tolist() == values


@pytest.mark.parametrize("data", [b"\xff", b"\x12\x05\x0a", b"\x08"])
def test_a_broken_payload_is_refused_with_a_reason(data):
    with pytest.raises(WireError, match="not a Sparkplug B payload"):
        decode_payload(data)


@given(st.binary(max_size=200))
def test_any_bytes_decode_or_are_refused(data):
    with contextlib.suppress(WireError):
        decode_payload(data)


def test_aliases_and_names_are_unique():
    aliases = [spec.alias for spec in CATALOGUE if spec.alias is not None]
    assert len(set(aliases)) == len(aliases)
    assert len(BY_NAME) == len(CATALOGUE)
    assert BY_NAME["Node Control/Rebirth"].alias is None


def test_topics_round_trip_and_strangers_are_refused():
    assert str(parse_topic("spBv1.0/terang/NDATA/PJU-017")) == "spBv1.0/terang/NDATA/PJU-017"
    assert parse_topic("spBv1.0/g/NBIRTH/n") == NodeTopic("g", "NBIRTH", "n")
    for topic in (
        "spBv1.0/g/DDATA/n/d",
        "spBv1.0/g/NDATA",
        "spAv1.0/g/NDATA/n",
        "spBv1.0//NDATA/n",
        state_topic("terang"),
    ):
        with pytest.raises(WireError):
            parse_topic(topic)


def test_state_documents():
    assert encode_state(is_online=True, timestamp_ms=5) == b'{"online":true,"timestamp":5}'
    assert decode_state(b'{"timestamp": 7, "online": false, "more": 1}') == (False, 7)
    for bad in (b"", b"[]", b'{"online": 1, "timestamp": 5}', b'{"online": true, "timestamp": true}'):
        with pytest.raises(WireError):
            decode_state(bad)


def test_text_that_is_not_utf8_is_refused_wherever_it_stands() -> None:
    name, value = b"\x12\x05\x0a\x03\xff\xfe\xfd", b"\x12\x05\x7a\x03\xff\xfe\xfd"  # metric: name; string_value
    for data in (name, value):
        with pytest.raises(WireError, match="not UTF-8"):
            decode_payload(data)


def test_client_ids_of_different_groups_and_nodes_are_different() -> None:
    names = ["a", "b", "a-b", "b-c", "c", "a--b", "-", "%2D", "a%2Db", "ingest", "-ingest", "x-ingest-x"]
    pairs = [(group, node) for group in names for node in names]
    ids = {client_id(*pair) for pair in pairs} | {host_client_id(*pair) for pair in pairs}
    assert len(ids) == 2 * len(pairs)
    assert client_id("terang", "PJU-001") == "terang-terang-PJU-001"
