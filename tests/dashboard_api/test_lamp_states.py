"""Every lamp is lit, dark, off, silent or unmetered; faults that stand count, each lamp once."""

from __future__ import annotations

import time

import numpy as np
import pytest
from sqlalchemy import update

from dashboard_api.live.lamp_states import (
    DARK,
    LIT,
    NAMES,
    OFF,
    SILENT,
    UNMETERED,
    Metering,
    StandingFault,
    derive,
)
from dashboard_api.live.picture import LivePicture
from ingest.model.finding import Cleared, Key, Place, Raised
from ingest.schema import live, tables
from tests.growth import check_growth

T0 = 1_790_000_000_000_000
MINUTE = 60_000_000
UNKNOWN, READ_OFF, READ_LIT, READ_DARK = range(4)


def metering_of(n, *, unmetered=(), switched_off=(), controller=0):
    is_metered, is_switched_off = np.ones(n, bool), np.zeros(n, bool)
    is_metered[list(unmetered)] = False
    is_switched_off[list(switched_off)] = True
    return Metering(is_metered, is_switched_off, np.full(n, controller, np.int32), ["PJU-1"])


def picture_of(state, *, due=live.DUE_LIT, level=100, online=True):
    n = len(state)
    columns = {name: np.zeros(n, code) for name, code in live.COLUMNS.items()}
    columns["state"] = np.array(state, np.uint8)
    columns["due"] = np.broadcast_to(np.asarray(due, np.uint8), n)
    columns["level"] = np.broadcast_to(np.asarray(level, np.uint8), n)
    controllers = '{"PJU-1": {"is_online": %s, "last_seen_us": 1}}' % ("true" if online else "false")
    return LivePicture(1, T0, T0, columns, controllers)


def states_of(state, *faults, metering=None, **how):
    standing = [StandingFault(code, np.array(rows), *n_dark) for code, rows, *n_dark in faults]
    return derive("m", len(state), metering or metering_of(len(state)), picture_of(state, **how), standing)


def test_dark_by_its_own_reading_or_by_each_kind_of_fault_that_stands():
    for code in ("lampFailure", "circuitFailure", "cableFailure", "supplyLoss", "contactorFailure"):
        for read in (UNKNOWN, READ_DARK):
            assert states_of([READ_LIT, read], (code, [1])).state.tolist() == [LIT, DARK], code
    assert states_of([READ_LIT, READ_DARK]).state.tolist() == [LIT, DARK]
    assert states_of([READ_LIT, READ_LIT], ("powerFactorTooLow", [1])).state.tolist() == [LIT, LIT]


def test_a_fault_counts_before_unmetered_and_without_one_the_lamp_stays_unmetered():
    found = states_of([UNKNOWN] * 3, ("supplyLoss", [0]), metering=metering_of(3, unmetered=[0, 1]))
    assert found.state.tolist() == [DARK, UNMETERED, SILENT]


@pytest.mark.parametrize("code", ["busFailure", "controllerOffline", "communicationFailure"])
def test_lamps_that_nobody_hears_are_silent_and_not_dark(code):
    found = states_of([READ_LIT, READ_DARK, UNKNOWN, READ_LIT], (code, [0, 1, 2]))
    assert found.state.tolist() == [SILENT, SILENT, SILENT, LIT]
    unmetered = states_of([UNKNOWN], (code, [0]), metering=metering_of(1, unmetered=[0]))
    assert unmetered.state.tolist() == [UNMETERED]
    before = states_of([READ_DARK], (code, [0]), ("lampFailure", [0]))
    assert before.state.tolist() == [DARK]  # it was found dark before, and that stands


def test_an_offline_controller_leaves_no_stale_reading_standing():
    assert states_of([READ_LIT, READ_DARK, READ_OFF], online=False).state.tolist() == [SILENT] * 3
    nobody = metering_of(1, controller=-1)
    assert states_of([READ_LIT], metering=nobody, online=False).state.tolist() == [LIT]


def test_by_day_nothing_is_dark_and_the_share_is_null():
    by_day = {"due": live.DUE_OFF, "level": 0}
    found = states_of([READ_OFF, READ_OFF, UNKNOWN], ("lampFailure", [0]), ("circuitFailure", [1, 2]), **by_day)
    assert found.state.tolist() == [OFF, OFF, SILENT]
    assert found.figures()["lit_share"] is None
    burning = states_of([READ_OFF, READ_LIT], **by_day)  # a lamp on by day says nothing about the night
    assert (burning.figures()["lit"], burning.figures()["lit_share"]) == (1, None)


