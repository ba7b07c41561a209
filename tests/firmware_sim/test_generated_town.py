"""The generated town: deterministic, whole, and with the figures of real registers."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from firmware_sim.__main__ import app
from firmware_sim.city import Register, build_town, settings_text, write_folder
from firmware_sim.errors import SimError
from ingest.schema.city import read_city


@pytest.fixture(scope="module")
def town() -> Register:
    return build_town(1200, 11)


def test_same_seed_same_town_other_seed_other_town(town):
    assert build_town(1200, 11) == town
    assert build_town(1200, 12) != town


@pytest.mark.parametrize("n_lamps", [10, 137, 900])
def test_town_has_exactly_the_lamps_asked_for(n_lamps):
    register = build_town(n_lamps, 4)
    assert len({lamp.lamp_id for lamp in register.lamps}) == n_lamps


def _spans(register: Register) -> list[float]:
    """Metres between neighbours on a cable."""
    circuits = defaultdict(list)
    for lamp in register.lamps:
        circuits[lamp.cabinet_id, lamp.circuit].append(lamp)
    return [
        float(111_320 * np.hypot(after.latitude - before.latitude, after.longitude - before.longitude))
        for lamps in circuits.values()
        for before, after in pairwise(lamps)
    ]


def test_positions_count_from_one_along_each_circuit(town):
    positions = defaultdict(list)
    for lamp in town.lamps:
        positions[lamp.cabinet_id, lamp.circuit].append(lamp.position)
    assert all(found == list(range(1, len(found) + 1)) for found in positions.values())


def test_poles_stand_25_to_50_m_apart(town):
    within = np.mean([20 < span < 56 for span in _spans(town)])
    assert within > 0.85, f"{within:.2f} of the spans are usual ones"


def test_catchments_and_powers_are_those_of_real_registers(town):
    sizes = Counter(lamp.cabinet_id for lamp in town.lamps).values()
    assert min(sizes) >= 29
    assert max(sizes) <= 213
    assert 50 <= np.median(list(sizes)) <= 110
    assert {lamp.rated_power_w for lamp in town.lamps} <= set(range(20, 251))
    technologies = Counter(lamp.technology for lamp in town.lamps)
    assert technologies["LED"] > 0.55 * len(town.lamps)
    assert technologies["HPS"] > 0


def test_metered_lamps_have_addresses_that_no_other_on_the_bus_has(town):
    controller = {cabinet.cabinet_id: cabinet.controller_id for cabinet in town.cabinets}
    seen = Counter((controller[lamp.cabinet_id], lamp.bus, lamp.address) for lamp in town.lamps if lamp.profile)
    assert max(seen.values()) == 1
    assert all(1 <= address <= 200 for _controller, _bus, address in seen)


def test_written_folder_is_a_city(tmp_path: Path, town):
    write_folder(tmp_path, town, settings_text(name="Kota Uji"))
    assert read_city(tmp_path, {}).city.name == "Kota Uji"
    with (tmp_path / "lamps.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["lamp_id"] for row in rows] == [lamp.lamp_id for lamp in town.lamps]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cabinets.csv", "city.toml", "lamps.csv"]


def test_town_is_not_written_over_another_unasked(tmp_path: Path):
    runner = CliRunner()
    assert runner.invoke(app, ["town", str(tmp_path), "--lamps", "40"]).exit_code == 0
    second = runner.invoke(app, ["town", str(tmp_path), "--lamps", "40"])
    assert isinstance(second.exception, SimError)
    assert "--force" in str(second.exception)
    assert runner.invoke(app, ["town", str(tmp_path), "--lamps", "50", "--force"]).exit_code == 0


def test_cables_begin_near_their_cabinet_and_do_not_jump(town):
    place = {cabinet.cabinet_id: (cabinet.latitude, cabinet.longitude) for cabinet in town.cabinets}
    first = [lamp for lamp in town.lamps if lamp.position == 1]
    away = [
        111_320 * np.hypot(lamp.latitude - place[lamp.cabinet_id][0], lamp.longitude - place[lamp.cabinet_id][1])
        for lamp in first
    ]
    assert np.median(away) < 250
    jumps = [span for span in _spans(town) if span > 200]
    assert len(jumps) < 0.02 * len(town.lamps)


def test_every_class_of_metering_and_switching_is_there():
    cabinets = build_town(6000, 5).cabinets
    assert {cabinet.metering for cabinet in cabinets} == {"lamp", "circuit", "cabinet"}
    assert {cabinet.switching for cabinet in cabinets} == {"lamp", "contactor"}
    metered = [cabinet.metering == "lamp" for cabinet in cabinets]
    assert 0.7 < np.mean(metered) < 0.97


def test_cabinet_without_lamp_meters_has_lamps_without_address():
    register = build_town(400, 8, share_without_lamp_meters=1.0)
    assert all(lamp.address is None and not lamp.bus and not lamp.profile for lamp in register.lamps)


def test_towns_side_by_side_share_no_place_and_no_district():
    register = build_town(6500, 2)
    assert len({(lamp.latitude, lamp.longitude) for lamp in register.lamps}) > 0.999 * len(register.lamps)
    assert {lamp.district.rsplit(" ", 1)[1] for lamp in register.lamps} == {"1", "2", "3"}
