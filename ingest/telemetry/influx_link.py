"""The connection to an InfluxDB server: writes through influxdb-client, InfluxQL queries over HTTP.

Owns what an answer means: stored, refused for good (set aside), or not now (``StoreUnavailableError``). Independent of
blocks. Only a refusal that names the data is one for good; a wrong token, a missing database, a full cache or a limit
of the server is for a person or for time to mend, and until then nothing counts as stored.
"""

from __future__ import annotations

import http.client
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import structlog
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.domain.write_precision import WritePrecision
from influxdb_client.rest import ApiException
from influxdb_client.service.write_service import WriteService
from urllib3.exceptions import HTTPError

from ingest.errors import StoreSlowError, StoreUnavailableError
from ingest.schema.http_answer import AnswerError, post
from ingest.schema.influx import InfluxAddress, Series, error_text, query_request, read_answer
from ingest.telemetry.line_protocol import Lines, body_of
from ingest.telemetry.refused_lines import RefusedLines

_TIMEOUT_S: Final = 30.0
_GZIP_LEVEL: Final = 1  # an eighth of the bytes for a tenth of level 9's time, which the client itself would take
_GZIP_FORMAT: Final = 31
_DROPPED: Final = re.compile(r"dropped=(\d+)\s*$")
_QUOTED: Final = re.compile(r"'.*'", re.DOTALL)  # a refused line, whose ids may spell anything
_OF_THE_DATA: Final = re.compile(
    r"partial write|unable to parse|type conflict|retention policy|max key length|invalid (?:tag|field|number|boolean)"
)
_OF_THE_SERVER: Final = re.compile(r"limit exceeded|max-series|max-values|timeout")
_TOO_SLOW: Final = frozenset((http.client.REQUEST_TIMEOUT, http.client.GATEWAY_TIMEOUT))
_OWN_TIMEOUT: Final = "query-timeout"  # the server's, if somebody has set one
_LONGEST_REASON: Final = 500
_MOST_REQUESTS: Final = 200  # to find the refused lines of one request; beyond, good ones are set aside with them


@dataclass(frozen=True, slots=True)
class _Refusal:
    """What a 400 said: the reason, and how many lines were dropped (0 = not stated)."""

    reason: str
    n_dropped: int
    is_too_large: bool = False


class InfluxLink:
    """A connection to one bucket."""

    def __init__(
        self,
        address: InfluxAddress,
        token: str | None,
        refused: RefusedLines,
        count_refused: Callable[[int], object] = int,
    ) -> None:
        """Nothing is sent yet; ``count_refused`` hears how many lines were set aside each time."""
        self._address = address
        self._token = token
        self._refused = refused
        self._count_refused = count_refused
        self._client = InfluxDBClient(
            address.base_url, token=token or "", org=address.org, timeout=int(_TIMEOUT_S * 1000), retries=False
        )
        self._service = WriteService(self._client.api_client)  # type: ignore[no-untyped-call]  # the library's
        self._log = structlog.get_logger("telemetry")
        self.n_refused = 0

    def write(self, lines: Lines, *, may_refuse: bool = True) -> None:
        """Have lines stored; those that are refused for good are set aside, unless ``may_refuse`` is false.

        Raises:
            StoreUnavailableError: the server is down, full, or for another reason does not take them now.
        """
        if not len(lines):
            return
        refusal = self._post(lines)
        if refusal is None:
            return
        if not may_refuse:
            raise StoreUnavailableError(f"{self._address.base_url} refuses its own bookkeeping: {refusal.reason}")
        n_before = self.n_refused
        self._narrow(lines, refusal, [_MOST_REQUESTS])
        self._log.error("lines refused and set aside", n_lines=self.n_refused - n_before, reason=refusal.reason)

    def _narrow(self, lines: Lines, refusal: _Refusal, budget: list[int]) -> None:
        """Find the lines that a refusal means by sending halves: lines that were stored before are only overwritten."""
        if len(lines) == 1 or refusal.n_dropped >= len(lines) or (budget[0] <= 0 and not refusal.is_too_large):
            self._refused.add(refusal.reason, body_of(lines))
            self.n_refused += len(lines)
            self._count_refused(len(lines))
            return
        half = len(lines) // 2
        for part in (lines[:half], lines[half:]):
            budget[0] -= 1
            said = self._post(part)
            if said is not None:
                self._narrow(part, said, budget)

    def _post(self, lines: Lines) -> _Refusal | None:
        packer = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, _GZIP_FORMAT)
        body = packer.compress(body_of(lines)) + packer.flush()
        try:
            self._service.post_write(  # type: ignore[no-untyped-call]  # the library's
                self._address.org,
                self._address.bucket,
                body,
                precision=WritePrecision.NS,
                content_encoding="gzip",
                content_type="text/plain; charset=utf-8",
            )
        except ApiException as error:
            return self._meaning(error)
        except (HTTPError, OSError) as error:
            raise StoreUnavailableError(f"{self._address.base_url} does not answer: {error}") from error
        return None

    def _meaning(self, error: Any) -> _Refusal:
        body = error.body or error.reason or ""
        said = error_text(body if isinstance(body, bytes) else str(body).encode())
        own_words = _QUOTED.sub("", said)
        is_of_data = _OF_THE_DATA.search(own_words) is not None and _OF_THE_SERVER.search(own_words) is None
        said = said if len(said) <= _LONGEST_REASON else f"{said[:200]} … {said[-200:]}"
        if error.status == http.client.REQUEST_ENTITY_TOO_LARGE:
            return _Refusal(said, 0, is_too_large=True)
        if error.status in {400, 422} and is_of_data:
            dropped = _DROPPED.search(own_words)
            return _Refusal(said, int(dropped[1]) if dropped else 0)
        raise StoreUnavailableError(f"{self._address.base_url} answers {error.status}: {said}") from error

    def ask(self, statement: str, timeout_s: float = _TIMEOUT_S) -> list[Series]:
        """The answer to an InfluxQL statement.

        Raises:
            StoreSlowError: the server took the statement and does not answer in time.
            StoreUnavailableError: no answer, or an error.
        """
        url, body, headers = query_request(self._address, self._token, statement)
        try:
            return read_answer(post(url, body, headers, timeout_s=timeout_s))
        except AnswerError as error:
            kind = StoreSlowError if error.status in _TOO_SLOW else StoreUnavailableError
            raise kind(f"{self._address.base_url} answers {error.status}: {error_text(error.body)}") from error
        except TimeoutError as error:  # of the answer: one that cannot be connected in time is a URLError
            raise StoreSlowError(f"{self._address.base_url} has not answered for {timeout_s:.0f} s") from error
        except (OSError, http.client.HTTPException) as error:
            raise StoreUnavailableError(f"{self._address.base_url} does not answer: {error}") from error
        except ValueError as error:
            kind = StoreSlowError if _OWN_TIMEOUT in str(error) else StoreUnavailableError
            raise kind(f"{self._address.base_url}: {error}") from error

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()  # type: ignore[no-untyped-call]  # the library's
