"""The virtual fleet: payloads against the protobuf library, the agent's side of the contract, a played city."""

from __future__ import annotations

import csv
import threading
from array import array
from datetime import UTC, datetime

import numpy as np
import pytest

from edge_agent.wire import (
    BY_ALIAS,
    DataType,
    Metric,
    Payload,
    decode_payload,
    encode_payload,
    pack_array,
    parse_topic,
    unpack_strings,
)
from firmware_sim.control import ControlError, ControlSocket, ask
from firmware_sim.electrical import LampFault
from firmware_sim.fleet.payload import Reading, encode_data
from firmware_sim.fleet.schedule import SimulatedTimetable, parse_schedule
from firmware_sim.fleet.sweeps import Columns, sweep
from firmware_sim.fleet.town import TownError, read_town
from firmware_sim.fleet.virtual_agent import VirtualAgent
from firmware_sim.fleet.world import World

NIGHT_US = int(datetime(2026, 11, 23, 14, 0, tzinfo=UTC).timestamp() * 1e6)  # 21:00 in Jakarta
NOON_US = int(datetime(2026, 11, 23, 5, 0, tzinfo=UTC).timestamp() * 1e6)


def write_city(folder, n_lamps=12, switching="contactor"):
    (folder / "city.toml").write_text('[city]\nname = "Kota"\ngroup = "g"\n', encoding="utf-8")
    with (folder / "cabinets.csv").open("w", newline="", encoding="utf-8") as sink:
        writer = csv.writer(sink)
        writer.writerow(["cabinet_id", "controller_id", "switching"])
        writer.writerows([["C-1", "PJU-1", switching], ["C-2", "PJU-2", switching]])
    with (folder / "lamps.csv").open("w", newline="", encoding="utf-8-sig") as sink:
        writer = csv.writer(sink)
        names = ["lamp_id", "cabinet_id", "circuit", "position", "latitude", "longitude", "rated_power_w", "technology"]
        writer.writerow([*names, "bus", "address", "profile"])
        for row in range(n_lamps):
            cabinet, place = row % 2 + 1, row // 2 + 1
            where = [0.79, 102.0 + 0.0003 * place]
            writer.writerow(
                [f"L-{row}", f"C-{cabinet}", "1", place, *where, "" if row == 0 else 60, "LED", "A", place, ""]
            )
    return folder


@pytest.fixture
def town(tmp_path):
    return read_town(write_city(tmp_path))


def world_of(town, at_us=NIGHT_US, seed=1):
    return World(town, np.random.default_rng(seed), at_us)


def values_of(payload):
    return {BY_ALIAS[m.alias].name if m.name is None else m.name: m.value for m in decode_payload(payload).metrics}


