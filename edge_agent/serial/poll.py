"""Polling of one meter: time-out, repeats and quarantine.

Pure bookkeeping: times and outcomes go in, time-outs and decisions come out. It sends nothing.

A dead meter costs its time-out each time it is asked. So the time-out follows the measured turnaround
(the way TCP computes its own: RFC 6298), a meter that stayed silent for two sweeps is quarantined and only
probed now and then, and asking silent meters is rationed: each success earns further attempts. When a
contactor closes at dusk and everyone comes back, the first probes that succeed pay for all the others.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from edge_agent.serial.frames import Request
from edge_agent.serial.profile import Profile
from edge_agent.serial.quiet import Quiet
from edge_agent.wire import Quality

FIRST_TIMEOUT_S = 0.25
MARGIN_S = 0.03
PEER_MARGIN_S = 0.06
LONGEST_TIMEOUT_S = 1.0
SMOOTHING = 1 / 8
VARIANCE_SMOOTHING = 1 / 4

QUARANTINE_AFTER = 2
LONGEST_PROBE_PAUSE = 8
MAX_ATTEMPTS = 3

# How long a reply may still be under way after its time-out.
LATE_REPLY_S = 2.0

BUSY_EXCEPTIONS = frozenset({5, 6, 10, 11})


class Role(Enum):
    """What a device on a bus measures."""

    LAMP = "lamp"
    CIRCUIT = "circuit"
    CABINET = "cabinet"
    IO = "io"


class Patience:
    """A time-out that follows measured turnarounds (RFC 6298: smoothed mean and mean deviation)."""

    __slots__ = ("_deviation_s", "_mean_s")

    def __init__(self) -> None:
        """Know nothing yet."""
        self._mean_s: float | None = None
        self._deviation_s = 0.0

    @property
    def is_known(self) -> bool:
        """Whether a turnaround was ever measured."""
        return self._mean_s is not None

    @property
    def mean_s(self) -> float:
        """Smoothed turnaround; 0 before the first."""
        return self._mean_s or 0.0

    @property
    def timeout_s(self) -> float:
        """Mean plus four deviations, without any margin."""
        return self.mean_s + 4 * self._deviation_s

    def observe(self, turnaround_s: float) -> None:
        """Learn from one reply."""
        if self._mean_s is None:
            self._mean_s, self._deviation_s = turnaround_s, turnaround_s / 2
            return
        error = turnaround_s - self._mean_s
        self._deviation_s += VARIANCE_SMOOTHING * (abs(error) - self._deviation_s)
        self._mean_s += SMOOTHING * error


class Ration:
    """The number of attempts left for meters that did not answer; each success adds some."""

    __slots__ = ("_left",)

    EARNED = 3

    def __init__(self, n_attempts: int) -> None:
        """Start with a few attempts."""
        self._left = n_attempts

    def take(self) -> bool:
        """Spend one attempt, if there is one."""
        if self._left <= 0:
            return False
        self._left -= 1
        return True

    def earn(self) -> None:
        """A meter answered: its neighbours are worth asking, too."""
        self._left += self.EARNED


@dataclass(frozen=True, slots=True)
class PlannedRequest:
    """A request of a meter's plan and how to read its answer."""

    request: Request
    decode: Callable[[bytes], dict[str, float]]


@dataclass(slots=True, eq=False)
class Meter:
    """One device on a bus and what is known of its habits.

    Attributes:
        role: what it measures.
        index: its slot among the devices of its role in the controller's lists.
        address: Modbus address.
        profile: its registers.
        requests: for a fast sweep (False) and for a slow one (True).
        patience: how long to wait for its reply.
        quiet: how long the line has to be quiet before it is asked.
        peers: the patience that all devices of its profile on this bus share.
        n_failed_sweeps: in a row.
        next_probe: number of the sweep in which it is due again, while quarantined.
        pause: sweeps to wait after the next failed probe.
        last_quality: of the latest attempt.
        n_errors: since start, by quality.
        doubt: request whose reply may still come late, and when it timed out.
    """

    role: Role
    index: int
    address: int
    profile: Profile
    requests: dict[bool, tuple[PlannedRequest, ...]]
    peers: Patience
    patience: Patience = field(default_factory=Patience)
    quiet: Quiet = field(default_factory=Quiet)
    n_failed_sweeps: int = 0
    next_probe: int = 0
    pause: int = 1
    last_quality: Quality = Quality.NO_RESPONSE
    n_errors: dict[Quality, int] = field(default_factory=dict)
    doubt: tuple[Request, float] | None = None

    @property
    def is_quarantined(self) -> bool:
        """Lamps only: the few meters of cabinet and circuits are worth a time-out in every sweep.

        One that never answered goes at once: an agent that starts by day finds all lamps without supply.
        """
        limit = QUARANTINE_AFTER if self.patience.is_known else 1
        return self.role is Role.LAMP and self.n_failed_sweeps >= limit

    def timeout_s(self, attempt: int) -> float:
        """Return how long to wait for the first byte at this attempt (0 = first)."""
        if self.patience.is_known:
            base = self.patience.timeout_s + MARGIN_S
        elif self.peers.is_known:
            base = self.peers.timeout_s + PEER_MARGIN_S
        else:
            base = max(FIRST_TIMEOUT_S, 3 * self.profile.turnaround_s)
        return float(min(base * 2**attempt, max(LONGEST_TIMEOUT_S, base)))

    def pause_s(self, attempt: int) -> float:
        """Return the quiet time to keep before asking it at this attempt (0 = first)."""
        return max(self.profile.pause_s, self.quiet.pause_s(attempt))

    def answered(self, turnaround_s: float) -> None:
        """Learn from a frame that came back, whatever was in it."""
        self.patience.observe(turnaround_s)
        self.peers.observe(turnaround_s)

    def close_sweep(self, quality: Quality, sweep_number: int) -> None:
        """Take note of the sweep's outcome for this meter and decide on quarantine."""
        self.last_quality = quality
        if quality is not Quality.GOOD:
            self.n_errors[quality] = self.n_errors.get(quality, 0) + 1
        if quality not in (Quality.NO_RESPONSE, Quality.GARBLED):
            self.n_failed_sweeps = 0
            self.pause = 1
            return
        self.n_failed_sweeps += 1
        if self.is_quarantined:
            self.next_probe = sweep_number + self.pause
            self.pause = min(2 * self.pause, LONGEST_PROBE_PAUSE)
