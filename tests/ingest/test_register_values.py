"""Numbers, powers, angles and encodings as registers write them: read right, or left empty and reported."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.city.angles import read_degrees, split_pair
from ingest.city.importing import draft_register
from ingest.city.mapping import ImportMap
from ingest.city.power import power_mark, read_power
from ingest.city.text_encoding import encoding_of, likely_encodings
from ingest.city.vocabulary import technology_of
from ingest.errors import UnusableError
from ingest.register.delimited import read_delimited
from ingest.register.fields import Fields
from ingest.register.number_format import decimal_mark, plain_text, read_number
from tests.growth import check_growth


@pytest.mark.parametrize(
    ("column", "values"),
    [
        (["90", "0,25", "1.250"], [(90,), (0.25,), (1250,)]),
        (["90", "0.25", "1,250"], [(90,), (0.25,), (1250,)]),
        (["1.000", "2.000"], [(1, 1000), (2, 2000)]),
        (["1,000", "12,5"], [(1,), (12.5,)]),
        (["9.824.847,80", "1.250"], [(9824847.8,), (1250,)]),
        (["1 250", "1 250,5", "1'250", "1’250.5"], [(1250,), (1250.5,), (1250,), (1250.5,)]),
        (["1,25,000.50"], [(125000.5,)]),
        (["１．５", "٩٠٫٥", "๙๐"], [(1.5,), (90.5,), (90,)]),
        (["1.2.3", "1,2,3", "12 5", "", "x", "1e5", "--3"], [(), (), (), (), (), (100000,), ()]),
        (["70.5", "70,5", "1.250"], [(70.5,), (70.5,), (1.25, 1250)]),  # the column contradicts itself
    ],
)
def test_a_columns_own_values_decide_its_decimal_mark(column, values):
    mark = decimal_mark(map(plain_text, column))
    assert [read_number(plain_text(text), mark) for text in column] == values


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.floats(0.001, 9_999_999, allow_nan=False).map(lambda value: round(value, 2)), st.sampled_from(".,"))
def test_what_is_written_with_thousands_is_read_back(value, mark):
    text = f"{value:,.2f}".replace(",", "_").replace(".", mark).replace("_", "," if mark == "." else ".")
    assert read_number(text, decimal_mark([text])) == pytest.approx((value,))


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.text(max_size=20))
def test_no_text_breaks_a_reader(text):
    read_number(plain_text(text), "")
    read_degrees(text, "latitude")
    split_pair(text)
    read_power(text, power_mark([text]), "W", "sum")
    technology_of(text)


@pytest.mark.parametrize(
    ("text", "several", "watts"),
    [
        ("0.15 kW", None, 150), ("0,15kW", None, 150), ("90W", None, 90), ("90 watt", None, 90), ("150 Вт", None, 150),
        ("1 250 W", None, 1250), ("2x70W", "sum", 140), ("2 x 70 W", None, None), ("100W x 2", "sum", 200),
        ("1 x 150", None, 150), ("E27 100W", None, 100), ("T8 36W", None, 36), ("SON70", None, 70),
        ("70W+150W", "sum", 220), ("1.2 MW", None, 1.2e6), ("90 VA", None, None), ("0.15", None, None),
        ("1.000", None, None), ("1,000", None, None), ("1.000 kW", None, 1000), ("150.000", None, 150),
    ],
)  # fmt: skip
def test_a_power_is_read_or_left_empty_and_reported(text, several, watts):
    found = read_power(text, power_mark([text]), "W", several)
    assert found.value == (pytest.approx(watts) if watts is not None else None)
    assert found.remark or watts is not None


def test_a_supply_is_in_volt_amperes():
    assert read_power("1.300 VA", "", "VA", None, is_apparent=True).value == 1300
    assert read_power("3,5 kVA", ",", "VA", None, is_apparent=True).value == 3500
    assert "not volt-amperes" in str(read_power("900 W", "", "VA", None, is_apparent=True).remark)


@pytest.mark.parametrize(
    ("text", "degrees"),
    [
        ("S7 45.830", -7.763833), ("7° 45.830' S", -7.763833), ("7°45'49.8\"S", -7.763833), ("-7:45:49.8", -7.763833),
        ("7º45′49,8″ S", -7.763833), ("LS 7 45 49.8", -7.763833), ("7d45m49.8s", 7.763833), ("7d45m49.8s S", -7.763833),
        ("-7.7°", -7.7), ("-7,7638", -7.7638), ("-7.5 S", -7.5), ("-7.5 N", math.nan), ("7 65 0 S", math.nan),
        ("7.5 45 S", math.nan), ("E7 45", math.nan), ("北緯35度41分22秒", 35.689444), ("55°45′ с.ш.", 55.75),
        ("１３．７５", 13.75), ("45.83S", -45.83), ("S28 25.696", -28.428267), ("N", math.nan),
    ],
)  # fmt: skip
def test_an_angle_is_read_in_every_writing(text, degrees):
    assert read_degrees(text, "latitude") == pytest.approx(degrees, abs=1e-6, nan_ok=True)


def test_the_letter_o_is_west_or_east_or_refused():
    assert read_degrees("43,2 O", "longitude", -1) == -43.2
    assert read_degrees("9,5° O", "longitude", 1) == 9.5
    assert math.isnan(read_degrees("9,5° O", "longitude"))


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.floats(-89.9, 89.9), st.sampled_from(["{d}°{m}'{s:.3f}\"{h}", "{h} {d} {m} {s:.3f}", "{d}:{m}:{s:.3f} {h}", "{h}{d} {f:.6f}"]))  # fmt: skip
def test_degrees_minutes_and_seconds_are_read_back(value, form):
    size = abs(value)
    d, f = int(size), (size - int(size)) * 60
    m, s = int(f), (f - int(f)) * 60
    if s >= 59.999 or f >= 59.999:
        return
    text = form.format(d=d, m=m, s=s, f=f, h="S" if value < 0 else "N")
    assert read_degrees(text, "latitude") == pytest.approx(value, abs=1e-5)


@pytest.mark.parametrize(
    ("text", "pair"),
    [
        ("-7.56, 110.82", ("-7.56", "110.82")), ("-7,56; 110,82", ("-7,56", "110,82")), ("-7,56 110,82", ("-7,56", "110,82")),
        ("-7,56,110,82", ("-7,56", "110,82")), ("POINT (110.8 -7.56)", ("-7.56", "110.8")), ("(-7.56,110.82)", ("-7.56", "110.82")),
        ("S7 45.830 E110 02.948", ("S7 45.830", "E110 02.948")), ("110.82E, 7.5S", ("7.5S", "110.82E")),
        ("480000,9163500", ("480000", "9163500")), ("-7,5601", None), ("S7 45.830", None), ("36,75", None), ("", None),
    ],
)  # fmt: skip
def test_two_coordinates_in_one_text_are_distinguished_from_one(text, pair):
    assert split_pair(text) == pair


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp949", "번호,도로명\n1,세종대로\n2,을지로\n"), ("cp1250", "nr;ulica\n1;Świętokrzyska\n2;Żółkiewskiego\n"),
        ("cp1251", "номер;улица\n1;Ленина\n"), ("cp874", "รหัส,ถนน\n1,สุขุมวิท\n"), ("cp1254", "no;sokak\n1;Çiçek Sokağı\n"),
        ("cp1252", "id;rua\n1;São João\n2;Avenida Brasília\n"),
    ],
)  # fmt: skip
def test_an_encoding_that_nothing_names_is_suggested_and_never_guessed_without_a_word(encoding, text):
    content = text.encode(encoding)
    assert likely_encodings(content)[0] == encoding
    if encoding == "cp1252":
        assert encoding_of(content, None, "a.csv")[1]
    else:
        with pytest.raises(UnusableError, match=f"most likely {encoding}"):
            encoding_of(content, None, "a.csv")
    assert encoding_of(content, encoding, "a.csv") == (encoding, None)


@pytest.mark.parametrize("name", ["no-such", "base64", "rot13", "utf-8"])
def test_an_encoding_that_is_none_or_not_the_texts_is_an_error(name):
    with pytest.raises(UnusableError):
        encoding_of("Peña".encode("latin-1"), name, "a.csv")


@pytest.mark.parametrize(
    ("word", "technology"),
    [
        ("High Pressure Sodium", "HPS"), ("SON-T", "HPS"), ("low pressure sodium", "other"), ("Sodium (low pressure)", ""),
        ("Mercury Vapour", "MV"), ("LED retrofit", "LED"), ("โซเดียม", "HPS"), ("水銀灯", "MV"), ("HPS/LED", ""), ("Laser", ""),
    ],
)  # fmt: skip
def test_words_that_every_register_uses_need_no_mapping(word, technology):
    assert technology_of(word) == technology


def drafted(folder, text, lamp, **sections):
    (folder / "a.csv").write_text(text, encoding="utf-8")
    return draft_register(folder / "a.csv", ImportMap(lamp=lamp, **sections), lambda *_: None)


LAMP = {"lamp_id": "No", "latitude": "Lat", "longitude": "Lon"}


def test_several_lamps_of_one_pole_get_a_suffix_and_a_copy_is_refused(tmp_path):
    rows = "No,Lat,Lon,W\nT-1,0.5,102,90\nT-1,0.5,102,70\nT-1,0.50001,102,70\nT-1,0.5,102,90\nT-1,0.7,102,90\nT-1-2,0.6,102,9\n"
    found = drafted(tmp_path, rows, {**LAMP, "rated_power_w": "W"})
    assert found.lamps.lamp_id == ["T-1", "T-1-3", "T-1-4", "T-1-2"]
    refused = [issue.line for issue in found.issues if issue.is_refused]
    assert refused == [5, 6]  # the copy, and the one that stands elsewhere
    assert any("2 lamps stand at this very point" in str(issue) for issue in found.issues)


def test_a_nameless_lamp_that_moved_a_little_keeps_its_id(tmp_path):
    before = drafted(tmp_path, "Lat,Lon\n0.5,102\n0.6,102\n0.7,102\n", {"latitude": "Lat", "longitude": "Lon"})
    from ingest.register.register import Register  # noqa: PLC0415

    (tmp_path / "a.csv").write_text("Lat,Lon\n0.7,102\n0.50001,102.00001\n0.61,102\n")
    mapping = ImportMap(lamp={"latitude": "Lat", "longitude": "Lon"})
    known = Register(before.lamps, before.cabinets)
    after = draft_register(tmp_path / "a.csv", mapping, lambda *_: None, known=known)
    first, second, third = before.lamps.lamp_id
    assert after.lamps.lamp_id[:2] == [third, first]
    assert after.lamps.lamp_id[2] != second


def test_a_kilowatt_column_is_read_by_its_name_and_reported(tmp_path):
    found = drafted(tmp_path, "No,Lat,Lon,Daya (kW)\n1,0.5,102,0.25\n", {**LAMP, "rated_power_w": "Daya (kW)"})
    assert found.lamps.rated_power_w.tolist() == [250]
    assert any("its name says kW" in str(issue) for issue in found.issues)


def test_projected_coordinates_with_grouped_digits(tmp_path):
    rows = "No;Lat;Lon\n1;9.163.500;480.000\n2;9.163.530;480.010\n"
    found = drafted(tmp_path, rows, LAMP, source={"crs": 32749})
    assert found.lamps.latitude.tolist() == pytest.approx([-7.5676, -7.5673], abs=1e-4)
    assert found.lamps.longitude.tolist() == pytest.approx([110.8188, 110.8189], abs=3e-4)


def test_empty_words_are_empty(tmp_path):
    found = drafted(
        tmp_path, "No,Lat,Lon,Panel,W\n1,0.5,102,-,n/a\n", {**LAMP, "cabinet_id": "Panel", "rated_power_w": "W"}
    )
    assert found.lamps.cabinet_id == [""]
    assert len(found.cabinets) == 0
    assert found.issues == ()


def test_the_citys_own_file_does_not_read_a_thousand_as_one():
    table = read_delimited(b'rated_power_w\n"1,000"\n1.000\n150\n0.5\n"12,5"\n', "lamps.csv")
    fields = Fields(table)
    found = fields.numbers("rated_power_w", 0, 5000, "W", may_group=True).tolist()
    assert found[0] != 1
    assert found[1] != 1
    assert found[2] == 150
    assert found[4] == 12.5


@pytest.mark.parametrize("n_columns", [2, 8])
def test_stray_quotes_cost_work_that_grows_with_the_file_alone(n_columns):
    import time  # noqa: PLC0415

    def seconds(n_rows):
        content = ",".join(f"c{n}" for n in range(n_columns)) + "\n"
        content += (",".join(['"x'] + ["1"] * (n_columns - 1)) + "\n") * n_rows
        began = time.process_time()
        table = read_delimited(content.encode(), "a.csv")
        assert table.n_rows == n_rows or n_columns == 2  # two quotes of two columns make one field
        return time.process_time() - began

    check_growth(lambda: seconds(20_000), lambda: seconds(40_000), factor=3.2, slack_s=0.05)
