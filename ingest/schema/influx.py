"""The format of telemetry in InfluxDB: measurements, tags, fields, times, and the address of a city's server.

Pure: builds requests and reads answers, sends nothing. Fields are called as the columns of ``ingest.schema.telemetry``;
what is unknown is absent. Reads are InfluxQL, which InfluxDB 1, 2 and 3 all answer on ``/query``.

=========== ======================== =================================================================================
measurement tags                     fields
=========== ======================== =================================================================================
lamps       controller_id, lamp_id   LAMP_COLUMNS; ``quality`` and ``status`` always
circuits    circuit, controller_id   CIRCUIT_COLUMNS; ``sequence`` always
cabinets    controller_id            CABINET_COLUMNS, and RECORD_FIELDS always: one point per record
journal     controller_id            JOURNAL_FIELDS: one point per record at the time of its *writing*, for recovery
marks       controller_id, epoch     ``floor`` and ``ahead``: how far an epoch is stored; the newest point counts
=========== ======================== =================================================================================

The points of one record share one time: its ``at_us`` in nanoseconds, the last three digits from epoch and sequence.
So a record written twice lies on itself, and two records that a stuck clock gives one time stay apart. ``epoch`` is an
int64 with the bits of the uint64.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit

import numpy as np
import numpy.typing as npt

from ingest.schema.errors import CityError
from ingest.schema.safe_url import scrubbed, without_secrets
from languages.message import Message, Plain

LAMPS: Final = "lamps"
CIRCUITS: Final = "circuits"
CABINETS: Final = "cabinets"
JOURNAL: Final = "journal"
RANGES: Final = "marks"
RECORD_FIELDS: Final = (
    "epoch",
    "sequence",
    "is_historical",
    "interval_s",
    "is_clock_synchronised",
    "has_cabinet",
)
JOURNAL_FIELDS: Final = ("point_ns", "epoch", "sequence")
NS_PER_US: Final = 1000
_EMPTY_TAG: Final = "%"  # line protocol knows no empty tag
_TAG_SAFE: Final = "".join(chr(c) for c in range(0x20, 0x7F) if chr(c) not in "%\\")


@dataclass(frozen=True, slots=True)
class InfluxAddress:
    """Where a city's readings go: ``base_url`` without a slash at its end."""

    base_url: str
    org: str
    bucket: str


def parse_address(url: str) -> InfluxAddress:
    """The parts of ``influxdb://HOST:8086?org=ORG&bucket=BUCKET``; ``&tls=true`` for a server behind HTTPS.

    Raises:
        CityError: not of that form.
    """
    form = "influxdb://HOST:8086?org=ORG&bucket=BUCKET"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or 8086
        asked = {name: values[-1] for name, values in parse_qs(parts.query, strict_parsing=True).items()}
    except ValueError as error:
        reason = scrubbed(str(error), url)
        raise CityError(
            Message(
                "terminal.error.influx_form_because", url=without_secrets(url), form=Plain(form), reason=Plain(reason)
            )
        ) from None
    unknown = sorted(set(asked) - {"org", "bucket", "tls"})
    if unknown:
        raise CityError(
            Message("terminal.error.influx_unknown", unknown=Plain(scrubbed(unknown[0], url)), form=Plain(form))
        )
    if parts.scheme != "influxdb" or not host or parts.username or parts.path.strip("/"):
        raise CityError(Message("terminal.error.influx_form", url=without_secrets(url), form=Plain(form)))
    missing = [name for name in ("org", "bucket") if not asked.get(name)]
    if missing:
        raise CityError(Message("terminal.error.influx_missing", missing=Plain(missing[0]), form=Plain(form)))
    if asked.get("tls", "false") not in {"true", "false"}:
        raise CityError(Message("terminal.error.influx_tls", asked=asked["tls"]))
    scheme = "https" if asked.get("tls") == "true" else "http"
    name = f"[{host}]" if ":" in host else host
    return InfluxAddress(f"{scheme}://{name}:{port}", asked["org"], asked["bucket"])


