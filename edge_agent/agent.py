"""The running agent: connects meters, outbox, control and link, and stops them in order.

Owns the threads: one sweeps, the link's publishes, the control's writes. Readings go from the sweeper to the
outbox and only from there to the link, so that nothing on the network side can hold up or lose a sweep.
"""

from __future__ import annotations

import logging
import os
import random
import secrets
import signal
import threading
import time
from array import array
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Final

from edge_agent.clock import ASK_EVERY_S, AgentClock, Trust, clock_offset_ms, voucher
from edge_agent.control.controller import Control
from edge_agent.control.order_gate import OrderGate
from edge_agent.errors import AgentError
from edge_agent.hardware_clock import HardwareClock
from edge_agent.link.link_settings import LinkSettings
from edge_agent.link.mqtt_link import MqttLink
from edge_agent.link.resend import Resend
from edge_agent.link.session import Node, NodeSession
from edge_agent.outbox.layout import Layout
from edge_agent.outbox.queue import Outbox
from edge_agent.outbox.record import METRIC_OF
from edge_agent.rounds import Round, Rounds
from edge_agent.serial.port import open_port
from edge_agent.serial.sweep import Sweeper
from edge_agent.status import AgentStatus, write_status
from edge_agent.watchdog import Watchdog
from edge_agent.wire import client_id

if TYPE_CHECKING:
    from edge_agent.config import AgentConfig
    from edge_agent.serial.profile import Profile

LOG: Final = logging.getLogger(__name__)
EPOCH_BITS: Final = 63  # an SQLite integer is signed
LOOK_S: Final = 1.0  # how often sweeping, control and the main loop look at the clock
STUCK_S: Final = 900.0  # a sweep in which nobody answers takes minutes on a slow bus; longer is a fault of ours
PATIENCE_S: Final = 3.0  # for a thread to end


def run_agent(config: AgentConfig, profiles: Mapping[str, Profile], environment: Mapping[str, str]) -> int:
    """Run until SIGTERM or SIGINT; return the exit code.

    Args:
        config: the agent's file.
        profiles: every profile that the file names.
        environment: for systemd's watchdog, and an offset of the clock.

    Raises:
        Fatal: the outbox cannot be used, a profile does not fit its place, or the offset is no number.
    """
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    agent = Agent(config, profiles, environment)
    try:
        agent.run(stop)
    finally:
        agent.close()
    return 0


