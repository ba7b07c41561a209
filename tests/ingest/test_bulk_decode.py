# ruff: noqa: F811  (fixtures of another module are imported by name, and asked for as parameters)
"""Bulk decoding gives the same values and the same refusals as protobuf."""

import random
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_agent.wire import NBIRTH, NDATA, PayloadMessage
from ingest.decode.birth import Session, parse_birth
from ingest.decode.columns import build_tick
from ingest.decode.record import read_record
from ingest.model.batch import UNKNOWN_UINT32
from tests.edge_agent.played_session import Played
from tests.edge_agent.stub_meters import lamp_layout
from tests.ingest.bulk_payloads import AT_MS, DIRECTORY, N_LAMPS, assert_equal, encode, read_alike, session, sweep  # noqa: F401


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
