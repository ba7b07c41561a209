"""What a flood of large messages needed is given back, though ticks keep their memory in between."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ingest.metrics import Metrics
from ingest.pipeline import store_upkeep
from ingest.pipeline.store_upkeep import Upkeep
from ingest.readiness import Readiness
from tests.influx_server import wait_until

REPOSITORY = Path(__file__).parents[2]
FLOOD = """
import pyarrow as pa
from ingest.process_memory import give_back_memory, keep_memory

def kilobytes():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("RssAnon"))

keep_memory()
before = kilobytes()
messages = [[bytearray(1 << 20), bytearray(600)] for _ in range(200)]
column = pa.array(range(4_000_000))
left = [small for _, small in messages]  # one that stays above each that goes
del messages, column
flooded = kilobytes()
give_back_memory()
print(before, flooded, kilobytes())
"""


def test_memory_of_a_flood_is_given_back() -> None:
    run = [sys.executable, "-c", FLOOD]
    said = subprocess.run(run, cwd=REPOSITORY, capture_output=True, text=True, check=True, timeout=60).stdout
    before, flooded, after = map(int, said.split())
    assert flooded - before > 150_000, "the flood's memory was not kept, so nothing is shown here"
    assert after - before < 40_000


def test_upkeep_gives_back_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    class Store:
        def upkeep(self, _now_us: int) -> bool:
            return False

    given: list[bool] = []
    monkeypatch.setattr(store_upkeep, "give_back_memory", lambda: given.append(True))
    monkeypatch.setattr(store_upkeep, "_GIVE_BACK_S", 0.01)
    monkeypatch.setattr(store_upkeep, "_IDLE_S", 0.01)
    upkeep = Upkeep(Store(), lambda: 7, Metrics(), Readiness())  # type: ignore[arg-type]  # its part of a store
    upkeep.start()
    wait_until(lambda: len(given) >= 3)
    upkeep.stop()
