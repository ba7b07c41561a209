"""The fault book: applies detection's changes to faults, one transaction per call, and lists claimed repairs.

One fault per cause and place while it lasts. The memory is a cache of the database's rows; people change those too
(through the API), so every transaction looks at the rows first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import Engine

from ingest.faultbook import rules
from ingest.faultbook.fault import Entry, Fault
from ingest.faultbook.fault_locator import FaultLocator
from ingest.faultbook.ledger import Ledger, lamp_key
from ingest.faultbook.priority import DARK_CODES, Surroundings, rank
from ingest.faultbook.word_order import causes_first
from ingest.model.finding import Change, Cleared, Key, Place, Raised
from ingest.schema import life
from ingest.schema.report_tables import CITIZEN

_US_PER_H: Final = 3_600_000_000
_SET_BACK_US: Final = 30_000_000  # less than that are changes in another order
_CLAIMS: Final = frozenset({"repair", "reopen"})  # what people claim and the next lit period has to show


@dataclass(frozen=True, slots=True)
class Applied:
    """What one call changed: counts of faults."""

    n_opened: int = 0
    n_changed: int = 0
    n_closed: int = 0


class FaultBook:
    """All faults that are not closed, and those closed so recently that they may reopen."""

    def __init__(
        self,
        engine: Engine,
        fault_locator: FaultLocator,
        *,
        reopen_within_us: int,
        new_id: Callable[[int], str],
        now_us: int,
    ) -> None:
        """``new_id(at_us)`` makes a ULID of that time; ``now_us``: data time, to load recently closed faults."""
        self._ledger = Ledger(engine)
        self._fault_locator = fault_locator
        self._reopen_within_us = reopen_within_us
        self._new_id = new_id
        self._by_key: dict[Key, Fault] = {}
        self._key_of: dict[str, Key] = {}
        self._seen_seq = self._ledger.newest_event()
        self._n_reports: dict[str, int] = self._ledger.n_reports()
        for fault in sorted(self._ledger.load(now_us - reopen_within_us), key=_age):
            self._hold(self._with_road(fault))
        self._applied_us = 0
        if now_us:
            self._judge_until(now_us)

    def __len__(self) -> int:
        """Number of faults that are not closed."""
        return sum(fault.state != life.CLOSED for fault in self._by_key.values())

    def open_keys(self) -> list[tuple[Key, str]]:
        """``(key, state)`` of every fault that is not closed, for a detection that starts anew.

        Those of citizens' source are left out: nothing measures them.
        """
        open_faults = (fault for fault in self._by_key.values() if fault.state != life.CLOSED)
        return [(fault.key, fault.state) for fault in open_faults if not _is_citizens(fault)]

    def replace_locator(self, fault_locator: FaultLocator) -> None:
        """Another register came into force."""
        self._fault_locator = fault_locator

    def apply(self, changes: Sequence[Change], now_us: int) -> Applied:
        """Apply detection's words in order, causes before what they explain; all of them are stored, or none.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: the database is not to be had; nothing was changed, call again.
        """
        if not changes:
            return Applied()
        if now_us < self._applied_us - _SET_BACK_US:
            self._judge_until(now_us)
        self._applied_us = now_us
        words = causes_first(changes)
        with self._ledger.changing() as connection:
            page = _Page(self, {fault.id: fault for fault in self._touched(words)})
            page.refresh(self._ledger.current(connection, sorted(page.faults)))
            for word in words:
                page.write(word)
            page.rank_all(now_us)
            self._ledger.write(connection, page.new(), page.changed(), page.entries)
        for fault in page.faults.values():
            self._hold(fault)
        self._forget(now_us)
        return page.summary()

    def poll_claims(self) -> list[Key]:
        """Conditions that people claimed repaired, or reopened, since the last call: they want proof."""
        actions, self._seen_seq = self._ledger.people_since(self._seen_seq)
        claimed = {fault_id: None for fault_id, kind in actions if kind in _CLAIMS}
        unknown = [fault_id for fault_id in claimed if fault_id not in self._key_of]
        if unknown:  # an old fault that somebody reopened
            for fault in self._ledger.load(0):
                if fault.id in claimed:
                    self._hold(self._with_road(fault))
        keys = [self._key_of[fault_id] for fault_id in claimed if fault_id in self._key_of]
        return [key for key in keys if not _is_citizens(self._by_key[key])]

    def read_reports(self) -> bool:
        """Count citizens' reports anew. Returns whether there are others than at the last call."""
        found = self._ledger.n_reports()
        has_changed = found != self._n_reports
        self._n_reports = found
        return has_changed

    def _judge_until(self, now_us: int) -> None:
        """What was judged later than now counts as judged now: the clock was set back, and no word is older."""
        for fault in [fault for fault in self._by_key.values() if fault.judged_at_us > now_us]:
            self._hold(replace(fault, judged_at_us=now_us - 1))

    def set_back(self, now_us: int) -> int:
        """Date open faults that would have been opened in the future: the clock was set back. Returns how many."""
        ahead = [f for f in self._by_key.values() if f.state != life.CLOSED and f.opened_at_us > now_us]
        return len(self._rewrite(ahead, lambda page: page.date_again(now_us)).entries) if ahead else 0

    def rank_again(self, now_us: int) -> int:
        """Renew priorities, which grow with age, and write again what the database has lost. Returns how many."""
        return len(self._rewrite(list(self._by_key.values()), lambda page: page.rank_all(now_us)).changed())

    def _rewrite(self, chosen: list[Fault], change: Callable[[_Page], None]) -> _Page:
        with self._ledger.changing() as connection:
            page = _Page(self, {fault.id: fault for fault in chosen})
            page.refresh(self._ledger.current(connection, sorted(page.faults)))
            change(page)
            self._ledger.write(connection, page.new(), page.changed(), page.entries)
        for fault in page.faults.values():
            self._hold(fault)
        return page

    def _hold(self, fault: Fault) -> None:
        self._by_key[fault.key] = fault
        self._key_of[fault.id] = fault.key

    def _forget(self, now_us: int) -> None:
        since_us = now_us - self._reopen_within_us
        too_old = [f for f in self._by_key.values() if f.closed_at_us is not None and f.closed_at_us < since_us]
        for fault in too_old:
            del self._by_key[fault.key]
            self._key_of.pop(fault.id, None)

    def _with_road(self, fault: Fault) -> Fault:
        road_class = self._fault_locator.spot(fault.key, fault.lamp_ids).road_class
        return replace(fault, spot=replace(fault.spot, road_class=road_class))

    def _touched(self, words: Iterable[Change]) -> list[Fault]:
        """Faults that the words name, and dark neighbours whose priority may change with them."""
        keys: dict[Key, None] = {}
        for word in words:
            keys[word.key] = None
            if word.key.code in DARK_CODES and word.key.place.lamp_id is not None:
                for neighbour in self._fault_locator.neighbours(word.key.place.lamp_id):
                    place = replace(word.key.place, lamp_id=neighbour)
                    keys |= dict.fromkeys(Key(code, place) for code in DARK_CODES)
        return [self._by_key[key] for key in keys if key in self._by_key]


