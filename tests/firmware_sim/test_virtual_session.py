"""The virtual fleet on a real Mosquitto, held to the contract byte by byte by a decoder of the tests' own."""

from __future__ import annotations

import itertools
import time
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime

import pytest

from edge_agent.wire import DataType, Metric, Payload, encode_payload
from firmware_sim.fleet.outages import Churn
from firmware_sim.fleet.player import Pace
from firmware_sim.fleet.simulation import FleetOptions, Simulation
from firmware_sim.fleet.town import read_town
from firmware_sim.fleet.virtual_agent import VirtualAgent
from tests.edge_agent.broker_process import Broker
from tests.firmware_sim.injection_city import write_city
from tests.firmware_sim.listening_host import ListeningHost
from tests.firmware_sim.sparkplug_reader import IN_EVERY_SWEEP, TABLE

NIGHT_US = int(datetime(2026, 11, 23, 13, 0, tzinfo=UTC).timestamp() * 1e6)  # 20:00 in Jakarta: full level
CONTROLLERS = {"PJU-1", "PJU-2", "PJU-3"}


@pytest.fixture
def broker(tmp_path, require_debian):
    broker = Broker(require_debian("mosquitto"), tmp_path)
    broker.start()
    yield broker
    broker.kill()


@contextmanager
def simulation_of(folder, port, *, minutes=None, speed=0.0, churn=None, seed=1):
    end_us = None if minutes is None else NIGHT_US + minutes * 60_000_000
    pace = Pace(NIGHT_US, 60.0, slow_s=300.0, speed=speed, end_us=end_us)
    folder.mkdir(exist_ok=True)
    town = read_town(write_city(folder))
    simulation = Simulation(town, ("127.0.0.1", port), FleetOptions(churn=churn or Churn()), pace, seed)
    try:
        yield simulation
    finally:
        simulation.close()


def play(simulation, until, patience_s=60.0):
    deadline = time.monotonic() + patience_s
    while not until():
        assert time.monotonic() < deadline, simulation.figures()
        simulation.turn()


def play_to_the_end(simulation):
    play(simulation, lambda: simulation.is_over)


def settled(host):
    """What the host heard, once nothing comes any more."""
    n = -1
    while n != len(host.messages):
        n = len(host.messages)
        time.sleep(0.3)
    assert host.failures == []
    return host


def test_a_quiet_hour_is_births_and_gapless_records_of_the_right_types_and_sizes(tmp_path, broker):
    with ExitStack() as stack:
        host = ListeningHost(broker.port)
        stack.callback(host.close)
        with simulation_of(tmp_path / "city", broker.port, minutes=60) as simulation:
            play_to_the_end(simulation)
        settled(host)
    assert set(host.births) == CONTROLLERS
    for node, births in host.births.items():
        assert len(births) == 1
        (birth,) = births
        assert birth["Outbox/Sequence"] == birth["Outbox/Pending"] == 1
        records = host.records[node]
        assert sorted(number for _, number in records) == list(range(1, 61))
        assert len({epoch for epoch, _ in records}) == 1
        times = [records[key][0] for key in sorted(records)]
        assert {b - a for a, b in itertools.pairwise(times)} == {60_000}
        live = [values for _, is_history, values in records.values() if not is_history]
        assert all(set(values) >= IN_EVERY_SWEEP for values in live)
        assert sum("Lamps/Energy" in values for values in live) in {11, 12, 13}
        assert host.deaths[node] == [birth["bdSeq"]], "an intended end publishes the death, and the will stays unsaid"
    lamps = host.births["PJU-1"][0]["Lamps/Id"]
    assert lamps[:2] == ["L-111", "L-112"]
    assert len(lamps) == 16
    assert set(host.births["PJU-1"][0]) == set(TABLE)
    values = list(host.records["PJU-1"].values())[-1][2]
    assert all(80 < watts < 100 for watts in values["Lamps/Power"])
    assert set(values["Lamps/Dim Level"]) == {100}


def test_storms_and_churn_lose_nothing_and_every_session_has_its_own_will(tmp_path, broker):
    with ExitStack() as stack:
        host = ListeningHost(broker.port)
        stack.callback(host.close)
        churn = Churn(per_hour=4.0, storm_s=1200.0)
        with simulation_of(tmp_path / "city", broker.port, minutes=120, churn=churn) as simulation:
            play_to_the_end(simulation)
        settled(host)
    for node in CONTROLLERS:
        assert sorted(number for _, number in host.records[node]) == list(range(1, 121))
        numbers = [birth["bdSeq"] for birth in host.births[node]]
        assert len(numbers) >= 6, "five storms and a beginning"
        assert numbers == sorted(set(numbers))
        # a connection that broke before its birth has left a will as well
        assert set(numbers) <= set(host.deaths[node]), "the broker published the will of each broken session"
        assert host.deaths[node] == sorted(set(host.deaths[node])), "no will was published twice"
    history = [was for records in host.records.values() for _, was, _ in records.values() if was]
    assert history, "what was recorded without a connection came as history"


def test_a_host_that_is_silent_for_an_hour_gets_it_all_afterwards(tmp_path, broker):
    with ExitStack() as stack:
        host = ListeningHost(broker.port, does_acknowledge=False)
        stack.callback(host.close)
        simulation = stack.enter_context(simulation_of(tmp_path / "city", broker.port, speed=3000.0))
        simulation.world.upset.is_offline[0] = True
        play(simulation, lambda: simulation.player.n_sweeps > 150)
        assert simulation.figures()["waiting"] == simulation.player.n_sweeps
        host.does_acknowledge = True
        simulation.world.upset.is_offline[0] = False
        for node in ("PJU-2", "PJU-3"):
            for epoch in {epoch for epoch, _ in host.records[node]}:
                host.acknowledge(node, epoch)
        play(simulation, lambda: simulation.figures()["waiting"] < 12)
        settled(host)
        born = host.births["PJU-1"][0]
        assert born["Outbox/Pending"] == born["Outbox/Sequence"] > 40
        for node, records in host.records.items():
            numbers = sorted(number for _, number in records)
            assert numbers == list(range(1, len(numbers) + 1)), node


