"""Pages through all lamps of OGC API - Features as QGIS does, by the links that lead on, while lamps change.

    python -m benchmarks.ogc_paging [--lamps 100000] [--rounds 10] [--page 1000]

A real ``terang-api`` answers. Meanwhile a thread replaces the live picture all the time, and the register again and
again: every hundredth lamp gets another id, and all lamps move. A lamp that is in every register from a round's
beginning to its end has to be met once in that round. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import http.client
import json
import re
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import numpy as np

from benchmarks.tall_city import build, write_picture
from ingest.database import open_database
from ingest.register.database_table import store_register
from ingest.register.register import Register
from ingest.schema import live
from ingest.schema.city import City, read_city

ROOT: Final = Path(__file__).parents[1]
_PICTURE_S: Final = 0.5  # from one live picture to the next
_PICTURES: Final = 3  # for each register


@dataclass
class Changes:
    """What the writer did; ``registers`` holds the ids of each register that was in force, oldest first."""

    registers: list[frozenset[str]]
    n_pictures: int = 0


class Writer(threading.Thread):
    """Changes live picture and register until it is told to stop."""

    def __init__(self, city: City, register: Register, changes: Changes, seed: int) -> None:
        """Nothing is changed yet."""
        super().__init__(daemon=True)
        self._city, self._register, self._changes = city, register, changes
        self._random = np.random.default_rng(seed)
        self.is_stopping = threading.Event()
        self.error: BaseException | None = None

    def run(self) -> None:
        """Change until told to stop."""
        engine = open_database(self._city)
        try:
            version = 1
            while not self.is_stopping.is_set():
                if self._changes.n_pictures % _PICTURES == _PICTURES - 1:
                    following = self._following()
                    # in force from some time in here on: a lamp that leaves is no longer one that has to be met
                    self._changes.registers.append(frozenset(following.lamps.lamp_id))
                    version = store_register(engine, following, "benchmark")
                    self._register = following
                states = self._random.integers(live.STATE_LIT, live.STATE_DARK + 1, len(self._register.lamps.lamp_id))
                write_picture(self._city.data_folder, states.astype(np.uint8), version, time.time_ns() // 1000)
                self._changes.n_pictures += 1
                self.is_stopping.wait(_PICTURE_S)
        except BaseException as error:  # noqa: BLE001  (told to who waits)
            self.error = error
        finally:
            engine.dispose()

    def _following(self) -> Register:
        lamps = self._register.lamps
        ids = list(lamps.lamp_id)
        for row in self._random.integers(0, len(ids), len(ids) // 100).tolist():
            ids[row] = f"{ids[row][:9]}-{len(self._changes.registers)}"
        moved = replace(lamps, lamp_id=ids, latitude=lamps.latitude + 1e-5)
        return replace(self._register, lamps=moved)


def page_through(port: int, page: int) -> list[str]:
    """The ids of all features, in the order in which they were met."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    path: str | None = f"/ogc/collections/lamps/items?f=json&limit={page}"
    found: list[str] = []
    while path is not None:
        connection.request("GET", path, headers={"Accept": "application/geo+json"})
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status} {body[:300]!r}")
        document = json.loads(body)
        found += [str(one["id"]) for one in document["features"]]
        onward = next((urlsplit(one["href"]) for one in document["links"] if one["rel"] == "next"), None)
        path = None if onward is None else f"{onward.path}?{onward.query}"
    connection.close()
    return found


def measure(n_lamps: int, n_rounds: int, page: int, seed: int) -> dict[str, float]:
    """Page through a changing city; the counts of lamps that were missed and doubled."""
    with tempfile.TemporaryDirectory(prefix="bench-paging-") as temporary:
        folder = Path(temporary)
        register = build(folder, n_lamps, 0, seed, time.time_ns() // 1000)
        command = [sys.executable, "-m", "dashboard_api", "--city", str(folder), "--port", "0"]
        api = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        changes = Changes([frozenset(register.lamps.lamp_id)])
        writer = Writer(read_city(folder, {}), register, changes, seed)
        try:
            assert api.stdout is not None
            found = re.search(r":(\d+)$", api.stdout.readline().strip())
            assert found is not None, "terang-api did not start"
            writer.start()
            n_missed = n_doubled = n_met = n_had_to = 0
            began_s = time.monotonic()
            for number in range(n_rounds):
                first = len(changes.registers) - 1
                met = page_through(int(found[1]), page)
                # the register before may still have been in force at the beginning
                staying = frozenset.intersection(*changes.registers[max(first - 1, 0) :])
                n_missed += len(staying - set(met))
                n_doubled += len(met) - len(set(met))
                n_met += len(met)
                n_had_to += len(staying)
                print(
                    f"round {number + 1}: {len(met)} met, {len(staying)} stayed, {len(changes.registers)} registers; "
                    f"{n_missed} missed, {n_doubled} doubled so far",
                    flush=True,
                )
            took_s = time.monotonic() - began_s
        finally:
            writer.is_stopping.set()
            if writer.is_alive():
                writer.join(60)
            api.terminate()
            api.wait(20)
        if writer.error is not None:
            raise writer.error
    return {
        "ogc_paging_lamps": n_lamps,
        "ogc_paging_met": n_met,
        "ogc_paging_stayed": n_had_to,
        "ogc_paging_missed": n_missed,
        "ogc_paging_doubled": n_doubled,
        "ogc_paging_registers": len(changes.registers),
        "ogc_paging_pictures": changes.n_pictures,
        "ogc_paging_s": round(took_s, 1),
    }


def main() -> None:
    """Measure, and print the result; exit code 1 where a lamp was missed or doubled."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lamps", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--page", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    result = measure(options.lamps, options.rounds, options.page, options.seed)
    print(json.dumps(result))
    sys.exit(bool(result["ogc_paging_missed"] or result["ogc_paging_doubled"]))


if __name__ == "__main__":
    main()
