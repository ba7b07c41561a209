"""Bulk decoding gives the same values and the same refusals as protobuf."""

import dataclasses
import random
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from edge_agent.wire import BY_NAME, NBIRTH, NDATA, Metric, Payload, PayloadMessage, encode_payload, pack_strings
from ingest.decode.birth import Session, parse_birth
from ingest.decode.bulk_decode import BulkDecoder
from ingest.decode.columns import build_tick
from ingest.decode.record import DecodedRecord, read_record
from ingest.errors import RecordError
from ingest.model.batch import UNKNOWN_UINT32
from ingest.model.block import take_records
from tests.edge_agent.played_session import Played
from tests.edge_agent.stub_meters import lamp_layout

AT_MS = 1_764_000_000_000
N_LAMPS, N_CIRCUITS = 5, 2
DIRECTORY: Any = SimpleNamespace(
    lamps=SimpleNamespace(n_register=N_LAMPS),
    n_register_circuits=N_CIRCUITS,
    controllers=SimpleNamespace(number=lambda _: 3),
    lamp_numbers=lambda _, ids: (list(range(len(ids))), 0),
    circuit_numbers=lambda _, ids: (list(range(len(ids))), 0),
)


def encode(values: dict[str, Any], seq: int | None, *, at_ms: int, is_historical: bool = False) -> bytes:
    metrics = tuple(
        Metric(
            value,
            alias=BY_NAME[name].alias,
            datatype=BY_NAME[name].datatype,
            timestamp_ms=at_ms,
            is_historical=is_historical,
        )
        for name, value in values.items()
    )
    return encode_payload(Payload(at_ms + 5, seq, metrics))


def sweep(rng: np.random.Generator, sequence: int, n_lamps: int = N_LAMPS, **more: Any) -> dict[str, Any]:
    floats = ("Voltage", "Current", "Power", "Power Factor", "Temperature")
    values: dict[str, Any] = {
        "Outbox/Epoch": (1 << 63) + 5,
        "Outbox/Sequence": sequence,
        "Outbox/Pending": 1,
        "Sweep/Interval": 60,
        "Clock/Synchronised": True,
        "Cabinet/Door Open": bool(sequence % 2),
        "Cabinet/Contactor Closed": None,
        "Cabinet/Energy": 123_456,
        **{f"Lamps/{name}": rng.normal(50, 3, n_lamps).astype("<f4").tobytes() for name in floats},
        "Lamps/Energy": rng.integers(0, 1 << 32, n_lamps).astype("<u4").tobytes(),
        "Lamps/Dim Level": rng.integers(0, 101, n_lamps).astype("u1").tobytes(),
        "Lamps/Status": bytes(n_lamps),
        "Circuits/Power": rng.normal(500, 3, N_CIRCUITS).astype("<f4").tobytes(),
        "Cabinet/Voltage": np.full(3, 230, "<f4").tobytes(),
    }
    return {name: value for name, value in {**values, **more}.items() if value != "leave out"}


@pytest.fixture
def session() -> Session:
    return born(N_LAMPS)


def born(n_lamps: int) -> Session:
    values = {
        **sweep(np.random.default_rng(1), 1, n_lamps),
        "Lamps/Id": pack_strings(tuple(f"L-{i}" for i in range(n_lamps))),
        "Circuits/Id": pack_strings(tuple(f"{i}" for i in range(N_CIRCUITS))),
        **dict.fromkeys(("Lamps/Quality", "Lamps/Burning Hours", "Lamps/Switch Count", "Cabinet/Supply Present")),
    }
    metrics = tuple(
        Metric(v, name=k, alias=BY_NAME[k].alias, datatype=BY_NAME[k].datatype, timestamp_ms=AT_MS)
        for k, v in values.items()
    )
    return parse_birth("PJU-1", encode_payload(Payload(AT_MS, 0, metrics)), DIRECTORY)


def read_alike(session: Session, payloads: list[bytes]) -> list[DecodedRecord | None]:
    return BulkDecoder().read([("topic", payload) for payload in payloads], {"topic": session})


def parsed(session: Session, payload: bytes) -> DecodedRecord | None:
    try:
        return read_record(session, payload)
    except RecordError:
        return None


