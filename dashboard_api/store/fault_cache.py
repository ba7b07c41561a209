"""Caches faults as JSON texts by revision: most faults of a page have not changed since the last request."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection

from dashboard_api.formats.fault_document import fault_document
from dashboard_api.store.engine import Database
from dashboard_api.store.fault_list import FaultFilter, Listed, fault_rows, list_faults
from languages.catalogue import Catalogue

_KEPT_BYTES: Final = 32 << 20  # some twenty thousand faults
_ENTRY_BYTES: Final = 300  # what an entry weighs beside its text
_ATTEMPTS: Final = 3


@dataclass(frozen=True, slots=True)
class FaultPage:
    """One page of a list: each fault as JSON in UTF-8, and the cursor of the next page, None at the end."""

    texts: list[bytes]
    next_cursor: str | None
    stamp: str = ""  # of the faults on it and their revisions

    def document(self) -> bytes:
        """The page as the contract shows it, JSON in UTF-8."""
        return b'{"items":[%b],"next_cursor":%b}' % (b",".join(self.texts), json.dumps(self.next_cursor).encode())

    def items(self) -> list[dict[str, Any]]:
        """The faults, for other formats."""
        items: list[dict[str, Any]] = json.loads(b"[%b]" % b",".join(self.texts))
        return items


class FaultCache:
    """Lists faults. A text is cached under its row's revision, which every UPDATE raises; safe to call from threads."""

    def __init__(self, database: Database, kept_bytes: int = _KEPT_BYTES) -> None:
        """Over ``database``; texts weigh at most ``kept_bytes``."""
        self._database = database
        self._kept_bytes = kept_bytes
        self._lock = threading.Lock()
        # (id, language) -> (revision, text), longest unasked first
        self._texts: OrderedDict[tuple[str, str], tuple[int, bytes]] = OrderedDict()
        self._n_bytes = 0

    def page(
        self,
        wanted: FaultFilter,
        catalogue: Catalogue,
        *,
        order: str = "priority",
        near: tuple[float, float] | None = None,
        limit: int = 100,
        cursor: str | None = None,
    ) -> FaultPage:
        """One page of faults as they are now, with words of ``catalogue``.

        Raises:
            BadRequestError: ``distance`` without ``near``, or a cursor of another list.
            UnavailableError: the database does not answer.
        """
        with self._database.reading() as connection:
            # between the list and a row somebody may write: then the fault may belong elsewhere, or on no such list
            for _attempt in range(_ATTEMPTS):
                listed, next_cursor = list_faults(
                    connection, wanted, order=order, near=near, limit=limit, cursor=cursor
                )
                texts, has_changed = self._texts_of(connection, listed, catalogue)
                if not has_changed:
                    break
        return FaultPage(texts, next_cursor, stamp_of(listed, next_cursor))

    def _texts_of(
        self, connection: Connection, listed: Sequence[Listed], catalogue: Catalogue
    ) -> tuple[list[bytes], bool]:
        """The faults' texts in order, and whether one of them is no longer as it was listed."""
        language = catalogue.language
        found = self._kept(listed, language)
        missing = {one.id: one.revision for one in listed if one.id not in found}
        has_changed = False
        if missing:
            made = [
                (row.id, row.revision, _text(fault_document(row, catalogue)))
                for row in fault_rows(connection, list(missing))
            ]
            self._keep(made, language)
            has_changed = any(missing[fault_id] != revision for fault_id, revision, _text in made)
            found |= {fault_id: text for fault_id, _revision, text in made}
        return [found[one.id] for one in listed if one.id in found], has_changed

    def _kept(self, listed: Iterable[Listed], language: str) -> dict[str, bytes]:
        found = {}
        with self._lock:
            for fault_id, revision in listed:
                entry = self._texts.get((fault_id, language))
                if entry is not None and entry[0] == revision:
                    self._texts.move_to_end((fault_id, language))
                    found[fault_id] = entry[1]
        return found

    def _keep(self, made: Iterable[tuple[str, int, bytes]], language: str) -> None:
        with self._lock:
            for fault_id, revision, text in made:
                old = self._texts.pop((fault_id, language), None)
                self._n_bytes += len(text) + _ENTRY_BYTES if old is None else len(text) - len(old[1])
                self._texts[fault_id, language] = (revision, text)
            while self._n_bytes > self._kept_bytes:
                _key, (_revision, text) = self._texts.popitem(last=False)
                self._n_bytes -= len(text) + _ENTRY_BYTES


def stamp_of(listed: Sequence[Listed], next_cursor: str | None) -> str:
    """Names a page: another one as soon as a fault on it has another revision, or others are on it."""
    digest = hashlib.blake2b(str(next_cursor).encode(), digest_size=12)
    digest.update(",".join(f"{one.id}.{one.revision}" for one in listed).encode())
    return digest.hexdigest()


def _text(fault: dict[str, Any]) -> bytes:
    return json.dumps(fault, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
