"""A thread that owns one bus: runs sweeps, and commands between two meters.

Nobody else touches the bus, so the port needs no lock, and a dim command waits for one meter at most, not
for a whole sweep.
"""

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from edge_agent.errors import Retryable
from edge_agent.serial.bus import Bus, MeterReading
from edge_agent.serial.poll import Meter

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class Job(Generic[T]):
    """Work for the bus's thread, and its result."""

    run: Callable[[], T]
    is_done: threading.Event = field(default_factory=threading.Event)
    result: T | None = None
    error: BaseException | None = None

    def do(self) -> None:
        """Run it here and now."""
        try:
            self.result = self.run()
        except BaseException as error:  # noqa: BLE001 - handed to whoever waits for it
            self.error = error
        self.is_done.set()

    def wait(self) -> T:
        """Return the outcome; raise what the job raised."""
        self.is_done.wait()
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
        self._thread = threading.Thread(target=self._loop, name=f"bus {bus.config.name}", daemon=True)
        self._thread.start()

    def start_sweep(self, *, is_slow: bool, budget_s: float) -> "Job[dict[Meter, MeterReading]]":
        """Begin a sweep; wait for it with the job's `wait`."""
        job = Job(lambda: self.bus.sweep(is_slow=is_slow, budget_s=budget_s, between=self._run_commands))
        self._jobs.put(job)  # type: ignore[arg-type]  # Job is invariant; the loop only calls do()
        return job

    def command(self, run: Callable[[], bool]) -> bool:
        """Run a command as soon as the line is free, and return its outcome.

        Raises:
            Retryable: the bus is being closed.
        """
        if self._is_closing:
            raise Retryable(f"bus {self.bus.config.name} is being closed")
        job = Job(run)
        self._commands.put(job)
        self._jobs.put(Job(self._run_commands))  # wakes the thread when no sweep is running
        return job.wait()

    def close(self) -> None:
        """Finish what is running, release the port and end the thread."""
        self._is_closing = True
        self._jobs.put(None)
        self._thread.join()
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