def test_commands_are_obeyed_rebirth_schedule_and_a_foreign_acknowledgement(tmp_path, broker):
    with ExitStack() as stack:
        host = ListeningHost(broker.port)
        stack.callback(host.close)
        simulation = stack.enter_context(simulation_of(tmp_path / "city", broker.port, speed=600.0))
        play(simulation, lambda: len(host.births) == 3)
        host.command("PJU-2", (Metric(True, name="Node Control/Rebirth"),))
        play(simulation, lambda: len(host.births["PJU-2"]) == 2)
        first, second = host.births["PJU-2"]
        assert first["bdSeq"] == second["bdSeq"]
        for wrong in ("no schedule", '{"on": "moonrise"}', "[1]"):
            host.command("PJU-1", (Metric(wrong, name="Schedule/Document"),))
        document = '{"version": 7, "timezone": "Asia/Jakarta", "on": "23:50", "off": "04:00", "dim": []}'
        host.command("PJU-1", (Metric(document, name="Schedule/Document"),))
        play(simulation, lambda: len(host.births["PJU-1"]) == 2)
        assert host.births["PJU-1"][1]["Schedule/Document"] == document
        begun = simulation.player.n_sweeps
        play(simulation, lambda: simulation.player.n_sweeps > begun + 12)
        settled(host)
        levels = {node: max(host.records[node].items())[1][2]["Lamps/Dim Level"] for node in ("PJU-1", "PJU-2")}
        assert set(levels["PJU-1"]) == {0}, "its own schedule lights it at 23:50"
        assert set(levels["PJU-2"]) == {100}


def test_the_same_seed_and_start_send_the_same_bytes_and_another_start_another_outbox(tmp_path, broker):
    def records_of(name, seed=1):
        host = ListeningHost(broker.port)
        with simulation_of(tmp_path / name, broker.port, minutes=10, seed=seed) as simulation:
            play_to_the_end(simulation)
        settled(host).close()
        return {
            (node, key): {name: value for name, value in values.items() if name != "Outbox/Pending"}
            for node, records in host.records.items()
            for key, (_, _, values) in records.items()
        }

    first, again, other = records_of("a"), records_of("b"), records_of("c", seed=2)
    assert str(first) == str(again)
    assert not set(first) & set(other), "another seed's outboxes have other epochs"


def test_a_restarted_node_tells_it_in_its_next_sweep_whichever_turn_its_controller_has(tmp_path, broker):
    with ExitStack() as stack:
        host = ListeningHost(broker.port)
        stack.callback(host.close)
        with simulation_of(tmp_path / "city", broker.port, minutes=20) as simulation:
            play(simulation, lambda: simulation.player.n_sweeps >= 15)
            for cabinet in ("C-1", "C-2"):
                simulation._handle({"do": "inject", "code": "supplyDip", "place": cabinet})
            play_to_the_end(simulation)
        settled(host)
    for node in ("PJU-1", "PJU-2"):
        reported = [
            any(bits & 16 for bits in host.records[node][key][2]["Lamps/Status"]) for key in sorted(host.records[node])
        ]
        assert sum(reported[2:]) == 1, node


def test_cities_with_controllers_of_the_same_names_share_a_broker_without_evicting_each_other(tmp_path, broker):
    with ExitStack() as stack:
        host = ListeningHost(broker.port)
        stack.callback(host.close)
        simulations = []
        for group in ("terang", "terang-utara"):
            folder = tmp_path / group
            folder.mkdir()
            settings = write_city(folder) / "city.toml"
            settings.write_text(settings.read_text().replace('name = "Kota"', f'name = "Kota"\ngroup = "{group}"'))
            pace = Pace(NIGHT_US, 60.0, slow_s=300.0, speed=600.0)
            simulations.append(Simulation(read_town(folder), ("127.0.0.1", broker.port), FleetOptions(), pace, 1))
            stack.callback(simulations[-1].close)
        opened = []
        for simulation in simulations:
            for link in simulation.player._links:
                link._on_change = lambda is_open, was=link._on_change: (opened.append(is_open), was(is_open))
        deadline = time.monotonic() + 5.0
        while time.monotonic() < deadline:
            for simulation in simulations:
                simulation.turn()
        assert opened == [True] * 6, "each of six controllers connects once and stays"


@pytest.mark.parametrize(
    "document",
    [
        "[" * 100_000,
        '{"dim":' * 100_000,
        '{"on": "sunset+99999999999999999999m"}',
        '{"off": "sunrise-999999999m"}',
        '{"dim": [{"at": "22:00", "level": 1e400}]}',
        '{"timezone": "' + "x" * 70_000 + '"}',
        '{"timezone": ["UTC"]}',
        '{"version": ' + "9" * 5000 + "}",
    ],
)
def test_a_hostile_schedule_neither_ends_a_virtual_agent_nor_is_kept(tmp_path, document):
    town = read_town(write_city(tmp_path))
    agent = VirtualAgent("terang", town.controllers[0], epoch=1)
    payload = encode_payload(Payload(0, 0, (Metric(document, name="Schedule/Document", datatype=DataType.STRING),)))
    assert agent.command(payload, 0) == ([], None)
    assert agent.schedule is None
