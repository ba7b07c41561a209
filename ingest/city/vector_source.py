"""A vector file as columns of text: features as rows, their points as two columns."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Final

from ingest.city.archives import chosen_member, unpacked
from ingest.city.decoding_protocol import NO_GEOMETRY
from ingest.city.isolated_reading import Decoded, decode_file
from ingest.city.source_kind import kind_of
from ingest.city.source_table import GEOMETRY_X, GEOMETRY_Y, ReadingRules, Source
from ingest.city.text_encoding import is_unnamed_encoding, likely_encodings, unnamed_encoding
from ingest.errors import UnusableError
from ingest.register.issue import Issue
from ingest.register.text_table import TextTable
from languages.message import Message, Plain

_MAX_EXPLAINED: Final = 64 << 20  # bytes of a broken JSON file that are read again


def vector_source(path: Path, kind: str, rules: ReadingRules) -> Source:
    """Read one layer of a vector file.

    Raises:
        UnusableError: it cannot be read, or is not what it seems.
    """
    try:
        found = decode_file(kind, path, rules.sheet or "", rules.encoding or "")
    except UnusableError as error:
        if kind.endswith("JSON") and (wrong := _what_is_wrong(path, kind)) is not None:
            raise UnusableError(wrong) from error
        if is_unnamed_encoding(error):
            raise UnusableError(unnamed_encoding(str(path), likely_encodings(texts_of(path)))) from error
        raise
    issues = [Issue(path.name, 0, "", note, is_refused=False) for note in found.notes]
    own_kind = {"GeoJSON": "GeoJSON", "ESRIJSON": "ESRI JSON"}.get(found.driver, kind)
    table = _feature_table(path.name, found, issues)
    is_own_crs = bool(found.crs) and not (own_kind in {"GeoJSON", "KML"} and found.crs == "EPSG:4326")
    encoding = rules.encoding or ""
    return Source(table, found.crs or None, own_kind, encoding, is_own_crs=is_own_crs)


def texts_of(path: Path, sheet: str | None = None) -> bytes:
    """The bytes in which a source's texts stand: its own, or those of the table beside a Shapefile."""
    if kind_of(path) == "zip":
        with unpacked(path) as folder:
            return texts_of(chosen_member(folder, path, sheet)[0])
    table = path.with_suffix(".dbf")
    if path.suffix.lower() != ".shp" or not table.is_file():
        return path.read_bytes()
    content = table.read_bytes()
    return content[int.from_bytes(content[8:10], "little") :]  # past its header


def _what_is_wrong(path: Path, kind: str) -> Message | None:
    """Why a JSON file cannot be read, with the place where its JSON breaks, if it does; None = for another reason."""
    try:
        document = json.loads(path.read_bytes()) if path.stat().st_size <= _MAX_EXPLAINED else None
    except RecursionError:
        return Message("terminal.error.deep_json", file=path)
    except ValueError as broken:
        return Message("terminal.error.no_json", file=path, reason=Plain(str(broken)[:200]))
    is_features = isinstance(document, dict) and isinstance(document.get("features"), list)
    if is_features or document is None:
        return None
    return Message("terminal.error.no_collection", file=path, kind=Plain(kind))


def _feature_table(file: str, found: Decoded, issues: list[Issue]) -> TextTable:
    """Features as rows; where some are points, those that are none are refused."""
    columns = {" ".join(name.split()): values for name, values in found.columns.items()}
    is_placeless = not found.x or all(
        reason == NO_GEOMETRY for reason in found.reasons
    )  # a table alone: its columns may hold places
    if not is_placeless:
        columns = {
            GEOMETRY_X: ["" if math.isnan(x) else repr(x) for x in found.x],
            GEOMETRY_Y: ["" if math.isnan(y) else repr(y) for y in found.y],
            **columns,
        }
    refused = {
        at: reason
        for at, reason in enumerate(found.reasons)
        if reason is not None and not (is_placeless and reason == NO_GEOMETRY)
    }
    if refused:  # reported in the order of the file
        issues += [Issue(file, found.lines[at], "", refused[at], is_refused=True) for at in sorted(refused)]
        kept = [at for at in range(len(found.lines)) if at not in refused]
        columns = {name: [values[at] for at in kept] for name, values in columns.items()}
        lines = [found.lines[at] for at in kept]
    else:
        lines = found.lines
    exact = frozenset({GEOMETRY_X, GEOMETRY_Y}) | found.exact
    return TextTable(file, columns, lines, tuple(issues), len(found.lines), exact)
