"""The work that a message costs, by type and shape at its size limit: one twice as long costs about twice as much."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_agent.wire import WireError, decode_state, pack_strings
from ingest.decode.birth import parse_birth
from ingest.decode.bounds import MAX_PAYLOAD
from ingest.errors import BirthError
from tests.growth import check_growth
from tests.ingest.name_stand import AT_MS, LAMPS, NAME, NameStand
from tests.ingest.seeded_blocks import town
from tests.ingest.test_poison_messages import BIRTH, DATA, birth, data

DEATH = f"spBv1.0/terang/NDEATH/{NAME}"
METRIC = b"\x12\x00"
N_LARGE, N_SMALL = 60_000, 30_000
GROWTH = 3.2  # of the work when the message doubles: 2 if linear, 4 if quadratic


def many_ids(n: int, prefix: str = "x") -> bytes:
    return pack_strings(tuple(f"{prefix}{i}" for i in range(n)))


def ids_twice(n: int) -> bytes:
    """As many that nobody knows as there are real ones, and every real one twice."""
    real = [f"{i + 1}" for i in range(n // 2)]
    return pack_strings((*(f"?{i}" for i in range(n // 2)), *real))


# type and shape of a message -> its topic, and the payload that has n of something
SHAPES: dict[str, tuple[str, Callable[[int], bytes]]] = {
    "birth, unknown lamps": (BIRTH, lambda n: birth(**{"Lamps/Id": many_ids(n)})),
    "birth, one lamp again and again": (BIRTH, lambda n: birth(**{"Lamps/Id": b"L-000000\0" * n})),
    "birth, unknown circuits": (BIRTH, lambda n: birth(**{"Circuits/Id": many_ids(n)})),
    "birth, unknown circuits and real ones": (BIRTH, lambda n: birth(**{"Circuits/Id": ids_twice(n)})),
    "birth, one circuit again and again": (BIRTH, lambda n: birth(**{"Circuits/Id": b"1\0" * n})),
    "birth, empty ids": (BIRTH, lambda n: birth(**{"Lamps/Id": b"\0" * n})),
    "birth, more ids than allowed": (BIRTH, lambda n: birth(**{"Lamps/Id": b"\0" * 50 * n})),
    "birth, empty metrics": (BIRTH, lambda n: birth() + METRIC * 30 * n),
    "birth, fields that are no metrics": (BIRTH, lambda n: birth() + b"\x08\x01" * 30 * n),
    "birth, a long version": (BIRTH, lambda n: birth(**{"Agent/Version": "\x1b" * 50 * n})),
    "birth, a nested schedule": (BIRTH, lambda n: birth(**{"Schedule/Document": "[" * 50 * n})),
    "birth, garbage": (BIRTH, lambda n: b"\xff" * 50 * n),
    "data, empty metrics": (DATA, lambda n: data(1) + METRIC * 30 * n),
    "data, fields that are no metrics": (DATA, lambda n: data(1) + b"\x08\x01" * 30 * n),
    "data, unknown aliases": (DATA, lambda n: data(1) + b"\x12\x03\x10\xff\x7f" * 12 * n),
    "data, one long array": (DATA, lambda n: data(1) + b"\x12\x86\x80\x80\x01\x10\x0b" + b"\0" * 50 * n),
    "data, garbage": (DATA, lambda n: b"\xff" * 50 * n),
    "data, cut": (DATA, lambda n: METRIC * 30 * n + b"\x12"),
    "death, empty metrics": (DEATH, lambda n: METRIC * 30 * n),
    "death, garbage": (DEATH, lambda n: b"\xff" * 50 * n),
    "another topic": ("spBv1.0/terang/NBIRTH/" + "x" * 200, lambda n: b"\xff" * 50 * n),
    "a topic of many levels": ("spBv1.0/" + "/" * 30_000, lambda n: b"\xff" * 50 * n),
}


def work_s(folder: Path, topic: str, payload: bytes) -> float:
    """CPU seconds that a host takes for a message of a session that is there."""
    stand = NameStand(folder)
    stand.directory.places.controller_circuit_index.update(
        {(NAME, f"{i + 1}"): i for i in range(N_LARGE)}  # type: ignore[attr-defined]  # a town's are a dict
    )
    stand.host.receive([(BIRTH, birth(**{"Lamps/Id": pack_strings(LAMPS)}))], AT_MS * 1000)
    began = time.process_time()
    stand.host.receive([(topic, payload)], AT_MS * 1000)
    return time.process_time() - began


@pytest.mark.parametrize("shape", SHAPES)
def test_a_message_twice_as_long_costs_about_twice_as_much(shape: str, tmp_path: Path) -> None:
    topic, payload = SHAPES[shape]
    large, small = payload(N_LARGE), payload(N_SMALL)
    assert len(large) <= MAX_PAYLOAD

    def large_s() -> float:
        cost_s = work_s(tmp_path, topic, large)
        assert cost_s < 2.0
        return cost_s

    check_growth(lambda: work_s(tmp_path, topic, small), large_s, GROWTH, 0.02)


def test_a_birth_beyond_every_limit_costs_as_much_as_its_bytes() -> None:
    began = time.process_time()
    with pytest.raises(BirthError):
        parse_birth(NAME, bytes(MAX_PAYLOAD + 1), town(1, 1))
    with pytest.raises(BirthError):
        parse_birth(NAME, birth(**{"Circuits/Id": b"\0" * 3_600_000}), town(1, 1))
    with pytest.raises(WireError):
        decode_state(b"[" * 100_000_000)
    assert time.process_time() - began < 1.0


@pytest.mark.parametrize("is_historical", [False, True])
def test_numbers_with_a_gap_before_each_cost_no_more_the_more_there_are(tmp_path: Path, *, is_historical: bool) -> None:
    def cost_s(n: int) -> float:
        stand = NameStand(tmp_path)
        stand.host.receive([(BIRTH, birth())], AT_MS * 1000)
        began = time.process_time()
        for first in range(0, n, 500):
            messages = [
                (DATA, data(2 * i + 2, is_historical=is_historical, **{"Outbox/Pending": 2 * i + 2}))
                for i in range(first, first + 500)
            ]
            intake = stand.host.receive(messages, AT_MS * 1000)
            [ranges.state(*key) for key, ranges in intake.touched.items()]
        return time.process_time() - began

    check_growth(lambda: cost_s(10_000), lambda: cost_s(20_000), GROWTH, 0.05)
