"""Writes the live picture (``ingest.schema.live``) every few seconds; a full disk costs a picture only."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import pyarrow as pa
import structlog

from durable_files.whole_file import replacing
from ingest.periodic import Every
from ingest.pipeline.ports import Judge
from ingest.schema.live import COLUMNS, FILE_NAME
from ingest.sparkplug.host_application import HostApplication
from languages.message import Message, document_of, why

_EVERY_S: Final = 2.0
_LEAST_EVERY_S: Final = 60.0
_SLOWEST_S: Final = 30.0
_SHARE: Final = 0.05  # of the time may go into pictures: a million lamps take longer to draw than a thousand


class LiveSnapshot:
    """A job that writes the live picture."""

    def __init__(
        self,
        folder: Path,
        judge: Judge,
        register_version: int,
        host: HostApplication,
        monotonic: Callable[[], float],
        wall_us: Callable[[], int],
        warnings: Callable[[], Mapping[str, Message]] = dict,
        tell: Callable[[Message | None], object] = lambda _why: None,
    ) -> None:
        """Draw into ``folder``; ``wall_us`` dates the file, whatever time the data has.

        ``warnings``: what ingest's own ``/readyz`` says beside it, for that of the API. ``tell`` is called with why the
        picture cannot be written, and with None when it can.
        """
        self._warnings = warnings
        self._tell = tell
        self._wall_us = wall_us
        self._path = folder / FILE_NAME
        self._judge = judge
        self.register_version = register_version
        self._host = host
        self._every = Every(_EVERY_S, monotonic, share=_SHARE, slowest_s=_SLOWEST_S)
        self._least_every, self._least_dark = Every(_LEAST_EVERY_S, monotonic), "{}"
        self._log = structlog.get_logger("ingest")

    def run(self, now_us: int) -> None:
        """Draw, if it is time."""
        if not now_us or not self._every.is_due():
            return
        try:
            self._write(now_us)
            self._tell(None)
        except OSError as error:
            self._log.warning("the live picture was not written", reason=str(error))
            self._tell(Message("readiness.live_picture_unwritable", reason=why(error)))
        self._every.done()

    def _least(self) -> str:
        """What sums of lamps can show, renewed once a minute: it changes slowly, and a city has many circuits."""
        if self._least_every.take():
            self._least_dark = json.dumps(self._judge.least_dark(), separators=(",", ":"))
        return self._least_dark

    def _write(self, now_us: int) -> None:
        columns, warnings = self._judge.live_picture(), self._warnings()
        metadata = {
            "register_version": str(self.register_version),
            "written_at_us": str(self._wall_us()),
            "now_us": str(now_us),
            "controllers": json.dumps(self._host.presence(), separators=(",", ":")),
            "least_dark": self._least(),
            "warnings": json.dumps({part: str(message) for part, message in warnings.items()}),
            "warning_codes": json.dumps({part: document_of(message) for part, message in warnings.items()}),
        }
        table = pa.table({name: columns[name] for name in COLUMNS}).replace_schema_metadata(metadata)
        with (
            replacing(self._path, is_durable=False) as file,  # the next one comes in seconds
            pa.ipc.new_file(file, table.schema) as writer,
        ):
            writer.write_table(table, max_chunksize=max(1, table.num_rows))
