"""A real PostgreSQL in a folder of its own, from Debian's programs, on a free loopback port."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import psycopg


class PostgresqlServer:
    def __init__(self, initdb: Path) -> None:
        self._initdb = initdb
        self._pg_ctl = initdb.with_name("pg_ctl")
        self._n_databases = 0

    def start(self) -> None:
        # pytest's folders are the caller's alone: the server's user could not enter them
        self._folder = Path(tempfile.mkdtemp(prefix="terang-pg-"))
        self._data = self._folder / "data"
        demote: dict[str, Any] = {}
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root; Debian's package brings a user of its own
            user = pwd.getpwnam("postgres")
            os.chown(self._folder, user.pw_uid, user.pw_gid)
            demote = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "timeout": 60}
        self._how: dict[str, Any] = {"cwd": self._folder, **quiet, **demote}
        create = [self._initdb, "-D", self._data, "-U", "terang", "-A", "trust", "-E", "UTF8", "--no-sync"]
        subprocess.run(create, check=True, **self._how)
        self.resume()

    def resume(self) -> None:
        """Start on the data that is there."""
        options = f"-p {self.port} -k {self._folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        self._control("-l", self._folder / "log", "-o", options, "start")

    def halt(self, mode: str) -> None:
        """End as ``pg_ctl`` does: ``fast`` closes sessions and the files, ``immediate`` is a crash."""
        self._control("-m", mode, "stop")

    def _control(self, *words: str | Path) -> None:
        subprocess.run([self._pg_ctl, "-D", self._data, "-w", *words], check=True, **self._how)

    def url(self, database: str = "postgres") -> str:
        return f"postgresql+psycopg://terang@127.0.0.1:{self.port}/{database}"

    def make_database(self) -> str:
        """The URL of a new and empty database."""
        self._n_databases += 1
        name = f"terang{self._n_databases}"
        self.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def make_schema(self) -> str:
        """The URL of a new and empty schema of one database: quicker, but advisory locks are the database's."""
        self._n_databases += 1
        name = f"terang{self._n_databases}"
        self.execute(f"CREATE SCHEMA {name}")
        return self.url(f"postgres?options=-csearch_path%3D{name}")

    def execute(self, statement: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url(database).replace("+psycopg", ""), autocommit=True) as connection:
            cursor = connection.execute(statement)  # type: ignore[arg-type]  # tests write their statements out
            return cursor.fetchall() if cursor.description else []

    def stop(self) -> None:
        self.halt("immediate")
        shutil.rmtree(self._folder, ignore_errors=True)
