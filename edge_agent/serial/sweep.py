"""A controller's sweep: all buses side by side, their readings put into the arrays of one `SweepReadings`.

Owns the assembly and nothing of the wire (`bus`) or of MQTT.
"""

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from edge_agent.config import AgentConfig, BusConfig
from edge_agent.errors import BusHangs
from edge_agent.serial.bus import NOTHING, Bus, BusStats, MeterReading
from edge_agent.serial.bus_thread import BusThread
from edge_agent.serial.metric_range import FLOAT32_MAX, METRIC_RANGES
from edge_agent.serial.plan import plan_bus, sampled_quantities
from edge_agent.serial.poll import Meter, Role
from edge_agent.serial.port import Port
from edge_agent.serial.profile import Profile
from edge_agent.serial.reading import LAMP_MEASURED, CabinetReading, SweepReadings
from edge_agent.wire import CIRCUIT_QUANTITIES, Quantity

# Second attempts end here, so that a bad line cannot push one sweep into the next.
BUDGET_SHARE = 0.8

LOG = logging.getLogger(__name__)

_LAMP_FLOATS = tuple(q.name for q in LAMP_MEASURED if q.is_float)
_LAMP_NUMBERS = tuple(q for q in LAMP_MEASURED if not q.is_float and q.unknown is not None)
_LAMP_BITS = tuple(  # names, and the bits that their slots can hold
    (q.name, (1 << 8 * q.item_bytes) - 1) for q in LAMP_MEASURED if not q.is_float and q.unknown is None
)
_CIRCUIT_ENERGY = next(q for q in CIRCUIT_QUANTITIES if q.name == "energy_wh")
_ELECTRICAL = ("voltage", "current", "power")
_NAN = float("nan")


@dataclass(frozen=True, slots=True)
class SweeperStats:
    """How the serial side is doing, since start.

    Attributes:
        n_sweeps: finished.
        last_sweep_s: duration of the latest one: that of its slowest bus.
        buses: one entry per bus.
    """

    n_sweeps: int
    last_sweep_s: float
    buses: tuple[BusStats, ...]

    @property
    def n_garbled(self) -> int:
        """Garbled replies on all buses."""
        return sum(bus.n_garbled for bus in self.buses)


