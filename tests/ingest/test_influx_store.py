# ruff: noqa: F811  (fixtures of another module are imported by name, and asked for as parameters)
"""The InfluxDB store where writers and servers are killed: nothing lost, nothing doubled."""

import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ingest.errors import StoreUnavailableError
from tests.influx_server import InfluxServer
from tests.ingest.city_stand import IngestProcess, Mosquitto, wait_until, write_city
from tests.ingest.influx_bucket import Answering, Opener, answering, bucket, open_store, read_back  # noqa: F401
from tests.ingest.played_agents import PlayedFleet
from tests.ingest.seeded_blocks import T0_US, block_of, rows_of, town

DAY_US = 86_400_000_000
REPOSITORY = Path(__file__).parents[2]


def test_a_block_written_twice_is_stored_once_and_recalled_once(open_store: Opener, influx: InfluxServer, bucket: str):
    directory = town(2, 10)
    block = block_of(directory)
    store = open_store()
    before = store.position()
    store.write(block)
    again = open_store()
    again.write(block)
    assert influx.count("lamps", "quality", bucket) == 20
    assert read_back(again, directory) == rows_of([block.batch])
    assert rows_of(list(again.records(directory, after=before))) == rows_of([block.batch])


def test_an_answer_of_more_rows_than_the_server_gives_at_once_is_whole(open_store: Opener):
    directory = town(60, 250)  # a chunk of an answer is 10,000 rows
    block = block_of(directory)
    store = open_store()
    store.write(block)
    assert read_back(store, directory) == rows_of([block.batch])


def test_what_no_mark_promises_is_not_recalled(open_store: Opener):
    directory = town(1, 3)
    store = open_store()
    store.write(block_of(directory, sequence=1))
    position = store.position()
    block = block_of(directory, sequence=2)
    store.write(
        type(block)(block.batch, directory, block.lamp_name, block.circuit_name)
    )  # killed before its received ranges
    assert list(open_store().records(directory, after=position)) == []


WRITER = """
import sys
from pathlib import Path
from ingest.telemetry import line_protocol
from ingest.schema.influx import parse_address
from ingest.telemetry.influx import InfluxStore
from tests.ingest.seeded_blocks import T0_US, block_of, town

url, folder, n_lamps, last = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
line_protocol.LINES_AT_ONCE = 40  # many requests to a block, so that a kill finds it half done
directory = town(2, n_lamps)
store = InfluxStore(parse_address(url), None, folder)
stored = store.received()
sequence = min((ranges.complete_to for ranges in stored), default=0)
while sequence < last:
    sequence += 1
    store.write(block_of(directory, sequence=sequence, at_us=T0_US + sequence * 60_000_000))
    print(sequence, flush=True)
"""


def test_a_writer_killed_in_the_middle_of_its_batches_loses_and_doubles_nothing(
    open_store: Opener, influx: InfluxServer, bucket: str, tmp_path: Path
):
    n_lamps = 300
    url = f"influxdb://127.0.0.1:{influx.port}?org=terang&bucket={bucket}"
    directory = town(2, n_lamps)
    rng = random.Random(7)
    reported = 0

    def write(last: int) -> subprocess.Popen:
        command = [sys.executable, "-c", WRITER, url, str(tmp_path), str(n_lamps), str(last)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, cwd=REPOSITORY)

    for _ in range(3):
        writer = write(1000)
        assert writer.stdout is not None
        reported = int(writer.stdout.readline())  # it works
        time.sleep(rng.uniform(0.05, 0.8))
        writer.kill()
        rest = writer.communicate()[0].split()
        reported = int(rest[-1]) if rest else reported
        progress = [ranges.complete_to for ranges in open_store().received()]
        assert min(progress) >= reported, "what was confirmed is promised"
    last = reported + 2
    assert write(last).wait(60) == 0
    found = open_store().period(directory, T0_US, T0_US + DAY_US)
    n_found = 0
    for batch in found:
        for row in rows_of([batch]):
            sequence = row["sequence"]
            assert isinstance(sequence, int)
            expected = block_of(directory, sequence=sequence, at_us=T0_US + sequence * 60_000_000)
            controller = row["controller"]
            assert row == rows_of([expected.batch])[controller]
            n_found += 1
    assert n_found == 2 * last
    assert influx.count("lamps", "quality", bucket) == 2 * last * n_lamps


