"""A cabinet's hours of energy from the telemetry that stands there, and a month's bill of them."""

from __future__ import annotations

import csv
import sys
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingest.__main__ import main
from ingest.database import open_database
from ingest.energy.counters_to_energy import US_PER_H
from ingest.energy.database_table import cabinet_sums, newest_hour, renew_hours
from ingest.energy.report import month_span
from ingest.errors import UnusableError
from ingest.jobs.energy import EnergyJob
from ingest.model.fleet import Fleet
from ingest.register.sync import sync_register
from ingest.schema.city import read_city
from ingest.schema.segments import US_PER_DAY, day_folder, segment_name

DAY = int(datetime(2026, 11, 23, tzinfo=UTC).timestamp()) * 1_000_000
MINUTE = 60_000_000
LAMPS = """lamp_id,cabinet_id,circuit,latitude,longitude,rated_power_w,technology,bus,address,profile,installed_on
L-1,C-1,1,0.5,102,100,HPS,A,1,pzem-016,
L-2,C-1,1,0.5,102,100,HPS,A,2,pzem-016,
L-3,C-2,1,0.5,102,100,HPS,,,,2019-05-01
L-4,C-3,1,0.5,102,100,LED,A,1,pzem-016,
L-5,C-3,2,0.5,102,60,HPS,,,,
"""
CABINETS = """cabinet_id,controller_id,supply_account,supply_va,metered
C-1,PJU-1,5301,1300,true
C-2,,5302,1300,false
C-3,PJU-3,5303,,true
"""


@pytest.fixture
def stand(tmp_path):
    (tmp_path / "city.toml").write_text('[city]\nname = "Kota"\n[schedule]\non = "18:00"\noff = "06:00"\n')
    (tmp_path / "lamps.csv").write_text(LAMPS)
    (tmp_path / "cabinets.csv").write_text(CABINETS)
    city = read_city(tmp_path, {})
    engine = open_database(city)
    fleet = Fleet.from_register(sync_register(engine, tmp_path)[0])
    yield city, engine, fleet
    engine.dispose()