def assert_equal(session: Session, payloads: list[bytes], *, at_least: int) -> None:
    """Compare bulk decoding with protobuf, scalars and columns."""
    found = read_alike(session, payloads)
    pairs = [(r, parsed(session, data)) for r, data in zip(found, payloads, strict=True) if r is not None]
    assert len(pairs) >= at_least
    pairs.sort(key=lambda pair: pair[0].order)  # as columns are put together
    for got, want in pairs:
        assert want is not None
        assert got._replace(values=[], aligned=None, row=0, order=0) == want._replace(values=[], order=0)
    got_block = build_tick([[got for got, _ in pairs]], [], DIRECTORY)
    want_block = build_tick([[want for _, want in pairs if want is not None]], [], DIRECTORY)
    assert got_block.n_bad_values == want_block.n_bad_values
    for column in dataclasses.fields(got_block.block.batch):
        one, other = (getattr(tick.block.batch, column.name) for tick in (got_block, want_block))
        assert one.dtype == other.dtype, column.name
        np.testing.assert_array_equal(one, other, err_msg=column.name)


@pytest.mark.parametrize("is_judged", [True, False])
def test_readings_of_bad_quality_lose_what_they_hold_but_their_level(session: Session, *, is_judged: bool) -> None:
    """Another's agent may send what a garbled frame held; what it commands it knows itself."""
    quality, status = np.array([0, 1, 2, 4, 0], np.uint8), np.array([1, 3, 2, 7, 0], np.uint8)
    more = {"Lamps/Quality": quality.tobytes(), "Lamps/Status": status.tobytes()}
    rng = np.random.default_rng(3)
    records = [read_record(session, encode(sweep(rng, 1, **more), 1, at_ms=AT_MS))]
    batch = build_tick(*(([records], []) if is_judged else ([], records)), DIRECTORY).block.batch
    for name in ("voltage_v", "current_a", "power_w", "power_factor", "temperature_c"):
        assert np.isnan(getattr(batch, name)).tolist() == (quality != 0).tolist(), name
    assert (batch.energy_wh == UNKNOWN_UINT32).tolist() == (quality != 0).tolist()
    assert batch.status.tolist() == [1, 0, 0, 0, 0]
    assert (batch.level <= 100).all()


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"Lamps/Energy": "leave out", "Cabinet/Voltage": "leave out"},
        {"Lamps/Temperature": None, "Clock/Synchronised": False},
        {"Clock/Synchronised": None, "Sweep/Interval": 0, "Cabinet/Energy": None},
        {"Lamps/Current": np.array([np.inf, np.nan, 1, -np.inf, 2], "<f4").tobytes()},
        {"Outbox/Pending": "leave out", "Sweep/Interval": "leave out"},
    ],
)
@pytest.mark.parametrize("is_historical", [False, True])
def test_bulk_decoding_reads_what_protobuf_reads(
    more: dict[str, Any], session: Session, *, is_historical: bool
) -> None:
    rng = np.random.default_rng(3)
    payloads = [
        encode(sweep(rng, 70_000 + i, **more), i % 120, at_ms=AT_MS + 977 * i, is_historical=is_historical)
        for i in range(40)
    ]
    assert_equal(session, payloads, at_least=40)


def test_shapes_among_each_other_come_back_in_their_places(session: Session) -> None:
    rng = np.random.default_rng(4)
    payloads = [
        encode(sweep(rng, 10 + 37 * i, **({"Lamps/Energy": "leave out"} if i % 3 else {})), i, at_ms=AT_MS + i)
        for i in range(240)
    ]
    assert_equal(session, payloads, at_least=200)


@pytest.mark.parametrize("seed", range(20))
def test_garbled_payloads_are_read_as_protobuf_reads_them_or_left_to_it(seed: int, session: Session) -> None:
    rng, dice = np.random.default_rng(seed), random.Random(seed)
    payloads = []
    for i in range(200):
        data = bytearray(encode(sweep(rng, 70_000 + i), i % 120, at_ms=AT_MS + 977 * i))
        if i > 20:
            for _ in range(dice.choice((0, 1, 1, 2, 5))):
                data[dice.randrange(len(data))] = dice.choice((0, 1, 0x7F, 0x80, 0xFF, dice.randrange(256)))
        payloads.append(bytes(data))
    assert_equal(session, payloads, at_least=50)


def test_unusual_payloads_are_left_to_protobuf(session: Session) -> None:
    named = PayloadMessage(timestamp=AT_MS, seq=1)
    named.metrics.add(name="Outbox/Epoch", long_value=7)
    named.metrics.add(name="Outbox/Sequence", long_value=9)
    values = sweep(np.random.default_rng(5), 9)
    doubled = PayloadMessage.FromString(encode(values, 3, at_ms=AT_MS))
    doubled.metrics.add().CopyFrom(doubled.metrics[0])
    unnumbered = encode({**values, "Outbox/Sequence": 0}, 3, at_ms=AT_MS)
    short = encode({**values, "Lamps/Power": b"\x00" * 4}, 3, at_ms=AT_MS)
    for payload in (named.SerializeToString(), doubled.SerializeToString(), unnumbered, short, b"", b"\xff" * 60):
        assert read_alike(session, [payload] * 12) == [None] * 12


