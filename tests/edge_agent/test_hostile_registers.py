"""Registers that hold anything at all, through decoding, sweep and record to the birth: nothing raises."""

from __future__ import annotations

import math
import struct
import time
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge_agent.__main__ import main
from edge_agent.config import parse_config
from edge_agent.link.message import Identity, nbirth, ndata
from edge_agent.outbox.layout import Layout
from edge_agent.outbox.numbering import Numbering
from edge_agent.outbox.record import METRIC_OF, Circumstances, Record, encode_body
from edge_agent.serial.profile import WIDTHS, Profile
from edge_agent.serial.profile_file import SHIPPED, load_profile, parse_profile
from edge_agent.serial.sweep import Sweeper
from edge_agent.tables import Table
from edge_agent.wire import DataType, Metric, Quality, decode_payload, unpack_array
from edge_agent.wire.quantities import UNKNOWN_UINT32
from tests.edge_agent.hostile_port import HostilePort

PROFILES = sorted(path.stem for path in SHIPPED.glob("*.toml"))
BASE = {
    "controller": {"group": "terang", "id": "PJU-1", "latitude": 0.8, "longitude": 102.0},
    "broker": {"url": "mqtt://127.0.0.1"},
}


ODD_FLOATS = (math.inf, -math.inf, math.nan, 3.4e38, -3.4e38, 1e17, -1e17, 1e-45, -0.0, 2.0**64, 2.0**32)
FORMATS = {"uint16": ">H", "int16": ">h", "uint32": ">I", "int32": ">i", "float32": ">f"}
ODD_WORDS = (b"\xff\xff", b"\x7f\xff", b"\x80\x00", b"\x7f\x80", b"\xff\x80", b"\x7f\xc0", b"\x00\x00", b"\x00\x01")


def buses_of(profile: str) -> list[dict]:
    """One bus on which the profile stands wherever it fits."""
    bus: dict = {"name": "A", "port": "/dev/null", "baud": 115200}
    loaded = load_profile(profile, SHIPPED)
    if loaded.contacts:
        bus["io"] = {"address": 9, "profile": profile}
    else:
        bus["cabinet"] = {"address": 9, "profile": profile}
        bus["circuits"] = [{"address": 8, "circuit": "1", "profile": profile}]
        if not loaded.is_three_phase:
            bus["lamps"] = [{"address": i, "lamp_id": f"L{i}", "profile": profile} for i in (1, 2)]
    return [bus]


def layout_of(config, sweeper: Sweeper) -> Layout:
    measured = frozenset(METRIC_OF[path] for path in sweeper.available if path in METRIC_OF)
    return Layout(config.lamp_ids, config.circuit_ids, measured, (True,) * len(config.lamp_ids))


@pytest.fixture(params=PROFILES)
def stand(request) -> Iterator[tuple[HostilePort, Sweeper, Layout, Profile]]:
    port = HostilePort()
    config = parse_config({**BASE, "bus": buses_of(request.param)}, Path("agent.toml"), {})
    profiles = {request.param: load_profile(request.param, SHIPPED)}
    sweeper = Sweeper(config, profiles, lambda _bus: port, lambda: 1.8e9, port.monotonic, lambda _s: None)
    yield port, sweeper, layout_of(config, sweeper), profiles[request.param]
    sweeper.close()


def messages_of(sweeper: Sweeper, layout: Layout, *, is_slow: bool) -> tuple[list[Metric], list[Metric]]:
    """The metrics of the birth and of the data message that one sweep becomes."""
    sweep = sweeper.sweep(slow=is_slow)
    circumstances = Circumstances(array("B", [255]) * len(layout.lamp_ids), True, 60)
    record = Record(7, 1, sweep.at_ms, layout.key, encode_body(sweep, layout, circumstances))
    numbering = Numbering(7, 1, 1)
    birth = decode_payload(nbirth(Identity(0, "1", None), layout, record, numbering, sweep.at_ms))
    data = decode_payload(ndata(record, numbering, 1, is_historical=False))
    return list(birth.metrics), list(data.metrics)


registers = st.lists(
    st.one_of(
        st.sampled_from(ODD_FLOATS).map(lambda number: struct.pack(">f", number)),
        st.sampled_from(ODD_WORDS),
        st.binary(min_size=2, max_size=2),
    ),
    min_size=1,
    max_size=128,
).map(b"".join)


