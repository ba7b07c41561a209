"""``controllerOffline``: an agent that died without being born again, or says nothing. A restart is no fault."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ingest.judgement.limit_table import LimitTable

Int64 = npt.NDArray[np.int64]
_DEFAULT_INTERVAL_S = 300


class Presence:
    """When each of C controllers was last heard; times in UTC microseconds of "now", 0 = never.

    A controller that was never heard is not judged: it may not have been installed yet.
    """

    def __init__(self, n_controllers: int, table: LimitTable) -> None:
        """Start with nothing known."""
        self._least_us = int(table.scalar("offline_time") * 1_000_000)
        self._intervals = int(table.scalar("offline_intervals"))
        self.heard_us = np.zeros(n_controllers, np.int64)
        self.death_us = np.zeros(n_controllers, np.int64)
        self.is_offline = np.zeros(n_controllers, np.bool_)
        self.since_us = np.zeros(n_controllers, np.int64)

    def hear(self, controller: npt.NDArray[np.int32], now_us: int, is_live: npt.NDArray[np.bool_]) -> Int64:
        """Note that records came; returns the controllers that are back (live data, and no death since their birth)."""
        known = controller >= 0
        self.heard_us[controller[known]] = np.maximum(self.heard_us[controller[known]], now_us)
        live = controller[known & is_live]
        back = live[self.is_offline[live] & (self.death_us[live] == 0)]
        self.is_offline[back] = False
        returned: Int64 = back.astype(np.int64)
        return returned

    def session(self, controller: int, *, is_birth: bool, at_us: int, now_us: int) -> None:
        """Note a birth or a death."""
        self.heard_us[controller] = max(int(self.heard_us[controller]), now_us)
        self.death_us[controller] = 0 if is_birth else at_us or now_us

    def tick(self, now_us: int, interval_s: Int64) -> Int64:
        """Controllers that are offline from now on; ``since_us`` says since when each has been silent."""
        interval = np.where(interval_s > 0, interval_s, _DEFAULT_INTERVAL_S)
        patience_us = np.maximum(self._intervals * interval * 1_000_000, self._least_us)
        is_dead = (self.death_us > 0) & (now_us - self.death_us >= self._least_us)
        is_silent = (self.heard_us > 0) & (now_us - self.heard_us >= patience_us)
        fresh = np.flatnonzero((is_dead | is_silent) & ~self.is_offline)
        self.since_us[fresh] = np.where(self.death_us[fresh] > 0, self.death_us[fresh], self.heard_us[fresh])
        self.is_offline[fresh] = True
        return fresh
