"""What a lamp costs a running ingest: bytes of memory, held, and the start of a city whose register stands already."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.ingest.city_stand import REPOSITORY, write_city

MOST_BYTES_PER_LAMP = 1_300  # docs/scale.md: 900 were measured at a million
MOST_CPU_US_PER_LAMP = 15  # of the start; 3 to 7 were measured, neighbours included
N_LAMPS = 200

OPEN = """
import gc, os, sys, time
from pathlib import Path
gc.disable()
from ingest.assembly import CityIngest
from ingest.options import Options
from ingest.schema.city import read_city
began = time.process_time()
ingest = CityIngest(read_city(Path(sys.argv[1]), os.environ), Options(status_port=-1))
took_s = time.process_time() - began
pages = int(Path("/proc/self/statm").read_text().split()[1])
print(pages * os.sysconf("SC_PAGE_SIZE"), took_s)
ingest.close()
"""


def opened(city: Path) -> tuple[int, float]:
    """Resident bytes and CPU seconds of opening a city."""
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    reported = subprocess.check_output([sys.executable, "-c", OPEN, str(city)], env=environment, timeout=200)
    resident, took_s = reported.split()
    return int(resident), float(took_s)


@pytest.mark.timeout(240)
def test_a_lamp_costs_no_more_memory_and_start_than_is_promised(tmp_path: Path) -> None:
    small, large = (write_city(tmp_path / str(n), n_controllers=n, n_lamps=N_LAMPS, broker_port=1) for n in (50, 350))
    for city in (small, large):
        opened(city)  # the first start imports the register
    (small_bytes, small_s), (large_bytes, large_s) = opened(small), opened(large)
    n_more = 300 * N_LAMPS
    bytes_per_lamp, us_per_lamp = (large_bytes - small_bytes) / n_more, (large_s - small_s) / n_more * 1e6
    print(f"{bytes_per_lamp:.0f} bytes and {us_per_lamp:.1f} us of CPU at the start a lamp")
    assert bytes_per_lamp < MOST_BYTES_PER_LAMP
    assert us_per_lamp < MOST_CPU_US_PER_LAMP
