"""Readings from InfluxDB, asked in InfluxQL over plain HTTP; the layout is ``ingest.schema.influx``'s."""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from typing import Any, Final

import pyarrow as pa

from dashboard_api.errors import UnavailableError
from ingest.schema.http_answer import AnswerError, post
from ingest.schema.influx import (
    LAMPS,
    NS_PER_US,
    InfluxAddress,
    Series,
    error_text,
    literal,
    query_request,
    read_answer,
    select,
    tag_text,
)
from ingest.schema.influx_thinning import HOUR_NS, POLICY, progress_statement
from ingest.schema.telemetry import LAMP_VALUES, QuantityColumn
from languages.message import Message, Plain, why

_TIMEOUT_S: Final = 10.0
_MAX_BYTES: Final = 256 << 20
_LONGEST: Final = 500  # characters of the server's words
# what an answer makes of its reader that is well-formed, and not about what was asked
_FOREIGN: Final = (LookupError, TypeError, ValueError, AttributeError, OverflowError, pa.ArrowException)
_RAW: Final[Mapping[str, pa.DataType]] = {column.name: pa.from_numpy_dtype(column.dtype) for column in LAMP_VALUES}


def _averaged(column: QuantityColumn) -> tuple[str, pa.DataType]:
    if column.is_counter:
        return f'max("{column.name}") AS "{column.name}"', _RAW[column.name]
    return f'mean("{column.name}") AS "{column.name}"', pa.float32()


_AVERAGED: Final[Mapping[str, tuple[str, pa.DataType]]] = {
    **{column.name: _averaged(column) for column in LAMP_VALUES if column.is_averaged or column.is_counter},
    "n": ('count("quality") AS "n"', pa.int64()),
}


class InfluxReadings:
    """One bucket of a server."""

    def __init__(self, address: InfluxAddress, token: str | None) -> None:
        """Remember the address; nothing is requested yet."""
        self._address = address
        self._token = token

    def lamp(self, lamp_id: str, start_us: int, end_us: int, every_s: int | None) -> pa.Table:
        """See ``ReadingStore.lamp``; of a time that is thinned, its means."""
        try:
            return self._lamp_of_both(lamp_id, start_us, end_us, every_s)
        except _FOREIGN as error:
            answer = Plain(f"{type(error).__name__}: {error}"[:_LONGEST])
            reason = Message("telemetry.other_answer", answer=answer)
            raise UnavailableError("telemetry_silent", reason=reason) from error

    def _lamp_of_both(self, lamp_id: str, start_us: int, end_us: int, every_s: int | None) -> pa.Table:
        step_us = (every_s or 1) * 1_000_000
        thinned_us = min(max(self._thinned_us() // step_us * step_us, start_us), end_us)
        parts = [
            self._lamp(lamp_id, first_us, last_us, every_s, policy)
            for first_us, last_us, policy in ((start_us, thinned_us, POLICY), (thinned_us, end_us, ""))
            if first_us < last_us
        ]
        return pa.concat_tables(parts) if parts else self._lamp(lamp_id, start_us, end_us, every_s, "")

    def _thinned_us(self) -> int:
        """Up to when readings are thinned; 0 = nowhere."""
        found = self._ask(progress_statement())
        return int(found[0].columns["hours"][0]) * HOUR_NS // NS_PER_US if found else 0

    def _lamp(self, lamp_id: str, start_us: int, end_us: int, every_s: int | None, policy: str) -> pa.Table:
        who = f'"lamp_id" = {literal(tag_text(lamp_id))}'
        where = f"{who} AND time >= {start_us * NS_PER_US} AND time < {end_us * NS_PER_US}"
        if every_s is None:
            return _table(self._ask(select(LAMPS, _RAW, where, "ORDER BY time", policy=policy)), _RAW)
        means = [expression for expression, _ in _AVERAGED.values()]
        then = f"GROUP BY time({every_s}s) fill(none)"
        found = self._ask(select(LAMPS, means, where, then, policy=policy))
        return _table(found, {name: kind for name, (_, kind) in _AVERAGED.items()})

    def _ask(self, statement: str) -> list[Series]:
        url, body, headers = query_request(self._address, self._token, statement)
        try:
            return read_answer(post(url, body, headers, timeout_s=_TIMEOUT_S, max_bytes=_MAX_BYTES))
        except AnswerError as error:
            answer = Plain(error_text(error.body)[:_LONGEST])
            reason = Message("telemetry.error_answer", status=error.status, answer=answer)
            raise UnavailableError("telemetry_silent", reason=reason) from error
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise UnavailableError(
                "telemetry_silent", reason=Message("telemetry.no_answer", reason=why(error))
            ) from error

    def warnings(self) -> dict[str, Message]:
        """None: the server's disk is its own."""
        return {}

    def close(self) -> None:
        """Do nothing: no connection is kept open."""


def _table(found: list[Series], kinds: Mapping[str, pa.DataType]) -> pa.Table:
    """``at_us`` first, then the columns; the nanoseconds' last digits only tell records apart."""
    columns: Mapping[str, list[Any]] = found[0].columns if found else {}
    at_us = [time // NS_PER_US for time in columns.get("time", [])]
    arrays = {name: pa.array(columns.get(name, []), kind) for name, kind in kinds.items()}
    return pa.table({"at_us": pa.array(at_us, pa.int64()), **arrays})