def reading_of(world, index=0, at_us=NIGHT_US, **more):
    options = {"at_ms": at_us // 1000, "interval_s": 60, "is_synchronised": True, "is_slow": True, **more}
    return sweep(Columns(world.advance(at_us)), world.town.controllers[index], **options)


def test_hand_made_payloads_are_what_the_library_would_write():
    power = pack_array(DataType.FLOAT_ARRAY, array("f", [1.5, float("nan")]))
    reading = Reading(
        1_790_000_000_123, (("Lamps/Power", power), ("Cabinet/Door Open", True), ("Cabinet/Energy", None))
    )
    reading = Reading(reading.at_ms, (*reading.values, ("Outbox/Sequence", 2**40), ("Sweep/Interval", 60)))
    for is_historical in (False, True):
        metrics = tuple(
            Metric(value, alias=alias, timestamp_ms=reading.at_ms, is_historical=is_historical)
            for alias, value in ((11, power), (29, True), (23, None), (6, 2**40), (4, 60))
        )
        mine = encode_data(reading, 200, is_historical=is_historical)
        assert decode_payload(mine) == decode_payload(encode_payload(Payload(reading.at_ms, 200, metrics)))


def test_lamps_burn_at_night_and_are_silent_by_day_behind_a_contactor(town):
    world = world_of(town, NOON_US)
    noon = reading_of(world, at_us=NOON_US)
    assert set(dict(noon.values)["Lamps/Quality"]) == {1}
    assert dict(noon.values)["Lamps/Dim Level"] == bytes(6)
    night = dict(reading_of(world).values)
    assert set(night["Lamps/Quality"]) == {0}
    power = np.frombuffer(night["Lamps/Power"], "<f4")
    np.testing.assert_allclose(power[1:], 60, rtol=0.1)
    assert 60 < power[0] < 120  # the register does not know it: a usual LED
    assert night["Cabinet/Contactor Closed"] is True


def test_the_same_seed_plays_the_same_city(town):
    assert reading_of(world_of(town)) == reading_of(world_of(town))
    assert reading_of(world_of(town)) != reading_of(world_of(town, seed=2))


def test_a_dead_lamp_shows_in_its_own_reading_alone(town):
    world = world_of(town)
    world.condition.set_fault(2, LampFault.DEAD)
    power = np.frombuffer(dict(reading_of(world).values)["Lamps/Power"], "<f4")
    assert power[1] < 5
    assert (np.delete(power, 1) > 50).all()


def test_the_agent_births_first_numbers_without_gaps_and_obeys_acknowledgements(town):
    world = world_of(town)
    agent = VirtualAgent("g", town.controllers[0], epoch=77)
    assert agent.record(reading_of(world), 0.0) == []
    will = agent.will()
    (birth,) = agent.connect(NIGHT_US // 1000)
    assert str(parse_topic(birth.topic)) == "spBv1.0/g/NBIRTH/PJU-1"
    born = {metric.name: metric for metric in decode_payload(birth.payload).metrics}
    assert decode_payload(birth.payload).seq == 0
    assert unpack_strings(born["Lamps/Id"].value) == ("L-0", "L-2", "L-4", "L-6", "L-8", "L-10")
    assert born["bdSeq"].value == decode_payload(will.payload).metrics[0].value
    assert born["Node Control/Rebirth"].alias is None
    assert born["Lamps/Dim Command"].value is None
    (late,) = agent.resend(1.0)
    assert all(metric.is_historical for metric in decode_payload(late.payload).metrics)
    (live,) = agent.record(reading_of(world), 2.0)
    assert decode_payload(live.payload).seq == 2
    assert values_of(live.payload)["Outbox/Sequence"] == 2
    assert not any(metric.is_historical for metric in decode_payload(live.payload).metrics)
    assert agent.resend(3.0) == []
    for epoch, left in ((78, 2), (77, 1)):
        ack = (Metric(epoch, name="Outbox/Epoch"), Metric(1, name="Outbox/Acknowledged"))
        agent.command(encode_payload(Payload(1, None, ack)), 0)
        assert agent.n_pending == left
    (again,) = agent.resend(200.0)
    assert values_of(again.payload)["Outbox/Sequence"] == 2


def test_a_rebirth_is_answered_and_nonsense_changes_nothing(town):
    agent = VirtualAgent("g", town.controllers[0], epoch=1)
    agent.record(reading_of(world_of(town)), 0.0)
    agent.connect(0)
    asked = encode_payload(Payload(1, None, (Metric(True, name="Node Control/Rebirth"),)))
    messages, _ = agent.command(asked, 5)
    assert [parse_topic(message.topic).message_type for message in messages] == ["NBIRTH"]
    assert agent.command(b"\xff\x00garbage", 5) == ([], None)


def test_a_host_that_lost_track_is_sent_again_what_it_has_not_acknowledged(town):
    agent = VirtualAgent("g", town.controllers[0], epoch=1)
    agent.connect(0)
    agent.record(reading_of(world_of(town)), 0.0)
    assert agent.resend(1.0) == []
    agent.command(encode_payload(Payload(1, None, (Metric(True, name="Node Control/Rebirth"),))), 5)
    (again,) = agent.resend(2.0)
    assert values_of(again.payload)["Outbox/Sequence"] == 1


def test_dim_commands_hold_until_their_time(town):
    world = world_of(town)
    world.dim(np.arange(12), np.array([50] * 6 + [254] * 6, np.uint8), NIGHT_US + 1)
    assert set(world.advance(NIGHT_US).level.tolist()) == {100}  # LEDs of this register do not dim: on stays on
    world.dim(np.arange(12), np.zeros(12, np.uint8), NIGHT_US + 10_000_000)
    assert set(world.advance(NIGHT_US + 5_000_000).level.tolist()) == {0}
    assert set(world.advance(NIGHT_US + 15_000_000).level.tolist()) == {100}


def test_a_timetable_follows_sun_and_steps():
    document = {"dim": [{"at": "22:00", "level": 70}, {"at": "00:30", "level": 50}, {"at": "04:30", "level": 100}]}
    table = SimulatedTimetable(parse_schedule(document, "Asia/Jakarta"), 0.79, 102.0)

    def level(day, hour, minute=0):
        return table.level(int(datetime(2026, 11, day, hour, minute, tzinfo=UTC).timestamp() * 1e6))

    assert [level(23, 5), level(23, 14), level(23, 15, 30), level(23, 18), level(23, 22)] == [0, 100, 70, 50, 100]
    assert level(24, 1) == 0


def test_a_city_that_cannot_be_played_says_why(tmp_path):
    with pytest.raises(TownError, match=r"city\.toml"):
        read_town(tmp_path)
    write_city(tmp_path, n_lamps=0)
    with pytest.raises(TownError, match="nothing to play"):
        read_town(tmp_path)


@pytest.mark.parametrize(
    ("file", "old", "new", "reason"),
    [
        ("lamps.csv", "L-3,C-2,1,2,0.79,", "L-3,C-2,1,2,,", r"lamps\.csv:5: latitude '' of L-3"),
        ("lamps.csv", "L-3,C-2,1,2,0.79,", "L-3,C-2,1,2,979,", r"lamps\.csv:5: latitude '979' of L-3"),
        ("lamps.csv", "L-3,", "L-2,", r"lamps\.csv:5: lamp_id 'L-2' stands there twice"),
        ("city.toml", 'group = "g"', 'timezone = "Asia/Atlantis"', r"city\.toml: timezone 'Asia/Atlantis'"),
        ("city.toml", 'group = "g"', '[schedule]\non = "moonrise"', r"city\.toml: on 'moonrise'"),
        ("city.toml", 'group = "g"', "[schedule]\ndim = [1]", r"city\.toml: dim 1"),
    ],
)
def test_a_broken_row_or_setting_is_reported_with_its_place(tmp_path, file, old, new, reason):
    path = write_city(tmp_path) / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(TownError, match=reason):
        read_town(tmp_path)


def test_the_control_door_answers_refuses_and_leaves_no_socket(tmp_path):
    control = ControlSocket(tmp_path, lambda request: {"got": request["do"]})
    with pytest.raises(ControlError, match="another simulation"):
        ControlSocket(tmp_path, dict)
    stop = threading.Event()

    def serve():
        while not stop.wait(0.01):
            control.answer()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        assert ask(tmp_path, {"do": "list"}) == {"got": "list"}
        with pytest.raises(ControlError, match="do"):
            ask(tmp_path, {})
    finally:
        stop.set()
        thread.join()
    control.close()
    with pytest.raises(ControlError, match="no simulation"):
        ask(tmp_path, {"do": "list"})