def test_meters_that_a_contactor_has_cut_by_day_are_off_as_they_should_be():
    metering = metering_of(4, switched_off=[0, 1], unmetered=[3])
    by_day = states_of([UNKNOWN] * 4, due=live.DUE_OFF, level=0, metering=metering)
    assert by_day.state.tolist() == [OFF, OFF, SILENT, UNMETERED]
    assert states_of([UNKNOWN] * 4, metering=metering).state.tolist() == [SILENT, SILENT, SILENT, UNMETERED]
    gone = states_of([UNKNOWN] * 4, due=live.DUE_OFF, level=0, metering=metering, online=False)
    assert gone.state.tolist() == [SILENT, SILENT, SILENT, UNMETERED]


def test_a_picture_of_an_older_version_says_by_level_or_by_the_others_what_is_due():
    unknown = {"due": live.DUE_UNKNOWN}
    assert states_of([READ_LIT, UNKNOWN], ("cableFailure", [1]), level=100, **unknown).state.tolist() == [LIT, DARK]
    assert states_of([READ_LIT, UNKNOWN], ("cableFailure", [1]), level=255, **unknown).state.tolist() == [LIT, DARK]
    assert states_of([READ_OFF, UNKNOWN], ("cableFailure", [1]), level=[0, 255], **unknown).state[1] == SILENT
    assert states_of([UNKNOWN], ("cableFailure", [0]), level=255, **unknown).state.tolist() == [DARK]
    nothing = derive("m", 2, metering_of(2, unmetered=[1]), None, [])
    assert nothing.state.tolist() == [SILENT, UNMETERED]


def test_a_photocell_lamp_without_a_known_level_is_dark_by_its_fault():
    assert states_of([READ_LIT, READ_OFF], ("lampFailure", [1]), level=255).state.tolist() == [LIT, DARK]


def test_dark_lamps_known_as_a_number_are_added_and_no_lamp_counts_twice():
    metering = metering_of(10, unmetered=range(10))
    found = states_of([UNKNOWN] * 10, ("circuitPowerTooLow", [0, 1, 2, 3, 4], 2), metering=metering)
    assert (found.figures()["dark"], found.figures()["unmetered"]) == (2, 8)
    assert found.state.tolist() == [UNMETERED] * 10  # which of them they are is not known
    nested = states_of(
        [UNKNOWN] * 10,
        ("circuitPowerTooLow", list(range(10)), 3),
        ("circuitPowerTooLow", [0, 1, 2, 3, 4], 2),
        metering=metering,
    )
    assert nested.figures()["dark"] == 3
    of_a_dark_circuit = states_of(
        [UNKNOWN] * 10, ("circuitFailure", [0, 1, 2]), ("circuitPowerTooLow", [0, 1, 2], 3), metering=metering
    )
    assert of_a_dark_circuit.figures()["dark"] == 3
    too_many = states_of([UNKNOWN] * 10, ("circuitPowerTooLow", [0, 1], 9), metering=metering)
    assert too_many.figures()["dark"] == 2


def test_figures_add_up_and_no_fault_lights_a_lamp():
    rng = np.random.default_rng(20)
    codes = ["lampFailure", "circuitFailure", "busFailure", "circuitPowerTooLow", "supplyLoss", "meterFailure"]
    for _round in range(300):
        n = int(rng.integers(1, 60))
        metering = metering_of(n, unmetered=np.flatnonzero(rng.random(n) < 0.3))
        read = np.where(metering.is_metered, rng.integers(0, 4, n), UNKNOWN)
        how = {"due": rng.integers(0, 2, n).astype(np.uint8), "level": rng.choice([0, 100, 255], n).astype(np.uint8)}
        faults = []
        for _fault in range(int(rng.integers(0, 8))):
            code = str(rng.choice(codes))
            rows = rng.integers(0, n, int(rng.integers(0, 20)))
            faults.append((code, rows, int(rng.integers(0, 30))) if code == "circuitPowerTooLow" else (code, rows))
        plain = states_of(read, metering=metering, **how)
        found = states_of(read, *faults, *faults, metering=metering, **how)
        figures = found.figures()
        assert sum(figures[name] for name in NAMES) == figures["total"] == n
        assert figures["lit"] <= plain.figures()["lit"]
        assert figures["dark"] >= np.count_nonzero(found.state == DARK)
        assert figures == states_of(read, *faults, metering=metering, **how).figures()  # said twice, counted once
        group = rng.integers(0, 3, n)
        assert sum(one["dark"] for one in found.figures_by(group, 3)) == figures["dark"]