def write(city, table, number, **columns):
    """One segment of one table; rows of one day."""
    at_us = columns["at_us"]
    folder = city.folder / "data" / "telemetry" / day_folder(int(at_us[0]) // US_PER_DAY)
    path = folder / segment_name(number, number)
    path.mkdir(parents=True, exist_ok=True)
    types = {"energy_wh": pa.uint64() if table == "cabinets" else pa.uint32(), "power_w": pa.float32()}
    arrays = {name: pa.array(values, types.get(name)) for name, values in columns.items()}
    for name in ("controller_id", "lamp_id", "circuit"):
        if name in arrays:
            arrays[name] = arrays[name].dictionary_encode()
    pq.write_table(pa.table(arrays), path / f"{table}.parquet")


def lamp_rows(city, number, lamp_id, controller_id, start_us, energy_wh, power_w, step_us=15 * MINUTE):
    n = len(power_w)
    at_us = start_us + np.arange(n) * step_us
    write(city, "lamps", number, at_us=at_us, controller_id=[controller_id] * n, lamp_id=[lamp_id] * n,
          energy_wh=energy_wh, power_w=power_w)  # fmt: skip


def hours(engine, city, fleet, start_us, end_us):
    for _ in renew_hours(engine, city, fleet, start_us, end_us):
        pass
    return {row.cabinet_id: row for row in cabinet_sums(engine, start_us, end_us)}


def test_lamps_counters_are_summed_where_the_cabinet_has_none(stand):
    city, engine, fleet = stand
    start = DAY + 12 * US_PER_H  # 19:00 in Jakarta
    for number, lamp in enumerate(("L-1", "L-2"), 1):
        lamp_rows(city, number, lamp, "PJU-1", start, [1000 + 25 * i for i in range(9)], [100.0] * 9)
    found = hours(engine, city, fleet, start, start + 2 * US_PER_H)["C-1"]
    assert found.measured_wh == pytest.approx(400)
    assert (found.interpolated_wh, found.estimated_wh) == (0, 0)
    assert found.lit_hours == pytest.approx(2)


def test_a_long_silence_is_interpolated_and_the_sum_stays_right(stand):
    city, engine, fleet = stand
    start = DAY + 12 * US_PER_H
    for number, at in enumerate((0, 4), 1):
        lamp_rows(city, number, "L-1", "PJU-1", start + at * US_PER_H, [1000 + 100 * at], [100.0])
    found = hours(engine, city, fleet, start + US_PER_H, start + 3 * US_PER_H)["C-1"]
    assert found.measured_wh == 0
    assert found.interpolated_wh == pytest.approx(200)


def test_the_cabinets_own_counter_says_it_best(stand):
    city, engine, fleet = stand
    start = DAY + 12 * US_PER_H
    lamp_rows(city, 1, "L-1", "PJU-1", start, [1000 + 25 * i for i in range(5)], [100.0] * 5)
    at_us = start + np.arange(5) * 15 * MINUTE
    write(city, "cabinets", 2, at_us=at_us, controller_id=["PJU-1"] * 5, energy_wh=[9000 + 60 * i for i in range(5)])
    found = hours(engine, city, fleet, start, start + US_PER_H)["C-1"]
    assert found.measured_wh == pytest.approx(240)


def test_a_circuits_counter_covers_its_lamps_and_the_rest_is_estimated(stand):
    city, engine, fleet = stand
    start = DAY + 12 * US_PER_H
    at_us = start + np.arange(5) * 15 * MINUTE
    counts = [70 + 20 * i for i in range(5)]
    write(city, "circuits", 1, at_us=at_us, controller_id=["PJU-3"] * 5, circuit=["1"] * 5, energy_wh=counts)
    found = hours(engine, city, fleet, start, start + US_PER_H)["C-3"]
    assert found.measured_wh == pytest.approx(80)
    assert found.estimated_wh == pytest.approx(60)  # L-5, by the schedule


def test_a_cabinet_that_nobody_hears_is_estimated_by_the_schedule(stand):
    city, engine, fleet = stand
    found = hours(engine, city, fleet, DAY, DAY + US_PER_DAY)["C-2"]
    assert (found.measured_wh, found.interpolated_wh) == (0, 0)
    assert found.lit_hours == pytest.approx(12)
    assert found.estimated_wh == pytest.approx(1200)


def test_a_strangers_reading_of_a_lamp_counts_nothing(stand):
    city, engine, fleet = stand
    start = DAY + 12 * US_PER_H
    lamp_rows(city, 1, "L-1", "PJU-3", start, [0, 10_000, 20_000], [100.0] * 3)
    assert hours(engine, city, fleet, start, start + US_PER_H)["C-1"].measured_wh == 0


def test_the_hours_are_the_same_the_second_time(stand):
    city, engine, fleet = stand
    start = DAY + 12 * US_PER_H
    lamp_rows(city, 1, "L-1", "PJU-1", start, [25 * i for i in range(9)], [100.0] * 9)
    first = hours(engine, city, fleet, DAY, DAY + US_PER_DAY)
    assert hours(engine, city, fleet, DAY, DAY + US_PER_DAY) == first
    assert first["C-1"].measured_wh == pytest.approx(200)


def test_readings_that_come_in_make_their_hours_new(stand):
    city, engine, fleet = stand
    start = DAY + 12 * US_PER_H
    lamp_rows(city, 1, "L-1", "PJU-1", start, [25 * i for i in range(5)], [100.0] * 5)
    clock = [0.0]
    job = EnergyJob(engine, city, fleet, lambda: clock[0])
    job.run(start + US_PER_H)
    assert newest_hour(engine) is None  # nothing was heard
    job.hear(type("Block", (), {"batch": type("Batch", (), {"n_records": 1, "at_us": np.array([start])})}))
    clock[0] = 3600.0
    job.run(start + US_PER_H)
    job.close()
    rows = {row.cabinet_id: row for row in cabinet_sums(engine, start, start + US_PER_H)}
    assert rows["C-1"].measured_wh == pytest.approx(100)


def test_a_months_bill_stands_beside_what_was_counted(stand, monkeypatch, capsys):
    city, _engine, _fleet = stand
    start = DAY + 12 * US_PER_H
    lamp_rows(city, 1, "L-1", "PJU-1", start, [25 * i for i in range(9)], [100.0] * 9)
    out = city.folder / "bill.csv"
    command = ["terang-ingest", "energy", "--city", str(city.folder), "--month", "2026-11", "--out", str(out)]
    monkeypatch.setattr(sys, "argv", command)
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    assert "5302" in capsys.readouterr().out
    with out.open(newline="") as file:
        rows = {row["cabinet_id"]: row for row in csv.DictReader(file)}
    assert float(rows["C-1"]["measured_kwh"]) == pytest.approx(0.2)
    assert float(rows["C-2"]["billed_kwh"]) == pytest.approx(1300 * 375 / 1000)  # by contracted power, without a meter
    assert rows["C-3"]["supply_account"] == "5303"


def test_a_month_is_the_citys_own():
    begin, end = month_span("2026-12", "Asia/Jakarta")
    assert datetime.fromtimestamp(begin // 1_000_000, UTC) == datetime(2026, 11, 30, 17, tzinfo=UTC)
    assert (end - begin) // US_PER_DAY == 31
    with pytest.raises(UnusableError, match="no month like"):
        month_span("2026-13", "Asia/Jakarta")


def test_nothing_is_estimated_before_a_cabinet_was_first_heard(stand):
    """A city that is fifteen minutes old has no month of estimated energy behind it."""
    city, engine, fleet = stand
    start = DAY + 12 * US_PER_H
    n, at_us = 2, DAY + 12 * US_PER_H + np.arange(2) * 15 * MINUTE
    write(city, "circuits", 1, at_us=at_us, controller_id=["PJU-3"] * n, circuit=["1"] * n, energy_wh=[70, 90])
    found = hours(engine, city, fleet, DAY - 20 * US_PER_DAY, start + 15 * MINUTE)
    assert found["C-3"].estimated_wh == pytest.approx(15)  # L-5, a quarter of an hour
    assert found["C-3"].lit_hours == pytest.approx(0.25)
    assert found["C-1"].estimated_wh == 0, "has a controller that was never heard"
    assert found["C-2"].estimated_wh > 0, "has none, and a lamp that was installed in 2019"


def test_a_cabinet_that_falls_silent_is_estimated_from_then_on_too(stand):
    city, engine, fleet = stand
    start = DAY + 12 * US_PER_H
    at_us = start + np.arange(2) * 15 * MINUTE
    write(city, "circuits", 1, at_us=at_us, controller_id=["PJU-3"] * 2, circuit=["1"] * 2, energy_wh=[70, 90])
    hours(engine, city, fleet, start, start + US_PER_H)
    later = hours(engine, city, fleet, DAY + 5 * US_PER_DAY, DAY + 6 * US_PER_DAY)["C-3"]
    assert later.estimated_wh == pytest.approx(12 * 160 * 1.0, rel=0.2)


@pytest.mark.parametrize("table", ["lamps", "circuits", "cabinets"])
@pytest.mark.parametrize("stumble", [0, 4_000_000_000, 990])
def test_a_months_bill_does_not_move_by_a_counter_that_stumbles(stand, table, stumble):
    city, engine, fleet = stand
    start, n = DAY + 12 * US_PER_H, 25
    counts = [1000 + 20 * i for i in range(n)]
    counts[12] = stumble
    at_us = start + np.arange(n) * 15 * MINUTE
    columns = {"at_us": at_us, "controller_id": ["PJU-1"] * n, "energy_wh": counts}
    own = {"lamps": {"lamp_id": ["L-1"] * n, "power_w": [80.0] * n}, "circuits": {"circuit": ["1"] * n}, "cabinets": {}}
    write(city, table, 1, **columns, **own[table])
    found = hours(engine, city, fleet, start, start + 6 * US_PER_H)["C-1"]
    assert found.measured_wh + found.interpolated_wh == pytest.approx(480)
    assert found.interpolated_wh == pytest.approx(40), "the hour is marked"
