"""Names with characters that cannot be printed: taken without them, and reported."""

from __future__ import annotations

import pytest

from tests.ingest.imported_city import drafted

MAPPING = {"lamp": {"lamp_id": "id", "latitude": "lat", "longitude": "lon"}}


@pytest.mark.parametrize("hidden", ["\x1b", "\x07", "\u200b", "\u202e", "\u00ad"])
def test_a_hidden_character_in_an_id_is_reported(tmp_path, hidden):
    draft = drafted(tmp_path, f"id,lat,lon\nL-{hidden}1,-6.2,106.8\nL-2,-6.2,106.9\n", MAPPING)
    [issue] = [one for one in draft.issues if one.code == "unprintable"]
    assert (issue.line, issue.column, issue.is_refused) == (2, "id", False)
    assert hidden not in str(issue)
    assert all(lamp_id.isprintable() for lamp_id in draft.lamps.lamp_id)


@pytest.mark.parametrize("blank", ["\n", "\t", "\u00a0", "\u3000"])
def test_a_blank_of_another_kind_is_a_blank(tmp_path, blank):
    draft = drafted(tmp_path, f'id,lat,lon\n"L{blank}1",-6.2,106.8\n', MAPPING)
    assert [one for one in draft.issues if one.code == "unprintable"] == []