def test_deriving_grows_with_the_number_of_lamps():
    def seconds(n):
        state = np.random.default_rng(1).integers(0, 4, n)
        faults = [("lampFailure", [row]) for row in range(0, n, 100)]
        began = time.process_time()
        states_of(state, *faults)
        return time.process_time() - began

    seconds(50_000)
    check_growth(lambda: seconds(100_000), lambda: seconds(200_000), factor=4, slack_s=0.02)


# over HTTP


def test_a_blackout_is_in_the_headline_everywhere(town, client):
    town.write_live([READ_LIT] * 18 + [READ_DARK] * 2 + [UNKNOWN] * 20)
    assert client.get("/api/v1/summary").json()["lamps"]["lit_share"] == 0.9
    key = town.raise_circuit()
    town.darken(20, 21, 22, cause=key)  # explained by the circuit: the same lamps, not more of them
    figures = client.get("/api/v1/summary").json()
    assert figures["lamps"] | {"monitored": 40} == {
        "total": 40,
        "silent": 0,
        "off": 0,
        "lit": 18,
        "dark": 22,
        "unmetered": 0,
        "lit_share": 0.45,
        "monitored": 40,
    }
    by_district = {one["district"]: one["lit_share"] for one in figures["districts"]}
    assert by_district == {"Siak": 0.9, "Mempura": 0.0}
    assert client.get("/api/v1/cabinets/C-2").json()["lamps"]["dark"] == 20
    lamp = client.get("/api/v1/lamps/L-025").json()
    assert (lamp["state"], lamp["latest"]["state"]) == ("dark", "dark")
    assert client.get("/api/v1/lamps/states").json()["state"][18:22] == [DARK] * 4
    features = client.get("/api/v1/lamps.geojson").json()["features"]
    assert features[39]["properties"]["state"] == "dark"
    town.book.apply([Cleared(key, T0 + MINUTE, True, {})], T0 + MINUTE)
    after = client.get("/api/v1/summary").json()["lamps"]
    assert (after["dark"], after["silent"]) == (5, 17)  # the three are judged for themselves


def test_a_tile_shows_what_the_summary_counts(town, client):
    town.write_live([READ_LIT] * 20 + [UNKNOWN] * 20)
    tile = "/tiles/lamps/11/1604/1019.mvt"
    before = client.get(tile)
    town.raise_circuit()
    after = client.get(tile, headers={"If-None-Match": before.headers.get("etag", "-")})
    assert (before.status_code, after.status_code) == (200, 200)
    assert b"dark" in after.content
    assert before.content != after.content


def test_unmetered_lamps_and_their_number_of_dark_ones(town, client):
    lamps = tables.lamps
    town.change_register(update(lamps).where(lamps.c.cabinet_id == "C-2").values(bus=None, address=None))
    town.write_live([READ_LIT] * 20 + [UNKNOWN] * 20)
    assert client.get("/api/v1/summary").json()["lamps"]["unmetered"] == 20
    ids = tuple(town.register.lamps.lamp_id[20:])
    key = Key("circuitPowerTooLow", Place(cabinet_id="C-2", circuit="1"))
    town.book.apply([Raised(key, T0, T0, ids, {"lamps_dark": 5})], T0)
    figures = client.get("/api/v1/summary").json()["lamps"]
    assert (figures["lit"], figures["dark"], figures["unmetered"], figures["lit_share"]) == (20, 5, 15, 0.8)
    assert client.get("/api/v1/cabinets/C-2").json()["lamps"]["dark"] == 5
    assert client.get("/api/v1/lamps/L-020").json()["state"] == "unmetered"


def test_what_people_do_changes_no_figure_until_telemetry_has_proved_it(town, client):
    town.write_live([READ_LIT] * 39 + [UNKNOWN])
    town.darken(39)
    fault = client.get("/api/v1/faults").json()["items"][0]
    for n, action in enumerate(("acknowledge", "repair")):
        body = {"action_id": f"01JDB2M7Z8Q5W3N4T6V9X0Y1K{n}", "action": action}
        assert client.post(f"/api/v1/faults/{fault['id']}/actions", json=body).status_code == 200
        assert client.get("/api/v1/summary").json()["lamps"]["dark"] == 1
    town.book.apply([Cleared(Key("lampFailure", Place(lamp_id="L-039")), T0 + MINUTE, True, {})], T0 + MINUTE)
    assert client.get("/api/v1/summary").json()["lamps"]["dark"] == 0
