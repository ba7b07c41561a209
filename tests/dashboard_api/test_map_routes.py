"""What the map asks: changes of lamps since an earlier answer, a cabinet's lamps in order, search."""

from __future__ import annotations

import numpy as np

from dashboard_api.live.changes import MAX_CHANGED, ChangeHistory

T0 = 1_790_000_000_000_000


def test_changes_name_the_rows_that_changed_and_nothing_else(town, client):
    town.write_live([2] * 40)
    first = client.get("/api/v1/lamps/changes").json()
    assert (first["row"], first["reload"]) == ([], False)
    same = client.get("/api/v1/lamps/changes", params={"since": first["mark"]}).json()
    assert (same["row"], same["reload"], same["mark"]) == ([], False, first["mark"])
    town.write_live([2] * 7 + [3] + [2] * 32, at_us=T0 + 5_000_000)
    then = client.get("/api/v1/lamps/changes", params={"since": first["mark"]}).json()
    assert (then["row"], then["state"], then["reload"]) == ([7], ["dark"], False)
    after = client.get("/api/v1/lamps/changes", params={"since": then["mark"]}).json()
    assert after["row"] == []


def test_an_unknown_mark_asks_for_the_tiles_anew(town, client):
    town.write_live([2] * 40)
    assert client.get("/api/v1/lamps/changes", params={"since": "1-1"}).json()["reload"] is True


def test_changes_are_the_rows_of_a_plain_comparison_and_the_history_is_bounded():
    random = np.random.default_rng(5)
    history = ChangeHistory(kept=4)
    pictures = [random.integers(0, 3, 500).astype(np.uint8) for _ in range(9)]
    level = np.full(500, 100, np.uint8)
    for n, state in enumerate(pictures):
        history.since(None, str(n), state, level)
    found = history.since("6", "8", pictures[8], level)
    assert found.rows is not None
    assert found.rows.tolist() == [row for row in range(500) if pictures[6][row] != pictures[8][row]]
    assert history.since("2", "8", pictures[8], level).rows is None


def test_more_changes_than_worth_telling_ask_for_the_tiles_anew():
    history = ChangeHistory()
    n = MAX_CHANGED + 1
    level = np.full(n, 100, np.uint8)
    history.since(None, "a", np.zeros(n, np.uint8), level)
    assert history.since("a", "b", np.ones(n, np.uint8), level).rows is None


def test_a_cabinets_lamps_come_in_the_order_of_its_cables(town, client):
    town.write_live([2] * 40)
    columns = client.get("/api/v1/cabinets/C-2/lamps").json()["columns"]
    assert columns["position"] == list(range(1, 21))
    assert columns["lamp_id"][0] == "L-020"
    assert set(columns["state"]) == {"lit"}
    assert client.get("/api/v1/cabinets/none/lamps").status_code == 404


def test_search_finds_lamps_streets_cabinets_and_faults_of_any_case(town, client):
    town.darken(5)

    def kinds(text):
        items = client.get("/api/v1/search", params={"q": text}).json()["items"]
        return {(item["kind"], item["name"]) for item in items}

    assert kinds("l-005") == {("lamp", "L-005"), ("fault", "lampFailure")}
    assert ("street", "=Jalan Melati") in kinds("MELATI")
    assert kinds("panel 2") == {("cabinet", "Panel 2")}
    for text in ("%", "_", "\\", "'", "\u202e", " "):
        assert kinds(text) == set()
    assert client.get("/api/v1/search", params={"q": "x" * 101}).status_code == 422
