"""pygeoapi with the lamps of a register, in an environment of its own: what OGC API - Features is measured beside.

The environment is made from PyPI once and kept in the user's cache folder. Its two providers read the same lamps from a
SpatiaLite file and from PostgreSQL with PostGIS; one that this machine cannot have is left out by name.
"""

from __future__ import annotations

import glob
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import psycopg

from ingest.register.register import Lamps
from tests.postgresql_server import PostgresqlServer

VERSION: Final = "0.21.0"
PACKAGES: Final = (f"pygeoapi=={VERSION}", "gunicorn==23.0.0", "geoalchemy2==0.18.0", "psycopg2-binary==2.9.11")
COLUMNS: Final = ("lamp_id", "cabinet_id", "circuit", "technology", "street", "district", "village", "road_class")


# fills a SpatiaLite file with the rows on standard input; run by an interpreter whose SQLite loads extensions
_FILL: Final = """
import json, sqlite3, sys
path, columns = sys.argv[1], sys.argv[2].split(",")
connection = sqlite3.connect(path)
connection.enable_load_extension(True)
connection.execute("SELECT load_extension('mod_spatialite')")
connection.execute("SELECT InitSpatialMetaData(1)")
kinds = ", ".join(name + (" TEXT PRIMARY KEY" if name == "lamp_id" else " TEXT") for name in columns)
connection.execute(f"CREATE TABLE lamps ({kinds})")
connection.execute("SELECT AddGeometryColumn('lamps', 'geom', 4326, 'POINT', 'XY')")
marks = ", ".join("?" * len(columns))
connection.executemany(f"INSERT INTO lamps VALUES ({marks}, MakePoint(?, ?, 4326))", json.load(sys.stdin))
connection.execute("SELECT CreateSpatialIndex('lamps', 'geom')")
connection.commit()
"""
_LOADS: Final = "import sqlite3; c = sqlite3.connect(':memory:'); c.enable_load_extension(True); "
_LOADS_SPATIALITE: Final = _LOADS + "c.execute(\"SELECT load_extension('mod_spatialite')\")"


def _interpreter() -> str:
    """One whose SQLite loads SpatiaLite, if this machine has such a one; else the present one."""
    for program in (sys.executable, "/usr/bin/python3"):
        if Path(program).exists() and _has_spatialite(program):
            return program
    return sys.executable


def _has_spatialite(program: str | Path) -> bool:
    done = subprocess.run([program, "-c", _LOADS_SPATIALITE], capture_output=True, check=False)
    return done.returncode == 0


def environment() -> Path:
    """The folder of the environment, made if there is none."""
    home = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / f"terang-bench-pygeoapi-{VERSION}"
    if not (home / "made").exists():
        print(f"installing {', '.join(PACKAGES)} into {home} …", flush=True)
        subprocess.run([_interpreter(), "-m", "venv", "--clear", home], check=True)
        subprocess.run([home / "bin" / "python", "-m", "pip", "-qq", "install", *PACKAGES], check=True)
        (home / "made").touch()
    return home


