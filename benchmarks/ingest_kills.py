"""Killing ingest at random moments of the flood, and counting afterwards: nothing lost, nothing doubled."""

from __future__ import annotations

import json
import random
import sqlite3
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

LEAST_S, MOST_S = 0.5, 4.0  # between serving again and the next kill


class Killer:
    """Kills and restarts ingest ``n_kills`` times, on a thread of its own, or until it is told that the flood ends."""

    def __init__(self, ingest: subprocess.Popen[str], start: Callable[[], subprocess.Popen[str]], n_kills: int) -> None:
        """``start`` starts an ingest and returns when it serves."""
        self.ingest = ingest
        self.n_done = 0
        self._start, self._n_kills = start, n_kills
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._random = random.Random(1)

    def start(self) -> None:
        """The flood is on."""
        self._thread.start()

    def finish(self) -> None:
        """No more kills; returns when ingest serves."""
        self._is_over.set()
        self._thread.join()

    def _run(self) -> None:
        while self.n_done < self._n_kills and not self._is_over.wait(self._random.uniform(LEAST_S, MOST_S)):
            self.ingest.kill()
            self.ingest.wait()
            self.n_done += 1
            self.ingest = self._start()

    def report(
        self, marks: dict[str, dict[str, float]], kept: dict[str, float], faults: dict[str, Any], *, wanted: int
    ) -> None:
        """Print what was counted; ``wanted``: lamps that are dark."""
        done = marks["done"]
        print(
            f"{self.n_done} x kill -9 under the flood: {done['sent']:,.0f} records sent, {done['resent']:,.0f} of them "
            f"again, {done['acknowledged']:,.0f} acknowledged, {kept['different']:,.0f} stored"
        )
        print(f"{wanted} dark lamps; faults reported: {faults or 'none'}")
        result = {
            "kills": self.n_done,
            "sent": int(done["sent"]),
            "resent": int(done["resent"]),
            "unacknowledged": int(done["sent"] - done["acknowledged"]),
            "lost": int(done["sent"] - kept["different"]),
            "doubled": int(kept["records"] - kept["different"]),
            "dark_lamps": wanted,
            "faults": faults,
        }
        print(json.dumps(result))


def reported_faults(database: Path) -> dict[str, Any]:
    """Faults of each code and state in the fault book, on how many lamps, and how many events tell of them.

    A fault that was reported once, and neither closed nor opened again, has one event.
    """
    query = """
        SELECT code, faults.state, count(DISTINCT id), count(DISTINCT lamp_id), count(*)
        FROM faults JOIN fault_events ON fault_id = id GROUP BY code, faults.state
    """
    with sqlite3.connect(database) as connection:
        rows = connection.execute(query).fetchall()
    return {f"{row[0]} {row[1]}": dict(zip(("faults", "lamps", "events"), row[2:], strict=True)) for row in rows}
