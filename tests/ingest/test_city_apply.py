"""terang-city: look before importing, be asked before lamps vanish, have the last register back."""

from __future__ import annotations

import csv
import json
import re
import sys
import tomllib
from zoneinfo import available_timezones

import pytest

from ingest.city.__main__ import main
from ingest.city.extent import zone_place
from ingest.register.folder_register import read_city_files

MAP = '[lamp]\nlamp_id = "No"\nlatitude = "Lat"\nlongitude = "Lon"\nrated_power_w = "Daya"\n'
HEADER = "No,Lat,Lon,Daya\n"


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
def place(tmp_path, run):
    assert run("init", tmp_path / "kota")[0] == 0
    (tmp_path / "map.toml").write_text(MAP)
    return tmp_path


def source(place, n_lamps, name="asli.csv", prefix="T"):
    rows = "".join(f"{prefix}-{n},{-6.2 + n * 0.0003:.4f},106.8,90\n" for n in range(n_lamps))
    (place / name).write_text(HEADER + rows)
    return place / name


def imported(run, place, path, *more):
    return run("import", place / "kota", path, "--map", place / "map.toml", *more)


def lamp_ids(place):
    return read_city_files(place / "kota")[0].lamps.lamp_id


def test_a_dry_run_shows_everything_and_changes_nothing(run, place):
    before = {path: path.read_bytes() for path in (place / "kota").glob("*.csv")}
    preview = place / "map.html"
    code, out, _ = imported(run, place, source(place, 40), "--dry-run", "--preview", preview)
    assert code == 0
    assert "40  lamps could be taken; nothing was changed" in out
    assert re.search(r"extent: 6\.2000 S to 6\.1883 S, 106\.8000 E .* km from Asia/Jakarta; read in EPSG:4326", out)
    assert "register version" not in out
    assert before == {path: path.read_bytes() for path in (place / "kota").glob("*.csv")}
    page = preview.read_text()
    assert json.loads(re.search(r'type="application/json">(.*?)</script>', page)[1])["lat"][0] == -6.2
    assert not re.search(r"(?:src|href)=|url\(|https?:|fetch\(|import\b", page)


def test_nothing_of_a_register_becomes_markup_of_the_preview(run, place):
    (place / "asli.csv").write_text(HEADER + "</script><script>alert(1)</script>,-6.2,106.8,<b>\nT-2,-6.2,106.9,90\n")
    assert imported(run, place, place / "asli.csv", "--dry-run", "--preview", place / "map.html")[0] == 0
    page = (place / "map.html").read_text()
    assert page.count("</script>") == 2
    assert "<b>" not in page


def test_a_small_file_does_not_replace_a_city_unasked(run, place):
    assert imported(run, place, source(place, 200))[0] == 0
    code, out, err = imported(run, place, source(place, 15, "kecil.csv"))
    assert code == 2
    assert "185 of 200 lamps would vanish, 15 would be there; nothing changed: say --yes" in err
    assert "against the register in force: 185 lamps gone: T-15, T-16, T-17, T-18, T-19 …" in out
    assert len(lamp_ids(place)) == 200
    assert imported(run, place, source(place, 15, "kecil.csv"), "--yes")[0] == 0
    assert len(lamp_ids(place)) == 15


def test_the_register_before_comes_back(run, place):
    imported(run, place, source(place, 200))
    imported(run, place, source(place, 15, "kecil.csv"), "--yes")
    code, out, _ = run("restore-register", place / "kota", "--list")
    assert [line.split()[0] for line in out.splitlines()] == ["2", "1"]
    assert out.splitlines()[0].endswith("from kecil.csv  in force")
    code, out, _ = run("restore-register", place / "kota")
    assert (code, len(lamp_ids(place))) == (0, 200)
    assert "register version 3 is in force: version 1 restored, 200 lamps" in out
    assert run("restore-register", place / "kota", "2")[0] == 2  # 185 lamps would vanish: nobody is there to ask
    assert run("restore-register", place / "kota", "2", "--yes")[0] == 0
    assert len(lamp_ids(place)) == 15
    assert "no such register" in run("restore-register", place / "kota", "99")[2]


def test_a_folder_is_applied_as_it_stands(run, place):
    imported(run, place, source(place, 200))
    lamps = place / "kota" / "lamps.csv"
    lamps.write_text("".join(lamps.read_text().splitlines(keepends=True)[:100]))
    assert "101 of 200 lamps would vanish" in run("apply", place / "kota")[2]
    code, out, _ = run("apply", place / "kota", "--yes")
    assert (code, "register version 2 is in force: 99 lamps" in out) == (0, True)


def test_when_no_row_can_be_taken_each_is_reported_and_reported(run, place):
    (place / "asli.csv").write_text(HEADER + "".join(f"T-{n},,106.8,90\n" for n in range(50)) + "T-99,x,106.8,90\n")
    code, out, err = imported(run, place, place / "asli.csv", "--report", place / "report.csv")
    assert code == 2
    assert "not one row can be taken" in err
    assert "asli.csv:2: Lat: is empty and required (row refused)" in out
    assert "asli.csv:52: Lat: 'x' is no latitude of -90 to 90 degrees (row refused)" in out
    with (place / "report.csv").open(encoding="utf-8-sig", newline="") as file:
        assert len(list(csv.DictReader(file))) == 51


