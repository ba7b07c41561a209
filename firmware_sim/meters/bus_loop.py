"""Serves any number of simulated lines in one thread."""

from __future__ import annotations

import contextlib
import os
import select
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from firmware_sim.meters.bus import MeterBus


class BusLoop:
    """Serves any number of lines in one thread, asleep until bytes arrive or the next ones are due."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Prepare a loop; ``start`` runs it."""
        self._clock = clock
        self._buses: dict[int, MeterBus] = {}
        self._lock = threading.Lock()
        self._wake_r, self._wake_w = os.pipe()
        os.set_blocking(self._wake_w, False)
        self._is_running = False
        self._is_closed = False
        self._thread: threading.Thread | None = None

    def add(self, bus: MeterBus) -> None:
        """Serve a line from now on."""
        with self._lock:
            self._buses[bus.fileno()] = bus
        self._wake()

    def remove(self, bus: MeterBus) -> None:
        """Serve a line no more; on return the loop does not touch it."""
        with self._lock:
            self._buses.pop(bus.fileno(), None)
        self._wake()

    def start(self) -> None:
        """Run the loop in a thread of its own; a second call does nothing."""
        if self._thread is None:
            self._is_running = True
            self._thread = threading.Thread(target=self._run, name="meter-bus", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """End the thread for good; lines stay open, a second call does nothing."""
        if self._is_closed:
            return
        self._is_running = False
        self._wake()
        if self._thread is not None:
            self._thread.join()
        self._is_closed = True
        os.close(self._wake_r)
        os.close(self._wake_w)

    def _wake(self) -> None:
        if self._is_closed:
            return
        with contextlib.suppress(BlockingIOError):
            os.write(self._wake_w, b"\0")

    def _run(self) -> None:
        while self._is_running:
            with self._lock:
                buses = list(self._buses.values())
            due = [at_s for bus in buses if (at_s := bus.next_s()) is not None]
            timeout_s = max(0.0, min(due) - self._clock()) if due else None
            try:
                ready = _wait([self._wake_r, *(bus.fileno() for bus in buses)], timeout_s)
            except OSError:  # a line was closed between the two statements above: look again
                continue
            if self._wake_r in ready:
                os.read(self._wake_r, 4096)
            with self._lock:
                for fd, bus in self._buses.items():
                    if fd in ready:
                        bus.hear()
                    bus.advance()


def _wait(descriptors: list[int], timeout_s: float | None) -> set[int]:
    """Return which descriptors can be read, waiting no longer than ``timeout_s``.

    ``select`` sleeps to the microsecond, ``poll`` only to the millisecond; but ``select`` ends at descriptor 1023.
    """
    if max(descriptors) < 1024:
        readable, _, _ = select.select(descriptors, [], [], timeout_s)
        return set(readable)
    poller = select.poll()
    for descriptor in descriptors:
        poller.register(descriptor, select.POLLIN)
    found = poller.poll(None if timeout_s is None else timeout_s * 1000.0)
    return {descriptor for descriptor, event in found if event & select.POLLIN}
