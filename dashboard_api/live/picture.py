"""The live picture: maps the file that ingest replaces, and keeps the newest mapping."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import structlog

from durable_files.bounded_read import read_bounded
from ingest.schema import live
from languages.message import Message, Plain, message_of

_MAX_BYTES: Final = 2 << 30
_LONGEST: Final = 200  # characters of a reason
_LONGEST_WARNING: Final = 1000
_LONGEST_CODE: Final = 800  # characters of a warning's code and parameters as JSON
_MOST_WARNINGS: Final = 50
_LATEST_US: Final = 9_000_000_000_000_000  # the year 2255


@dataclass(frozen=True, slots=True, eq=False)
class LivePicture:
    """What ingest last wrote; ``columns`` are arrays of N in register order, by the names of ``ingest.schema.live``.

    ``now_us`` is ingest's "now", which is not the wall's where a night is replayed. ``number`` counts
    the pictures that this process has opened, ``opened_s`` is when (monotonic). ``warnings`` are those of ingest's own
    ``/readyz``, by part.
    """

    register_version: int
    written_at_us: int
    now_us: int
    columns: Mapping[str, npt.NDArray[Any]]
    controllers_json: str
    least_dark_json: str = "{}"
    warnings: Mapping[str, Message] = field(default_factory=dict)
    number: int = 0
    opened_s: float = field(default_factory=time.monotonic)

    def age_us(self, wall_us: int) -> int:
        """Microseconds since it was written; since it was opened if the clock has been set back behind that."""
        since_us = wall_us - self.written_at_us
        return since_us if since_us >= 0 else int((time.monotonic() - self.opened_s) * 1e6)

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
        self._mark: tuple[int, int, int] | None = None
        self._picture: LivePicture | None = None
        self._n_opened = 0
        self._trouble: str | None = None
        self._log = structlog.get_logger("api")

    @property
    def trouble(self) -> str | None:
        """Why the newest file could not be read; None if it could, or there is none."""
        return self._trouble

    def read(self) -> LivePicture | None:
        """The newest picture that could be read, None as long as there was none; a damaged file is told once."""
        with self._lock:
            try:
                found = self._path.stat()
            except OSError:
                return self._picture
            mark = (found.st_mtime_ns, found.st_ino, found.st_size)
            if mark != self._mark:
                self._mark = mark
                try:
                    self._picture = replace(_open(self._path), number=self._n_opened + 1)
                    self._n_opened += 1
                    self._trouble = None
                except FileNotFoundError:  # replaced or removed between the two
                    self._mark = None
                except Exception as error:  # noqa: BLE001  # a file that anything may stand in
                    self._trouble = f"{type(error).__name__}: {error}".splitlines()[0][:_LONGEST]
                    self._log.error("the live picture is damaged", file=str(self._path), reason=self._trouble)
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
    """Read a picture whole: of a file that is mapped, somebody else's cut would end this process.

    Raises:
        Exception: of any kind, where it is not what ingest writes.
    """
    table = pa.ipc.open_file(pa.BufferReader(read_bounded(path, _MAX_BYTES))).read_all()
    table.validate(full=True)
    about = {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}
    for name, value in live.ADDED_COLUMNS.items():
        if name not in table.column_names:
            table = table.append_column(name, pa.array(np.full(table.num_rows, value, live.COLUMNS[name])))
    columns = {name: np.asarray(table.column(name).to_numpy()) for name in live.COLUMNS}
    for name, code in live.COLUMNS.items():
        if columns[name].dtype != np.dtype(code):
            raise ValueError(f"{name}: {columns[name].dtype} and not {code}")
    if len(columns["state"]) and int(columns["state"].max()) > live.STATE_DARK:
        raise ValueError("state: a number that means none")
    written_at_us = int(about["written_at_us"])
    now_us = int(about.get("now_us", written_at_us))
    controllers = json.loads(about.get("controllers", "{}"))
    times_us = [written_at_us, now_us, int(columns["at_us"].min(initial=0)), int(columns["at_us"].max(initial=0))]
    for controller in controllers.values():
        times_us.append(int(controller["last_seen_us"]))
        bool(controller["is_online"])
    for by_circuit in json.loads(about.get("least_dark", "{}")).values():
        if not all(type(n) is int and 0 <= n <= len(columns["state"]) for n in by_circuit.values()):
            raise ValueError("least_dark: no number of lamps")
    if min(times_us) < 0 or max(times_us) >= _LATEST_US:
        raise ValueError("a time that cannot be")
    return LivePicture(
        register_version=int(about["register_version"]),
        written_at_us=written_at_us,
        now_us=now_us,
        columns=columns,
        controllers_json=about.get("controllers", "{}"),
        least_dark_json=about.get("least_dark", "{}"),
        warnings=_warnings(about.get("warnings", "{}"), about.get("warning_codes", "{}")),
    )


def _warnings(texts: str, codes: str) -> Mapping[str, Message]:
    """Warnings by part: the messages, or their texts where an older ingest has written no codes."""
    found, documents = {}, json.loads(codes)
    for part, said in list(json.loads(texts).items())[:_MOST_WARNINGS]:
        text = Message("readiness.error", reason=Plain(str(said)[:_LONGEST_WARNING]))
        document = documents.get(part)
        is_short = len(json.dumps(document)) <= _LONGEST_CODE
        found[str(part)[:_LONGEST]] = (message_of(document) if is_short else None) or text
    return found
