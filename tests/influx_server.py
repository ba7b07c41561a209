"""A real InfluxDB for the tests: Debian's 1.6 behind nginx with the very file that `deploy/` ships, on free ports."""

import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(is_true: Callable[[], bool], timeout_s: float = 60.0) -> None:
    end = time.monotonic() + timeout_s
    while not is_true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


class InfluxServer:
    def __init__(self, influxd: Path, nginx: Path, folder: Path) -> None:
        self.port, self.inner_port, rpc_port = free_port(), free_port(), free_port()
        self._folder = folder
        config = folder / "influxdb.conf"
        # the limits of Debian's file are for a small town: max-values-per-tag = 100 000
        config.write_text(
            f'reporting-enabled = false\nbind-address = "127.0.0.1:{rpc_port}"\n'
            f'[meta]\n  dir = "{folder}/meta"\n'
            f'[data]\n  dir = "{folder}/data"\n  wal-dir = "{folder}/wal"\n  query-log-enabled = false\n'
            "  max-values-per-tag = 0\n  max-series-per-database = 0\n"
            f'[http]\n  bind-address = "127.0.0.1:{self.inner_port}"\n  log-enabled = false\n'
            "[monitor]\n  store-enabled = false\n"
        )
        site = (REPOSITORY / "deploy" / "nginx-influxdb1.conf").read_text()
        assert "listen 8086;" in site
        assert "127.0.0.1:8085;" in site
        site = site.replace("listen 8086;", f"listen 127.0.0.1:{self.port};")
        site = site.replace("server 127.0.0.1:8085;", f"server 127.0.0.1:{self.inner_port};")
        temporary = "".join(f"{name}_temp_path {folder}/nginx-{name};\n" for name in _NGINX_TEMPORARY)
        (folder / "nginx.conf").write_text(
            f"daemon off;\nworker_processes 1;\npid {folder}/nginx.pid;\nerror_log {folder}/nginx.log;\n"
            f"events {{}}\nhttp {{\naccess_log off;\n{temporary}{site}}}\n"
        )
        self._commands = {
            "influxd": [str(influxd), "-config", str(config)],
            "nginx": [str(nginx), "-p", str(folder), "-c", str(folder / "nginx.conf")],
        }
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, *names: str) -> None:
        for name in names or self._commands:
            environment = {**os.environ, "HOME": str(self._folder), "GOMAXPROCS": "2"}
            with (self._folder / f"{name}.out").open("ab") as log:
                self.processes[name] = subprocess.Popen(self._commands[name], stdout=log, stderr=log, env=environment)
        wait_until(self._answers)

    def _answers(self) -> bool:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{self.port}/ping", timeout=1).close()
        except OSError:
            return False
        return True

    def stop(self, *names: str) -> None:
        """As a power cut does."""
        for name in names or tuple(self.processes):
            process = self.processes.pop(name, None)
            if process is not None:
                if name == "nginx":
                    process.terminate()  # killed, its worker would live on
                else:
                    process.kill()
                process.wait()

    def new_bucket(self, name: str) -> str:
        self.ask(f'CREATE DATABASE "{name}"')
        return f"influxdb://127.0.0.1:{self.port}?org=terang&bucket={name}"

    def ask(self, statement: str, bucket: str = "") -> list[dict]:
        """Series of an answer, straight from the server."""
        body = urllib.parse.urlencode({"db": bucket, "q": statement, "epoch": "ns"}).encode()
        with urllib.request.urlopen(f"http://127.0.0.1:{self.inner_port}/query", body, timeout=30) as answer:
            result = json.load(answer)["results"][0]
        assert "error" not in result, result
        return result.get("series", [])

    def count(self, measurement: str, field: str, bucket: str) -> int:
        series = self.ask(f'SELECT count("{field}") FROM "{measurement}"', bucket)
        return series[0]["values"][0][1] if series else 0

    def write(self, body: str, bucket: str) -> None:
        """Lines from somebody else."""
        url = f"http://127.0.0.1:{self.inner_port}/write?db={bucket}&precision=ns"
        urllib.request.urlopen(url, body.encode(), timeout=30).close()

    def cpu_s(self) -> float:
        """CPU that the servers have used."""
        total = 0
        for process in self.processes.values():
            fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
        return total / os.sysconf("SC_CLK_TCK")


_NGINX_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
