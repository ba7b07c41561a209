"""A thread that owns one bus: runs sweeps, and commands between two meters.

Nobody else touches the bus, so the port needs no lock, and a dim command waits for one meter at most, not
for a whole sweep. A driver may not return from a call, such as opening or closing an adapter that has hung up: whoever
waits for the bus then goes on without it, so that the other buses are swept and switched.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from edge_agent.errors import BusHangs, Retryable
from edge_agent.serial.bus import Bus, MeterReading
from edge_agent.serial.poll import Meter

T = TypeVar("T")

HANG_S: Final = 20.0  # an exchange takes seconds: to write, to wait, and to let a babbling line run out
_LONGEST_FRAMES: Final = 6 * 256  # characters on the wire meanwhile, which take long at 300 baud
_LOOK_S: Final = 0.5
_CLOSE_S: Final = 3.0

LOG = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Job(Generic[T]):
    """Work for the bus's thread, and its result."""

    run: Callable[[], T]
    is_done: threading.Event = field(default_factory=threading.Event)
    result: T | None = None
    error: BaseException | None = None
    is_abandoned: bool = False

    def do(self) -> None:
        """Run it here and now, unless nobody waits for it any more."""
        if self.is_abandoned:
            return
        try:
            self.result = self.run()
        except BaseException as error:  # noqa: BLE001 - handed to whoever waits for it
            self.error = error
        self.is_done.set()

    def wait(self) -> T:
        """Return the outcome; raise what the job raised."""
        self.is_done.wait()
        return self.outcome()

    def outcome(self) -> T:
        """What came of a job that is done; raises what it raised."""
        if self.error is not None:
            raise self.error
        return self.result  # type: ignore[return-value]  # set by do(), of the type that run() returns


class BusThread:
    """Runs jobs on a bus, commands before sweeps and between the meters of one."""

    def __init__(self, bus: Bus) -> None:
        """Start the thread."""
        self.bus = bus
        self._jobs: queue.SimpleQueue[Job[object] | None] = queue.SimpleQueue()
        self._commands: queue.SimpleQueue[Job[bool]] = queue.SimpleQueue()
        self._is_closing = False
        self._stuck: Job[dict[Meter, MeterReading]] | Job[bool] | None = None
        self._thread = threading.Thread(target=self._loop, name=f"bus {bus.config.name}", daemon=True)
        self._thread.start()

    @property
    def is_hanging(self) -> bool:
        """Whether the driver has not returned from a call for long."""
        return self._stuck is not None and not self._stuck.is_done.is_set()

    def start_sweep(self, *, is_slow: bool, budget_s: float) -> "Job[dict[Meter, MeterReading]]":
        """Begin a sweep, unless the bus hangs; wait for it with `wait`."""
        job = Job(lambda: self.bus.sweep(is_slow=is_slow, budget_s=budget_s, between=self._run_commands))
        if not self.is_hanging:
            self._jobs.put(job)  # type: ignore[arg-type]  # Job is invariant; the loop only calls do()
        return job

    def wait(self, job: Job[T]) -> T:
        """Return the outcome of a job of this bus; raise what it raised.

        Raises:
            BusHangs: no exchange has begun for longer than any takes, or the bus hung before; the job is given up.
        """
        n_seen, waited_s, looked_s = self.bus.n_exchanges, 0.0, time.monotonic()
        longest_s = HANG_S + _LONGEST_FRAMES * self.bus.config.bits_per_character / self.bus.config.baud
        while not self.is_hanging:
            if job.is_done.wait(_LOOK_S):
                return job.outcome()
            now_s = time.monotonic()
            # a process that was stopped, or not scheduled, for long says nothing of the driver
            waited_s, looked_s = waited_s + min(now_s - looked_s, 2 * _LOOK_S), now_s
            if self.bus.n_exchanges != n_seen:
                n_seen, waited_s = self.bus.n_exchanges, 0.0
            elif waited_s >= longest_s:
                self._stuck = job  # type: ignore[assignment]  # of either kind
                LOG.error("bus %s: the driver of %s hangs", self.bus.config.name, self.bus.config.port)
        job.is_abandoned = True
        raise BusHangs(f"bus {self.bus.config.name}: the driver of {self.bus.config.port} hangs")

    def command(self, run: Callable[[], bool]) -> bool:
        """Run a command as soon as the line is free, and return its outcome.

        Raises:
            Retryable: the bus is being closed.
            BusHangs: see `wait`.
        """
        if self._is_closing:
            raise Retryable(f"bus {self.bus.config.name} is being closed")
        job = Job(run)
        self._commands.put(job)
        self._jobs.put(Job(self._run_commands))  # wakes the thread when no sweep is running
        return self.wait(job)

    def close(self) -> None:
        """Finish what is running, release the port and end the thread; one that hangs is left to the kernel."""
        self._is_closing = True
        self._jobs.put(None)
        self._thread.join(_CLOSE_S if self.is_hanging else HANG_S)
        if self._thread.is_alive():
            return
        self._run_commands()
        self.bus.close()

    def _loop(self) -> None:
        while (job := self._jobs.get()) is not None:
            job.do()

    def _run_commands(self) -> None:
        while True:
            try:
                job = self._commands.get_nowait()
            except queue.Empty:
                return
            job.do()
