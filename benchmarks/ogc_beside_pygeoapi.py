"""OGC API - Features beside pygeoapi: the same boxes and pages over the same lamps, requests per CPU-second of each.

    python -m benchmarks.ogc_beside_pygeoapi [--lamps 100000] [--boxes 300]

Both servers run on the same machine in the same run and are asked one after the other, over one connection each. Every
answer is compared: the same features, the same numbers. ``ogc_ratio`` is the smaller of the ratios for boxes and for
pages, each beside the faster provider. The CPU of PostgreSQL's own processes is not counted.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from benchmarks.pygeoapi_server import Pygeoapi
from benchmarks.tall_city import build
from ingest.register.register import Lamps

ROOT: Final = Path(__file__).parents[1]
MUST_REACH: Final = 10.0
_LIMIT: Final = 100  # features of a box's page
_PAGE: Final = 1000
_BOX: Final = 0.01  # degrees


class Side:
    """One server's collection of lamps, asked over one connection."""

    def __init__(self, name: str, port: int, items: str, pids: Sequence[int]) -> None:
        """``items``: path of the collection's items; ``pids``: the server's processes."""
        self.name, self.items, self._pids = name, items, pids
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)

    def ask(self, path: str) -> dict[str, Any]:
        """The document at a path."""
        self._connection.request("GET", path, headers={"Accept": "application/geo+json"})
        answer = self._connection.getresponse()
        body = answer.read()
        assert answer.status == 200, (self.name, path, body[:500])
        found: dict[str, Any] = json.loads(body)
        return found

    def cpu_s(self) -> float:
        """CPU seconds that the server has used."""
        ticks = 0
        for pid in self._pids:
            fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def boxes(self, boxes: Sequence[str]) -> tuple[list[Any], float]:
        """What each box holds, and requests per CPU-second."""
        self._connection.close()  # opens anew: a server closes one that was silent while the others were asked
        before_s = self.cpu_s()
        answers = [self.ask(f"{self.items}?f=json&limit={_LIMIT}&bbox={box}") for box in boxes]
        rate = len(boxes) / (self.cpu_s() - before_s)
        return [_held(one) for one in answers], rate

    def pages(self, n_pages: int) -> tuple[list[str], float]:
        """The ids of the first pages, by the links that lead on, and requests per CPU-second."""
        self._connection.close()  # opens anew: a server closes one that was silent while the others were asked
        before_s = self.cpu_s()
        path: str | None = f"{self.items}?f=json&limit={_PAGE}"
        ids: list[str] = []
        n = 0
        while path is not None and n < n_pages:
            document = self.ask(path)
            ids += _ids(document)
            n += 1
            onward = next((urlsplit(one["href"]) for one in document["links"] if one["rel"] == "next"), None)
            path = None if onward is None else f"{onward.path}?{onward.query}"
        return ids, n / (self.cpu_s() - before_s)


def _held(document: dict[str, Any]) -> tuple[int | None, list[str] | None]:
    """How many features match, where the server counts them; and which, where all are on the page."""
    ids = _ids(document)
    return document.get("numberMatched"), sorted(ids) if len(ids) < _LIMIT else None


def _is_same(one: tuple[int | None, Any], other: tuple[int | None, Any]) -> bool:
    return one[1] == other[1] and (None in {one[0], other[0]} or one[0] == other[0])


def _ids(document: dict[str, Any]) -> list[str]:
    return [str(one["id"]) for one in document["features"]]


def compare(n_lamps: int, n_boxes: int, seed: int) -> dict[str, float]:
    """Run both servers over the same lamps; prints a table. Returns the keys of the result."""
    with tempfile.TemporaryDirectory(prefix="bench-ogc-") as temporary:
        folder = Path(temporary)
        register = build(folder, n_lamps, 0, seed, time.time_ns() // 1000)
        command = [sys.executable, "-m", "dashboard_api", "--city", str(folder), "--port", "0"]
        api = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        beside: Pygeoapi | None = None
        try:
            assert api.stdout is not None
            found = re.search(r":(\d+)$", api.stdout.readline().strip())
            assert found is not None, "terang-api did not start"
            beside = Pygeoapi(folder, register.lamps)
            ours = Side("terang", int(found[1]), "/ogc/collections/lamps/items", [api.pid])
            others = [
                Side(f"pygeoapi {provider}", beside.port, f"/collections/{name}/items", beside.pids)
                for provider, name in beside.collections.items()
            ]
            for provider in beside.missing:
                print(f"pygeoapi's provider {provider} is left out: this machine has no SpatiaLite or PostGIS")
            return _measured(ours, others, _some_boxes(register.lamps, n_boxes, seed), -(-n_lamps // _PAGE))
        finally:
            if beside is not None:
                beside.close()
            api.terminate()
            api.wait(20)


def _some_boxes(lamps: Lamps, n: int, seed: int) -> list[str]:
    dice = random.Random(seed)
    rows = [dice.randrange(len(lamps.lamp_id)) for _ in range(n)]
    corners = [(float(lamps.longitude[row]), float(lamps.latitude[row])) for row in rows]
    return [f"{x - _BOX / 2:.5f},{y - _BOX / 2:.5f},{x + _BOX / 2:.5f},{y + _BOX / 2:.5f}" for x, y in corners]


def _measured(ours: Side, others: Sequence[Side], boxes: Sequence[str], n_pages: int) -> dict[str, float]:
    for one in (ours, *others):  # what each keeps of what it has read, it has read before
        one.boxes(boxes[:3])
        one.pages(n_pages)
    rates = {"boxes": {}, "pages": {}}  # type: dict[str, dict[str, float]]
    held, rates["boxes"][ours.name] = ours.boxes(boxes)
    met, rates["pages"][ours.name] = ours.pages(n_pages)
    assert len(met) == len(set(met)), "a lamp is doubled"
    for one in others:
        found, rates["boxes"][one.name] = one.boxes(boxes)
        assert all(map(_is_same, found, held)), f"{one.name} answers boxes differently"
        pages, rates["pages"][one.name] = one.pages(n_pages)
        assert sorted(pages) == sorted(met), f"{one.name} answers pages differently"
    again, second = ours.boxes(boxes)  # before and after the others: the machine was the same
    assert again == held
    rates["boxes"][ours.name] = min(second, rates["boxes"][ours.name])
    print(f"{'requests per CPU-second':26} {'boxes':>9} {'pages':>9}")
    for one in (ours, *others):
        print(f"{one.name:26} {rates['boxes'][one.name]:>9.1f} {rates['pages'][one.name]:>9.1f}")
    if not others:
        return {}
    ratios = {kind: of[ours.name] / max(of[one.name] for one in others) for kind, of in rates.items()}
    ratio = min(ratios.values())
    reached = "reached" if ratio >= MUST_REACH else "NOT reached"
    print(f"boxes {ratios['boxes']:.1f} x, pages {ratios['pages']:.1f} x pygeoapi's; >= {MUST_REACH:.0f} x {reached}")
    return {"ogc_ratio": round(ratio, 1), **{f"ogc_{kind}_ratio": round(one, 1) for kind, one in ratios.items()}}


def main() -> None:
    """Compare, and print the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lamps", type=int, default=100_000)
    parser.add_argument("--boxes", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    print(json.dumps(compare(options.lamps, options.boxes, options.seed)))


if __name__ == "__main__":
    main()
