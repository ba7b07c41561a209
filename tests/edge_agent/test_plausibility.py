"""What is believed and what is not."""

import math
from pathlib import Path

import pytest

from edge_agent.serial.plausibility import believable, is_plausible
from edge_agent.serial.profile_file import SHIPPED, load_profile

PZEM = load_profile("pzem-016", SHIPPED)
SDM630 = load_profile("sdm630", SHIPPED)
GOOD = {"voltage": 230.0, "current": 0.4, "power": 90.0, "power_factor": 0.98, "frequency": 50.0}


@pytest.mark.parametrize(
    "change",
    [
        {"voltage": 300.1},
        {"voltage": math.nan},
        {"power_factor": 1.06},
        {"frequency": 44.9},
        {"frequency": 65.1},
        {"current": 924057.6},
        {"power": 115.0},
        {"current": 0.0, "power": 9.0},
    ],
)
def test_impossible_reading_is_not_believed(change: dict[str, float]) -> None:
    assert is_plausible(PZEM, GOOD)
    assert not is_plausible(PZEM, GOOD | change)


def test_small_load_without_measurable_current_is_believed() -> None:
    assert is_plausible(PZEM, GOOD | {"current": 0.0, "power": 3.1})


def test_node_without_supply_voltage_is_believed_whatever_its_frequency_counter_shows() -> None:
    dead = {"voltage": 0.0, "current": 0.0, "power": 0.0, "power_factor": 0.0, "frequency": 0.0}
    assert is_plausible(PZEM, dead)


def test_dead_phase_is_believed_and_impossible_phase_is_not() -> None:
    values = {f"voltage_{p}": 230.0 for p in "rst"} | {f"current_{p}": 4.0 for p in "rst"}
    values |= {f"power_{p}": 900.0 for p in "rst"}
    assert is_plausible(SDM630, values | {"voltage_s": 0.0, "current_s": 0.0, "power_s": 0.0})
    assert not is_plausible(SDM630, values | {"current_t": 1.0})


def test_torn_off_sensor_spoils_only_itself() -> None:
    node = load_profile("lamp-node", SHIPPED)
    values = GOOD | {"temperature": -3276.8}
    assert is_plausible(node, values)
    assert "temperature" not in believable(node, values)
    assert believable(node, values)["power"] == 90.0


PROFILES = sorted(path.stem for path in SHIPPED.glob("*.toml"))
LIMITED = ("voltage", "current", "power", "power_factor", "frequency", "temperature", "illuminance", "burning_hours")


@pytest.mark.parametrize("name", PROFILES)
def test_every_shipped_profile_limits_each_quantity_to_less_than_its_register_holds(name: str) -> None:
    for quantity in load_profile(name, SHIPPED).quantities.values():
        if quantity.name.removesuffix("_r").removesuffix("_s").removesuffix("_t") not in LIMITED:
            continue
        assert -4e6 < quantity.minimum < quantity.maximum < 4e6, quantity
        if quantity.name.startswith("voltage"):
            assert quantity.maximum <= 450


@pytest.mark.parametrize("name", PROFILES)
def test_a_value_beyond_the_meters_range_is_never_a_good_reading(name: str) -> None:
    profile = load_profile(name, SHIPPED)
    phases = ("_r", "_s", "_t") if profile.is_three_phase else ("",)
    good = {f"{key}{phase}": value for phase in phases for key, value in GOOD.items() if key != "frequency"}
    good = {key: value for key, value in good.items() if key in profile.quantities}
    assert is_plausible(profile, good)
    for key in good:
        above = math.nextafter(profile.quantities[key].maximum, math.inf)
        assert not is_plausible(profile, good | {key: above}), key
        assert key not in believable(profile, good | {key: above})


def test_a_profile_of_ones_own_has_limits_of_the_net_and_may_name_others(tmp_path: Path) -> None:
    head = 'title = "t"\nsource = "s"\n[quantities]\n'
    line = 'voltage = {{ register = 0, type = "uint16", unit = "V"{} }}\n'
    (tmp_path / "plain.toml").write_text(head + line.format(""))
    (tmp_path / "wide.toml").write_text(head + line.format(", maximum = 800"))
    plain, wide = (load_profile(f"{name}.toml", tmp_path) for name in ("plain", "wide"))
    assert is_plausible(plain, {"voltage": 450.0})
    assert not is_plausible(plain, {"voltage": 450.1})
    assert is_plausible(wide, {"voltage": 799.0})
    assert not is_plausible(wide, {"voltage": 801.0})
