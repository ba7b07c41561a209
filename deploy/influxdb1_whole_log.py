#!/usr/bin/env python3
"""Cuts InfluxDB 1's write-ahead log behind its last whole entry, before the server starts.

A full disk or a power cut leaves half an entry at the end of the log. InfluxDB 1.6 cuts it off at its next start too,
but goes on writing where the file ended before: what it confirms from then on stands behind a hole of zeros, and the
start after that takes the hole for damage and forgets everything behind it. Cut before the start there is no hole; one
that is there already is closed, and what stands behind it is kept.

An entry is one byte of kind (1 to 3), four of length (big-endian), and a body of that length, a snappy block. Only what
is no whole entry is removed: the server has confirmed none of it, and would remove it itself.

Needs nothing but Python, since the server's machine need not have Terang; ``influxdb1-whole-log.conf`` has systemd call
it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

HEAD = 5
KINDS = frozenset((1, 2, 3))  # write, delete, delete a range
COPY_WIDTH = (0, 2, 3, 5)  # bytes of a snappy element that repeats what stood before, by its kind


def is_block(body: bytes) -> bool:
    """Whether a snappy block is whole: it makes as many bytes as it says, out of as many as there are."""
    said = shift = at = 0
    while True:
        if at == len(body) or shift > 28:
            return False
        said |= (body[at] & 0x7F) << shift
        shift += 7
        at += 1
        if body[at - 1] < 0x80:
            break
    made = 0
    while at < len(body):
        tag = body[at]
        kind, length = tag & 3, tag >> 2
        if kind == 0:  # bytes as they are
            at += 1
            if length >= 60:
                width = length - 59
                length = int.from_bytes(body[at : at + width], "little")
                at += width
            at += length + 1
            made += length + 1
            continue
        back = int.from_bytes(body[at + 1 : at + COPY_WIDTH[kind]], "little")
        if kind == 1:
            back += (tag & 0xE0) << 3
            length = (length & 7) + 3
        if not 0 < back <= made:
            return False
        at += COPY_WIDTH[kind]
        made += length + 1
    return at == len(body) and made == said


def end_of_entry(log: bytes, at: int) -> int:
    """Where the entry ends that begins at ``at``; ``at`` itself if there is no whole one."""
    if at + HEAD > len(log) or log[at] not in KINDS:
        return at
    end = at + HEAD + int.from_bytes(log[at + 1 : at + HEAD], "big")
    return end if end <= len(log) and is_block(log[at + HEAD : end]) else at


def whole_spans(log: bytes) -> Iterator[tuple[int, int]]:
    """Start and end of each run of whole entries; between two runs stand zeros, and behind the last what is torn."""
    start = 0
    while start < len(log):
        at = start
        while (end := end_of_entry(log, at)) > at:
            at = end
        if at > start:
            yield start, at
        start = len(log) - len(log[at:].lstrip(b"\0"))
        if start == at:
            return  # nobody can say where the next entry begins


def mend(path: Path) -> int:
    """Leave only whole entries in a file of the log; returns how many bytes went.

    Raises:
        OSError: the file cannot be read or written, or there is no room for a copy without its hole.
    """
    log = path.read_bytes()
    spans = list(whole_spans(log))
    n_whole = sum(end - start for start, end in spans)
    if n_whole == len(log):
        return 0
    if n_whole == (spans[0][1] if spans and spans[0][0] == 0 else 0):  # needs no room on a disk that may be full
        with path.open("rb+") as file:
            file.truncate(n_whole)
            os.fsync(file.fileno())
        return len(log) - n_whole
    beside = path.with_name(f"{path.name}.whole")  # the server looks at no such name
    with beside.open("wb") as file:
        file.writelines(log[start:end] for start, end in spans)
        file.flush()
        os.fsync(file.fileno())
    owner = path.stat()
    os.chown(beside, owner.st_uid, owner.st_gid)
    beside.chmod(owner.st_mode & 0o777)
    beside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)
    return len(log) - n_whole


def open_files() -> set[str]:
    """What the processes that this user may look at have open."""
    found: set[str] = set()
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        with suppress(OSError):
            found.add(str(link.readlink()))
    return found


def main() -> int:
    """Mend every file below a folder; 1 if one cannot be mended: better no server than one that forgets."""
    if len(sys.argv) != 2:
        print("usage: influxdb1_whole_log.py WAL-FOLDER", file=sys.stderr)
        return 2
    files = sorted(Path(sys.argv[1]).resolve().rglob("_*.wal"))
    if not open_files().isdisjoint(map(str, files)):
        print(f"{sys.argv[1]}: InfluxDB runs on this log; stop it first", file=sys.stderr)
        return 1
    for path in files:
        try:
            n_bytes = mend(path)
        except OSError as error:
            print(f"{path}: {error.strerror}", file=sys.stderr)
            return 1
        if n_bytes:
            print(f"{path}: {n_bytes} bytes that are no whole entry removed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
