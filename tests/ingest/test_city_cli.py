"""terang-city on the command line: what it writes, what it refuses, and how it says so."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from edge_agent.config import load_config
from ingest.city.__main__ import main
from ingest.schema.sections import TelemetrySection

REPOSITORY = Path(__file__).parents[2]
MAP = '[lamp]\nlamp_id = "No"\nlatitude = "Lat"\nlongitude = "Lon"\n'
SOURCE = "No,Lat,Lon\n1,0.5,102\n2,,102\n3,0.6,102\n"


@pytest.fixture
def run(capsys, monkeypatch):
    """Call the command line in this process: (exit code, out, err)."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["terang-city", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        return ended.value.code or 0, out, err

    return call


@pytest.fixture
def city(tmp_path, run):
    assert run("init", tmp_path / "kota", "--name", 'Kota "Terang" \\ Baru')[0] == 0
    (tmp_path / "map.toml").write_text(MAP)
    (tmp_path / "asli.csv").write_text(SOURCE)
    return tmp_path / "kota"


def test_a_new_city_has_nothing_wrong(city, run):
    code, out, _ = run("check", city)
    assert (code, out) == (0, f"{city}: 4 lamps, 1 cabinets, 0 things wrong\n")


def test_a_new_citys_file_names_every_key_of_telemetry_with_its_default(city):
    path = city / "city.toml"
    text = re.sub(r"^# (\w+ = )", r"\1", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    named = tomllib.loads(text)["telemetry"]
    named.pop("token_file")  # a place, not a default
    defaults = {name: field.default for name, field in TelemetrySection.model_fields.items()}
    assert named == {name: default for name, default in defaults.items() if name not in {"token", "token_file"}}


def test_a_time_zone_that_is_not_the_lamps_is_reported(city, run):
    (city / "city.toml").write_text('[city]\nname = "Champaign"\ntimezone = "America/Chicago"\n')
    code, out, _ = run("check", city)
    assert code == 1
    assert "city.toml: [city] timezone: America/Chicago is 11 hours from the sun at longitude 102.0" in out


def test_a_city_elsewhere_gets_its_own_zone(tmp_path, run):
    assert run("init", tmp_path / "city", "--timezone", "Asia/Jayapura")[0] == 0
    assert 'timezone = "Asia/Jayapura"' in (tmp_path / "city" / "city.toml").read_text()
    code, _, err = run("init", tmp_path / "other", "--timezone", "Mars/Base")
    assert (code, err) == (2, "terang-city: --timezone: 'Mars/Base' is no time zone such as Asia/Jakarta\n")
    assert not (tmp_path / "other").exists()


def test_init_overwrites_nothing(city, run):
    (city / "city.toml").unlink()
    before = (city / "lamps.csv").read_bytes()
    code, _, err = run("init", city)
    assert code == 2
    assert err == f"terang-city: {city / 'lamps.csv'}: is there already; nothing was written\n"
    assert (city / "lamps.csv").read_bytes() == before
    assert not (city / "city.toml").exists()


def test_import_tells_each_bad_row_and_takes_the_rest(city, run, tmp_path):
    report = tmp_path / "report.csv"
    code, out, _ = run("import", city, tmp_path / "asli.csv", "--map", tmp_path / "map.toml", "--report", report)
    assert code == 0
    assert "asli.csv:3: Lat: is empty and required (row refused)\n" in out
    assert "register version 1 is in force" in out
    with report.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["line"], row["column"], row["outcome"]) for row in rows] == [("3", "Lat", "refused")]
    with (city / "lamps.csv").open(encoding="utf-8", newline="") as file:
        assert [row["lamp_id"] for row in csv.DictReader(file)] == ["1", "3"]


def test_strict_changes_nothing_for_one_bad_row(city, run, tmp_path):
    before = (city / "lamps.csv").read_bytes()
    code, out, err = run("import", city, tmp_path / "asli.csv", "--map", tmp_path / "map.toml", "--strict")
    assert code == 2
    assert "asli.csv:3: Lat: is empty and required (row refused)" in out
    assert err.splitlines()[-1].startswith(f"terang-city: {tmp_path / 'asli.csv'}: 1 rows refused")
    assert (city / "lamps.csv").read_bytes() == before


