"""Meter profiles: what ships loads and decodes, what is wrong with one is said with file and key."""

from pathlib import Path

import pytest

from edge_agent.errors import ConfigError
from edge_agent.serial.plan import WANTED, plan_requests
from edge_agent.serial.poll import Role
from edge_agent.serial.profile import RegisterBlock
from edge_agent.serial.profile_file import SHIPPED, load_profile

HEAD = 'title = "t"\nsource = "s"\n[quantities]\n'
VOLTAGE = 'voltage = { register = 0, type = "float32", unit = "V" }\n'


def load(tmp_path: Path, text: str):
    (tmp_path / "mine.toml").write_text(text)
    return load_profile("mine.toml", tmp_path)


@pytest.mark.parametrize("name", sorted(path.stem for path in SHIPPED.glob("*.toml")))
def test_shipped_profile_loads(name: str) -> None:
    profile = load_profile(name, SHIPPED)
    assert profile.title
    assert profile.quantities or profile.contacts


def test_overlapping_registers_name_both_quantities_and_the_register(tmp_path: Path) -> None:
    text = HEAD + VOLTAGE + 'current = { register = 1, type = "float32", unit = "A" }\n'
    with pytest.raises(
        ConfigError, match=r"mine\.toml: \[quantities\]\.current: overlaps voltage: both use register 1"
    ):
        load(tmp_path, text)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ('voltage = { register = 65535, type = "float32", unit = "V" }', "65535 is outside 0..65534"),
        ('voltage = { register = 0, type = "float64", unit = "V" }', "'float64' is none of uint16"),
        ('voltage = { register = 0, type = "uint16", unit = "A" }', "'A' is no unit of voltage, which is in V"),
        ('voltage = { register = 0, type = "uint16", unit = "V", scale = 0 }', "must not be 0"),
        ('voltage = { register = 0, type = "uint16", unit = "V", offset = 1 }', "unknown key"),
        ('volts = { register = 0, type = "uint16", unit = "V" }', "no such quantity"),
        ('voltage = { type = "uint16", unit = "V" }', "register: is missing"),
        ('voltage_r = { register = 0, type = "uint16", unit = "V" }', "give either voltage or all of"),
        ("", "measures nothing"),
    ],
)
def test_broken_profile_says_what_is_wrong(tmp_path: Path, line: str, complaint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, HEAD + line + "\n")
    assert "mine.toml" in str(caught.value)
    assert complaint in str(caught.value)


def test_kilowatt_hours_and_both_word_orders_come_out_in_base_units(tmp_path: Path) -> None:
    line = 'energy_wh = { register = 0, type = "uint32", unit = "kWh", scale = 0.01 }\n'
    high = load(tmp_path, 'word_order = "high"\n' + HEAD + line)
    assert high.decoder(RegisterBlock(0, 2))(bytes.fromhex("00010002"))["energy_wh"] == pytest.approx(655_380)
    low = load(tmp_path, 'word_order = "low"\n' + HEAD + line)
    assert low.decoder(RegisterBlock(0, 2))(bytes.fromhex("00010002"))["energy_wh"] == pytest.approx(1_310_730)


def test_negative_temperature_is_read_as_int16() -> None:
    profile = load_profile("lamp-node", SHIPPED)
    assert profile.decoder(RegisterBlock(10, 1))(b"\xff\x38")["temperature"] == pytest.approx(-20.0)


def brute_force_bytes(profile, wanted, cost: float) -> float:
    """Cheapest way over all ways to cut the wanted quantities into runs: the oracle."""
    spans = sorted((q.register, q.end) for name, q in profile.quantities.items() if name in wanted)
    best = {0: 0.0}
    for end in range(1, len(spans) + 1):
        options = []
        for start in range(end):
            count = spans[end - 1][1] - spans[start][0]
            if count <= profile.max_registers:
                options.append(best[start] + cost + 2 * count)
        best[end] = min(options)
    return best[len(spans)]


@pytest.mark.parametrize("name", ["pzem-016", "sdm120", "sdm630", "lamp-node"])
@pytest.mark.parametrize("cost", [0, 10, 20, 30, 60, 200])
def test_blocks_cost_no_more_bytes_than_the_best_of_all_cuts(name: str, cost: float) -> None:
    profile = load_profile(name, SHIPPED)
    for wanted in (*WANTED[Role.LAMP], *WANTED[Role.CABINET], tuple(profile.quantities)):
        blocks = profile.blocks(wanted, cost)
        assert sum(cost + 2 * block.count for block in blocks) <= brute_force_bytes(profile, wanted, cost) + 1e-9


def test_pzem_and_node_take_one_request_a_sweep() -> None:
    for name, count in (("pzem-016", 9), ("lamp-node", 14)):
        profile = load_profile(name, SHIPPED)
        planned = plan_requests(Role.LAMP, profile, 1, is_slow=False, character_s=10 / 9600)
        assert [item.request.n_data for item in planned] == [2 * count]
