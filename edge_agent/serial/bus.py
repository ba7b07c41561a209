"""One bus: reads its devices in turn, and tolerates failing devices and adapters.

Single-threaded; time and port come from outside. It owns the order of asking, retries, the reopening of a
port that went away, and writing with verification. What a reading is good for, it does not know.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edge_agent.config import BusConfig
from edge_agent.errors import AgentError, DeviceRefused, GarbledReply, NoReply, PortGone
from edge_agent.serial.adapter import Adapter
from edge_agent.serial.frames import (
    READ_COILS,
    READ_HOLDING_REGISTERS,
    Request,
    bits_of,
    read_bits,
    read_registers,
    write_coil,
    write_register,
)
from edge_agent.serial.plausibility import believable, is_plausible
from edge_agent.serial.poll import BUSY_EXCEPTIONS, LATE_REPLY_S, MAX_ATTEMPTS, Meter, Ration, Role
from edge_agent.serial.port import Port
from edge_agent.wire import Quality

LOG = logging.getLogger(__name__)

# attempts that a sweep spends on silent meters before one of them has to answer
MIN_RATION = 5
RATION_SHARE = 0.04
GOLDEN_RATIO = 0.618034
# answers that will be the same if asked again: a second attempt is only worth it the first time
SETTLED = (Quality.DEVICE_EXCEPTION, Quality.IMPLAUSIBLE)


@dataclass(frozen=True, slots=True)
class MeterReading:
    """What a device gave in this sweep: quantities by name, empty unless the quality is good."""

    quality: Quality
    values: dict[str, float]


NOTHING = MeterReading(Quality.NO_RESPONSE, {})


@dataclass(frozen=True, slots=True)
class BusStats:
    """How a bus is doing, since start.

    Attributes:
        name: of the bus.
        is_open: the adapter is there.
        n_opened: how often the port was opened.
        port_error: why it is not open, in words; empty when it is.
        last_sweep_s: duration of its part of the latest sweep.
        n_requests: sent.
        n_silent: without a byte in reply.
        n_garbled: with bytes in reply, but no valid frame.
        n_stray_bytes: received when nobody was asked, or around a frame.
        errors: address -> sweeps without a good reading.
        pauses_ms: address -> quiet time that was learned for it [ms]; only those that need one.
        quarantined: addresses that are only probed now and then.
    """

    name: str
    is_open: bool
    n_opened: int
    port_error: str
    last_sweep_s: float
    n_requests: int
    n_silent: int
    n_garbled: int
    n_stray_bytes: int
    errors: dict[int, int]
    pauses_ms: dict[int, int]
    quarantined: tuple[int, ...]


class Bus:
    """A line with its devices."""

    def __init__(
        self,
        config: BusConfig,
        meters: Sequence[Meter],
        open_port: Callable[[BusConfig], Port],
        monotonic: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> None:
        """Take the devices in the order in which to ask them; opens nothing yet."""
        self.config = config
        self.meters = tuple(meters)
        self._monotonic = monotonic
        self._adapter = Adapter(config, open_port, monotonic, sleep)
        self.n_exchanges = 0  # begun since start: while it grows, the bus does not hang
        self._n_sweeps = 0
        self._is_waking = False
        self._last_sweep_s = 0.0

    def sweep(self, *, is_slow: bool, budget_s: float, between: Callable[[], None]) -> dict[Meter, MeterReading]:
        """Ask every device that is worth asking.

        Args:
            is_slow: whether to read the slow quantities, too.
            budget_s: after this time [s] nobody is asked a second time; everybody is asked once.
            between: called between two devices, when the line is free for a command.
        """
        started = self._monotonic()
        self._n_sweeps += 1
        readings: dict[Meter, MeterReading] = {}
        failed: list[Meter] = []
        for meter in self.meters:
            if not meter.is_quarantined:
                between()
                reading = readings[meter] = self._visit(meter, 0, is_slow=is_slow)
                is_settled = reading.quality in SETTLED and reading.quality is meter.last_quality
                if reading.quality is not Quality.GOOD and not is_settled:
                    failed.append(meter)
        ration = Ration(max(MIN_RATION, int(RATION_SHARE * len(self.meters))))
        self._ask_again(failed, readings, ration, started + budget_s, is_slow=is_slow, between=between)
        self._probe(readings, ration, is_slow=is_slow, between=between)
        if self._adapter.is_open:  # without an adapter nothing is learned about the meters
            for meter, reading in readings.items():
                meter.close_sweep(reading.quality, self._n_sweeps)
        self._is_waking = False
        self._last_sweep_s = self._monotonic() - started
        return readings

    def wake(self) -> None:
        """Supply has come back: probe every quarantined meter in the next sweep."""
        self._is_waking = True

    def write_dim(self, meter: Meter, level: int) -> bool:
        """Command a lamp's level [%]; return whether the node holds it, as read back."""
        register = meter.profile.dim_register
        if register is None:
            return False
        write = write_register(meter.address, register, level)
        check = read_registers(meter.address, READ_HOLDING_REGISTERS, register, 1)
        return self._write(meter, write, check, lambda data: int.from_bytes(data, "big") == level)

    def write_contactor(self, meter: Meter, *, is_closed: bool) -> bool:
        """Switch the contactor's coil; return whether the board holds it, as read back."""
        coil = meter.profile.contactor_coil
        if coil is None:
            return False
        write = write_coil(meter.address, coil, is_on=is_closed)
        check = read_bits(meter.address, READ_COILS, coil, 1)
        return self._write(meter, write, check, lambda data: bits_of(data, 1)[0] == is_closed)

    def stats(self) -> BusStats:
        """Return the counters as they stand."""
        counters = self._adapter.counters
        return BusStats(
            name=self.config.name,
            is_open=self._adapter.is_open,
            n_opened=self._adapter.n_opened,
            port_error=self._adapter.error,
            last_sweep_s=self._last_sweep_s,
            n_requests=counters.n_requests,
            n_silent=counters.n_silent,
            n_garbled=counters.n_garbled,
            n_stray_bytes=counters.n_stray_bytes,
            errors={m.address: sum(m.n_errors.values()) for m in self.meters if m.n_errors},
            pauses_ms={m.address: round(1000 * m.quiet.learned_s) for m in self.meters if m.quiet.learned_s},
            quarantined=tuple(m.address for m in self.meters if m.is_quarantined),
        )

    def close(self) -> None:
        """Release the port."""
        self._adapter.drop("closed")

    def _ask_again(
        self,
        failed: list[Meter],
        readings: dict[Meter, MeterReading],
        ration: Ration,
        deadline: float,
        *,
        is_slow: bool,
        between: Callable[[], None],
    ) -> None:
        """Second and third attempts, after everybody had the first: a burst of noise has passed by then."""
        for attempt in range(1, MAX_ATTEMPTS):
            still: list[Meter] = []
            for meter in failed:
                is_hopeless = meter.n_failed_sweeps > 0 and attempt > 1
                if is_hopeless or not self._adapter.is_open or self._monotonic() > deadline or not ration.take():
                    continue
                between()
                reading = self._visit(meter, attempt, is_slow=is_slow)
                readings[meter] = reading
                if reading.quality is Quality.GOOD:
                    ration.earn()
                else:
                    still.append(meter)
            failed = still

    def _probe(
        self,
        readings: dict[Meter, MeterReading],
        ration: Ration,
        *,
        is_slow: bool,
        between: Callable[[], None],
    ) -> None:
        """Ask a few quarantined meters, those longest due first; all of them as long as they answer."""
        # Those due equally long are chosen spread over the bus (a low-discrepancy sequence): whole cables and circuits
        # go silent together, and the first probes should not all fall on one that is really dead.
        waiting = [
            (meter.next_probe, position * GOLDEN_RATIO % 1, meter)
            for position, meter in enumerate(self.meters)
            if meter.is_quarantined and meter not in readings
        ]
        waiting.sort(key=lambda item: item[:2])
        is_earned = False
        for _, _, meter in waiting:
            is_due = meter.next_probe <= self._n_sweeps or is_earned or self._is_waking
            if not is_due or not self._adapter.is_open or not (self._is_waking or ration.take()):
                break
            between()
            readings[meter] = self._visit(meter, 0, is_slow=is_slow)
            if readings[meter].quality is Quality.GOOD:
                ration.earn()
                is_earned = True

    def _visit(self, meter: Meter, attempt: int, *, is_slow: bool) -> MeterReading:
        """Ask one device for all it has to give in this sweep."""
        values: dict[str, float] = {}
        try:
            for planned in meter.requests[is_slow]:
                values |= planned.decode(self._exchange(meter, planned.request, attempt))
        except NoReply:
            return NOTHING
        except GarbledReply:
            return MeterReading(Quality.GARBLED, {})
        except DeviceRefused:
            return MeterReading(Quality.DEVICE_EXCEPTION, {})
        except PortGone:
            return NOTHING
        except Exception:  # whatever a device sends, the others are asked
            LOG.exception("bus %s, address %s: unexpected error; its reply is ignored", self.config.name, meter.address)
            return MeterReading(Quality.GARBLED, {})
        if meter.role is Role.IO:
            return MeterReading(Quality.GOOD, values)
        if not is_plausible(meter.profile, values):
            return MeterReading(Quality.IMPLAUSIBLE, {})
        return MeterReading(Quality.GOOD, believable(meter.profile, values))

    def _exchange(self, meter: Meter, request: Request, attempt: int) -> bytes:
        """Send one request to a device; learn from what happens."""
        self.n_exchanges += 1
        line = self._adapter.line()
        timeout_s = meter.timeout_s(attempt)
        try:
            if meter.doubt is not None and meter.doubt[0] is not request:
                # the late reply to another request of this very meter would look like the reply to this one
                if self._monotonic() - meter.doubt[1] < LATE_REPLY_S:
                    line.drain(timeout_s)
                meter.doubt = None
            answer = line.exchange(request, timeout_s, max(self.config.pause_s, meter.pause_s(attempt)))
        except NoReply:
            meter.quiet.silent(line.gap_s)
            meter.doubt = (request, self._monotonic())
            raise
        except PortGone as error:
            self._adapter.drop(str(error))
            raise
        meter.quiet.answered(line.gap_s)
        meter.answered(answer.turnaround_s)
        return answer.data

    def _write(self, meter: Meter, write: Request, check: Request, is_held: Callable[[bytes], bool]) -> bool:
        """Write until it reads back as written; what the write itself answers is not trusted."""
        n_attempts = 1 if meter.is_quarantined else MAX_ATTEMPTS
        for attempt in range(n_attempts):
            try:
                self._exchange(meter, write, attempt)
            except (NoReply, GarbledReply):
                pass  # it may have been done all the same: reading back shows
            except DeviceRefused as refusal:
                if refusal.code not in BUSY_EXCEPTIONS:
                    return False
            except PortGone:
                return False
            try:
                if is_held(self._exchange(meter, check, attempt)):
                    return True
            except AgentError:
                continue
        return False
