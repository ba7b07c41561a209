"""A sweep's way over the wire and back: nothing changes, nothing is invented."""

from __future__ import annotations

import math
from array import array
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.link.message import ndata
from edge_agent.outbox.layout import Layout
from edge_agent.outbox.numbering import Numbering
from edge_agent.outbox.record import METRIC_OF, Circumstances, Record, encode_body, rearrange
from edge_agent.serial.reading import (
    CABINET_FAST,
    CABINET_SLOW,
    CIRCUIT_FAST,
    CIRCUIT_SLOW,
    CONTACTS,
    LAMP_FAST,
    LAMP_SLOW,
    CabinetReading,
    CircuitReadings,
    SweepReadings,
)
from edge_agent.wire import BY_NAME, LAMP_QUANTITIES, decode_payload, unpack_array
from tests.edge_agent.played_session import values
from tests.edge_agent.stub_meters import bytes_array

FAST = LAMP_FAST | CIRCUIT_FAST | CABINET_FAST | CONTACTS
ALL = FAST | LAMP_SLOW | CIRCUIT_SLOW | CABINET_SLOW
PATHS = {METRIC_OF[path]: path for path in ALL}

floats = st.floats(width=32, allow_infinity=False)
counts = st.integers(0, 0xFFFFFFFF)
maybe = st.none() | st.booleans()


@st.composite
def sweeps(draw) -> tuple[SweepReadings, Layout]:
    n, m = draw(st.integers(0, 6)), draw(st.integers(0, 3))

    def some(strategy, size, typecode):
        return array(typecode, draw(st.lists(strategy, min_size=size, max_size=size)))

    lamps = {name: some(floats, n, "f") for name in ("voltage", "current", "power", "power_factor", "temperature")}
    lamps |= {name: some(counts, n, "I") for name in ("energy_wh", "burning_hours", "switch_count")}
    lamps |= {name: some(st.integers(0, 255), n, "B") for name in ("status", "driven_level")}
    lamps |= {q.name: q.unanswered_array(n) for q in LAMP_QUANTITIES if q.is_from_meter and q.name not in lamps}
    three = st.tuples(floats, floats, floats)
    sweep = SweepReadings(
        at_ms=draw(st.integers(1_767_225_600_000, 4_102_444_800_000)),
        quantities=draw(st.sampled_from([FAST, ALL])),
        quality=some(st.integers(0, 4), n, "B"),
        circuits=CircuitReadings(
            *(some(floats, m, "f") for _ in range(3)), some(counts, m, "I"), some(st.integers(0, 4), m, "B")
        ),
        cabinet=CabinetReading(
            *(draw(three) for _ in "VIP"),
            draw(st.none() | st.integers(0, 2**64 - 1)),
            *(draw(maybe) for _ in ("door", "contactor", "supply")),
        ),
        duration_s=draw(st.floats(0, 600, width=32)),
        **lamps,
    )
    measured = frozenset(METRIC_OF[path] for path in ALL if n or path not in LAMP_FAST | LAMP_SLOW)
    return sweep, Layout(tuple(f"L{i}" for i in range(n)), tuple(f"{i}" for i in range(m)), measured, (True,) * n)


def reported(sweep: SweepReadings, layout: Layout, *, is_historical: bool = False) -> dict:
    levels = bytes_array(bytes(100 for _ in layout.lamp_ids))
    body = encode_body(sweep, layout, Circumstances(levels, True, 60))
    payload = decode_payload(
        ndata(Record(1, 5, sweep.at_ms, layout.key, body), Numbering(1, 5, 2), 9, is_historical=is_historical)
    )
    assert (payload.seq, payload.timestamp_ms) == (9, sweep.at_ms)
    assert {metric.timestamp_ms for metric in payload.metrics} == {sweep.at_ms}
    assert {metric.is_historical for metric in payload.metrics} == {is_historical}
    return values(payload)


def read(sweep: SweepReadings, path: str):
    part, _, name = path.rpartition(".")
    return getattr(getattr(sweep, part) if part else sweep, name)


@given(sweeps(), st.booleans())
@settings(max_examples=60, deadline=None)
def test_what_was_sampled_arrives_bit_for_bit_and_nothing_else(made, is_historical):
    sweep, layout = made
    found = reported(sweep, layout, is_historical=is_historical)
    for name, path in PATHS.items():
        is_scalar = BY_NAME[name].datatype.name in {"UINT64", "BOOLEAN"}
        if name not in layout.measured or (path not in sweep.quantities and not is_scalar):
            assert name not in found
        elif is_scalar:
            assert found[name] == (read(sweep, path) if path in sweep.quantities else None)
        else:
            values_ = read(sweep, path)
            arrived = unpack_array(BY_NAME[name].datatype, found[name])
            sent = values_ if isinstance(values_, array) else array("f", values_)
            assert arrived.tobytes() == sent.tobytes()
    assert (found["Outbox/Epoch"], found["Outbox/Sequence"], found["Outbox/Pending"]) == (1, 5, 2)


@given(sweeps(), st.randoms(use_true_random=False))
@settings(max_examples=30, deadline=None)
def test_rearranging_moves_each_lamp_with_its_readings(made, source):
    sweep, layout = made
    ids = [*layout.lamp_ids, "new"]
    source.shuffle(ids)
    present = replace(layout, lamp_ids=tuple(ids), is_dimmable=(True,) * len(ids))
    body = encode_body(sweep, layout, Circumstances(bytes_array(bytes(100 for _ in layout.lamp_ids)), True, 60))
    moved = rearrange(Record(1, 1, sweep.at_ms, layout.key, body), layout, present)
    found = values(decode_payload(ndata(moved, Numbering(1, 1, 1), 0, is_historical=True)))
    if not layout.lamp_ids:
        return
    power = unpack_array(BY_NAME["Lamps/Power"].datatype, found["Lamps/Power"])
    for i, lamp_id in enumerate(ids):
        if lamp_id == "new":
            assert math.isnan(power[i])
            assert found["Lamps/Quality"][i] == 1
        else:
            j = layout.lamp_ids.index(lamp_id)
            assert array("f", [power[i]]).tobytes() == array("f", [sweep.power[j]]).tobytes()
            assert found["Lamps/Quality"][i] == sweep.quality[j]


def test_a_lamps_reading_with_every_quantity_takes_27_bytes_of_arrays():
    sizes = {"f": 4, "I": 4, "B": 1}
    contracted = {
        *("Lamps/Voltage", "Lamps/Current", "Lamps/Power", "Lamps/Power Factor", "Lamps/Temperature", "Lamps/Energy"),
        *("Lamps/Burning Hours", "Lamps/Switch Count", "Lamps/Status"),
    }
    lamp_names = {name for name, path in PATHS.items() if path in LAMP_FAST | LAMP_SLOW}
    assert contracted <= lamp_names
    sweep = SweepReadings.unknown(0, 1, 0)
    n_bytes = sum(sizes[read(sweep, PATHS[name]).typecode] for name in contracted)
    assert n_bytes + len("level") // 5 + len("quality") // 7 == 5 * 4 + 3 * 4 + 3
