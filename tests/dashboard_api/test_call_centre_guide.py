"""docs/call_centre.md against the interface: its tables, and its exchange word for word."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import parse_qsl

from dashboard_api.neighbours.open311 import mapping
from dashboard_api.neighbours.open311.service_request import request_of_fault
from ingest.schema import life
from languages.catalogue import load_catalogue

GUIDE = (Path(__file__).parents[2] / "docs/call_centre.md").read_text(encoding="utf-8")
T0 = 1_790_000_000_000_000
ANY = {"TIME": r"20\d\d-\d\d-\d\dT[0-9:.]+Z", "TEXT": r".+", "NUMBER": r"[A-Z0-9]+"}


def rows(heading):
    """Cells of the first table whose head begins so."""
    text = GUIDE[GUIDE.index(f"| {heading} |") :].split("\n\n")[0]
    return [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in text.splitlines()[2:]]


def same(shown, found):
    """Whether an answer is as the guide shows it, where a word in capitals stands for what differs."""
    if isinstance(shown, dict):
        return shown.keys() == found.keys() and all(same(value, found[key]) for key, value in shown.items())
    if isinstance(shown, list):
        return len(shown) == len(found) and all(map(same, shown, found))
    return re.fullmatch(ANY[shown], found) is not None if shown in ANY else shown == found


def test_the_exchange_is_what_the_interface_answers(town, client):
    town.darken(1)
    blocks = re.findall(r"```(http|json)\n(.*?)```", GUIDE, re.DOTALL)
    assert [kind for kind, _ in blocks] == ["http", "json"] * 3
    number = ""
    for (_, asked), (_, told) in zip(blocks[::2], blocks[1::2], strict=True):
        line, *body = asked.splitlines()
        method, path = line.split()
        data = dict(parse_qsl("".join(body))) or None
        answer = client.request(method, path.replace("NUMBER", number), data=data)
        shown = json.loads(told)
        assert answer.status_code == (shown[0].get("code") or (201 if method == "POST" else 200))
        assert same(shown, answer.json()), answer.text
        number = answer.json()[0].get("service_request_id", number)


def test_the_states_are_those_of_a_fault():
    words = load_catalogue("en")
    table = rows("of the fault in Terang")
    assert [row[0] for row in table] == [life.OPEN, life.ACKNOWLEDGED, life.ASSIGNED, life.REPAIRED, life.CLOSED]
    for state, status, note, _ in table:
        row = SimpleNamespace(
            id="1",
            state=state,
            code="lampFailure",
            opened_at_us=T0,
            updated_at_us=T0,
            street="",
            lamp_id="L-1",
            latitude=0.0,
            longitude=0.0,
        )
        found = request_of_fault(row, words)
        assert (found["status"], found["status_notes"]) == (status, words.say(note))


def test_the_categories_are_the_services():
    assert [row[1] for row in rows("category | `service_code`")] == list(mapping.SERVICES)


def test_the_limits_are_those_of_the_desk(client):
    for n, status in ((300, 201), (301, 400)):
        fields = {"service_code": "other", "address_string": "x" * n}
        assert client.post("/open311/v2/requests.json", data=fields).status_code == status
    for n, status in ((2000, 201), (2001, 400)):
        fields = {"service_code": "other", "address_string": "x", "description": "x" * n}
        assert client.post("/open311/v2/requests.json", data=fields).status_code == status
