"""Which column of an unknown register is likely to name its lamps."""

import pytest

from ingest.city.column_guess import guess_columns

PLACES = {"longitude": ["106.6", "106.7", "106.8"], "latitude": ["-6.1", "-6.2", "-6.3"]}


@pytest.mark.parametrize("name", ["Name", "NAMA", "název", "名称"])
def test_a_general_name_is_the_lamps_id_where_every_row_has_another(name):
    found = guess_columns({name: ["P1", "P2", "P3"], **PLACES})
    assert found["lamp_id"] == name


@pytest.mark.parametrize("values", [["P1", "P1", "P3"], ["P1", "", "P3"], ["-", "P2", "P3"]])
def test_a_name_that_lamps_share_or_lack_is_not(values):
    assert "lamp_id" not in guess_columns({"Name": values, **PLACES})


def test_a_column_that_says_what_it_is_comes_first():
    assert guess_columns({"Name": ["a", "b", "c"], "pole_no": ["1", "2", "3"], **PLACES})["lamp_id"] == "pole_no"
