"""A real agent under the simulation's control: its network, and its process, which is stopped and resumed.

A stopped process records nothing and says nothing, as a controller that hangs; the process is found by the status file
that every agent keeps beside its outbox.
"""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Final

from firmware_sim.errors import SimError
from firmware_sim.fleet.uplink import Network, Uplink
from languages.message import Message, Plain

_PROC: Final = Path("/proc")


class RealAgentError(SimError):
    """A real agent's process cannot be found."""


class RealAgent:
    """The agent of one controller with simulated meters."""

    def __init__(self, controller_id: str, folder: Path, network: Network, broker: tuple[str, int]) -> None:
        """``folder`` holds its ``agent.toml`` and its outbox; it reaches the broker through ``port``."""
        self.controller_id = controller_id
        self.config_path = folder / f"{controller_id}.toml"
        self.status_path = folder / f"{controller_id}.db.status.json"
        self._network = network
        self._uplink: Uplink = network.open(broker)
        self._is_online = True
        self._stopped_pid: int | None = None

    @property
    def port(self) -> int:
        """Where it finds the broker."""
        return self._uplink.port

    def follow(self, *, is_offline: bool, is_down: bool) -> None:
        """Bring network and process to what holds now; what is so already is left alone.

        Raises:
            RealAgentError: it should stop, but its process cannot be found.
        """
        if is_down and self._stopped_pid is None:
            pid = self._find_pid()
            os.kill(pid, signal.SIGSTOP)
            self._stopped_pid = pid
        elif not is_down and self._stopped_pid is not None:
            pid, self._stopped_pid = self._stopped_pid, None
            if self._is_mine(pid):
                os.kill(pid, signal.SIGCONT)
        is_online = not (is_offline or is_down)
        if is_online != self._is_online:
            self._network.set_up(self._uplink, is_up=is_online)
            self._is_online = is_online

    def release(self) -> None:
        """Let it go on: a stopped process could not even end."""
        self.follow(is_offline=False, is_down=False)

    def _find_pid(self) -> int:
        try:
            pid = int(json.loads(self.status_path.read_text(encoding="utf-8"))["pid"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise RealAgentError(Message("sim.not_swept", controller_id=Plain(self.controller_id))) from error
        if not self._is_mine(pid):
            raise RealAgentError(
                Message("sim.no_agent", controller_id=Plain(self.controller_id), path=self.config_path)
            )
        return pid

    def _is_mine(self, pid: int) -> bool:
        """The process still is the one that runs this configuration: a number alone may be somebody else's by now."""
        try:
            words = (_PROC / str(pid) / "cmdline").read_bytes().split(b"\0")
        except OSError:
            return False
        own = self.config_path.resolve()
        return any(Path(os.fsdecode(word)).resolve() == own for word in words if word.endswith(b".toml"))