def test_server_down_holds_the_block_back_until_it_is_there_again(
    open_store: Opener, influx: InfluxServer, bucket: str
):
    directory = town(2, 20)
    first, second = block_of(directory), block_of(directory, sequence=2)
    store = open_store()
    store.write(first)
    influx.stop("influxd")
    with pytest.raises(StoreUnavailableError, match="502"):  # nginx stands and says so
        store.write(second)
    influx.stop("nginx")
    with pytest.raises(StoreUnavailableError, match="does not answer"):
        store.write(second)
    influx.start()
    assert influx.count("lamps", "quality", bucket) == 40, "what was confirmed outlives a killed server"
    store.write(second)
    assert read_back(open_store(), directory) == rows_of([first.batch, second.batch])


MILLION = """
import resource, sys, time
from pathlib import Path
from ingest.schema.influx import parse_address
from ingest.telemetry.influx import InfluxStore
from tests.ingest.seeded_blocks import block_of, town

block = block_of(town(5000, 200))
store = InfluxStore(parse_address(sys.argv[1]), None, Path(sys.argv[2]))
before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
store.write(block)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb)
"""


def test_a_million_readings_are_written_in_a_bounded_memory(answering: type[Answering], tmp_path: Path):
    url = f"influxdb://127.0.0.1:{answering.port}?org=o&bucket=terang"
    reported = subprocess.check_output([sys.executable, "-c", MILLION, url, str(tmp_path)], cwd=REPOSITORY, timeout=100)
    assert answering.n_lines == 1_000_000 + 10_000 + 2 * 5000 + 5000
    assert int(reported) / 1024 < 120, "MB beyond the columns; the lines themselves are 200"


def test_the_whole_intake_over_influxdb_survives_kills_of_ingest_and_of_the_server(
    influx: InfluxServer, bucket: str, tmp_path: Path, require_debian: Callable[[str], Path]
):
    url = influx.new_bucket(bucket)
    broker = Mosquitto(require_debian("mosquitto"), tmp_path)
    broker.start()
    telemetry = f'[telemetry]\nurl = "{url}"\n'
    city = write_city(tmp_path / "city", n_controllers=4, n_lamps=6, broker_port=broker.port, more=telemetry)
    ingest = IngestProcess(city)
    ingest.start()
    fleet = PlayedFleet(broker.port, 4, 6)
    try:
        wait_until(ingest.is_ready)
        fleet.birth()
        for round_number in range(12):
            fleet.sweep()
            time.sleep(0.15)
            if round_number == 3:
                ingest.kill()
                ingest.start()
                wait_until(ingest.is_ready)
            if round_number == 7:
                influx.stop("influxd")
                fleet.sweep()
                wait_until(lambda: "telemetry" in ingest.page("/readyz")[1] and not ingest.is_ready())
                held = [agent.acknowledged for agent in fleet.agents]
                fleet.sweep()
                time.sleep(1.0)
                assert [agent.acknowledged for agent in fleet.agents] == held, "nothing acknowledged meanwhile"
                influx.start("influxd")
        wait_until(ingest.is_ready)
        fleet.resend()
        fleet.settle()
        n_records = sum(agent.sequence for agent in fleet.agents)
        assert influx.count("cabinets", "sequence", bucket) == n_records == 4 * 14
        assert influx.count("lamps", "quality", bucket) == n_records * 6
        found = influx.ask('SELECT "sequence" FROM cabinets GROUP BY controller_id', bucket)
        assert [sorted(row[1] for row in series["values"]) for series in found] == [list(range(1, 15))] * 4
    finally:
        fleet.close()
        ingest.kill()
        broker.stop()