def registers_of(profile: Profile, draw: Callable) -> bytes:
    """Registers of a meter that measures a lit lamp, one or two of them overwritten with anything."""
    data = bytearray(512)
    usual = {"voltage": 230.0, "current": 0.5, "power": 90.0, "power_factor": 0.9, "frequency": 50.0}
    for name, quantity in profile.quantities.items():
        stem = name[:-2] if name[-2:] in {"_r", "_s", "_t"} else name
        number = usual.get(stem, 3.0) / quantity.scale
        kind = FORMATS[quantity.kind]
        raw = struct.pack(kind, number if kind == ">f" else round(number))
        if profile.is_low_word_first:
            raw = raw[2:] + raw[:2]
        data[2 * quantity.register : 2 * quantity.register + len(raw)] = raw
    for quantity in draw(st.lists(st.sampled_from(sorted(profile.quantities.values(), key=str)), max_size=2)):
        odd = draw(st.one_of(st.sampled_from(ODD_FLOATS).map(lambda x: struct.pack(">f", x)), st.binary(max_size=4)))
        odd = odd[: 2 * WIDTHS[quantity.kind]]
        data[2 * quantity.register : 2 * quantity.register + len(odd)] = odd
    return bytes(data[:256])


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), is_slow=st.booleans())
def test_any_register_bytes_become_a_birth_and_data_with_finite_or_unknown_values(stand, data, is_slow) -> None:
    port, sweeper, layout, profile = stand
    is_arbitrary = not profile.quantities or data.draw(st.booleans())
    port.data = data.draw(registers) if is_arbitrary else registers_of(profile, data.draw)
    for metrics in messages_of(sweeper, layout, is_slow=is_slow):
        for metric in metrics:
            if metric.datatype == DataType.FLOAT_ARRAY and isinstance(metric.value, bytes):
                assert not any(map(math.isinf, unpack_array(DataType.FLOAT_ARRAY, metric.value)))
            if isinstance(metric.value, float):
                assert math.isfinite(metric.value)


def eastron(voltage: float, energy_kwh: float, power: float = 90.0) -> bytes:
    """The first 0x4A registers of an SDM120 that measures this."""
    registers = bytearray(256)
    for register, value in ((0, voltage), (6, 0.5), (12, power), (0x1E, 0.9), (0x46, 50.0), (0x48, energy_kwh)):
        registers[2 * register : 2 * register + 4] = struct.pack(">f", value)
    return bytes(registers)


@pytest.fixture
def sdm120() -> Iterator[tuple[HostilePort, Sweeper]]:
    port = HostilePort()
    config = parse_config({**BASE, "bus": buses_of("sdm120")}, Path("agent.toml"), {})
    profiles = {"sdm120": load_profile("sdm120", SHIPPED)}
    sweeper = Sweeper(config, profiles, lambda _bus: port, lambda: 1.8e9, port.monotonic, lambda _s: None)
    yield port, sweeper
    sweeper.close()


@pytest.mark.parametrize("energy_kwh", [math.inf, -math.inf, math.nan, 3.4e38, 1e17, -1.0, 2e6])
def test_impossible_energy_is_unknown_and_the_rest_of_the_reading_stands(sdm120, energy_kwh: float) -> None:
    port, sweeper = sdm120
    port.data = eastron(230.0, energy_kwh)
    sweep = sweeper.sweep(slow=True)
    assert list(sweep.quality) == [Quality.GOOD] * 2
    assert list(sweep.energy_wh) == [UNKNOWN_UINT32] * 2
    assert sweep.circuits.energy_wh[0] == UNKNOWN_UINT32
    assert sweep.cabinet.energy_wh is None
    assert sweep.cabinet.voltage[0] == sweep.voltage[0] == 230.0
    assert sweep.power[0] == 90.0


def test_possible_energy_is_kept(sdm120) -> None:
    port, sweeper = sdm120
    port.data = eastron(230.0, 1234.5)
    sweep = sweeper.sweep(slow=True)
    assert (sweep.energy_wh[0], sweep.circuits.energy_wh[0], sweep.cabinet.energy_wh) == (1234500,) * 3


def test_quantity_without_a_finite_number_is_unknown_alone_and_a_reading_of_none_is_implausible(sdm120) -> None:
    port, sweeper = sdm120
    port.data = eastron(230.0, 1.0, power=math.nan)
    sweep = sweeper.sweep(slow=False)
    assert list(sweep.quality) == [Quality.GOOD] * 2
    assert math.isnan(sweep.power[0])
    assert sweep.voltage[0] == 230.0
    port.data = struct.pack(">f", math.nan) * 64
    assert list(sweeper.sweep(slow=False).quality) == [Quality.IMPLAUSIBLE] * 2


@pytest.mark.parametrize("volts", [230.0, 220.0, 224.0])
def test_a_float_whose_words_are_swapped_is_no_dead_phase(sdm120, volts: float) -> None:
    """A round number's other word is zero: swapped, it is a number of 1e-41, which would pass for 0 V."""
    port, sweeper = sdm120
    data = eastron(volts, 1.0, power=64.0)
    port.data = b"".join(data[i + 2 : i + 4] + data[i : i + 2] for i in range(0, len(data) - 3, 4))
    sweep = sweeper.sweep(slow=False)
    assert list(sweep.quality) == [Quality.IMPLAUSIBLE] * 2
    assert math.isnan(sweep.voltage[0])
    assert math.isnan(sweep.cabinet.voltage[0])
    port.data = eastron(-0.0, 0.0, power=0.0)
    assert sweeper.sweep(slow=False).cabinet.voltage[0] == 0.0, "a dead phase reads 0 V"


