"""Delimited text with rows, lines and headers far wider than any register's: refused at once, however long they are."""

from __future__ import annotations

import io
import time
import zipfile

import pytest

from ingest.city.header import names_of
from ingest.city.source import read_source
from ingest.city.suggest import suggest
from ingest.errors import UnusableError
from ingest.register.csv_rows import split_rows
from ingest.register.delimited import read_delimited
from ingest.register.text_table import MAX_COLUMNS
from languages.catalogue import load_catalogue
from languages.message import Message
from tests.growth import check_growth

HEADER = "id,lat,lon,watt\n"
ROW = "L-{},-6.2,106.6,90\n"


def test_a_line_of_separators_alone_is_refused_and_the_other_rows_are_taken(tmp_path):
    file = tmp_path / "lamps.csv"
    file.write_text(HEADER + ROW.format(1) + "," * 20_000_000 + "\n" + ROW.format(2))
    table = read_source(file).table
    assert table.columns["id"] == ["L-1", "L-2"]
    [issue] = table.issues
    assert (issue.line, issue.code, issue.is_refused) == (3, "many_fields", True)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", ""])
def test_a_line_longer_than_is_read_is_refused_wherever_it_ends(end):
    long = "L-9,-6.2,106.6," + "9" * (9 << 20)
    text = HEADER + ROW.format(1) + long + end + (ROW.format(2) if end else "")
    table = read_delimited(text.replace("\n", end or "\n").encode(), "lamps.csv")
    assert table.columns["id"] == (["L-1", "L-2"] if end else ["L-1"])
    assert [issue.line for issue in table.issues if issue.is_refused] == [3]


def test_a_line_whose_cut_part_would_have_been_a_row_is_refused():
    """What is cut off must not make a row of one that has slipped out of its columns."""
    content = (HEADER + "L-9,-6.2,106.6,90" + "," * (9 << 20) + "more\n" + ROW.format(1)).encode()
    assert read_delimited(content, "lamps.csv").columns["id"] == ["L-1"]


def test_separators_to_a_spreadsheets_width_are_no_fields():
    wide = "," * (16_384 - 4)
    text = "".join(line.rstrip("\n") + wide + "\n" for line in (HEADER, ROW.format(1), ROW.format(2)))
    assert read_delimited(text.encode(), "lamps.csv").columns["id"] == ["L-1", "L-2"]


@pytest.mark.parametrize("read", [lambda file: read_delimited(file.read_bytes(), file.name), read_source])
def test_a_header_of_more_columns_than_are_read_is_refused(tmp_path, read):
    file = tmp_path / "lamps.csv"
    names = ",".join(f"c{number}" for number in range(MAX_COLUMNS + 1))
    file.write_text(f"{names}\n{names}\n")
    with pytest.raises(UnusableError) as told:
        read(file)
    assert told.value.args[0].code == "terminal.error.many_columns"


@pytest.mark.parametrize("is_zip", [False, True])
def test_an_archive_of_one_line_of_separators_is_refused_at_once(tmp_path, is_zip):
    content = b"0," * (30 << 20)
    file = tmp_path / ("lamps.zip" if is_zip else "lamps.csv")
    if is_zip:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            archive.writestr("lamps.csv", content)
    else:
        file.write_bytes(content)
    with pytest.raises(UnusableError):
        suggest(file, "Asia/Jakarta", None, load_catalogue("en"))


def test_what_packs_as_no_register_does_is_not_unpacked(tmp_path):
    file = tmp_path / "lamps.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("lamps.csv", HEADER.encode() + b" " * (70 << 20))
    with pytest.raises(UnusableError) as told:
        suggest(file, "Asia/Jakarta", None, load_catalogue("en"))
    assert told.value.args[0].code == "terminal.error.dense"


def test_the_work_of_a_header_grows_with_its_length():
    def distinct(n: int) -> None:
        read_delimited((",".join(f"c{number}" for number in range(n)) + "\n").encode(), "lamps.csv")

    def alike(n: int) -> None:
        names_of([["c"] * n], "lamps.csv", 1, [])

    check_growth(lambda: cpu_s(distinct, MAX_COLUMNS // 2), lambda: cpu_s(distinct, MAX_COLUMNS), 3, 0.002)
    check_growth(lambda: cpu_s(alike, 4000), lambda: cpu_s(alike, 8000), 3, 0.002)


def cpu_s(work, n):
    began = time.process_time()
    work(n)
    return time.process_time() - began


def test_a_row_of_too_many_fields_is_a_reason_with_and_without_quotes():
    for first in ("a,b\n", '"a",b\n'):
        rows = list(split_rows(iter(io.StringIO(first + "," * 20_000 + "\n" + "1,2\n")), ","))
        assert [line for line, _row in rows] == [1, 2, 3]
        assert isinstance(rows[1][1], Message)
        assert rows[2][1] == ["1", "2"]
