"""Runs with one quantity more than the product declares, from the meter to the API; prints what came out as JSON.

A process of its own, since everything is derived from the declaration when it is imported. Its arguments: a folder, and
the row that is added to ``LAMPS`` in ``edge_agent/wire/quantities.py``.
"""

# ruff: noqa: PLC0415  # what is derived is imported only when the declaration has its row

import importlib.machinery
import importlib.util
import json
import sys
import time
from pathlib import Path
from types import CodeType

LAMP_IDS = ("L-000", "L-001", "L-002")
LUX = (3, 41_000, None)  # the last lamp's meter does not answer
END_OF_LAMPS = ")  # fmt: skip  # a table\nCABINET:"


class WithOneRowMore(importlib.machinery.SourceFileLoader):
    """Loads a module's source with a row added."""

    row = ""

    def get_code(self, fullname: str) -> CodeType:
        source = Path(self.get_filename(fullname)).read_text(encoding="utf-8")
        assert source.count(END_OF_LAMPS) == 1
        return compile(source.replace(END_OF_LAMPS, f"    {self.row},\n{END_OF_LAMPS}"), self.path, "exec")


class DeclarationFinder:
    """Finds the declaration and nothing else."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> importlib.machinery.ModuleSpec | None:
        del target
        if name != "edge_agent.wire.quantities":
            return None
        found = importlib.machinery.PathFinder.find_spec(name, path)  # type: ignore[arg-type]
        assert found is not None
        assert found.origin is not None
        return importlib.util.spec_from_file_location(name, found.origin, loader=WithOneRowMore(name, found.origin))


def sweep_meters(folder: Path) -> tuple[object, object]:
    """One slow sweep of three nodes on a pseudo-terminal, and the controller's layout."""
    from edge_agent.config import parse_config
    from edge_agent.outbox.layout import Layout
    from edge_agent.outbox.record import METRIC_OF
    from edge_agent.serial.port import open_port
    from edge_agent.serial.profile_file import load_profiles
    from edge_agent.serial.sweep import Sweeper
    from tests.edge_agent.conftest import Node, PtyBus

    nodes = [Node(i + 1) for i in range(len(LAMP_IDS))]
    for node, lux in zip(nodes, LUX, strict=True):
        node.is_alive = lux is not None
        node.input[11] = lux or 0
    bus = PtyBus(nodes, folder / "tty")
    lamps = [{"address": i + 1, "lamp_id": name, "profile": "lamp-node"} for i, name in enumerate(LAMP_IDS)]
    document = {
        "controller": {"group": "terang", "id": "PJU-000", "latitude": 0.8, "longitude": 102.0},
        "broker": {"url": "mqtt://127.0.0.1"},
        "bus": [{"name": "A", "port": str(bus.path), "lamps": lamps}],
    }
    config = parse_config(document, Path("agent.toml"), {})
    sweeper = Sweeper(config, load_profiles(config.profile_names, Path()), open_port, time.time, time.monotonic)
    try:
        measured = frozenset(METRIC_OF[path] for path in sweeper.available if path in METRIC_OF)
        return sweeper.sweep(slow=True), Layout(LAMP_IDS, (), measured)
    finally:
        sweeper.close()
        bus.unplug()


def main(folder: Path) -> dict[str, object]:
    from array import array
    from dataclasses import replace

    import pyarrow.parquet as pq

    from dashboard_api.api.city import quantity_items
    from dashboard_api.readings.parquet import ParquetReadings
    from edge_agent.link.message import Identity, nbirth, ndata
    from edge_agent.outbox.numbering import Numbering
    from edge_agent.outbox.record import Circumstances, Record, encode_body
    from ingest.decode.birth import parse_birth
    from ingest.decode.bulk_decode import BulkDecoder
    from ingest.decode.columns import build_tick
    from ingest.decode.record import read_record
    from ingest.schema.influx_thinning import thin_statements
    from ingest.schema.segments import table_files
    from ingest.telemetry.compaction import Compaction, Policy
    from ingest.telemetry.line_protocol import TagWords, body_of, reading_lines
    from ingest.telemetry.merged_tables import THIN_US
    from ingest.telemetry.parquet import ParquetStore
    from languages.catalogue import load_languages
    from tests.ingest.seeded_blocks import town

    sweep, layout = sweep_meters(folder)
    at_ms = sweep.at_ms // (THIN_US // 1000) * (THIN_US // 1000)
    circumstances = Circumstances(array("B", [100] * len(LAMP_IDS)), is_synchronised=True, interval_s=60)
    records = [
        Record(7, i + 1, at_ms + 60_000 * i, layout.key, encode_body(sweep, layout, circumstances)) for i in range(10)
    ]
    born = nbirth(Identity(0, "1", None), layout, records[0], Numbering(7, 1, 1), at_ms)
    payloads = [
        ndata(record, Numbering(7, record.sequence, 1), record.sequence % 256, is_historical=False)
        for record in records
    ]
    directory = town(1, len(LAMP_IDS), lamp_name="L-{:03d}")
    session = parse_birth("PJU-000", born, directory)
    one_by_one = [read_record(session, payload) for payload in payloads]
    at_once = BulkDecoder().read([("PJU-000", payload) for payload in payloads], {"PJU-000": session})
    assert all(record is not None for record in at_once), "ten payloads of one shape are read together"
    blocks = [build_tick([[record] for record in way], [], directory).block for way in (one_by_one, at_once)]
    column = "illuminance_lx"
    alone, together = (getattr(block.batch, column) for block in blocks)
    assert alone.tobytes() == together.tobytes()
    block = replace(blocks[0], received=())
    lines = "".join(bytes(body_of(part)).decode() for part in reading_lines(block, TagWords()))

    root = folder / "telemetry"
    store = ParquetStore(root)
    store.write(block)
    back = next(store.records(directory, after=0))
    stored = pq.read_schema(table_files(root, "lamps")[0]).field(column)
    readings = ParquetReadings(root)
    start_us, end_us = at_ms * 1000, at_ms * 1000 + 3_600_000_000
    raw = [readings.lamp(name, start_us, end_us, None).to_pydict()[column] for name in LAMP_IDS]
    mean = [readings.lamp(name, start_us, end_us, 900).to_pydict()[column] for name in LAMP_IDS]
    position = store.position()
    store.close()
    staging = folder / "staging"
    staging.mkdir()
    upkeep = Compaction(root, Policy(0, 10_000), staging=staging)
    for _ in range(10):
        upkeep.run(start_us + 3 * 86_400_000_000, position)
    thinned = [ParquetReadings(root).lamp(name, start_us, end_us, None).to_pydict()[column] for name in LAMP_IDS]
    return {
        "decoded": [None if value != value else float(value) for value in together[:3].tolist()],  # noqa: PLR0124
        "dtype": together.dtype.str,
        "lines": [line for line in lines.splitlines() if line.startswith("lamps,")][:3],
        "parquet": str(stored.type),
        "read_back": getattr(back, column)[:3].tobytes().hex(),
        "written": together[:3].tobytes().hex(),
        "raw": [values[0] for values in raw],
        "mean": [values[0] for values in mean],
        "thinned": thinned,
        "thin_statement": thin_statements(0, 900 * 10**9)[0],
        "quantity": next(item for item in quantity_items(load_languages()) if item["name"] == column),
    }


if __name__ == "__main__":
    WithOneRowMore.row = sys.argv[2]
    sys.meta_path.insert(0, DeclarationFinder())  # type: ignore[arg-type]
    print(json.dumps(main(Path(sys.argv[1]))))
