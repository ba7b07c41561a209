"""Decodes a tick's payloads of one layout together; the others are left to ``ingest.decode.record``.

Caches the payload layouts by session layout and payload length, if they were frequent in a tick. Pure except for
this cache.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from ingest.decode.birth import EPOCH, INTERVAL, PENDING, SCALARS, SEQUENCE, SYNCHRONISED, Session
from ingest.decode.bounds import MAX_INTERVAL_S, MAX_PAYLOAD
from ingest.decode.payload_layout import AlignedPayloads, PayloadLayout, UnusualError, cut, number
from ingest.decode.record import GROUP_SHIFT, MAX_MS, US_PER_MS, DecodedRecord, lengths_fit, read_record
from ingest.errors import RecordError
from ingest.model.batch import turns

_LEAST_ALIGNED: Final = 8  # payloads: a group costs as much as parsing some five of them
_MANY: Final = 64  # payloads of one length, of which two are tried for a new shape
_LARGEST: Final = 512  # payloads: what they are copied into should be memory that was in use a moment ago
_LARGEST_BYTES: Final = 32 << 20  # of one sheet
_MOST_BYTES: Final = 64 << 20  # of the payloads that the remembered layouts were derived from
_MOST: Final = 4096  # lengths of payload remembered; a city needs a few for each size of cabinet
_MOST_SHAPES: Final = 4  # of one length: numbers that grow by a byte and others that shrink make shapes equally long

_Key = tuple[object, int]


class BulkDecoder:
    """Decodes payloads in bulk, with a cache of the payload layouts of one Sparkplug group."""

    def __init__(self) -> None:
        """Start with an empty cache."""
        self._shapes: dict[_Key, tuple[PayloadLayout, ...]] = {}
        self._n_bytes = 0

    def read(
        self, messages: Sequence[tuple[str, bytes]], sessions: Mapping[str, Session]
    ) -> list[DecodedRecord | None]:
        """A record for each message that could be read together with others of its shape, None for the rest."""
        records: list[DecodedRecord | None] = [None] * len(messages)
        if len(messages) < _LEAST_ALIGNED:
            return records
        owner = [sessions.get(topic) for topic, _ in messages]
        alike: dict[_Key, list[int]] = {}
        for i in _in_turns(owner):
            session = owner[i]
            assert session is not None
            alike.setdefault((session.layout, len(messages[i][1])), []).append(i)
        n_groups = 0
        for key, whole in alike.items():
            if len(whole) < _LEAST_ALIGNED or key[1] > MAX_PAYLOAD:
                continue
            size = max(_LEAST_ALIGNED, min(_LARGEST, _LARGEST_BYTES // max(1, key[1])))
            for members in (whole[at : at + size] for at in range(0, len(whole), size)):
                owners = [session for i in members if (session := owner[i]) is not None]
                n_groups = self._read_length(key, members, owners, [messages[i][1] for i in members], n_groups, records)
        return records

    def _read_length(
        self,
        key: _Key,
        members: list[int],
        owners: list[Session],
        payloads: list[bytes],
        n_groups: int,
        records: list[DecodedRecord | None],
    ) -> int:
        """Read payloads of one length, one group for each shape among them; returns the new number of groups."""
        matrix = np.frombuffer(b"".join(payloads), np.uint8).reshape(len(payloads), -1)
        left = list(range(len(payloads)))
        shapes = list(self._shapes.get(key, ()))
        n_learned, most_learned = 0, 1 if len(payloads) < _MANY else 2  # each costs as much as some parses
        while len(left) >= _LEAST_ALIGNED:
            if not shapes:
                if n_learned == most_learned:
                    break
                sample = left[
                    len(left) // 2 * n_learned
                ]  # should the first be an odd one, then not another of its kind
                n_learned += 1
                shapes += self._learn(key, owners[sample], payloads[sample])
                continue
            payload_layout = shapes.pop(0)
            looked_at = matrix if len(left) == len(matrix) else matrix[left]
            is_fit = payload_layout.fits(looked_at)
            n_fit = int(is_fit.sum())
            if n_fit < _LEAST_ALIGNED:
                continue
            aligned = AlignedPayloads(looked_at if n_fit == len(left) else looked_at[is_fit], payload_layout)
            rows = [row for row, is_one in zip(left, is_fit.tolist(), strict=True) if is_one]
            found = _records(aligned, [owners[row] for row in rows], n_groups << GROUP_SHIFT)
            for row, record in zip(rows, found, strict=True):
                records[members[row]] = record
            n_groups += 1
            left = [row for row in left if records[members[row]] is None]
        return n_groups

    def _learn(self, key: _Key, session: Session, data: bytes) -> list[PayloadLayout]:
        """Derive a payload layout from this payload; an empty list if only protobuf can read it."""
        if len(self._shapes) >= _MOST or self._n_bytes + len(data) > _MOST_BYTES:
            self._shapes.clear()
            self._n_bytes = 0
        try:
            record = read_record(session, data)
            if not lengths_fit(record):
                return []
            payload_layout = cut(data, session.slots, record.values, is_historical=record.is_historical)
        except (RecordError, UnusualError):
            return []
        self._n_bytes += len(data)
        self._shapes[key] = (*self._shapes.get(key, ()), payload_layout)[-_MOST_SHAPES:]
        return [payload_layout]


def _in_turns(owner: Sequence[Session | None]) -> list[int]:
    """The messages that have a session: every controller's first one, then its second one …, each in register order.

    This is the order of rounds; neighbouring rows of a group are copied together.
    """
    known = [i for i, session in enumerate(owner) if session is not None]
    controller = np.array([session.controller for session in owner if session is not None], np.int64)
    in_turns: list[int] = np.array(known, np.int64)[np.lexsort((controller, turns(controller)))].tolist()
    return in_turns


def _records(aligned: AlignedPayloads, owners: Sequence[Session], first_order: int) -> list[DecodedRecord]:
    """The records of a group's rows."""
    matrix, payload_layout = aligned.matrix, aligned.payload_layout
    n = len(owners)
    at_us = (np.minimum(number(matrix, payload_layout.at), MAX_MS) * US_PER_MS).tolist()
    seq = [None] * n if payload_layout.seq is None else number(matrix, payload_layout.seq).tolist()
    epoch, sequence, pending, interval, is_synchronised = (
        _column(aligned, slot) for slot in (EPOCH, SEQUENCE, PENDING, INTERVAL, SYNCHRONISED)
    )
    scalars = zip(*(_column(aligned, slot) for slot in SCALARS), strict=True)
    nothing: list[Any] = []
    is_historical = payload_layout.is_historical
    return [
        DecodedRecord(
            owners[i], at_us[i], is_historical, seq[i], epoch[i], sequence[i], pending[i], interval[i],
            is_synchronised[i] != 0, reported, nothing, aligned, i, first_order + owners[i].controller,
        )
        for i, reported in enumerate(scalars)
    ]  # fmt: skip  # a row a record


def _column(aligned: AlignedPayloads, slot: int) -> list[Any]:
    span = aligned.payload_layout.numbers.get(slot)
    if span is None:
        return [aligned.payload_layout.constants.get(slot)] * len(aligned.matrix)
    values = number(aligned.matrix, span)
    if slot == INTERVAL:
        values = np.where(values <= MAX_INTERVAL_S, values, 0)
    reported: list[Any] = (np.minimum(values, 1) if slot > INTERVAL else values).tolist()
    return reported
