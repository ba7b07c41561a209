"""Converts blocks to InfluxDB line protocol, column by column.

Pure. A column's text is made once per different value (meters have few) and used by every row; a row is the join of
its columns. Lines come as an Arrow array of strings with their line ends, whose data buffer is a request's body as it
stands, and a slice of it another request. Names and times are ``ingest.schema.influx``'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ingest.model.batch import CONTACT_UNKNOWN, Batch
from ingest.model.block import Block
from ingest.model.received_ranges import StoredRanges
from ingest.schema.influx import CABINETS, CIRCUITS, JOURNAL, LAMPS, RANGES, point_ns, tag_text
from ingest.schema.telemetry import CIRCUIT_VALUES, CONTACTS, LAMP_VALUES, PHASE_VALUES, QuantityColumn, phase_column

LINES_AT_ONCE: Final = 5_000  # of one request: 0.8 MB as text, where InfluxDB spends least on a line
_LAMP_NUMBERS: Final = tuple(column for column in LAMP_VALUES if not column.quantity.is_state)
# What is always written comes first: a line has a field at least.
_LAMP_STATES: Final = tuple(
    sorted((c for c in reversed(LAMP_VALUES) if c.quantity.is_state), key=lambda column: column.unknown or -1)
)
_STATES_TYPE: Final = np.int32 if len(_LAMP_STATES) < 4 else np.int64  # holds a byte for each
_USUAL: Final = r"^[A-Za-z0-9_.:/+()#@;-]+$"
_LONGEST_AHEAD: Final = 60_000  # a string field of InfluxDB 1 ends at 64 KiB
_HOUR_NS: Final = 3_600_000_000_000
_MAX_INT64: Final = (1 << 63) - 1

Lines: TypeAlias = pa.StringArray


class TagWords:
    """Names as escaped tag values, made anew only when a list of names has grown."""

    def __init__(self) -> None:
        """No list is known yet."""
        self._made: dict[str, tuple[object, pa.StringArray]] = {}

    def of(self, kind: str, names: pa.StringArray) -> pa.StringArray:
        """One word per name, with ``kind`` telling the lists apart."""
        made = self._made.get(kind)
        if made is None or made[0] is not names:
            made = self._made[kind] = (names, _escaped_column(names))
        return made[1]


def _escaped_column(names: pa.StringArray) -> pa.StringArray:
    """Usual ids stay as they stand; only odd ones pass through Python."""
    is_odd = pc.invert(pc.match_substring_regex(names, _USUAL))
    if not pc.any(is_odd).as_py():
        return names
    mended = [_escaped(name) for name in names.filter(is_odd).to_pylist()]
    return pc.replace_with_mask(names, is_odd, pa.array(mended, pa.string()))


def _escaped(name: str) -> str:
    return tag_text(name).replace(",", "\\,").replace(" ", "\\ ").replace("=", "\\=")


def body_of(lines: Lines) -> memoryview:
    """The bytes of lines, without a copy."""
    ends = np.frombuffer(lines.buffers()[1], np.int32)[lines.offset : lines.offset + len(lines) + 1]
    return memoryview(lines.buffers()[2])[int(ends[0]) : int(ends[-1])]


def reading_lines(block: Block, words: TagWords) -> Iterator[Lines]:
    """Lamps and circuits of a block, so many lines at once that a request stays small."""
    batch = block.batch
    times = _times(batch)
    controllers = words.of("controller", block.directory.controllers.column()).take(pa.array(batch.controller))
    lamps = words.of("lamp", block.directory.lamps.column())
    heads = pc.binary_join_element_wise(f"{LAMPS},controller_id=", controllers, ",lamp_id=", "")
    record = np.repeat(np.arange(batch.n_records, dtype=np.int32), np.diff(batch.lamp_start))
    for first in range(0, batch.n_readings, LINES_AT_ONCE):
        rows = slice(first, first + LINES_AT_ONCE)
        of_record = pa.array(record[rows])
        columns = [heads.take(of_record), lamps.take(pa.array(block.lamp_name[rows])), _lamp_state(batch, rows)]
        columns += [_numbers(column, getattr(batch, column.name)[rows]) for column in _LAMP_NUMBERS]
        yield _lines(columns, times.take(of_record))
    yield from _circuit_lines(block, controllers, times)


def _circuit_lines(block: Block, controllers: pa.StringArray, times: pa.StringArray) -> Iterator[Lines]:
    batch = block.batch
    record = np.repeat(np.arange(batch.n_records, dtype=np.int32), np.diff(batch.circuit_start))
    if not len(record):
        return
    names = _escaped_column(pa.array(block.directory.circuit_names, pa.string()))
    for first in range(0, len(record), LINES_AT_ONCE):
        rows = slice(first, first + LINES_AT_ONCE)
        of_record = pa.array(record[rows])
        circuit = names.take(pa.array(block.circuit_name[rows]))
        owner = controllers.take(of_record)
        sequence = pa.array(batch.sequence[record[rows]]).cast(pa.string())
        columns = [f"{CIRCUITS},circuit=", circuit, ",controller_id=", owner, " sequence=", sequence, "i"]
        columns += [_numbers(column, getattr(batch, f"circuit_{column.name}")[rows]) for column in CIRCUIT_VALUES]
        yield _lines(columns, times.take(of_record))


def record_lines(block: Block, position: int, words: TagWords) -> Iterator[Lines]:
    """Cabinet and journal points of a block's records; record i is in the journal at ``position + 1 + i``."""
    batch = block.batch
    all_times = _times(batch)
    all_points = point_ns(batch.at_us, batch.epoch, batch.sequence)
    controllers = words.of("controller", block.directory.controllers.column()).take(pa.array(batch.controller))
    for first in range(0, batch.n_records, LINES_AT_ONCE // 2):
        rows = slice(first, first + LINES_AT_ONCE // 2)
        owner = controllers[rows]
        epoch = pa.array(batch.epoch[rows].view(np.int64)).cast(pa.string())
        sequence = pa.array(batch.sequence[rows]).cast(pa.string())
        number = [" epoch=", epoch, "i,sequence=", sequence, "i"]
        cabinets = _lines([f"{CABINETS},controller_id=", owner, *number, *_record_fields(batch, rows)], all_times[rows])
        written = np.arange(len(owner), dtype=np.int64) + (position + 1 + first)
        point = pa.array(all_points[rows]).cast(pa.string())
        journal = _lines([f"{JOURNAL},controller_id=", owner, *number, ",point_ns=", point, "i"], _endings(written))
        yield pa.concat_arrays([cabinets, journal])


def _record_fields(batch: Batch, rows: slice) -> list[Any]:
    columns = [
        _flags("is_historical", batch.is_historical[rows]),
        _flags("is_clock_synchronised", batch.is_clock_synchronised[rows]),
        _flags("has_cabinet", batch.has_cabinet[rows]),
        _field("interval_s", pa.array(batch.interval_s[rows]), "i"),
    ]
    for column in PHASE_VALUES:
        values = getattr(batch, f"cabinet_{column.name}")[rows]
        for i, phase in enumerate("rst"):
            columns.append(_floats(phase_column(column.name, phase), np.ascontiguousarray(values[:, i])))
    energy = batch.cabinet_energy_wh[rows]  # beyond int64 there is no energy, only the unknown and nonsense
    columns.append(_field("energy_wh", pa.array(energy, mask=energy > _MAX_INT64), "i"))
    for name in CONTACTS:
        contact = getattr(batch, name)[rows]
        columns.append(_flags(name, contact == 1, contact == CONTACT_UNKNOWN))
    return columns


def range_lines(received: Sequence[StoredRanges], position: int) -> Lines:
    """How far each epoch is stored; one point per hour and epoch, written over within the hour."""
    at_ns = position // _HOUR_NS * _HOUR_NS
    return pa.array([_range_line(ranges, at_ns) for ranges in received], pa.string())


def _range_line(ranges: StoredRanges, at_ns: int) -> str:
    ahead = " ".join(f"{start}-{end}" for start, end in zip(ranges.starts, ranges.ends, strict=True))
    if len(ahead) > _LONGEST_AHEAD:  # what is left out comes again and lies on itself
        ahead = ahead[:_LONGEST_AHEAD].rpartition(" ")[0]
    tags = f"{RANGES},controller_id={_escaped(ranges.controller_id)},epoch={ranges.epoch:016x}"
    return f'{tags} floor={ranges.complete_to}i,ahead="{ahead}" {at_ns}\n'


def parse_ahead(text: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Starts and ends of the ranges in a point's ``ahead``.

    Raises:
        ValueError: not such a text.
    """
    ranges = [part.split("-") for part in text.split()]
    return tuple(int(first) for first, _ in ranges), tuple(int(last) for _, last in ranges)


def _times(batch: Batch) -> pa.StringArray:
    return _endings(point_ns(batch.at_us, batch.epoch, batch.sequence))


def _endings(times_ns: npt.NDArray[np.int64]) -> pa.StringArray:
    return pc.binary_join_element_wise(" ", pa.array(times_ns).cast(pa.string()), "\n", "")


def _lines(columns: Sequence[Any], endings: pa.StringArray) -> Lines:
    """Rows joined; a column of None is left out, a null leaves its field out of its row."""
    present = [column for column in columns if column is not None]
    return pc.binary_join_element_wise(*present, endings, "", null_handling="replace", null_replacement="")


def _field(name: str, values: pa.Array, suffix: str = "") -> pa.StringArray | None:
    """``,name=value`` for every row, null where unknown; None where all are."""
    if values.null_count == len(values):
        return None
    coded = values.dictionary_encode()
    texts = pc.binary_join_element_wise(f",{name}=", coded.dictionary.cast(pa.string()), suffix, "")
    return texts.take(coded.indices)


def _floats(name: str, values: npt.NDArray[np.float32]) -> pa.StringArray | None:
    return _field(name, pa.array(values, mask=~np.isfinite(values)))


def _numbers(column: QuantityColumn, values: npt.NDArray[Any]) -> pa.StringArray | None:
    if column.is_float:
        return _floats(column.name, values)
    is_unknown = None if column.unknown is None else values == column.unknown
    return _field(column.name, pa.array(values, mask=is_unknown), "i")


def _flags(
    name: str, values: npt.NDArray[np.bool_], is_unknown: npt.NDArray[np.bool_] | None = None
) -> pa.StringArray | None:
    return _field(name, pa.array(values, mask=is_unknown))


def _lamp_state(batch: Batch, rows: slice) -> pa.StringArray:
    """All states (``quality``, ``status``, ``level``) as one text: there are few different ones."""
    code: npt.NDArray[Any] = np.zeros(len(batch.lamp[rows]), _STATES_TYPE)
    for column in _LAMP_STATES:
        code = code << 8 | getattr(batch, column.name)[rows]
    coded = pa.array(code).dictionary_encode()
    texts = []
    for different in coded.dictionary.to_pylist():
        values = different.to_bytes(len(_LAMP_STATES), "big")
        known = [(c.name, v) for c, v in zip(_LAMP_STATES, values, strict=True) if v != c.unknown]
        texts.append(" " + ",".join([f"{name}={value}i" for name, value in known]))
    return pa.array(texts, pa.string()).take(coded.indices)
