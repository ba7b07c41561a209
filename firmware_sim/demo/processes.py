"""The demo's child processes: started, watched, started again when one ends, and every one of them ended.

A child gets its own session, so that Ctrl-C reaches the demo alone and the demo ends the others in its own order. What
a child prints goes to a file of its own; its last lines are shown when it ends unasked.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from firmware_sim.errors import SimError
from languages.catalogue import Catalogue
from languages.message import Message, Plain, why

_PATIENCE_S: Final = 8.0
_LAST_LINES: Final = 6
_LAST_BYTES: Final = 4096
_PR_SET_PDEATHSIG: Final = 1  # prctl(2)
_FIRST_PAUSE_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 60.0
_STEADY_S: Final = 60.0  # a child that ran for so long is started again without a longer pause


class ChildError(SimError):
    """A process of the demo could not be started, or ended before the demo was up.

    Attributes:
        last_lines: that the process printed, each after a line break.
    """

    def __init__(self, message: Message, last_lines: str = "") -> None:
        """Hold the message and what the process printed."""
        super().__init__(message)
        self.last_lines = last_lines

    def __str__(self) -> str:
        """In English, for logs."""
        return f"{self.args[0]}{self.last_lines}"


@dataclass(frozen=True, slots=True)
class Event:
    """What happened to a child, and the last lines that it printed, each after a line break."""

    message: Message
    last_lines: str = ""

    def say(self, words: Catalogue) -> str:
        """For the reader, in a language."""
        return self.message.say(words) + self.last_lines


@dataclass(slots=True, eq=False)
class Child:
    """One process and how to start it again.

    Attributes:
        name: shown to the reader, and the name of the log file.
        command: argv.
        environment: variables on top of the demo's own.
        log: file with everything that it printed.
        process: the newest process.
        before: called before each start after the first one.
        may_start: whether what it needs is there.
        depends_on: a child whose restart makes this one unusable, so that it is started again after it.
        started_s: when it was started, by the monotonic clock.
        pause_s: how long to wait before its next start [s].
        due_s: when to start it again; None while it runs.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    process: subprocess.Popen[bytes]
    started_s: float
    before: Callable[[], None] = lambda: None
    may_start: Callable[[], bool] = lambda: True
    depends_on: Child | None = None
    pause_s: float = _FIRST_PAUSE_S
    due_s: float | None = field(default=None)

    def last_lines(self) -> str:
        """The last lines that it printed."""
        try:
            with self.log.open("rb") as log:
                log.seek(max(0, log.seek(0, os.SEEK_END) - _LAST_BYTES))
                lines = log.read().decode("utf-8", errors="replace").splitlines()
        except OSError:
            return ""
        return "".join(f"\n  {line}" for line in lines[-_LAST_LINES:])

    def how_it_ended(self) -> Message:
        """Its exit code or the signal that ended it."""
        code = self.process.returncode
        if code is not None and code < 0:
            name = signal.Signals(-code).name if -code in signal.valid_signals() else str(-code)
            return Message("sim.ended_by", signal=Plain(name))
        return Message("sim.ended_with", code=Plain(code))


def _end_with_parent() -> None:
    """Ask the kernel to end this child should the demo be killed: nobody else would."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


class Supervisor:
    """All children of one demo; a context manager that leaves none behind."""

    def __init__(
        self, log_folder: Path, environment: Mapping[str, str], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """Children get ``environment`` and write their logs into ``log_folder``."""
        self._log_folder = log_folder
        self._environment = dict(environment)
        self._monotonic = monotonic
        self._children: list[Child] = []

    def __enter__(self) -> Self:
        """Nothing to do before the first child."""
        self._log_folder.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(self, *_: object) -> None:
        """End every child, the last started first."""
        self.stop()

    def start(
        self,
        name: str,
        command: Sequence[str],
        more: Mapping[str, str] | None = None,
        *,
        before: Callable[[], None] = lambda: None,
        may_start: Callable[[], bool] = lambda: True,
        depends_on: Child | None = None,
    ) -> Child:
        """Start a child; ``more`` is added to its environment. See `Child` for the other arguments.

        Raises:
            ChildError: it cannot be started.
        """
        log = self._log_folder / f"{name}.log"
        environment = {**self._environment, **(more or {})}
        log.unlink(missing_ok=True)
        process = _spawn(name, command, environment, log)
        now_s = self._monotonic()
        child = Child(name, command, environment, log, process, now_s, before, may_start, depends_on)
        self._children.append(child)
        return child

    def names(self) -> list[str]:
        """Names of the children, in the order of their start."""
        return [child.name for child in self._children]

    def check(self) -> None:
        """Look whether all are alive; for the time before the demo is up.

        Raises:
            ChildError: one ended; the text holds its last lines.
        """
        for child in self._children:
            if child.process.poll() is not None:
                ended = Message("sim.child_ended", name=Plain(child.name), how=child.how_it_ended(), log=child.log)
                raise ChildError(ended, child.last_lines())

    def tend(self) -> list[Event]:
        """Start again what has ended, after a pause that grows while it keeps ending.

        Returns:
            What happened since the last call.
        """
        now_s = self._monotonic()
        events: list[Event] = []
        for child in self._children:
            if child.due_s is None and child.process.poll() is not None:
                self._plan_restart(child, now_s)
                ended = Message(
                    "sim.child_restarts",
                    name=Plain(child.name),
                    how=child.how_it_ended(),
                    seconds=round(child.pause_s),
                    log=child.log,
                )
                events.append(Event(ended, child.last_lines()))
        for child in self._children:
            if child.due_s is not None and now_s >= child.due_s:
                events += self._restart(child, now_s)
        return events

    def _plan_restart(self, child: Child, now_s: float) -> None:
        is_steady = now_s - child.started_s >= _STEADY_S
        child.pause_s = _FIRST_PAUSE_S if is_steady else min(_LONGEST_PAUSE_S, 2 * child.pause_s)
        child.due_s = now_s + child.pause_s

    def _restart(self, child: Child, now_s: float) -> list[Event]:
        above = child.depends_on
        if (above is not None and above.due_s is not None) or not child.may_start():
            return []
        for dependent in self._children:  # it would go on with what the ended process had made for it
            if dependent.depends_on is child:
                _end([dependent.process])
                dependent.due_s = now_s
        try:
            child.before()
            child.process = _spawn(child.name, child.command, child.environment, child.log)
        except (ChildError, OSError) as error:
            self._plan_restart(child, now_s)
            waits = Message("sim.child_waits", name=Plain(child.name), seconds=round(child.pause_s), reason=why(error))
            return [Event(waits)]
        child.started_s, child.due_s = now_s, None
        return [Event(Message("sim.child_runs", name=Plain(child.name)))]

    def stop(self) -> None:
        """Ask the children to end, the last started first, and end those that do not."""
        _end([child.process for child in reversed(self._children)])
        self._children.clear()


def _spawn(name: str, command: Sequence[str], environment: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    """Start a process whose output is added to ``log``.

    Raises:
        ChildError: it cannot be started.
    """
    try:
        with log.open("ab") as sink:
            return subprocess.Popen(  # noqa: S603  (the demo's own commands, no shell)
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                env=dict(environment),
                start_new_session=True,
                preexec_fn=_end_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509  (no threads here)
            )
    except OSError as error:
        raise ChildError(
            Message("sim.program", name=Plain(name), file=Plain(error.filename or command[0]), reason=why(error))
        ) from error


def _end(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """Ask processes to end, in this order, and kill those that do not within a few seconds."""
    for process in processes:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + _PATIENCE_S
    for process in processes:
        try:
            process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