def test_thousands_of_equal_findings_do_not_hide_the_one_refused_row(run, place):
    rows = [f"T-{n},{-6.2 + n * 0.0003:.4f},106.8,250/85\n" for n in range(3000)] + ["T-x,,106.8,90\n"]
    (place / "asli.csv").write_text(HEADER + "".join(rows))
    code, out, _ = imported(run, place, place / "asli.csv", "--report", place / "report.csv")
    lines = out.splitlines()
    assert code == 0
    assert lines[0] == "asli.csv:3002: Lat: is empty and required (row refused)"
    assert "  … and 2,995 more like it in asli.csv: Daya: … is ambiguous: … numbers; rating left empty" in lines
    assert len(lines) < 40
    assert (place / "report.csv").read_text(encoding="utf-8-sig").count("\n") == 3002


def test_strict_does_not_speak_of_lamps_taken(run, place):
    (place / "asli.csv").write_text(HEADER + "T-1,-6.2,106.8,90\nT-2,,106.8,90\n")
    code, out, err = imported(run, place, place / "asli.csv", "--strict")
    assert code == 2
    assert "lamps taken" not in out
    assert "nothing changed" in err


def test_a_city_elsewhere_is_reported(run, place):
    imported(run, place, source(place, 40))
    (place / "utm.csv").write_text(HEADER + "".join(f"T-{n},{9163500 + 30 * n},480000,90\n" for n in range(40)))
    for crs, said in (
        ("EPSG:32649", "km from Asia/Jakarta: check zone and hemisphere"),  # the northern hemisphere's
        ("EPSG:32650", "km from those of the register in force"),  # the next zone
    ):
        (place / "map.toml").write_text(MAP + f'[source]\ncrs = "{crs}"\n')
        code, out, _ = imported(run, place, place / "utm.csv", "--dry-run")
        assert code == 0
        assert said in out, out


def test_lamps_outside_of_the_systems_area_are_reported(run, place):
    (place / "asli.csv").write_text(HEADER + "T-1,500000,3000000,90\nT-2,500010,3000000,90\n")
    (place / "map.toml").write_text(MAP + '[source]\ncrs = "EPSG:2180"\n')
    out = imported(run, place, place / "asli.csv", "--dry-run")[1]
    assert "2 of 2 lamps lie outside of the area that EPSG:2180 is made for (Poland" in out


def test_control_characters_reach_no_terminal(run, place):
    (place / "asli.csv").write_text("No,Lat,Lon,\x1b[31mDaya\n" + "T-\x1b[2J1,-6.2,106.8,\x07\x1b]0;x\x07\nT-2,,1,1\n")
    (place / "map.toml").write_text(MAP.replace('"Daya"', '"gone"'))
    code, out, err = imported(run, place, place / "asli.csv")
    assert code == 2
    assert not set(out + err) & {"\x1b", "\x07"}
    (place / "map.toml").write_text(MAP.replace('rated_power_w = "Daya"\n', ""))
    out, err = imported(run, place, place / "asli.csv")[1:]
    assert not set(out + err) & {"\x1b", "\x07"}
    out, err = run("suggest", place / "asli.csv")[1:]
    assert not set(out + err) & {"\x1b", "\x07"}


def test_suggest_drafts_a_mapping_that_imports(run, place, shared_data):
    path = shared_data / "registers" / "field" / "title_rows_dm.csv"
    code, out, _ = run("suggest", path, "--map", place / "draft.toml")
    assert code == 0
    assert "'Koordinat Lintang' -> latitude" in out
    assert "header: lines 3, 4" in out
    draft = tomllib.loads((place / "draft.toml").read_text())
    assert draft["source"]["header_row"] == [3, 4]
    assert run("import", place / "kota", path, "--map", place / "draft.toml")[0] == 0
    assert run("suggest", path, "--map", place / "draft.toml")[0] == 2  # never overwrites
    assert lamp_ids(place) == ["1", "2"]


def test_suggest_names_systems_for_metres_and_guesses_no_meter(run, place):
    rows = "".join(f"S-{n};{487000 + 30 * n},5;637000,25;{n};{n % 9}\n" for n in range(30))
    (place / "x.csv").write_bytes(
        ("Nr;X;Y;address;position;Ulica\n" + rows.replace("\n", ";Świętokrzyska\n")).encode("cp1250")
    )
    code, out, _ = run("suggest", place / "x.csv", "--timezone", "Europe/Warsaw")
    assert code == 0
    draft = tomllib.loads(out[out.index("[source]") :])
    assert draft["source"]["crs"] == "EPSG:2180"
    assert draft["source"]["encoding"] == "cp1250"
    assert draft["lamp"]["latitude"] == "X"  # the northing, in Poland
    assert not {"address", "position"} & draft["lamp"].keys()


def test_a_new_city_of_any_zone_passes_its_own_check(run, tmp_path):
    zones = [*sorted(available_timezones())[::40], "Asia/Kolkata", "Pacific/Kiritimati", "Etc/GMT+12"]
    for number, zone in enumerate(zones):
        folder = tmp_path / str(number)
        assert run("init", folder, "--timezone", zone)[0] == 0
        code, out, _ = run("check", folder)
        assert (code, "0 things wrong" in out) == (0, True), (zone, out)


def test_check_tells_how_positions_without_a_source_were_taken(run, place):
    lamps = place / "kota" / "lamps.csv"
    lamps.write_text(lamps.read_text().replace(",survey,", ",,"))
    code, out, _ = run("check", place / "kota")
    assert code == 0
    assert "lamps.csv: 3 positions without a source: 3 taken as survey, 0 as estimated" in out


def test_zones_are_where_they_are_named_after():
    assert zone_place("Asia/Jakarta") == pytest.approx((-6.167, 106.8), abs=0.01)
    assert zone_place("America/Chicago") == pytest.approx((41.85, -87.65), abs=0.01)
    assert zone_place("Etc/UTC") is None
