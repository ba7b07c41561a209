"""A city's two CSV files: every row is answered for, one bad value costs itself, and the database follows the files."""

from __future__ import annotations

import numpy as np
import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.database import open_database
from ingest.errors import UnusableError
from ingest.register.check import check_cabinets, check_lamps
from ingest.register.delimited import read_delimited
from ingest.register.fields import Fields
from ingest.register.folder_register import read_city_files
from ingest.register.register import Lamps
from ingest.register.sync import sync_register
from ingest.schema.city import read_city

CABINETS = "cabinet_id,controller_id,switching,pole\nC-1,PJU-1,contactor,steel\nC-2,,,\n"
HEADER = (
    "lamp_id,cabinet_id,circuit,position,position_source,latitude,longitude,"
    "rated_power_w,technology,bus,address,dimmable"
)
LAMPS_HEADER = "lamp_id,cabinet_id,circuit,position,latitude,longitude,rated_power_w,technology"
GOOD = "L-1,C-1,1,1,survey,0.5,102.0,90,LED,A,1,true"


def city(folder, lamps, cabinets=CABINETS, encoding="utf-8"):
    (folder / "city.toml").write_text('[city]\nname = "Kota"\n', encoding="utf-8")
    (folder / "lamps.csv").write_bytes(lamps if isinstance(lamps, bytes) else lamps.encode(encoding))
    (folder / "cabinets.csv").write_text(cabinets, encoding="utf-8")
    return folder


def test_a_clean_register_is_taken_whole(tmp_path):
    register, issues = read_city_files(city(tmp_path, f"{HEADER},Pole_Color\n{GOOD},black\nL-2,,,,,0.6,102.1,,,,,,\n"))
    lamps = register.lamps
    assert issues == ()
    assert lamps.lamp_id == ["L-1", "L-2"]
    assert lamps.cabinet.tolist() == [0, -1]
    assert lamps.position.tolist() == [1, -1]
    assert lamps.rated_power_w[0] == 90
    assert np.isnan(lamps.rated_power_w[1])
    assert lamps.technology == ["LED", "other"]
    assert lamps.is_dimmable.tolist() == [True, False]
    assert lamps.extra == [{"Pole_Color": "black"}, {}]
    assert register.cabinets.extra == [{"pole": "steel"}, {}]
    assert register.cabinets.latitude[0] == 0.5  # the centroid of its lamps
    assert np.isnan(register.cabinets.latitude[1])


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (",C-1,1,2,survey,0.5,102,,,,,", "lamps.csv:3: lamp_id: is empty and required (row refused)"),
        ("L-1,C-1,1,2,survey,0.5,102,,,,,", "lamps.csv:3: lamp_id: 'L-1' stands in line 2 already (row refused)"),
        ("L-2,C-1,1,2,survey,,102,,,,,", "lamps.csv:3: latitude: is empty and required (row refused)"),
        ("L-2,C-1,1,2,survey,102,0.5,,,,,", "seem swapped (row refused)"),
        ("L-2,C-1,1,2,survey,north,102,,,,,", "lamps.csv:3: latitude: 'north' is no latitude"),
        ("L-2,C-1,1,2,survey,NaN,102,,,,,", "lamps.csv:3: latitude: 'NaN' is no latitude"),
        ("L-2,C-1,1,2,survey,0,0,,,,,", "lamps.csv:3: latitude: 0, 0 is no place"),
        ("L-2,C-1,1,2", "lamps.csv:3: 4 fields where the header names 12 (row refused)"),
        ("L-2,C-1,1,2,survey,0.5,102,,,,,,more", "lamps.csv:3: 13 fields where the header names 12 (row refused)"),
        ("L-2\0,C-1,1,2,survey,0.5,102,,,,,", "lamps.csv:3: a null byte in the row (row refused)"),
        ("L-2,C-1," + "x" * 5000 + ",2,survey,0.5,102,,,,,", "lamps.csv:3: a field of 5000 characters (row refused)"),
        ("L-2,C-1,1,2,survey,0.5,102,250/85,,,,", "lamps.csv:3: rated_power_w: '250/85' is no number; left empty"),
        ("L-2,C-1,1,2,survey,0.5,102,-3,,,,", "lamps.csv:3: rated_power_w: '-3' is not within 0 to 5000 W; left empty"),
        ("L-2,C-9,1,2,survey,0.5,102,,,,,", "lamps.csv:3: cabinet_id: 'C-9' is not in cabinets.csv"),
        ("L-2,C-1,1,2.5,survey,0.5,102,,,,,", "lamps.csv:3: position: '2.5' is no whole number"),
        ("L-2,C-1,1,2,guess,0.5,102,,,,,", "lamps.csv:3: position_source: 'guess' is none of survey, estimated"),
        ("L-2,C-1,1,2,survey,0.5,102,,Laser,,,", "lamps.csv:3: technology: 'Laser' is none of LED"),
        ("L-2,C-1,1,2,survey,0.5,102,,,A,248,", "lamps.csv:3: address: '248' is not within 1 to 247; left"),
        ("L-2,C-1,1,2,survey,0.5,102,,,A,1,", "lamps.csv:3: address: 1 on bus 'A' belongs to the lamp of line 2 too"),
        ("L-2,C-1,1,2,survey,0.5,102,,,,,perhaps", "lamps.csv:3: dimmable: 'perhaps' is neither true nor false"),
    ],
)
def test_what_is_wrong_is_said_with_line_column_and_reason(tmp_path, row, said):
    register, issues = read_city_files(city(tmp_path, f"{HEADER}\n{GOOD}\n{row}\nL-3,C-1,1,3,survey,0.5,102.1,,,,,\n"))
    assert len(issues) == 1
    assert said in str(issues[0])
    assert register.lamps.lamp_id == (["L-1", "L-3"] if issues[0].is_refused else ["L-1", "L-2", "L-3"])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_spreadsheets_own_csv_reads_the_same(tmp_path, encoding, separator):
    text = "lamp_id,latitude,longitude,street\r\nL-1,0.5,102,Jl. Café\r\n\r\n,,,\r\n".replace(",", separator)
    register, issues = read_city_files(city(tmp_path, text, encoding=encoding))
    assert register.lamps.street == ["Jl. Café"]
    assert len(issues) == (encoding == "cp1252")


