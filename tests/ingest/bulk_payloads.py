"""Payloads of every shape, decoded in bulk and by protobuf, to be compared."""

import dataclasses
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from edge_agent.wire import BY_NAME, Metric, Payload, encode_payload, pack_strings
from ingest.decode.birth import Session, parse_birth
from ingest.decode.bulk_decode import BulkDecoder
from ingest.decode.columns import build_tick
from ingest.decode.record import DecodedRecord, read_record
from ingest.errors import RecordError

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
