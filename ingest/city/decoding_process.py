"""The process that opens a foreign vector file or workbook.

``python -m ingest.city.decoding_process KIND FILE OUT NAME ENCODING``. A city's file may be broken or hostile, and the
libraries that read it are large: they run here, with bounded memory and time, and nothing but a table of texts comes
out. ``ingest.city.isolated_reading`` starts it, with GDAL's other drivers switched off. A message for a person goes to
standard error, packed, with exit code 3.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from ingest.city.decoded_text import one_line
from ingest.city.decoded_vectors import read_vector
from ingest.city.decoded_workbook import read_workbook
from ingest.city.decoding_protocol import (
    ABOUT,
    LINE,
    PART,
    PARTS,
    UNREADABLE,
    UnreadableError,
    packed,
)
from languages.message import Message, Plain


def read_parts(path: Path, kind: str) -> Iterator[pa.RecordBatch]:
    """The sheets of a workbook, or the layers with points of a vector file: `PART`, and how many rows each has."""
    if kind == "workbook":
        import python_calamine  # noqa: PLC0415

        try:
            workbook = python_calamine.CalamineWorkbook.from_path(path)
            found = [(name, workbook.get_sheet_by_name(name).height) for name in workbook.sheet_names]
        except (python_calamine.CalamineError, OSError, ValueError) as error:
            reason = one_line(error)
            raise UnreadableError(Message("terminal.error.no_workbook_because", reason=reason)) from error
    else:
        import pyogrio  # noqa: PLC0415  # see `read_vector`

        try:
            names = [str(name) for name, shape in pyogrio.list_layers(path) if "Point" in str(shape)]
            found = [(name, max(0, int(pyogrio.read_info(path, layer=name)["features"]))) for name in names]
        except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, ValueError) as error:
            reason = one_line(error)
            raise UnreadableError(Message("terminal.error.no_kind_because", kind=Plain(kind), reason=reason)) from error
    columns = {PART: pa.array([name for name, _n in found], pa.string())}
    columns[LINE] = pa.array([n_rows for _name, n_rows in found], pa.int32())
    about = json.dumps({"exact": [], "notes": []}).encode()
    yield pa.record_batch(columns).replace_schema_metadata({ABOUT: about})


def main(arguments: list[str]) -> int:
    """Read one file and write one Arrow file for each batch into the folder ``OUT``."""
    kind, path, out, name, encoding = arguments
    if kind.startswith(PARTS):
        batches = read_parts(Path(path), kind.removeprefix(PARTS))
    elif kind == "workbook":
        batches = read_workbook(Path(path), name)
    else:
        batches = read_vector(Path(path), name, encoding, kind)
    try:
        for number, batch in enumerate(batches):
            with (
                pa.OSFile(str(Path(out) / f"{number:06d}.arrow"), "wb") as file,
                pa.ipc.new_file(file, batch.schema) as to,
            ):
                to.write_batch(batch)
    except UnreadableError as error:
        print(packed(error.message), file=sys.stderr)  # noqa: T201
        return UNREADABLE
    except MemoryError:
        print(packed(Message("terminal.error.much_memory")), file=sys.stderr)  # noqa: T201
        return UNREADABLE
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