OF_NO_SLOT = {
    "Agent/Sweep Duration": lambda rng: float(rng.normal(40, 9)),
    "Agent/Commands Refused": lambda rng: int(rng.integers(0, 1 << int(rng.choice((7, 14, 21))))),
    "Outbox/Dropped": lambda rng: int(rng.integers(0, 1 << int(rng.choice((7, 14, 40))))),
    "Outbox/Waiting": lambda rng: int(rng.integers(0, 100)),
    "Lamps/Poll Errors": lambda rng: rng.integers(0, 1 << 32, N_LAMPS).astype("<u4").tobytes(),
}


@pytest.mark.parametrize("seed", range(10))
def test_metrics_that_ingest_does_not_use_are_passed_over(seed: int, session: Session) -> None:
    rng = np.random.default_rng(seed)
    names = rng.permutation(list(OF_NO_SLOT))[: int(rng.integers(1, 6))]
    payloads = [
        encode({**sweep(rng, 100 + i), **{name: OF_NO_SLOT[name](rng) for name in names}}, i % 120, at_ms=AT_MS + i)
        for i in range(400)
    ]
    of_length = Counter(map(len, payloads))
    assert_equal(session, payloads, at_least=sum(n for n in of_length.values() if n >= 100) // 2)


@pytest.mark.parametrize("seed", range(20))
def test_garbled_metrics_that_ingest_does_not_use_change_nothing(seed: int, session: Session) -> None:
    rng, dice = np.random.default_rng(seed), random.Random(seed)
    payloads = []
    for i in range(200):
        more = {"Agent/Sweep Duration": 40.5, "Agent/Commands Refused": i % 100, "Lamps/Poll Errors": rng.bytes(20)}
        data = bytearray(encode({**more, **sweep(rng, 70_000 + i)}, i % 120, at_ms=AT_MS + 977 * i))
        if i > 20:
            for _ in range(dice.choice((0, 1, 1, 2, 5))):
                data[dice.randrange(90)] = dice.choice((0, 1, 0x7F, 0x80, 0xFF, dice.randrange(256)))
        payloads.append(bytes(data))
    assert_equal(session, payloads, at_least=50)


def test_every_record_of_a_real_agent_is_read_with_others(tmp_path: Path) -> None:
    played = Played(tmp_path, layout=lamp_layout(N_LAMPS))
    played.connect()
    for i in range(40):
        played.sweep(slow=not i % 2)
        played.run(60)
    kinds = [kind for kind, _, _ in played.sent]
    birth = played.sent_bytes[kinds.index(NBIRTH)]
    data = [payload for kind, payload in zip(kinds, played.sent_bytes, strict=True) if kind == NDATA]
    assert b"Agent/Sweep Duration" in birth
    assert len(data) >= 40
    of_agent = parse_birth("PJU-1", birth, DIRECTORY)
    usual = {length for length, n in Counter(map(len, data)).items() if n >= 8}
    assert_equal(of_agent, data, at_least=sum(len(payload) in usual for payload in data))


@pytest.mark.parametrize(
    "more",
    [
        {"name": "Cabinet/Energy"},  # data may carry names: this one is known
        {"alias": (1 << 64) - 1},
        {"string_value": "text"},
    ],
)
def test_what_may_be_more_than_an_unused_number_is_left_to_protobuf(more: dict[str, Any], session: Session) -> None:
    message = PayloadMessage.FromString(encode(sweep(np.random.default_rng(5), 9), 3, at_ms=AT_MS))
    message.metrics.add(**{"alias": 1000, "long_value": 1, **more})
    assert read_alike(session, [message.SerializeToString()] * 12) == [None] * 12


def test_shapes_of_one_length_are_read_in_one_tick(session: Session) -> None:
    rng = np.random.default_rng(8)
    payloads = []
    for i in range(40):  # one byte and three, or two and two: equally long
        refused, dropped = (5, 100_000) if i % 2 else (500, 500)
        more = {"Agent/Commands Refused": refused, "Outbox/Dropped": dropped}
        payloads.append(encode({**sweep(rng, 1000 + i), **more}, 3, at_ms=AT_MS))
    assert len({len(payload) for payload in payloads}) == 1
    decoder, messages = BulkDecoder(), [("topic", payload) for payload in payloads]
    decoder.read(messages, {"topic": session})
    assert None not in decoder.read(messages, {"topic": session})


def test_a_new_shape_of_the_same_length_is_learned(session: Session) -> None:
    rng = np.random.default_rng(6)
    decoder = BulkDecoder()
    for more in ({"Cabinet/Supply Present": True}, {"Cabinet/Supply Present": "leave out", "Lamps/Quality": None}):
        values = {**sweep(rng, 100), **more}
        values = {name: value for name, value in values.items() if value != "leave out"}
        messages = [("topic", encode(values, 3, at_ms=AT_MS))] * 12
        decoder.read(messages, {"topic": session})
        assert all(record is not None for record in decoder.read(messages, {"topic": session}))


@pytest.mark.parametrize("seed", range(10))
def test_quantities_in_any_order_are_read_as_protobuf_reads_them(seed: int, session: Session) -> None:
    rng = np.random.default_rng(seed)
    names = rng.permutation(list(sweep(rng, 1)))[: int(rng.integers(8, 17))]
    names = [*names, *({"Outbox/Epoch", "Outbox/Sequence"} - set(names))]
    sweeps = [sweep(rng, 100 + i) for i in range(20)]
    payloads = [encode({name: values[name] for name in names}, i, at_ms=AT_MS) for i, values in enumerate(sweeps)]
    assert_equal(session, payloads, at_least=20)


def test_payloads_are_aligned_in_the_order_of_a_round(session: Session) -> None:
    rng = np.random.default_rng(1)
    sessions = {f"topic-{i}": dataclasses.replace(session, controller=i) for i in range(10)}
    arrival = [f"topic-{i}" for turn in range(3) for i in rng.permutation(10)] + ["nobody's"]
    messages = [(topic, encode(sweep(rng, 200 + n), n + 1, at_ms=AT_MS)) for n, topic in enumerate(arrival)]
    records = BulkDecoder().read(messages, sessions)
    assert records.pop() is None
    for turn in range(3):
        of_turn = [record for record in records[turn * 10 : turn * 10 + 10] if record is not None]
        assert [record.row for record in sorted(of_turn, key=lambda record: record.order)] == list(
            range(turn * 10, turn * 10 + 10)
        )
        assert [record.session.controller for record in of_turn] == [
            int(topic.rpartition("-")[2]) for topic in arrival[turn * 10 : turn * 10 + 10]
        ]


@pytest.mark.parametrize("sizes", [range(1, 20), [5] * 40, [3] * 30 + [7], [0, 4, 0, 9]])
@pytest.mark.parametrize("n_unread", [0, 5])
def test_cabinets_of_many_sizes_are_joined_as_if_one_by_one(sizes: Any, n_unread: int) -> None:
    """Rounds hold every record's own values, whichever payloads were decoded in bulk, in any order of arrival."""
    rng = np.random.default_rng(len(sizes))
    directory = SimpleNamespace(**{**vars(DIRECTORY), "lamps": SimpleNamespace(n_register=10_000)})
    firsts = np.cumsum([0, *sizes]).tolist()
    sessions = {
        f"topic-{i}": dataclasses.replace(
            born(n),
            controller=i,
            first_lamp=firsts[i],
            lamps=np.arange(firsts[i], firsts[i] + n, dtype="<i4").tobytes(),
        )
        for i, n in enumerate(sizes)
    }
    turns = [[f"topic-{i}" for i in rng.permutation(len(sizes))] for _ in range(12)]
    messages = []
    for turn, topics in enumerate(turns):
        for topic in topics:
            values = sweep(rng, 200 + turn, len(sessions[topic].lamp_ids))
            if turn == 3:  # a shape of its own
                values.pop("Lamps/Energy")
            messages.append((topic, encode(values, turn + 1, at_ms=AT_MS)))
    want = [parsed(sessions[topic], payload) for topic, payload in messages]
    got = BulkDecoder().read(messages, sessions)
    got[:n_unread] = want[:n_unread]
    assert sum(record is not None and record.aligned is not None for record in got) > len(got) // 2
    n = len(sizes)
    ticks = [
        build_tick([list(filter(None, records[i * n : i * n + n])) for i in range(12)], [], directory)  # type: ignore[arg-type]
        for records in ([one or other for one, other in zip(got, want, strict=True)], want)
    ]
    assert ticks[0].rounds == ticks[1].rounds
    for first, last in ticks[0].rounds:
        one, other = (
            take_records(tick.block, first + np.argsort(tick.block.batch.controller[first:last])) for tick in ticks
        )
        np.testing.assert_array_equal(one.lamp_name, other.lamp_name)
        for column in dataclasses.fields(one.batch):
            values, wanted = getattr(one.batch, column.name), getattr(other.batch, column.name)
            np.testing.assert_array_equal(values, wanted, err_msg=column.name)
