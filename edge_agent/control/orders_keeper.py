"""When the held orders are written to storage: at once, but not for each command of a flood.

Owns the orders' file while the agent runs; `orders_file` owns its form.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final

from edge_agent.control.orders_file import HeldOrders, load_orders, save_orders, take_forget_request

LOG: Final = logging.getLogger(__name__)
SAVE_BURST: Final = 5  # commands that are in storage at once
SAVE_GAP_S: Final = 60.0  # and one more in so many seconds


class OrdersKeeper:
    """Keeps the orders in storage; its owner's lock guards it.

    Attributes:
        is_unsaved: storage does not have the latest orders.
    """

    def __init__(self, path: Path, monotonic: Callable[[], float]) -> None:
        """Read nothing yet."""
        self._path = path
        self._monotonic = monotonic
        self._saved: HeldOrders | None = None
        self._n_left = float(SAVE_BURST)
        self._counted_s = monotonic()
        self.is_unsaved = False

    def load(self) -> HeldOrders:
        """Return the orders held before the restart; without the schedule if the agent was asked to forget it."""
        held = self._saved = load_orders(self._path)
        if self.is_asked_to_forget():
            LOG.warning("schedule: forgotten, as requested while the agent was stopped")
            held = HeldOrders(None, held.overrides)
            self.save(held)
        return held

    def is_asked_to_forget(self) -> bool:
        """Whether the schedule is to be forgotten; the request is used up."""
        return take_forget_request(self._path)

    def save_soon(self, orders: HeldOrders) -> None:
        """Write the orders now, or leave them unsaved if too much was written in the past minutes."""
        self.is_unsaved = True
        now_s = self._monotonic()
        self._n_left = min(SAVE_BURST, self._n_left + (now_s - self._counted_s) / SAVE_GAP_S)
        self._counted_s = now_s
        if self._n_left >= 1.0:
            self._n_left -= 1.0
            self.save(orders)

    def save(self, orders: HeldOrders) -> None:
        """Write the orders if storage has others; storage that accepts nothing is logged and tried again later."""
        try:
            if orders != self._saved:
                save_orders(self._path, orders)
            self._saved = orders
            self.is_unsaved = False
        except OSError as error:
            self.is_unsaved = True
            LOG.warning("orders are not in storage: %s", error)