def test_decimal_commas_are_read_and_said_once(tmp_path):
    register, issues = read_city_files(city(tmp_path, "lamp_id;latitude;longitude\nL-1;0,5;102,25\nL-2;0,75;102,5\n"))
    assert register.lamps.latitude.tolist() == [0.5, 0.75]
    assert [issue.column for issue in issues] == ["latitude", "longitude"]


def test_a_stray_quote_costs_its_own_row_alone(tmp_path):
    lamps = 'lamp_id,latitude,longitude,street\nL-1,0.5,102,"Jl. A\nL-2,0.5,102,b\nL-3,0.5,102,"two\nlines"\n'
    register, issues = read_city_files(city(tmp_path, lamps))
    assert [str(issue) for issue in issues] == [
        "lamps.csv:2: a quote opens and does not close within the row (row refused)"
    ]
    assert register.lamps.lamp_id == ["L-2", "L-3"]
    assert register.lamps.street == ["b", "two lines"]


@pytest.mark.parametrize(
    ("lamps", "said"),
    [
        ("", "no header"),
        ("id,lat,lon\n1,2,3\n", "the column lamp_id is missing"),
        ("lamp_id,latitude,longitude,latitude\n", "latitude: stands twice in the header"),
    ],
)
def test_an_unusable_file_is_said_in_one_line(tmp_path, lamps, said):
    with pytest.raises(UnusableError, match=said):
        read_city_files(city(tmp_path, lamps))


def test_strict_refuses_everything_for_one_bad_row(tmp_path):
    folder = city(tmp_path, f"{HEADER}\n{GOOD}\n{GOOD}\n")
    with pytest.raises(UnusableError, match=r"lamps\.csv:3: lamp_id: 'L-1' stands in line 2 already"):
        read_city_files(folder, is_strict=True)


def test_the_database_follows_the_files_and_only_their_changes(tmp_path):
    folder = city(tmp_path, f"{HEADER}\n{GOOD}\n")
    engine = open_database(read_city(folder, {}))
    first, _ = sync_register(engine, folder)
    again, _ = sync_register(engine, folder)
    assert (first.version, again.version) == (1, 1)
    city(folder, f"{HEADER}\n{GOOD.replace('L-1', 'L-9')}\n")
    changed, _ = sync_register(engine, folder)
    assert changed.version == 2
    assert changed.lamps.lamp_id == ["L-9"]
    engine.dispose()


def test_bad_rows_are_logged_once_for_each_version_of_the_files(tmp_path):
    folder = city(tmp_path, f"{HEADER}\n{GOOD}\n" + f"{GOOD}\n" * 30)
    engine = open_database(read_city(folder, {}))
    with structlog.testing.capture_logs() as logged:
        sync_register(engine, folder)
        sync_register(engine, folder)
    assert len(logged) == 21
    assert logged[0]["row"] == "lamps.csv:3: lamp_id: 'L-1' stands in line 2 already (row refused)"
    assert logged[-1]["n_more"] == 10
    engine.dispose()


