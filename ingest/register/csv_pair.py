"""The two CSV files of a city's folder, replaced together or not at all.

Both new files are written and synced in a folder of their own; renaming that folder is the moment at which they count.
Whatever comes after a power cut, `settle` finishes.
"""

from __future__ import annotations

import csv
import io
import math
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np

from durable_files.whole_file import replace_file, sync_folder
from ingest.register.check import CABINET_COLUMNS, LAMP_COLUMNS
from ingest.register.register import UNKNOWN_INT, Cabinets, Lamps
from ingest.schema.city import CABINETS_FILE, LAMPS_FILE

NEW: Final = ".register-new"
READY: Final = ".register-ready"


def lamps_csv(lamps: Lamps) -> bytes:
    """``lamps.csv`` of these lamps."""
    columns = {name: _texts(lamps.is_dimmable if name == "dimmable" else getattr(lamps, name)) for name in LAMP_COLUMNS}
    return _csv(columns, lamps.extra)


def cabinets_csv(cabinets: Cabinets) -> bytes:
    """``cabinets.csv`` of these cabinets."""
    return _csv({name: _texts(getattr(cabinets, name)) for name in CABINET_COLUMNS}, cabinets.extra)


def _texts(column: Any) -> Sequence[str]:
    """A column's values as they stand in a file; "" = unknown."""
    if not isinstance(column, np.ndarray):
        return column  # type: ignore[no-any-return]  # texts already
    values = column.tolist()
    if column.dtype.kind == "b":
        return ["true" if value else "false" for value in values]
    if column.dtype.kind == "f":
        return [
            "" if math.isnan(value) else repr(int(value) if value.is_integer() else round(value, 7)) for value in values
        ]  # NaN
    return ["" if value == UNKNOWN_INT else str(value) for value in values]


def _csv(columns: Mapping[str, Sequence[str]], extra: Sequence[Mapping[str, Any]]) -> bytes:
    unknown = list(dict.fromkeys(name for row in extra for name in row))
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*columns, *unknown])
    added = ([more.get(name, "") for more in extra] for name in unknown)
    writer.writerows(zip(*columns.values(), *added, strict=True))
    return text.getvalue().encode("utf-8", "replace")


def stage(folder: Path, lamps: bytes, cabinets: bytes) -> Path:
    """Write both files beside the old ones; nothing counts yet.

    Raises:
        OSError: the folder cannot be written to.
    """
    settle(folder)
    new = folder / NEW
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    for name, content in ((LAMPS_FILE, lamps), (CABINETS_FILE, cabinets)):
        replace_file(new / name, content)
    return new


@contextmanager
def stage_text(folder: Path, lamps: bytes, cabinets: bytes) -> Iterator[Path]:
    """A folder of its own with these two files, for as long as they are looked at.

    Raises:
        OSError: it cannot be written to.
    """
    with tempfile.TemporaryDirectory(prefix=".register-look-", dir=folder) as place:
        for name, content in ((LAMPS_FILE, lamps), (CABINETS_FILE, cabinets)):
            (Path(place) / name).write_bytes(content)
        yield Path(place)


def publish(folder: Path) -> None:
    """Let the staged files count.

    Raises:
        OSError: the folder cannot be written to; the old files still count.
    """
    (folder / NEW).rename(folder / READY)
    sync_folder(folder)
    settle(folder)


def settle(folder: Path) -> None:
    """Finish a replacement that was cut short; does nothing otherwise."""
    ready = folder / READY
    if not ready.is_dir():
        return
    for name in (LAMPS_FILE, CABINETS_FILE):
        if (ready / name).exists():
            (ready / name).replace(folder / name)
    sync_folder(folder)
    ready.rmdir()


def discard(folder: Path) -> None:
    """Forget the staged files."""
    shutil.rmtree(folder / NEW, ignore_errors=True)
