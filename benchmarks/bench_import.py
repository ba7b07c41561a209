"""``make bench-import``: 500,000 rows of CSV and of GeoJSON into a city, in seconds of CPU and megabytes.

Each format is imported by ``terang-city`` itself into a fresh city with SQLite; the processes that it starts are
counted with it. The last line is one JSON object: the worse of both formats.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROWS = 500_000
STREETS = 4_000
LAMPS_PER_CABINET = 60
MAX_CPU_S = 30.0
MAX_RSS_MB = 1000.0
HEADER = (
    "No Tiang", "Panel", "Jalur", "Lintang", "Bujur", "Daya", "Jenis", "Jalan", "Kecamatan", "Kelurahan", "Tgl Pasang",
    "Merek", "Tinggi",
)  # fmt: skip
MAPPING = """
[lamp]
lamp_id = "No Tiang"
cabinet_id = "Panel"
circuit = "Jalur"
latitude = "Lintang"
longitude = "Bujur"
rated_power_w = "Daya"
technology = "Jenis"
street = "Jalan"
district = "Kecamatan"
village = "Kelurahan"
installed_on = { column = "Tgl Pasang", format = "%d/%m/%Y" }

[cabinet]
controller_id = "Panel"
"""


def rows(n_rows: int, seed: int) -> Iterator[tuple[str, ...]]:
    """Rows of a made-up city: poles 30 m apart along streets, one in 500 with something wrong."""
    rng = random.Random(seed)
    for row in range(n_rows):
        cabinet, at = divmod(row, LAMPS_PER_CABINET)
        north = -7.0 - (cabinet // 100) * 0.004
        east = 110.0 + (cabinet % 100) * 0.004 + at * 0.00027
        street = cabinet % STREETS
        power = rng.choice(("90", "70 W", "150", "250 W", "0,09 kW", "1.250 W" if row % 5000 == 0 else "120"))
        if row % 500 == 7:
            power = "250/85"
        installed = f"{row % 28 + 1:02d}/{row % 12 + 1:02d}/20{row % 20 + 5:02d}"
        yield (
            f"T-{row:06d}", f"P-{cabinet:05d}", str(at // 30 + 1), f"{north:.6f}", f"{east:.6f}", power,
            rng.choice(("LED", "SON-T", "Mercury", "High Pressure Sodium")), f"Jl. Contoh {street}",
            f"Kecamatan {street % 30}", f"Kelurahan {street % 300}", installed,
            rng.choice(("Merek A", "Merek B", "")), rng.choice(("7", "9", "11")),
        )  # fmt: skip


def write_csv(path: Path, n_rows: int, seed: int) -> None:
    """The rows as a semicolon-separated file."""
    with path.open("w", encoding="utf-8") as file:
        file.write(";".join(HEADER) + "\n")
        for row in rows(n_rows, seed):
            file.write(";".join(row) + "\n")


def write_geojson(path: Path, n_rows: int, seed: int) -> None:
    """The rows as points of a FeatureCollection."""
    with path.open("w", encoding="utf-8") as file:
        file.write('{"type": "FeatureCollection", "features": [\n')
        for number, row in enumerate(rows(n_rows, seed)):
            feature = {
                "type": "Feature",
                "properties": dict(zip(HEADER, row, strict=True)),
                "geometry": {"type": "Point", "coordinates": [float(row[4]), float(row[3])]},
            }
            file.write((",\n" if number else "") + json.dumps(feature))
        file.write("\n]}\n")


_RUN = """
import json, resource, sys
from ingest.city.__main__ import main
code = 0
try:
    main()
except SystemExit as ended:
    code = ended.code or 0
own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
cpu = sum(usage.ru_utime + usage.ru_stime for usage in (own, children))
rss_mb = max(own.ru_maxrss, children.ru_maxrss) / 1024
print(json.dumps({"code": code, "cpu_s": cpu, "rss_mb": rss_mb}), file=sys.stderr)
"""


def import_once(folder: Path, source: Path, mapping: Path) -> dict[str, Any]:
    """Import a source into a new city; the seconds of CPU and megabytes that it took."""
    city = folder / f"city-{source.suffix[1:]}"
    terang_city = [sys.executable, "-m", "ingest.city"]
    subprocess.run([*terang_city, "init", str(city)], check=True, stdout=subprocess.DEVNULL)
    began = time.monotonic()
    command = [sys.executable, "-c", _RUN, "import", str(city), str(source), "--map", str(mapping)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    result: dict[str, Any] = json.loads(done.stderr.strip().splitlines()[-1])
    if result["code"]:
        raise SystemExit(done.stdout + done.stderr)
    result["wall_s"] = time.monotonic() - began
    result["terminal_lines"] = done.stdout.count("\n")
    return result


def main() -> None:
    """Run both formats and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--seed", type=int, default=18)
    arguments = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}, {arguments.rows:,} rows")
    found = {}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "map.toml").write_text(MAPPING, encoding="utf-8")
        for kind, write in (("csv", write_csv), ("geojson", write_geojson)):
            source = folder / f"register.{kind}"
            write(source, arguments.rows, arguments.seed)
            found[kind] = import_once(folder, source, folder / "map.toml")
            print(
                f"{kind}: {found[kind]['cpu_s']:.1f} s of CPU, {found[kind]['wall_s']:.1f} s, "
                f"{found[kind]['rss_mb']:.0f} MB, "
                f"{source.stat().st_size >> 20} MB of source, {found[kind]['terminal_lines']} lines on the terminal"
            )
            source.unlink()
    result = {
        "cpu_s": round(max(one["cpu_s"] for one in found.values()), 1),
        "rss_mb": round(max(one["rss_mb"] for one in found.values())),
        "rows": arguments.rows,
        **{f"{kind}_cpu_s": round(one["cpu_s"], 1) for kind, one in found.items()},
        **{f"{kind}_rss_mb": round(one["rss_mb"]) for kind, one in found.items()},
        "is_within": max(one["cpu_s"] for one in found.values()) <= MAX_CPU_S
        and max(one["rss_mb"] for one in found.values()) <= MAX_RSS_MB,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main()