class Agent:
    """One controller's agent."""

    def __init__(self, config: AgentConfig, profiles: Mapping[str, Profile], environment: Mapping[str, str]) -> None:
        """Open the outbox and plan the buses; nothing is read or published yet."""
        offset_ms = clock_offset_ms(environment)
        self._config = config
        self._watchdog = Watchdog(environment, os.getpid(), time.monotonic)
        self._version = _version()
        keep = config.outbox
        self._outbox = Outbox(
            keep.path,
            retention_s=keep.retention_days * 86400,
            max_bytes=keep.max_mb * 1_000_000,
            random_epoch=lambda: secrets.randbits(EPOCH_BITS),
        )
        if offset_ms:
            LOG.warning("TERANG_CLOCK_OFFSET_S shifts the clock by %s s: for demonstrations only", offset_ms / 1000)
        self._system_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000 + offset_ms
        hardware = HardwareClock(
            keep.path.with_name(keep.path.name + ".rtc.json"), lambda: time.time_ns() // 1_000_000, time.monotonic
        )
        self._clock = AgentClock(
            self._system_ms, time.monotonic, voucher(hardware), self._outbox.newest_at_ms, ask_every_s=ASK_EVERY_S
        )
        self._sweeper = Sweeper(config, profiles, open_port, lambda: self._clock.now_ms() / 1000, time.monotonic)
        self._started_ms = self._clock.now_ms()
        layout = _layout(config, self._sweeper)
        place = (config.controller.latitude, config.controller.longitude, config.controller.timezone)
        self._control = Control(layout, place, self._sweeper, self._clock, time.monotonic, keep.orders_path)
        node = Node(config.controller.group, config.controller.id, layout, self._version, config.broker.primary_host)
        resend = Resend(resend_after_s=keep.resend_after_s, window=keep.window, rate_per_s=keep.rate_per_s)
        gate = self._gate(config)
        self._session = NodeSession(node, self._outbox, resend, self._control, self._clock.now_ms, gate)
        self._link = MqttLink(_link_settings(config), self._session, time.monotonic, random.random)
        self._rounds = Rounds(
            self._sweeper,
            layout,
            self._outbox,
            self._control,
            self._clock,
            time.monotonic,
            config.sweep,
            self._poll_errors,
        )
        self._stopping = threading.Event()
        self._controller = threading.Thread(target=self._keep_control, name="control", daemon=True)
        self._sweeping = threading.Thread(target=self._keep_sweeping, name="sweep", daemon=True)
        self._beat_s = time.monotonic()
        self._last: Round | None = None
        self._was_told: tuple[int, bool, str] | None = None

    def _gate(self, config: AgentConfig) -> OrderGate | None:
        if config.keys is None:
            return None
        here, path = config.controller, config.outbox.keys_path
        return OrderGate(config.keys, here.group, here.id, path, self._clock.now_ms, self._clock.trust)

    def run(self, stop: threading.Event) -> None:
        """Keep all threads running until the stop signal."""
        LOG.info("version=%s controller=%s lamps=%s", self._version, self._config.controller.id, self._n_lamps)
        self._controller.start()
        self._sweeping.start()
        self._watchdog.ready("sweeping")
        while not stop.is_set():
            is_stuck = time.monotonic() - self._beat_s > STUCK_S
            if self._controller.is_alive() and self._link.is_alive() and not is_stuck:
                self._watchdog.alive()
            self._tell()
            stop.wait(LOOK_S)

    def close(self) -> None:
        """Say goodbye to the broker, then release ports and outbox."""
        self._watchdog.stopping()
        self._stopping.set()
        self._control.changed.set()
        self._link.stop(10.0)
        for thread in (self._controller, self._sweeping):
            if thread.is_alive():
                thread.join(PATIENCE_S)
        if not self._sweeping.is_alive():  # else it waits for a meter: the kernel closes its port
            self._sweeper.close()
        self._control.close()
        self._outbox.close()
        LOG.info("stopped, records held=%s", self._outbox.n_held)

    def _keep_sweeping(self) -> None:
        """Sweep in rhythm; the first record is stored before the first connection, for the birth to repeat.

        A sweep that fails, which is a fault of this program, is logged and costs that sweep, never the process.
        """
        while not self._stopping.is_set():
            self._beat_s = time.monotonic()
            wait_s = LOOK_S
            try:
                if self._rounds.wait_s() <= 0:
                    try:
                        self._last = self._rounds.turn(self._session.n_refused)
                        self._session.offer(self._last.stored)
                    finally:
                        self._link.start()
                        self._link.wake()
                wait_s = min(LOOK_S, self._rounds.wait_s())
            except Exception:
                if not self._stopping.is_set():
                    LOG.exception("sweep: unexpected error; trying the next one")
            self._stopping.wait(wait_s)

    def _keep_control(self) -> None:
        while not self._stopping.is_set():
            try:
                self._control.carry_out()
            except AgentError as error:  # a bus is gone or closing
                LOG.info("control: %s", error)
            except Exception:
                LOG.exception("control: unexpected error; trying again")
            self._control.changed.wait(LOOK_S)

    # --- what it says of itself --------------------------------------------------------------------------------

    @property
    def _n_lamps(self) -> int:
        return len(self._config.lamp_ids)

    @property
    def _waiting_for_host(self) -> str:
        return self._config.broker.primary_host or "" if self._session.is_waiting_for_host else ""

    def _poll_errors(self) -> array[int]:
        """Sweeps without a good reading since start, in the order of the lamps."""
        by_bus = {bus.name: bus.errors for bus in self._sweeper.stats().buses}
        lamps = [(bus.name, lamp.address) for bus in self._config.buses for lamp in bus.lamps]
        return array("I", [by_bus.get(name, {}).get(address, 0) for name, address in lamps])

    def _tell(self) -> None:
        """Write the status after each sweep and when the connection comes or goes: more would wear out storage."""
        news = (self._last.sweep.at_ms if self._last else 0, self._session.is_born, self._waiting_for_host)
        if self._was_told == news:
            return
        self._was_told = news
        try:
            write_status(self._config.outbox.status_path, self._status())
        except OSError:
            pass  # full storage: the old status stays, and its age shows the fault
        except Exception:
            LOG.exception("status: unexpected error; the file was not written")

    def _status(self) -> AgentStatus:
        sweep = self._last.sweep if self._last else None
        stats = self._sweeper.stats()
        outbox = self._outbox
        return AgentStatus(
            at_ms=self._system_ms(),
            started_ms=self._started_ms,
            pid=os.getpid(),
            version=self._version,
            controller_id=self._config.controller.id,
            n_lamps=self._n_lamps,
            n_good=sweep.n_good if sweep else 0,
            last_sweep_ms=sweep.at_ms if sweep else 0,
            last_sweep_s=stats.last_sweep_s,
            interval_s=self._rounds.interval_s,
            is_lit=self._control.is_lit(),
            broker_url=self._link.url,
            is_connected=self._session.is_born,
            waiting_for_host=self._waiting_for_host,
            is_clock_synchronised=self._clock.trust() is Trust.SYNCHRONISED,
            outbox_pending=outbox.n_held,
            outbox_sequence=outbox.last_sequence,
            outbox_oldest_ms=outbox.oldest_at_ms(),
            outbox_bytes=outbox.size_bytes,
            n_dropped=outbox.n_dropped + outbox.n_lost_waiting,
            n_set_aside=outbox.n_set_aside,
            ports={bus.name: bus.port_error or "open" for bus in stats.buses},
            errors={bus.name: {str(address): n for address, n in bus.errors.items() if n} for bus in stats.buses},
            pauses_ms={bus.name: {str(address): ms for address, ms in bus.pauses_ms.items()} for bus in stats.buses},
            last_error=outbox.trouble or self._link.last_error,
        )


def _layout(config: AgentConfig, sweeper: Sweeper) -> Layout:
    return Layout(
        lamp_ids=config.lamp_ids,
        circuit_ids=config.circuit_ids,
        measured=frozenset(METRIC_OF[path] for path in sweeper.available if path in METRIC_OF),
        is_dimmable=tuple(sweeper.can_dim(i) for i in range(len(config.lamp_ids))),
        has_contactor=sweeper.has_contactor,
    )


def _link_settings(config: AgentConfig) -> LinkSettings:
    broker, controller = config.broker, config.controller
    return LinkSettings(
        urls=broker.urls,
        client_id=client_id(controller.group, controller.id),
        keepalive_s=broker.keepalive_s,
        ca=broker.ca,
        cert=broker.cert,
        key=broker.key,
        username=broker.username,
        password=broker.password,
    )


def _version() -> str:
    try:
        return version("terang")
    except PackageNotFoundError:
        return "not installed"