def test_the_copy_on_disk_is_what_the_database_holds(tmp_path):
    folder = city(tmp_path, f"{HEADER},pole\n{GOOD},steel\nL-2,,,,,0.6,102.1,,,,,,\nL-3,C-2,9,,,0.6,102.1,,HPS,,,,\n")
    engine = open_database(read_city(folder, {}))
    first, _ = sync_register(engine, folder)
    copied, _ = sync_register(engine, folder)
    assert (copied.version, copied.digest) == (first.version, first.digest)
    for name in Lamps.__dataclass_fields__:
        mine, theirs = getattr(copied.lamps, name), getattr(first.lamps, name)
        np.testing.assert_array_equal(mine, theirs, err_msg=name)
        assert getattr(mine, "dtype", list) == getattr(theirs, "dtype", list)
    engine.dispose()


@pytest.mark.parametrize("spoil", [b"", b"no parquet", None])
def test_a_copy_of_another_register_or_none_at_all_is_not_believed(tmp_path, spoil):
    folder = city(tmp_path, f"{HEADER}\n{GOOD}\n")
    engine = open_database(read_city(folder, {}))
    sync_register(engine, folder)
    copy = folder / "data" / "register.parquet"
    old = copy.read_bytes()
    city(folder, f"{HEADER}\n{GOOD.replace('L-1', 'L-9')}\n")
    sync_register(engine, folder)
    copy.write_bytes(old if spoil is None else spoil)
    assert sync_register(engine, folder)[0].lamps.lamp_id == ["L-9"]
    assert sync_register(engine, folder)[0].lamps.lamp_id == ["L-9"]
    engine.dispose()


FIELD = st.one_of(
    st.sampled_from(
        ["", "L-1", "C-1", "0.5", "102", "0,5", "NaN", "1e999", "250/85", '"', "a\nb", "x" * 5000, "\0", "=1"]
    ),
    st.text(max_size=8),
)
ROWS = st.lists(st.lists(FIELD, min_size=0, max_size=14), max_size=12)


@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(rows=ROWS, separator=st.sampled_from([",", ";", "\t"]))
def test_every_row_is_taken_or_refused_exactly_once(rows, separator):
    text = HEADER.replace(",", separator) + "\n" + "\n".join(separator.join(row) for row in rows)
    table = read_delimited(text.encode("utf-8", errors="surrogatepass"), "lamps.csv")
    fields = Fields(table)
    cabinets = check_cabinets(Fields(read_delimited(CABINETS.encode(), "cabinets.csv")))
    lamps = check_lamps(fields, cabinets)
    refused = [issue.line for issue in fields.issues if issue.is_refused]
    assert len(refused) == len(set(refused))
    assert len(lamps) + len(refused) == table.n_rows
    assert len(set(lamps.lamp_id)) == len(lamps.lamp_id)
    assert np.isfinite(lamps.latitude).all()
    assert (np.abs(lamps.latitude) <= 90).all()
    assert all("\n" not in str(issue) for issue in fields.issues)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(content=st.binary(max_size=300))
def test_no_bytes_crash_the_reader(content):
    try:
        table = read_delimited(content, "lamps.csv")
    except UnusableError as error:
        said = str(error)
    else:
        said = "\n".join(map(str, table.issues[1:]))
        assert table.n_rows == len(table.lines) + sum(issue.is_refused for issue in table.issues)
    assert said.count("\n") < max(1, len(content))


@pytest.mark.parametrize(
    "where", ["before the header", "before a row", "in a field", "in front of the file's own mark"]
)
def test_byte_order_marks_in_the_middle_of_joined_files_are_left_out(where):
    header, row = LAMPS_HEADER, "L-1,C-1,1,1,0.5,102.0,90,LED"
    text = {
        "before the header": f"\ufeff{header}\n{row}\n",
        "before a row": f"{header}\n\ufeff{row}\n",
        "in a field": header + "\n" + row.replace("LED", "\ufeffLED") + "\n",
        "in front of the file's own mark": f"\ufeff\ufeff{header}\n{row}\n",
    }[where]
    table = read_delimited(text.encode(), "lamps.csv")
    assert not table.issues
    assert table.columns["lamp_id"] == ["L-1"]
    assert table.columns["technology"] == ["LED"]


def test_a_field_beyond_all_measure_is_named_as_that():
    text = f"{LAMPS_HEADER}\nL-1,C-1,1,1,0.5,102.0,90,{'x' * 200_000}\nL-2,C-1,1,2,0.5,102.0,90,LED\n"
    table = read_delimited(text.encode(), "lamps.csv")
    assert [str(issue) for issue in table.issues] == [
        "lamps.csv:2: a field of more than 131072 characters (row refused)"
    ]
    assert table.columns["lamp_id"] == ["L-2"]