def test_check_says_what_is_wrong_and_ends_with_one(city, run):
    lamps = (city / "lamps.csv").read_text().replace("C-001,1,3,", "C-001,1,2,").replace("0.790200", "9.790200")
    (city / "lamps.csv").write_text(lamps)
    code, out, _ = run("check", city)
    assert code == 1
    assert "lamps.csv: position: 'L-0002' and 'L-0003' both claim position 2 on circuit '1' of 'C-001'" in out
    assert "lamps.csv: latitude: 'L-0004' stands far from all other lamps" in out
    assert out.endswith("2 things wrong\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("check", "nowhere"), "nowhere/city.toml: no such file"),
        (("import", "{city}", "gone.csv", "--map", "{map}"), "gone.csv: no such file"),
        (("import", "{city}", "{source}", "--map", "gone.toml"), "gone.toml: no such file"),
        (("agent", "PJU-9", "--city", "{city}"), "no controller 'PJU-9'"),
        (("init", "/proc/nothing/kota"), "/proc/nothing"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_two(city, run, tmp_path, arguments, said):
    places = {"city": city, "map": tmp_path / "map.toml", "source": tmp_path / "asli.csv"}
    code, _, err = run(*(argument.format(**places) for argument in arguments))
    assert code == 2
    assert err.count("\n") == 1
    assert err.startswith("terang-city: ")
    assert said in err


def test_a_missing_register_is_unusable(city, run):
    (city / "lamps.csv").unlink()
    code, _, err = run("check", city)
    assert (code, err.count("\n")) == (2, 1)


def test_the_agent_reads_the_file_that_is_made_for_it(city, run, tmp_path):
    (city / "cabinets.csv").write_text(
        "cabinet_id,controller_id,ports,cabinet_meter,circuit_meters,io\n"
        "C-001,PJU-001,A=/dev/ttyUSB0 B=/dev/ttyUSB1,B:200:sdm630,1=A:201:sdm120 2=B:202:sdm120,B:210:cabinet-io\n"
    )
    out = tmp_path / "agent.toml"
    assert run("agent", "PJU-001", "--city", city, "--out", out)[0] == 0
    config = load_config(out, {})
    assert (config.controller.group, config.controller.id) == ("terang", "PJU-001")
    assert config.controller.latitude == pytest.approx(0.7896)  # its lamps' centroid
    assert config.controller.timezone == "Asia/Jakarta"
    assert config.lamp_ids == ("L-0001", "L-0002", "L-0003")
    assert config.circuit_ids == ("1", "2")
    assert [bus.port for bus in config.buses] == ["/dev/ttyUSB0", "/dev/ttyUSB1"]
    assert config.buses[1].cabinet.address == 200
    assert config.buses[1].io.profile == "cabinet-io"
    assert run("agent", "PJU-001", "--city", city, "--out", out)[0] == 2  # edited by hand, perhaps


def test_two_meters_on_one_address_make_no_agents_file(city, run):
    lamps = (city / "lamps.csv").read_text().replace("A,2,pzem-016", "A,1,pzem-016")
    (city / "lamps.csv").write_text(lamps)
    code, _, err = run("agent", "PJU-001", "--city", city)
    assert code == 2
    assert "address 1 on bus A belongs to L-0001 and L-0002" in err


def test_a_controller_without_any_meter_is_said(city, run):
    (city / "lamps.csv").write_text("lamp_id,cabinet_id,latitude,longitude\nL-1,C-001,0.5,102\n")
    code, _, err = run("agent", "PJU-001", "--city", city)
    assert code == 2
    assert "PJU-001: the register gives it no meter" in err


def test_the_program_itself_ends_with_two_and_no_traceback(tmp_path):
    command = [sys.executable, "-m", "ingest.city", "check", str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