def point_ns(
    at_us: npt.NDArray[np.int64], epoch: npt.NDArray[np.uint64], sequence: npt.NDArray[np.uint64]
) -> npt.NDArray[np.int64]:
    """The time of each record's points, int64 nanoseconds; ``// NS_PER_US`` gives ``at_us`` back."""
    digits = (epoch % NS_PER_US + sequence % NS_PER_US) % NS_PER_US
    return at_us * NS_PER_US + digits.astype(np.int64)


def tag_text(name: str) -> str:
    """An id as the value of a tag: what line protocol cannot hold is percent-encoded, usual ids stay as they are."""
    if name.isalnum():
        return name
    return "".join(c if c in _TAG_SAFE or (c.isprintable() and c > "\x7f") else quote(c) for c in name) or _EMPTY_TAG


def id_of(tag: str) -> str:
    """The id of a tag's value."""
    return "" if tag == _EMPTY_TAG else unquote(tag) if "%" in tag else tag


def literal(text: str) -> str:
    """A text in an InfluxQL statement."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
    return f"'{escaped}'"


def select(measurement: str, columns: Iterable[str], where: str = "", then: str = "", *, policy: str = "") -> str:
    """An InfluxQL statement over tags and fields by name, or over expressions where a column holds a parenthesis.

    Without ``policy`` it asks the bucket's default retention policy.
    """
    wanted = ", ".join(column if "(" in column else f'"{column}"' for column in columns)
    condition = f" WHERE {where}" if where else ""
    source = f'"{policy}"."{measurement}"' if policy else f'"{measurement}"'
    return f"SELECT {wanted} FROM {source}{condition} {then}".rstrip()  # noqa: S608  # texts pass `literal`


def query_request(address: InfluxAddress, token: str | None, statement: str) -> tuple[str, bytes, dict[str, str]]:
    """``(url, body, headers)`` of the POST that asks a statement; times come back in nanoseconds.

    Chunked, since InfluxDB 1 cuts other answers at its ``max-row-limit`` and calls complete ones partial.
    """
    body = urlencode({"db": address.bucket, "q": statement, "epoch": "ns", "chunked": "true"}).encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    if token:
        headers["Authorization"] = f"Token {token}"
    return f"{address.base_url}/query", body, headers


@dataclass(frozen=True, slots=True)
class Series:
    """One series of an answer: its tags (with ``GROUP BY`` tags) and its columns, all of one length."""

    tags: Mapping[str, str]
    columns: Mapping[str, list[Any]]


def read_answer(data: bytes) -> list[Series]:
    """The series of the one statement that was asked: a document per line, a long series over several of them.

    Raises:
        ValueError: the server's own words where it tells an error; the answer ends too early; or it is none at all.
    """
    try:
        return _series(data)
    except (AttributeError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"not an answer of InfluxDB: {type(error).__name__}: {str(error)[:200]}") from error


def _series(data: bytes) -> list[Series]:
    found: list[Series] = []
    is_more = False
    for line in data.splitlines():
        document = json.loads(line)
        if not isinstance(document, dict):
            raise ValueError("not an answer of InfluxDB")  # noqa: TRY004  # to the caller it is a value like any other
        for result in (document, *document.get("results", [])):
            if "error" in result:
                raise ValueError(str(result["error"]))
            for series in result.get("series", []):
                columns = [list(values) for values in zip(*series["values"], strict=True)]
                columns = columns or [[] for _ in series["columns"]]
                if is_more:
                    for name, values in zip(series["columns"], columns, strict=True):
                        found[-1].columns[name].extend(values)
                else:
                    held = dict(zip(series["columns"], columns, strict=True))
                    found.append(Series(series.get("tags", {}), held))
                is_more = bool(series.get("partial"))
    if is_more:
        raise ValueError("the answer ends too early")
    return found


def error_text(data: bytes) -> str:
    """What an answer with an error status says: ``error`` in InfluxDB 1 and 3, ``message`` in 2, else its beginning."""
    try:
        document = json.loads(data)
        said = document.get("error") or document.get("message")
    except (ValueError, AttributeError, RecursionError):
        said = None
    return str(said or data[:200].decode(errors="replace").strip())
