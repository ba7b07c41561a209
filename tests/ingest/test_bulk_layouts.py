# ruff: noqa: F811  (fixtures of another module are imported by name, and asked for as parameters)
"""Payload layouts of bulk decoding: many in one tick, learned, in any order, of cabinets of many sizes."""

import dataclasses
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ingest.decode.birth import Session
from ingest.decode.bulk_decode import BulkDecoder
from ingest.decode.columns import build_tick
from ingest.model.block import take_records
from tests.ingest.bulk_payloads import AT_MS, DIRECTORY, assert_equal, born, encode, parsed, session, sweep  # noqa: F401


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
