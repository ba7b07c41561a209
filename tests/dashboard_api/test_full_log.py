"""The log stands on a full disk: the API starts and serves, and only its lines are lost."""

import subprocess
import sys
import urllib.request
from pathlib import Path

from tests.ingest.city_stand import REPOSITORY, free_port, wait_until, write_city

FULL = Path("/dev/full")


def test_a_full_disk_under_the_log_ends_nothing(tmp_path):
    city, port = write_city(tmp_path / "city", n_controllers=1, n_lamps=2, broker_port=1), free_port()
    command = [sys.executable, "-m", "dashboard_api", "--city", str(city), "--port", str(port)]
    with FULL.open("wb") as sink:
        process = subprocess.Popen(command, cwd=REPOSITORY, stdout=sink, stderr=sink)
    try:
        wait_until(lambda: process.poll() is not None or _status(port), 60)
        assert process.poll() is None
        assert _status(port) == 200
    finally:
        process.kill()
        process.wait()


def _status(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=30) as answer:
            return answer.status
    except OSError:
        return 0
