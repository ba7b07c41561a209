"""Dates in registers: formats of a column, eras, zeros and texts that are no dates."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.city.dates import date_forms, read_date


@pytest.mark.parametrize(
    ("text", "forms", "day"),
    [
        ("3. 7. 2019", ("%d.%m.%Y",), "2019-07-03"),
        ("3.7.2019", ("%d.%m.%Y",), "2019-07-03"),
        ("03.07.2019 00:00:00", ("%d.%m.%Y",), "2019-07-03"),
        ("03/07/2019 0:00", ("%d/%m/%Y",), "2019-07-03"),
        ("7/3/2019 12:00 AM", ("%m/%d/%Y",), "2019-07-03"),
        ("2019. 07. 03.", (), "2019-07-03"),
        ("２０１９／０７／０３", (), "2019-07-03"),
        ("2019年7月3日", (), "2019-07-03"),
        ("2019年 07月 03日", (), "2019-07-03"),
        ("2019년 7월 3일", (), "2019-07-03"),
        ("令和元年５月１日", (), "2019-05-01"),
        ("平成28年3月15日", (), "2016-03-15"),
        ("Ｈ２８．３．１５", (), "2016-03-15"),
        ("S63/11/30", (), "1988-11-30"),
        ("民國108年7月3日", (), "2019-07-03"),
        ("05/03/2562", ("%d/%m/%Y",), "2019-03-05"),
        ("2019", ("%d.%m.%Y", "%Y"), "2019-01-01"),
        ("31.2.2016", ("%d.%m.%Y",), ""),
        ("平成99年1月1日", (), ""),
        ("令和2年2月30日", (), ""),
        ("H28", (), ""),
        ("3.7.2019", (), ""),
        ("jaro 2014", ("%d.%m.%Y",), ""),
    ],
)
def test_dates_are_read_or_reported(text, forms, day):
    found, remark = read_date(text, forms)
    assert found == day
    assert (remark is not None) == (not day or "Buddhist" in str(remark))


@pytest.mark.parametrize("text", ["00/00/0000", "0000-00-00", "00.00.0000"])
def test_a_date_of_zeros_is_none(text):
    assert read_date(text, ("%d/%m/%Y",)) == ("", None)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.text(max_size=30))
def test_no_text_breaks_the_reader_of_dates(text):
    found, _remark = read_date(text, ("%d.%m.%Y", "%d %B %Y"))
    assert found == "" or len(found) == 10
    date_forms([text])


@pytest.mark.parametrize(
    ("values", "forms"),
    [
        (["3.7.2019", "03. 07. 2019", "31.2.2016", "4.5.2020", "6.6.2021", "7.8.2022"], ("%d.%m.%Y",)),
        (["2019年7月3日", "H28.3.15", "2019-07-03"], ()),
        (["21/03/2017", "03/07/2019"], ("%d/%m/%Y",)),
        (["03/21/2017", "03/07/2019"], ("%m/%d/%Y",)),
        (["3.7.2019", "4.7.2019", "2014"], ("%d.%m.%Y", "%Y")),
        (["dub", "buk"], None),
    ],
)
def test_the_formats_of_a_column_are_found(values, forms):
    assert date_forms(values) == forms