class Pygeoapi:
    """A running server; ``collections``: names of the collections that it has, by provider."""

    def __init__(self, folder: Path, lamps: Lamps) -> None:
        """Fill the stores in ``folder`` and start the server."""
        self._closing = ExitStack()
        self.collections: dict[str, str] = {}
        self.missing: list[str] = []
        resources: dict[str, Any] = {}
        for name, make in (("sqlite", self._spatialite), ("postgresql", self._postgresql)):
            provider = make(folder, lamps)
            if provider is None:
                self.missing.append(name)
                continue
            self.collections[name] = f"lamps_{name}"
            resources[f"lamps_{name}"] = _resource(provider, lamps)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._start(folder, resources)

    def _spatialite(self, folder: Path, lamps: Lamps) -> dict[str, Any] | None:
        python = environment() / "bin" / "python"
        if not _has_spatialite(python):
            return None
        path = folder / "lamps.sqlite"
        fill = [python, "-c", _FILL, path, ",".join(COLUMNS)]
        subprocess.run(fill, input=json.dumps(_rows(lamps)), text=True, check=True)
        return {"name": "SQLiteGPKG", "data": str(path), "table": "lamps", "id_field": "lamp_id"}

    def _postgresql(self, folder: Path, lamps: Lamps) -> dict[str, Any] | None:  # noqa: ARG002  (as its sibling)
        found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"))  # noqa: PTH207  (a pattern from the root)
        if not found:
            return None
        server = PostgresqlServer(Path(found[-1]))
        server.start()
        self._closing.callback(server.stop)
        try:
            server.execute("CREATE EXTENSION postgis")
        except psycopg.Error:
            return None
        columns = ", ".join(f"{name} text{' PRIMARY KEY' if name == 'lamp_id' else ''}" for name in COLUMNS)
        server.execute(f"CREATE TABLE lamps ({columns}, geom geometry(Point, 4326))")
        with psycopg.connect(server.url().replace("+psycopg", "")) as connection:
            with connection.cursor().copy("COPY lamps FROM STDIN") as copy:
                for *values, x, y in _rows(lamps):
                    copy.write_row([*values, f"SRID=4326;POINT({x!r} {y!r})"])
            connection.execute("CREATE INDEX ON lamps USING gist (geom)")
        server.execute("ANALYZE lamps")
        data = {"host": "127.0.0.1", "port": server.port, "dbname": "postgres", "user": "terang", "password": "-"}
        data["search_path"] = ["public"]
        return {"name": "PostgreSQL", "data": data, "table": "lamps", "id_field": "lamp_id", "geom_field": "geom"}

    def _start(self, folder: Path, resources: dict[str, Any]) -> None:
        bin_folder = environment() / "bin"
        config = folder / "pygeoapi.yml"  # JSON is YAML
        config.write_text(json.dumps(_config(self.port, resources)), encoding="utf-8")
        described = folder / "openapi.yml"
        names = {"PYGEOAPI_CONFIG": str(config), "PYGEOAPI_OPENAPI": str(described)}
        generate = [bin_folder / "pygeoapi", "openapi", "generate", config, "--output-file", described]
        subprocess.run(generate, check=True, env={**os.environ, **names}, stdout=subprocess.DEVNULL)
        serve = [bin_folder / "gunicorn", "--workers", "1", "--bind", f"127.0.0.1:{self.port}", "--log-level", "error"]
        serve += ["--keep-alive", "60", "--worker-class", "gthread", "--threads", "1", "pygeoapi.flask_app:APP"]
        self._process = subprocess.Popen(serve, env={**os.environ, **names}, cwd=folder)
        self._closing.callback(self._end)
        deadline = time.monotonic() + 60
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/conformance", timeout=5):
                    return
            except OSError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    raise
                time.sleep(0.2)

    @property
    def pids(self) -> list[int]:
        """The server's process and its workers; not PostgreSQL's, which are in its favour."""
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text("ascii")
        return [self._process.pid, *map(int, children.split())]

    def _end(self) -> None:
        self._process.terminate()
        self._process.wait(30)

    def close(self) -> None:
        """End the server and its stores."""
        self._closing.close()


def _rows(lamps: Lamps) -> list[tuple[Any, ...]]:
    """By id, as the other server pages."""
    order = sorted(range(len(lamps.lamp_id)), key=lamps.lamp_id.__getitem__)
    x, y = lamps.longitude.tolist(), lamps.latitude.tolist()
    columns = [getattr(lamps, name) for name in COLUMNS]
    return [(*(column[row] for column in columns), x[row], y[row]) for row in order]


def _resource(provider: dict[str, Any], lamps: Lamps) -> dict[str, Any]:
    box = [lamps.longitude.min(), lamps.latitude.min(), lamps.longitude.max(), lamps.latitude.max()]
    crs = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
    return {
        "type": "collection",
        "title": "Lamps",
        "description": "The lamps of the benchmark's register",
        "keywords": ["lamps"],
        "links": [],
        "extents": {"spatial": {"bbox": [float(one) for one in box], "crs": crs}},
        "providers": [{"type": "feature", **provider}],
    }


def _config(port: int, resources: dict[str, Any]) -> dict[str, Any]:
    texts = {"title": "lamps", "description": "lamps", "keywords": ["lamps"], "keywords_type": "theme"}
    return {
        "server": {
            "bind": {"host": "127.0.0.1", "port": port},
            "url": f"http://127.0.0.1:{port}",
            "mimetype": "application/json; charset=UTF-8",
            "encoding": "utf-8",
            "gzip": False,
            "languages": ["en-US"],
            "pretty_print": False,
            "limits": {"default_items": 10, "max_items": 1000},
            "map": {"url": "http://127.0.0.1/", "attribution": "none"},
        },
        "logging": {"level": "ERROR"},
        "metadata": {
            "identification": {**texts, "terms_of_service": "none", "url": "http://127.0.0.1"},
            "license": {"name": "none", "url": "http://127.0.0.1"},
            "provider": {"name": "none", "url": "http://127.0.0.1"},
            "contact": {"name": "none", "email": "none@example.org"},
        },
        "resources": resources,
    }
