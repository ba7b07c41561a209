"""The demo's child processes: started, watched, and every one of them ended.

A child gets its own session, so that Ctrl-C reaches the demo alone and the demo ends the others in its own order. What
a child prints goes to a file of its own; its last lines are shown when it dies unasked.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from firmware_sim.errors import SimError

_PATIENCE_S: Final = 8.0
_LAST_LINES: Final = 6
_PR_SET_PDEATHSIG: Final = 1  # prctl(2)


class ChildError(SimError):
    """A process of the demo ended unasked."""


@dataclass(frozen=True, slots=True)
class Child:
    """One running process."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def last_words(self) -> str:
        """The last lines that it printed."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(f"  {line}" for line in lines[-_LAST_LINES:])


def _end_with_parent() -> None:
    """Ask the kernel to end this child should the demo be killed: nobody else would."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


class Supervisor:
    """All children of one demo; a context manager that leaves none behind."""

    def __init__(self, log_folder: Path, environment: Mapping[str, str]) -> None:
        """Children get ``environment`` and write their logs into ``log_folder``."""
        self._log_folder = log_folder
        self._environment = dict(environment)
        self._children: list[Child] = []

    def __enter__(self) -> Self:
        """Nothing to do before the first child."""
        self._log_folder.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(self, *_: object) -> None:
        """End every child, the last started first."""
        self.stop()

    def start(self, name: str, command: Sequence[str], more: Mapping[str, str] | None = None) -> Child:
        """Start a child; ``more`` is added to its environment.

        Raises:
            ChildError: it cannot be started.
        """
        log = self._log_folder / f"{name}.log"
        try:
            with log.open("wb") as sink:
                process = subprocess.Popen(  # noqa: S603  (the demo's own commands, no shell)
                    list(command),
                    stdin=subprocess.DEVNULL,
                    stdout=sink,
                    stderr=subprocess.STDOUT,
                    env={**self._environment, **(more or {})},
                    start_new_session=True,
                    preexec_fn=_end_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509  (no threads here)
                )
        except OSError as error:
            raise ChildError(f"{name}: {command[0]}: {error.strerror}") from error
        child = Child(name, process, log)
        self._children.append(child)
        return child

    def names(self) -> list[str]:
        """Names of the children, in the order of their start."""
        return [child.name for child in self._children]

    def check(self) -> None:
        """Look whether all are alive.

        Raises:
            ChildError: one ended; the text holds its last words.
        """
        for child in self._children:
            code = child.process.poll()
            if code is not None:
                raise ChildError(f"{child.name} ended with {code} ({child.log}):\n{child.last_words()}")

    def stop(self) -> None:
        """Ask the children to end, the last started first, and end those that do not."""
        for child in reversed(self._children):
            if child.process.poll() is None:
                child.process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + _PATIENCE_S
        for child in reversed(self._children):
            try:
                child.process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                os.killpg(child.process.pid, signal.SIGKILL)
                child.process.wait()
        self._children.clear()
