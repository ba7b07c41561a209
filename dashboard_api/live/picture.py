"""The live picture: maps the file that ingest replaces, and keeps the newest mapping."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ingest.schema import live


@dataclass(frozen=True, slots=True, eq=False)
class LivePicture:
    """What ingest last wrote; ``columns`` are arrays of N in register order, by the names of ``ingest.schema.live``.

    ``now_us`` is ingest's "now", which is not the wall's where a night is replayed.
    """

    register_version: int
    written_at_us: int
    now_us: int
    columns: Mapping[str, npt.NDArray[Any]]
    controllers_json: str
    least_dark_json: str = "{}"

    @property
    def controllers(self) -> Mapping[str, Mapping[str, Any]]:
        """``is_online`` and ``last_seen_us`` by controller id."""
        return _controllers(self.controllers_json)

    @property
    def least_dark(self) -> Mapping[str, Mapping[str, int]]:
        """Cabinet id -> circuit ("" = all its lamps) -> the smallest number of dark lamps that can be seen."""
        return _least_dark(self.least_dark_json)

    def __len__(self) -> int:
        """N."""
        return len(self.columns["state"])


class LiveReader:
    """Opens the picture anew when the file was replaced; safe to call from several threads."""

    def __init__(self, folder: Path) -> None:
        """``folder``: the city's data folder."""
        self._path = folder / live.FILE_NAME
        self._lock = threading.Lock()
        self._mark: tuple[int, int] | None = None
        self._picture: LivePicture | None = None

    def read(self) -> LivePicture | None:
        """The newest picture, None as long as ingest has written none."""
        with self._lock:
            try:
                found = self._path.stat()
            except FileNotFoundError:
                return self._picture
            mark = (found.st_mtime_ns, found.st_ino)
            if mark != self._mark:
                self._picture = _open(self._path)
                self._mark = mark
            return self._picture


@lru_cache(maxsize=1)  # ten thousand of them take a while, and only some questions want them
def _controllers(text: str) -> Mapping[str, Mapping[str, Any]]:
    document: dict[str, dict[str, Any]] = json.loads(text)
    return document


@lru_cache(maxsize=1)
def _least_dark(text: str) -> Mapping[str, Mapping[str, int]]:
    document: dict[str, dict[str, int]] = json.loads(text)
    return document


def _open(path: Path) -> LivePicture:
    with pa.memory_map(str(path)) as source:
        table = pa.ipc.open_file(source).read_all()
    about = {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}
    columns = {name: np.asarray(table.column(name).to_numpy()) for name in live.COLUMNS}
    written_at_us = int(about["written_at_us"])
    return LivePicture(
        register_version=int(about["register_version"]),
        written_at_us=written_at_us,
        now_us=int(about.get("now_us", written_at_us)),
        columns=columns,
        controllers_json=about.get("controllers", "{}"),
        least_dark_json=about.get("least_dark", "{}"),
    )
