"""``controllerOffline``: an agent that died without being born again, or says nothing. A restart is no fault."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from ingest.detection.conditions.active_conditions import ActiveConditions
from ingest.detection.conditions.causes import Case
from ingest.detection.memory.limit_table import LimitTable
from ingest.detection.memory.sweep import Places, Sweep, pick
from ingest.model.finding import Key, Place
from ingest.model.fleet import Fleet

Int64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]
_DEFAULT_INTERVAL_S = 300
_FARTHEST_US = 6 * 3_600_000_000  # what an agent's clock is believed to be ahead of the time of a recording
_GREETING_US = 60_000_000  # whoever was born while nobody listened has said so by then: all are asked


class Presence:
    """When each of C controllers was last heard; times in UTC microseconds of "now", 0 = never.

    A controller that was never heard is not judged: it may not have been installed yet. Silence counts only while
    somebody listens: what was said before ``listening_us``, to a broker that was away or an ingest that was not there,
    nobody can know. None = it begins with the first live record.
    """

    def __init__(self, n_controllers: int, table: LimitTable) -> None:
        """Start with nothing known."""
        self._least_us = int(table.scalar("offline_time") * 1_000_000)
        self._intervals = int(table.scalar("offline_intervals"))
        self.heard_us = np.zeros(n_controllers, np.int64)
        self.death_us = np.zeros(n_controllers, np.int64)
        self.is_offline = np.zeros(n_controllers, np.bool_)
        self.since_us = np.zeros(n_controllers, np.int64)
        self.confirmed_us = np.zeros(n_controllers, np.int64)
        self._ticked_us = 0
        self.listening_us: int | None = 0

    def listen(self, since_us: int | None) -> None:
        """Messages come from then on; nothing was heard later than that, whatever the clock showed before."""
        self.listening_us = since_us
        if since_us is not None:
            for times_us in (self.heard_us, self.death_us):
                np.minimum(times_us, since_us, out=times_us)

    def is_beginning(self, now_us: int) -> bool:
        """Whether the time since when somebody listens is not known yet, or has not come."""
        return self.listening_us is None or self.listening_us > now_us

    def hear(
        self, heard: Places, live: Places, now_us: int, at_us: Int64 | None = None, live_from_us: int | None = None
    ) -> Int64:
        """Note whose records came; returns the controllers that are back (live data, and no death since their birth).

        Args:
            heard: the controllers.
            live: those of them whose record is no history.
            now_us: the time of the city.
            at_us: the time of each record of ``heard``, which may be later than the time of a recording, since that
                waits for those whose records are still to be read.
            live_from_us: the earliest time of a live record; asked for only while ``is_beginning``.
        """
        times_us = now_us if at_us is None else np.minimum(np.maximum(at_us, now_us), now_us + _FARTHEST_US)
        self.heard_us[heard] = np.maximum(self.heard_us[heard], times_us)
        is_back = self.is_offline[live] & (self.death_us[live] == 0)
        if len(is_back) and self.is_beginning(now_us):
            # after an absence of ours the first records may be read before the time has come as far as they are
            since_us = now_us if live_from_us is None else max(now_us, live_from_us)
            self.listening_us = since_us if self.listening_us is None else min(self.listening_us, since_us)
        back = pick(live, np.flatnonzero(is_back))
        self.is_offline[back] = False
        return back

    def session(self, controller: int, *, is_birth: bool, at_us: int, now_us: int) -> None:
        """Note a birth or a death."""
        self.heard_us[controller] = max(int(self.heard_us[controller]), now_us)
        self.death_us[controller] = 0 if is_birth else at_us or now_us

    def tick(self, now_us: int, interval_s: Int64) -> Int64:
        """Controllers that are offline from now on.

        ``since_us`` says since when each has been silent, ``confirmed_us`` when that was long enough: the time may
        have moved on by hours since the last call, if it is that of a recording.
        """
        if self.listening_us is None:
            return np.zeros(0, np.int64)
        interval = np.where(interval_s > 0, interval_s, _DEFAULT_INTERVAL_S)
        patience_us = np.maximum(self._intervals * interval * 1_000_000, self._least_us)
        is_dead = (self.death_us > 0) & (now_us - self.death_us >= self._least_us)
        is_dead &= now_us - self.listening_us >= _GREETING_US
        is_silent = (self.heard_us > 0) & (now_us - np.maximum(self.heard_us, self.listening_us) >= patience_us)
        fresh = np.flatnonzero((is_dead | is_silent) & ~self.is_offline)
        self.since_us[fresh] = np.where(self.death_us[fresh] > 0, self.death_us[fresh], self.heard_us[fresh])
        listened_us = np.maximum(self.since_us[fresh], self.listening_us)
        patience_us = np.where(self.death_us[fresh] > 0, self._least_us, patience_us[fresh])
        self.confirmed_us[fresh] = np.clip(listened_us + patience_us, min(self._ticked_us, now_us), now_us)
        self._ticked_us = now_us
        self.is_offline[fresh] = True
        return fresh


class OfflineRule:
    """``controllerOffline`` in the active_conditions, by :class:`Presence`."""

    def __init__(self, fleet: Fleet, table: LimitTable, book: ActiveConditions) -> None:
        """Nobody was heard yet."""
        self._fleet, self._book = fleet, book
        self.presence = Presence(fleet.n_controllers, table)

    def hear(self, sweep: Sweep, now_us: int) -> None:
        """Records came: who is back?"""
        live, whose, presence = sweep.live_controller, sweep.batch.controller, self.presence
        heard, at_us = sweep.controller, sweep.at_s * 1_000_000
        if not (is_known := whose >= 0).all():
            heard, at_us = whose[is_known].astype(np.int64), at_us[is_known]
        live_from_us = None
        if presence.is_beginning(now_us) and sweep.is_live.any():
            live_from_us = int(sweep.at_s[sweep.is_live].min()) * 1_000_000
        for controller in presence.hear(heard, live, now_us, at_us, live_from_us).tolist():
            self._book.close(self._key(controller), now_us)

    def tick(self, now_us: int, interval_s: Int64, is_muted: Callable[[Int64], Bool]) -> None:
        """Who has fallen silent? ``interval_s`` int64 (C,); ``is_muted``: controllers under maintenance."""
        presence, fleet = self.presence, self._fleet
        for c in presence.tick(now_us, interval_s).tolist():
            if is_muted(np.array([c]))[0]:
                presence.is_offline[c] = False
                continue
            lamps = tuple(range(int(fleet.controller_start[c]), int(fleet.controller_start[c + 1])))
            at_us = int(presence.confirmed_us[c])
            evidence = {
                "silent_s": (at_us - int(presence.since_us[c])) // 1_000_000,
                "has_died": bool(presence.death_us[c]),
                "interval_s": int(interval_s[c]),
            }
            home = int(fleet.home_cabinet[c])
            self._book.open(Case(self._key(c), at_us, int(presence.since_us[c]), lamps, evidence, c, home))

    def _key(self, controller: int) -> Key:
        return Key("controllerOffline", Place(controller_id=self._fleet.controller_ids[controller]))