class Sweeper:
    """Sweeps all buses of a controller, one thread per bus.

    `sweep`, `write_dim` and `set_contactor` may be called from different threads; a command slips in
    between two meters of a running sweep.
    """

    def __init__(
        self,
        config: AgentConfig,
        profiles: Mapping[str, Profile],
        open_port: Callable[[BusConfig], Port],
        clock: Callable[[], float],
        monotonic: Callable[[], float],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Plan the requests and start the threads; ports are opened by the first sweep.

        Args:
            config: the agent's file.
            profiles: every profile that the file names.
            open_port: opens a bus's device, or raises `PortGone`.
            clock: Unix time [s].
            monotonic: a clock that never jumps [s].
            sleep: waits [s].

        Raises:
            ConfigError: a profile does not fit the place it was put in.
        """
        self._config = config
        self._clock = clock
        self._monotonic = monotonic
        self._fast = sampled_quantities(config, profiles, is_slow=False)
        self._slow = sampled_quantities(config, profiles, is_slow=True)
        buses = [Bus(bus, plan_bus(config, bus, profiles), open_port, monotonic, sleep) for bus in config.buses]
        self._threads = tuple(BusThread(bus) for bus in buses)
        meters = [(thread, meter) for thread in self._threads for meter in thread.bus.meters]
        self._lamps = {meter.index: (thread, meter) for thread, meter in meters if meter.role is Role.LAMP}
        self._io = next(((thread, meter) for thread, meter in meters if meter.role is Role.IO), None)
        self._n_sweeps = 0
        self._last_sweep_s = 0.0
        self._was_closed: bool | None = None

    @property
    def available(self) -> frozenset[str]:
        """Attribute paths of `SweepReadings` that this controller's meters can ever give."""
        return self._slow

    @property
    def has_contactor(self) -> bool:
        """Whether the I/O board can switch the contactor."""
        return self._io is not None and self._io[1].profile.contactor_coil is not None

    def can_dim(self, lamp_index: int) -> bool:
        """Whether the lamp's node takes a dim level."""
        return self._lamps[lamp_index][1].profile.dim_register is not None

    def sweep(self, slow: bool) -> SweepReadings:
        """Read all meters once, the slow quantities only if `slow`; takes as long as the slowest bus."""
        started = self._monotonic()
        budget_s = BUDGET_SHARE * self._config.sweep.interval_s
        jobs = [thread.start_sweep(is_slow=slow, budget_s=budget_s) for thread in self._threads]
        readings: dict[Meter, MeterReading] = {}
        for thread, job in zip(self._threads, jobs, strict=True):
            try:
                found = thread.wait(job)
                readings |= found
                continue
            except BusHangs:
                pass
            except Exception:  # a fault of this program on one bus: the other buses' readings still count
                LOG.exception("bus %s: unexpected error; its sweep is lost", thread.bus.config.name)
            readings |= dict.fromkeys(thread.bus.meters, NOTHING)
        self._n_sweeps += 1
        self._last_sweep_s = self._monotonic() - started
        result = self._assemble(readings, self._slow if slow else self._fast)
        self._watch_contactor(result.cabinet.contactor_closed)
        return result

    def write_dim(self, lamp_index: int, level: int) -> bool:
        """Command a lamp's level [%]; return whether its node holds it, as read back.

        False also for a lamp that cannot dim, or whose bus hangs. Raises ValueError for a level outside 0..100.
        """
        if not 0 <= level <= 100:
            msg = f"level {level} is outside 0..100"
            raise ValueError(msg)
        thread, meter = self._lamps[lamp_index]
        return _command(thread, lambda: thread.bus.write_dim(meter, level))

    def set_contactor(self, closed: bool) -> bool:
        """Switch the contactor's coil; return whether the board holds it, as read back.

        Whether the contactor followed shows in the next sweep's `cabinet.contactor_closed`.
        """
        if self._io is None:
            return False
        thread, meter = self._io
        is_done = _command(thread, lambda: thread.bus.write_contactor(meter, is_closed=closed))
        if is_done and closed:
            self.wake()
        return is_done

    def wake(self) -> None:
        """Supply has come back to the lamps: probe all that fell silent, at once."""
        for thread in self._threads:
            thread.bus.wake()

    def stats(self) -> SweeperStats:
        """Return the counters as they stand."""
        return SweeperStats(self._n_sweeps, self._last_sweep_s, tuple(_stats(thread) for thread in self._threads))

    def close(self) -> None:
        """Release all ports and end the threads."""
        for thread in self._threads:
            thread.close()

    def _watch_contactor(self, is_closed: bool | None) -> None:
        if is_closed and self._was_closed is False:
            self.wake()
        if is_closed is not None:
            self._was_closed = is_closed

    def _assemble(self, readings: Mapping[Meter, MeterReading], quantities: frozenset[str]) -> SweepReadings:
        sweep = SweepReadings.unknown(
            at_ms=int(self._clock() * 1000),
            n_lamps=len(self._config.lamp_ids),
            n_circuits=len(self._config.circuit_ids),
            quantities=quantities,
        )
        lamps: list[tuple[Meter, MeterReading]] = []
        for thread in self._threads:
            for meter in thread.bus.meters:
                reading = readings.get(meter)
                if meter.role is Role.LAMP:
                    lamps.append((meter, reading or MeterReading(meter.last_quality, {})))
                elif meter.role is Role.CIRCUIT:
                    _put_circuit(sweep, meter, reading or NOTHING)
        _put_lamps(sweep, lamps)
        return _with_cabinet(sweep, readings, self._last_sweep_s)


def _command(thread: BusThread, run: Callable[[], bool]) -> bool:
    try:
        return thread.command(run)
    except BusHangs:
        return False


def _stats(thread: BusThread) -> BusStats:
    stats = thread.bus.stats()
    return replace(stats, is_open=False, port_error="the driver hangs") if thread.is_hanging else stats


def _put_lamps(sweep: SweepReadings, readings: Iterable[tuple[Meter, MeterReading]]) -> None:
    """Fill the lamps' slots; a quantity that this sweep did not sample stays unknown, whatever a meter gave of it."""
    floats = [(name, getattr(sweep, name)) for name in _LAMP_FLOATS if name in sweep.quantities]
    numbers = [(q, getattr(sweep, q.name)) for q in _LAMP_NUMBERS if q.name in sweep.quantities]
    bits = [(name, getattr(sweep, name), mask) for name, mask in _LAMP_BITS]
    for meter, reading in readings:
        i, values = meter.index, reading.values
        sweep.quality[i] = reading.quality
        if not values:
            continue
        for name, slots in floats:
            if name in values:
                slots[i] = _float32(values[name])
        for quantity, slots in numbers:
            if quantity.name in values:
                slots[i] = _number(quantity, values[quantity.name])
        for name, slots, mask in bits:
            if name in values:
                slots[i] = int(values[name]) & mask
        if "level" in values:
            sweep.driven_level[i] = int(values["level"])


def _put_circuit(sweep: SweepReadings, meter: Meter, reading: MeterReading) -> None:
    """Fill a circuit's slot; of a three-phase meter the mean voltage and the sums, unknown if a phase is."""
    i, values, circuits = meter.index, reading.values, sweep.circuits
    circuits.quality[i] = reading.quality
    if not values:
        return
    phases = {name: _phases(meter.profile, values, name) for name in _ELECTRICAL}
    circuits.voltage[i] = _float32(sum(phases["voltage"]) / len(phases["voltage"])) if phases["voltage"] else _NAN
    circuits.current[i] = _float32(sum(phases["current"])) if phases["current"] else _NAN
    circuits.power[i] = _float32(sum(phases["power"])) if phases["power"] else _NAN
    if "circuits.energy_wh" in sweep.quantities and "energy_wh" in values:
        circuits.energy_wh[i] = _number(_CIRCUIT_ENERGY, values["energy_wh"])


def _with_cabinet(sweep: SweepReadings, readings: Mapping[Meter, MeterReading], duration_s: float) -> SweepReadings:
    electrical: Mapping[str, float] = {}
    contacts: Mapping[str, float] = {}
    for meter, reading in readings.items():
        if meter.role is Role.CABINET:
            electrical = reading.values
        elif meter.role is Role.IO:
            contacts = reading.values
    energy = electrical.get("energy_wh") if "cabinet.energy_wh" in sweep.quantities else None
    cabinet = CabinetReading(
        voltage=_three(electrical, "voltage"),
        current=_three(electrical, "current"),
        power=_three(electrical, "power"),
        energy_wh=None if energy is None else _energy(energy),
        door_open=_contact(contacts, "door_open"),
        contactor_closed=_contact(contacts, "contactor_closed"),
        supply_present=_contact(contacts, "supply_present"),
    )
    return replace(sweep, cabinet=cabinet, duration_s=duration_s)


def _phases(profile: Profile, values: Mapping[str, float], name: str) -> list[float]:
    """A quantity of each phase that the meter has; empty if the meter has none, NaN for a phase without a value."""
    keys = (key for key in (name, f"{name}_r", f"{name}_s", f"{name}_t") if key in profile.quantities)
    return [values.get(key, _NAN) for key in keys]


def _three(values: Mapping[str, float], name: str) -> tuple[float, float, float]:
    """Return phases R, S, T; a single-phase meter sits on R, and nothing is known of the others."""
    r = values.get(f"{name}_r", values.get(name, _NAN))
    return (_float32(r), _float32(values.get(f"{name}_s", _NAN)), _float32(values.get(f"{name}_t", _NAN)))


def _contact(values: Mapping[str, float], name: str) -> bool | None:
    return bool(values[name]) if name in values else None


def _number(quantity: Quantity, value: float) -> int:
    """Return a whole number that fits its slot; one beyond it is unknown rather than wrong."""
    unknown = int(quantity.unanswered_value)
    return round(value) if -0.5 <= value < unknown - 0.5 else unknown  # False for NaN


def _energy(value: float) -> int | None:
    """Return a counter that fits a UInt64; None for any other value."""
    lowest, highest = METRIC_RANGES["energy_wh"]
    return round(value) if lowest <= value <= highest else None


def _float32(value: float) -> float:
    """Return a value that a float32 slot can hold; NaN for any other."""
    return value if -FLOAT32_MAX <= value <= FLOAT32_MAX else _NAN  # False for NaN
