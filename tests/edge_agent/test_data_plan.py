"""docs/data_plan.md says what a sweep costs; this holds it to the messages that the agent really lays out."""

import re
from array import array
from pathlib import Path

import pytest

from edge_agent.config import AgentConfig, parse_config
from edge_agent.link.message import Identity, nbirth, ndata
from edge_agent.outbox.layout import Layout
from edge_agent.outbox.numbering import Numbering
from edge_agent.outbox.record import METRIC_OF, Circumstances, Record, encode_body
from edge_agent.serial.plan import sampled_quantities
from edge_agent.serial.profile_file import load_profiles
from edge_agent.serial.reading import SweepReadings

GUIDE = (Path(__file__).parents[2] / "docs/data_plan.md").read_text(encoding="utf-8")
LIT_H, LINK_HEADERS = 12, 52
CABINETS = {
    "250 lamp nodes": (250, 0, "lamp-node"),
    "100 lamp nodes": (100, 0, "lamp-node"),
    "100 PZEM-016": (100, 0, "pzem-016"),
    "12 circuit meters": (0, 12, ""),
    "one cabinet meter": (0, 0, ""),
}


def cabinet(n_lamps: int, n_circuits: int, profile: str) -> AgentConfig:
    lamps = [{"address": i % 199 + 1, "lamp_id": f"L-{i:06d}", "profile": profile} for i in range(n_lamps)]
    bus = {
        "name": "A",
        "port": "/dev/a",
        "lamps": lamps[:199],
        "circuits": [{"address": 201 + i, "circuit": f"{i + 1}", "profile": "sdm120"} for i in range(n_circuits)],
        "cabinet": {"address": 200, "profile": "sdm630"},
        "io": {"address": 240, "profile": "cabinet-io"},
    }
    buses = [bus] + ([{"name": "B", "port": "/dev/b", "lamps": lamps[199:]}] if lamps[199:] else [])
    controller = {"group": "terang", "id": "PJU-017", "latitude": 0.8, "longitude": 102.0}
    document = {"controller": controller, "broker": {"url": "mqtt://x"}, "bus": buses}
    return parse_config(document, Path("agent.toml"), {})


def layout_of(config: AgentConfig) -> tuple[Layout, dict[bool, frozenset[str]]]:
    profiles = load_profiles(config.profile_names, Path())
    sampled = {slow: sampled_quantities(config, profiles, is_slow=slow) for slow in (False, True)}
    measured = frozenset(METRIC_OF[path] for path in sampled[True])
    n_lamps = len(config.lamp_ids)
    return Layout(config.lamp_ids, config.circuit_ids, measured, (True,) * n_lamps), sampled


def record_of(config: AgentConfig, *, is_slow: bool) -> tuple[Record, Layout]:
    layout, sampled = layout_of(config)
    n_lamps = len(config.lamp_ids)
    sweep = SweepReadings.unknown(1_795_000_000_000, n_lamps, len(config.circuit_ids), sampled[is_slow])
    levels, errors = array("B", [100]) * n_lamps, array("I", [3]) * n_lamps
    circumstances = Circumstances(
        levels=levels, is_synchronised=True, interval_s=60, poll_errors=errors if is_slow else None
    )
    body = encode_body(sweep, layout, circumstances)
    return Record(epoch=1, sequence=123456, at_ms=sweep.at_ms, layout_key="x", body=body), layout


def payload_bytes(config: AgentConfig, *, is_slow: bool) -> int:
    record, _ = record_of(config, is_slow=is_slow)
    return len(ndata(record, Numbering(epoch=2**62 + 5, sequence=123456, pending=1), 7, is_historical=False))


def on_the_link(n_payload: int) -> int:
    """MQTT, TCP and IPv4 headers, and TCP's acknowledgement of every second segment."""
    n_message = n_payload + 2 + len("spBv1.0/terang/NDATA/PJU-017") + (2 if n_payload < 128 else 3)
    n_segments = -(-n_message // 1348)
    return n_message + (n_segments + (n_segments + 1) // 2) * LINK_HEADERS


def megabytes_a_month(fast: int, slow: int) -> float:
    n_lit, n_day, n_slow = LIT_H * 60, (24 - LIT_H) * 12, 96
    n_pings = 4 * n_day
    return ((n_lit + n_day - n_slow) * fast + n_slow * slow + n_pings * 160) * 30 / 1e6


@pytest.mark.parametrize("name", CABINETS)
def test_the_guides_figures_are_those_of_the_agents_messages(name: str) -> None:
    row = next(line for line in GUIDE.splitlines() if line.startswith(f"| {name}"))
    said = [float(cell) for cell in re.findall(r"\| *([\d.]+) *(?=\|)", row)]
    config = cabinet(*CABINETS[name])
    fast, slow = payload_bytes(config, is_slow=False), payload_bytes(config, is_slow=True)
    acknowledgement = on_the_link(60)
    fast_link, slow_link = (on_the_link(n) + acknowledgement for n in (fast, slow))
    month = megabytes_a_month(fast_link, slow_link)
    assert said == pytest.approx([fast, slow, fast_link, month], rel=0.03)


def test_a_birth_of_250_lamps_is_as_long_as_the_guide_says() -> None:
    config = cabinet(*CABINETS["250 lamp nodes"])
    record, layout = record_of(config, is_slow=True)
    numbering = Numbering(epoch=2**62 + 5, sequence=123456, pending=1)
    birth = nbirth(Identity(1, "0.1.0", None), layout, record, numbering, record.at_ms)
    said = re.search(r"about (\d+) kB for 250 lamps", GUIDE)
    assert said is not None
    assert len(birth) / 1000 == pytest.approx(float(said[1]), rel=0.15)
