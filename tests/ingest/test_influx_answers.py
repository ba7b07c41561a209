# ruff: noqa: F811  (fixtures of another module are imported by name, and asked for as parameters)
"""What the InfluxDB store does about refused lines, and about answers that mean "not now"."""

from pathlib import Path

import numpy as np
import pytest
from influxdb_client.service.write_service import WriteService

from ingest.errors import StoreUnavailableError
from ingest.schema.influx import parse_address
from ingest.telemetry.influx import InfluxStore
from ingest.telemetry.line_protocol import LINES_AT_ONCE
from tests.influx_server import InfluxServer
from tests.ingest.influx_bucket import Answering, Opener, answering, bucket, open_store  # noqa: F401
from tests.ingest.seeded_blocks import T0_US, block_of, town


def test_refused_lines_are_set_aside_and_the_good_ones_of_the_batch_are_stored(
    open_store: Opener, influx: InfluxServer, bucket: str, tmp_path: Path
):
    directory = town(2, 50)
    long_id, number = "L" * 70_000, directory.places.lamp_index["L-000007"]
    directory.lamps._names[number] = long_id  # beyond what a key may hold: a stranger's list may name anything
    influx.write(
        f'cabinets,controller_id=PJU-001 interval_s="text" {T0_US * 1000}\n', bucket
    )  # a foreign writer took the field
    block = block_of(directory)
    store = open_store()
    store.write(block)
    aside = (tmp_path / "refused_lines.txt").read_text().splitlines()
    lines = [line for line in aside if not line.startswith("#")]
    assert [line[:7] for line in lines] == ["lamps,c", "cabinet", "cabinet"]
    assert long_id in lines[0]
    assert any("max key length" in line for line in aside)
    assert any("field type conflict" in line for line in aside)
    assert influx.count("lamps", "quality", bucket) == 99
    assert influx.count("journal", "sequence", bucket) == 2
    assert {ranges.complete_to for ranges in open_store().received()} == {1}, "acknowledged: it will never be taken"


def test_many_refused_lines_cost_a_bounded_number_of_requests(
    open_store: Opener, influx: InfluxServer, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    influx.write(
        f'lamps,controller_id=x,lamp_id=x power_w="text" {T0_US * 1000}\n', bucket
    )  # every line with a power will be refused
    directory = town(2, 2000)
    block = block_of(directory, unknown_share=0.5)
    n_with_power = int(np.isfinite(block.batch.power_w).sum())
    assert 1000 < n_with_power < 3000, "too many to ask for each of them alone, and not all"
    n_requests, post = 0, WriteService.post_write

    def counted(*args: object, **options: object) -> object:
        nonlocal n_requests
        n_requests += 1
        return post(*args, **options)

    monkeypatch.setattr(WriteService, "post_write", counted)
    open_store().write(block)
    assert n_requests < 250
    aside = (tmp_path / "refused_lines.txt").read_text().splitlines()
    n_aside = sum(line.startswith("lamps,") for line in aside)
    assert sum(line.count(",power_w=") for line in aside) == n_with_power
    assert n_aside < 4000, "not everything"
    assert influx.count("lamps", "quality", bucket) == 4000 - n_with_power


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (401, '{"code":"unauthorized","message":"unauthorized access"}'),
        (404, '{"error":"database not found: \\"terang\\""}'),
        (400, '{"code":"invalid","message":"only precision=ns passes here"}'),
        (400, '{"error":"partial write: max-values-per-tag limit exceeded (100000/100000) dropped=3"}'),
        (429, '{"code":"too many requests","message":"slow down"}'),
        (500, '{"error":"engine: cache-max-memory-size exceeded: (1/1)"}'),
        (503, "<html>502</html>"),
    ],
)
def test_what_a_person_or_time_can_mend_holds_everything_back(
    answering: type[Answering], status: int, text: str, tmp_path: Path
):
    answering.status, answering.text = status, text
    address = parse_address(f"influxdb://127.0.0.1:{answering.port}?org=o&bucket=terang")
    store = InfluxStore(address, "secret", tmp_path)
    with pytest.raises(StoreUnavailableError, match=str(status)):
        store.write(block_of(town(1, 5)))
    assert not (tmp_path / "refused_lines.txt").exists()


def test_a_body_that_is_too_large_is_sent_in_halves(answering: type[Answering], tmp_path: Path):
    answering.longest = 2000
    address = parse_address(f"influxdb://127.0.0.1:{answering.port}?org=o&bucket=terang")
    InfluxStore(address, None, tmp_path).write(block_of(town(1, 500)))
    assert not (tmp_path / "refused_lines.txt").exists()
    assert answering.n_lines == 500 + 2 + 2 + 1


def test_a_block_tried_again_goes_on_where_the_server_was_too_busy(answering: type[Answering], tmp_path: Path):
    address = parse_address(f"influxdb://127.0.0.1:{answering.port}?org=o&bucket=terang")
    store = InfluxStore(address, None, tmp_path)
    block = block_of(
        town(10, 3 * LINES_AT_ONCE // 10)
    )  # three requests of lamps, one each of circuits, records, ranges
    n_tries = 0
    for n_taken in (2, 1, 1, 2):
        answering.n_until_busy = n_taken
        n_tries += 1
        try:
            store.write(block)
        except StoreUnavailableError:
            continue
        break
    assert n_tries == 4
    assert answering.n_lines == 3 * LINES_AT_ONCE + 20 + 20 + 10, "each line once"


def test_a_bucket_that_is_not_there_is_said_at_once(influx: InfluxServer, tmp_path: Path):
    address = parse_address(f"influxdb://127.0.0.1:{influx.port}?org=terang&bucket=nowhere")
    with pytest.raises(StoreUnavailableError, match="database not found"):
        InfluxStore(address, None, tmp_path)