def test_sum_over_phases_is_unknown_when_one_phase_is() -> None:
    port = HostilePort()
    config = parse_config({**BASE, "bus": buses_of("sdm630")}, Path("agent.toml"), {})
    sweeper = Sweeper(
        config,
        {"sdm630": load_profile("sdm630", SHIPPED)},
        lambda _bus: port,
        lambda: 1.8e9,
        port.monotonic,
        lambda _s: None,
    )
    power_s = (230.0, 230.0, 230.0, 1.0, 1.0, 1.0, 200.0, math.inf, 200.0)
    port.data = b"".join(struct.pack(">f", value) for value in power_s) + bytes(220)
    sweep = sweeper.sweep(slow=False)
    sweeper.close()
    assert math.isnan(sweep.circuits.power[0])
    assert sweep.circuits.current[0] == 3.0
    assert sweep.cabinet.power[0] == 200.0
    assert math.isnan(sweep.cabinet.power[1])


def test_own_profile_without_limits_gets_those_of_the_wire() -> None:
    document = {
        "title": "t",
        "source": "s",
        "quantities": {
            "voltage": {"register": 0, "type": "uint16", "unit": "V"},
            "energy_wh": {"register": 1, "type": "int32", "unit": "kWh", "scale": 1e12},
            "level": {"register": 3, "type": "uint16", "unit": "%"},
            "switch_count": {"register": 4, "type": "int16", "unit": "1"},
        },
    }
    quantities = parse_profile("own", Table("own.toml", document)).quantities
    assert (quantities["energy_wh"].minimum, quantities["energy_wh"].maximum < 2**64) == (0.0, True)
    assert (quantities["level"].maximum, quantities["switch_count"].minimum) == (100.0, 0.0)
    assert quantities["voltage"].maximum < 3.5e38


def test_read_and_scan_say_which_quantity_is_unknown(make_pty_bus, make_node, capsys) -> None:
    node = make_node(7)
    words = list(struct.unpack(">128H", eastron(230.0, math.inf)))
    node.input = words
    bus = make_pty_bus([node])
    assert main(["read", "--port", str(bus.path), "--address", "7", "--profile", "sdm120"]) == 0
    assert "unknown (not a finite number)" in capsys.readouterr().out
    node.input = list(struct.unpack(">128H", eastron(230.0, 3.4e38)))
    assert main(["read", "--port", str(bus.path), "--address", "7", "--profile", "sdm120"]) == 0
    assert "unknown (3.4e+41 is out of range)" in capsys.readouterr().out
    assert main(["scan", "--port", str(bus.path), "--first", "7", "--last", "7"]) == 0
    assert "energy unknown" in capsys.readouterr().out


def test_device_whose_decoding_raises_costs_itself_alone(sdm120, monkeypatch) -> None:
    """Not a thing that a shipped profile does; the next meter is asked all the same."""
    port, sweeper = sdm120
    port.data = eastron(230.0, 1.0)

    def broken(_data: bytes) -> dict[str, float]:
        raise OverflowError("cannot convert")

    meter = next(meter for thread in sweeper._threads for meter in thread.bus.meters if meter.address == 1)
    meter.requests[False] = tuple(type(planned)(planned.request, broken) for planned in meter.requests[False])
    assert list(sweeper.sweep(slow=False).quality) == [Quality.GARBLED, Quality.GOOD]


def test_bus_whose_sweep_raises_leaves_the_other_buses_readings(monkeypatch) -> None:
    ports = {"A": HostilePort(), "B": HostilePort()}
    buses = [
        {"name": name, "port": f"/dev/{name}", "baud": 115200,
         "lamps": [{"address": 1, "lamp_id": name, "profile": "sdm120"}]}
        for name in ports
    ]  # fmt: skip
    config = parse_config({**BASE, "bus": buses}, Path("agent.toml"), {})
    clock: Callable[[], float] = time.monotonic
    sweeper = Sweeper(
        config,
        {"sdm120": load_profile("sdm120", SHIPPED)},
        lambda bus: ports[bus.name],
        lambda: 1.8e9,
        clock,
        lambda _s: None,
    )
    ports["B"].data = eastron(230.0, 1.0)

    def broken(**_: object) -> dict:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(sweeper._threads[0].bus, "sweep", broken)
    assert list(sweeper.sweep(slow=False).quality) == [Quality.NO_RESPONSE, Quality.GOOD]
    sweeper.close()