class _Page:
    """The faults that one transaction works on, and what it wrote."""

    def __init__(self, book: FaultBook, faults: dict[str, Fault]) -> None:
        self._book = book
        self.faults = faults
        self._before = dict(faults)
        self._by_key = {fault.key: fault for fault in faults.values()}
        self.entries: list[Entry] = []
        self._n_closed = 0

    def refresh(self, rows: dict[str, tuple[str, int, str | None]]) -> None:
        """Take over what people changed meanwhile, and keep what the rows have lost: no version ever falls."""
        for fault_id, fault in list(self.faults.items()):
            state, version, assignee = rows.get(fault_id, (None, 0, None))
            if state is None or version < fault.version:
                if state is None:
                    del self._before[fault_id]
                changed, entries = rules.written_again(fault, is_missing=state is None)
                self._keep(changed)
                self.entries += entries
            elif version != fault.version:
                changed = rules.changed_by_people(fault, state, version, assignee)
                self._keep(changed)
                self._before[fault_id] = changed

    def write(self, word: Change) -> None:
        """Apply one word."""
        fault = self._by_key.get(word.key)
        step: rules.Step
        if isinstance(word, Raised):
            step = self._raised(fault, word)
        elif fault is None:
            step = None
        elif isinstance(word, Cleared):
            step = rules.cleared(fault, word)
            self._n_closed += step is not None
        else:
            step = rules.still_failing(fault, word)
        if step is not None:
            changed, entry = step
            self._keep(changed)
            self.entries.append(entry)

    def _raised(self, fault: Fault | None, word: Raised) -> rules.Step:
        caused_by = self._cause(word)
        if fault is None:
            spot = self._book._fault_locator.spot(word.key, word.lamp_ids)  # noqa: SLF001  (the page is the book's own)
            return rules.opened(word, self._book._new_id(word.at_us), spot, caused_by)  # noqa: SLF001  (as above)
        if fault.state != life.CLOSED:
            return rules.confirmed(fault, word, caused_by)
        return rules.reopened(fault, word, caused_by)

    def _cause(self, word: Raised) -> str | None:
        if word.cause is None:
            return None
        cause = self._by_key.get(word.cause) or self._book._by_key.get(word.cause)  # noqa: SLF001  (as above)
        return None if cause is None or cause.state == life.CLOSED else cause.id

    def _keep(self, fault: Fault) -> None:
        self.faults[fault.id] = fault
        self._by_key[fault.key] = fault

    def date_again(self, now_us: int) -> None:
        """Give every open fault of the page that is opened in the future the time of now."""
        for fault in list(self.faults.values()):
            if fault.state != life.CLOSED and fault.opened_at_us > now_us:  # nobody has closed it meanwhile
                changed, entry = rules.dated_again(fault, now_us)
                self._keep(changed)
                self.entries.append(entry)

    def rank_all(self, now_us: int) -> None:
        """Give every open fault of the page its priority; a new priority alone is no new version."""
        for fault in list(self.faults.values()):
            if fault.state == life.CLOSED:
                continue
            age_h = (now_us - fault.opened_at_us) / _US_PER_H
            around = self._around(fault)
            priority, reasons = rank(fault.key.code, len(fault.lamp_ids), fault.spot.road_class, age_h, around)
            if priority != fault.priority:
                self._keep(replace(fault, priority=priority, priority_reasons=reasons))

    def _around(self, fault: Fault) -> Surroundings:
        lamp_id = fault.key.place.lamp_id
        counts = self._book._n_reports  # noqa: SLF001  (as above)
        n_reports = counts.get(fault.id, 0) + (0 if lamp_id is None else counts.get(lamp_key(lamp_id), 0))
        if lamp_id is None or fault.key.code not in DARK_CODES:
            return Surroundings(n_reports=n_reports)
        around = self._book._fault_locator.surroundings(lamp_id, self._is_dark)  # noqa: SLF001  (as above)
        return replace(around, n_reports=n_reports)

    def _is_dark(self, lamp_id: str) -> bool:
        for code in DARK_CODES:
            key = Key(code, Place(lamp_id=lamp_id))
            fault = self._by_key.get(key) or self._book._by_key.get(key)  # noqa: SLF001  (as above)
            if fault is not None and fault.state != life.CLOSED:
                return True
        return False

    def new(self) -> list[Fault]:
        """Faults to insert."""
        return [fault for fault_id, fault in self.faults.items() if fault_id not in self._before]

    def changed(self) -> list[Fault]:
        """Faults to rewrite."""
        return [fault for fault_id, fault in self.faults.items() if self._before.get(fault_id, fault) is not fault]

    def summary(self) -> Applied:
        """Counts."""
        n_new = len(self.new())
        return Applied(n_new, len(self.changed()) - self._n_closed, self._n_closed)


def _is_citizens(fault: Fault) -> bool:
    return fault.evidence.get("source") == CITIZEN


def _age(fault: Fault) -> tuple[bool, int]:
    """Closed ones first, so that an open fault of the same key is the one that stays."""
    return fault.state != life.CLOSED, fault.opened_at_us
