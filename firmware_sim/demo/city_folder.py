"""The demo's city folder: a generated town or a copy of the user's own city."""

from __future__ import annotations

import csv
import fcntl
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from firmware_sim.errors import SimError
from languages.message import Message, Plain, why

_BUS_LAMPS: Final = 120  # nodes on one line with a repeater
DEFAULT_FOLDER: Final = Path("demo-city")  # where terang-sim looks when nobody names a city
_LOCK: Final = ".demo-lock"
FILES: Final = ("city.toml", "lamps.csv", "cabinets.csv")


class CityFolderError(SimError):
    """The demo's folder cannot be made."""


@contextmanager
def held_folder(wanted: Path | None, port: int) -> Iterator[Path]:
    """Choose the demo's folder and lock it while the demo runs, so that no other demo clears it.

    Args:
        wanted: a folder that was asked for by name; None = the default one, or, while another demo plays there, one of
            the port's own.
        port: the page's port.

    Raises:
        CityFolderError: another demo plays in the wanted folder, or it cannot be made.
    """
    places = [wanted] if wanted is not None else [DEFAULT_FOLDER, Path(f"{DEFAULT_FOLDER}-{port}")]
    for folder in places:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock = (folder / _LOCK).open("w", encoding="ascii")
        except OSError as error:
            raise CityFolderError(
                Message("sim.at", where=Plain(error.filename or folder), reason=why(error))
            ) from error
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # let go by the kernel, whatever ends this process
            except OSError:
                continue
            yield folder.resolve()
            return
    raise CityFolderError(Message("sim.another_demo", folder=places[-1]))


def copy_city(source: Path, target: Path) -> None:
    """Copy a city's three files, so that the demo does not write into the original folder.

    Raises:
        CityFolderError: a file is missing, or the copy cannot be written.
    """
    target.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        try:
            shutil.copyfile(source / name, target / name)
        except OSError as error:
            raise CityFolderError(
                Message("sim.at", where=Plain(error.filename or source / name), reason=why(error))
            ) from error


def fit_meters(folder: Path) -> int:
    """Give the lamps of a register without any lamp meter a node each, so that there is something to read.

    Returns the number of lamps that got one; 0 where the register knows meters of its own. Cabinets without a
    controller get one of their own name.
    """
    lamps, cabinets = _table(folder / "lamps.csv"), _table(folder / "cabinets.csv")
    if any(row.get("bus") for row in lamps):
        return 0
    for row in cabinets:
        row["controller_id"] = row.get("controller_id") or row["cabinet_id"]
    places: dict[str, int] = {}
    for row in lamps:
        cabinet = row.get("cabinet_id")
        if cabinet:
            place = places[cabinet] = places.get(cabinet, -1) + 1
            bus, address = divmod(place, _BUS_LAMPS)
            row |= {"bus": f"bus-{bus + 1}", "address": str(address + 1), "profile": "lamp-node"}
    _write_table(folder / "lamps.csv", lamps)
    _write_table(folder / "cabinets.csv", cabinets)
    return sum(places.values()) + len(places)


def _table(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as source:
            return list(csv.DictReader(source))
    except (OSError, ValueError, csv.Error) as error:
        raise CityFolderError(Message("sim.at", where=path, reason=why(error))) from error


def _write_table(path: Path, rows: list[dict[str, str]]) -> None:
    names = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", encoding="utf-8", newline="") as sink:
        writer = csv.DictWriter(sink, names)
        writer.writeheader()
        writer.writerows(rows)


def clear_data(folder: Path) -> None:
    """Delete the data of the previous demo: its timestamps may lie in the future of this one."""
    shutil.rmtree(folder / "data", ignore_errors=True)


def free_port(host: str = "127.0.0.1") -> int:
    """A free TCP port."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


def check_port(port: int, host: str = "127.0.0.1") -> None:
    """Check that the page's port is free.

    Raises:
        CityFolderError: somebody listens there.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise CityFolderError(Message("sim.port", port=port, reason=why(error), other=port + 1)) from error
