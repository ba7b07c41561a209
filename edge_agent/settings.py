"""What agent.toml says, as frozen values with their defaults. `config` reads and checks the file."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

DEFAULT_CONFIG = Path("/etc/terang/agent.toml")
MAX_PAUSE_MS = 1000  # quiet time before a request, of a bus or a profile


@dataclass(frozen=True, slots=True)
class ControllerConfig:
    """Who and where this controller is; the position is for the sun."""

    group: str
    id: str
    latitude: float
    longitude: float
    timezone: str


@dataclass(frozen=True, slots=True)
class BrokerConfig:
    """Where to publish.

    Attributes:
        urls: tried in turn, ``mqtt://HOST[:1883]`` or ``mqtts://HOST[:8883]``.
        ca: certificate authority that signed the broker; None = the system's.
        cert: this controller's certificate.
        key: its private key.
        username: None = anonymous.
        password: from the environment or `password_file`, never from agent.toml itself.
        password_file: where it was read from; None = from the environment, or there is none.
        primary_host: Sparkplug host id whose absence stops live publishing; None = not aware of any.
        keepalive_s: MQTT keep-alive.
    """

    urls: tuple[str, ...]
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    username: str | None = None
    password: str | None = None
    primary_host: str | None = None
    keepalive_s: int = 60
    password_file: Path | None = None

    def open_secrets(self) -> tuple[Path, ...]:
        """Files with a secret that others than their owner may read or write."""
        files = [path for path in (self.key, self.password_file) if path is not None]
        return tuple(path for path in files if path.exists() and path.stat().st_mode & 0o077)


@dataclass(frozen=True, slots=True)
class SweepConfig:
    """How often to sweep [s]: while lamps are commanded on, by day, and for slow quantities."""

    interval_s: float = 60.0
    interval_day_s: float = 300.0
    slow_s: float = 900.0


@dataclass(frozen=True, slots=True)
class OutboxConfig:
    """Where records wait for their acknowledgement, and how they are sent again.

    Attributes:
        path: SQLite file; the status file is beside it unless `status` says otherwise.
        retention_days: older records are dropped even if nobody acknowledged them.
        resend_after_s: unacknowledged for so long = sent again as history.
        window: history records sent and not yet acknowledged.
        rate_per_s: history records per second at most.
        max_mb: the file's size limit.
        status: file for ``terang-agent status``; a path on tmpfs saves writes to storage.
    """

    path: Path
    retention_days: float = 30.0
    resend_after_s: float = 120.0
    window: int = 100
    rate_per_s: float = 20.0
    max_mb: int = 512
    status: Path | None = None

    @property
    def orders_path(self) -> Path:
        """Where schedule and dim commands are kept."""
        return self.path.with_name(self.path.name + ".orders.json")

    @property
    def keys_path(self) -> Path:
        """Where the key in force and the counter of signed orders are kept."""
        return self.path.with_name(self.path.name + ".keys.json")

    @property
    def status_path(self) -> Path:
        """Where the status file stands."""
        return self.status or self.path.with_name(self.path.name + ".status.json")


@dataclass(frozen=True, slots=True)
class KeysConfig:
    """Whose orders are obeyed.

    Attributes:
        working: public key that signs schedules and commands.
        recovery: public key that may replace it.
        number: how often that had happened when these were pinned.
    """

    working: bytes
    recovery: bytes
    number: int = 0


@dataclass(frozen=True, slots=True)
class LampMeter:
    """A lamp's meter on a bus."""

    address: int
    lamp_id: str
    profile: str


@dataclass(frozen=True, slots=True)
class CircuitMeter:
    """An outgoing circuit's meter on a bus."""

    address: int
    circuit: str
    profile: str


@dataclass(frozen=True, slots=True)
class Device:
    """The cabinet's own meter, or its I/O board, on a bus."""

    address: int
    profile: str


@dataclass(frozen=True, slots=True)
class BusConfig:
    """One serial line and what hangs on it; `pause_s` is kept before every request [s]."""

    name: str
    port: str
    baud: int = 9600
    parity: str = "N"
    stop_bits: int = 1
    lamps: tuple[LampMeter, ...] = ()
    cabinet: Device | None = None
    circuits: tuple[CircuitMeter, ...] = ()
    io: Device | None = None
    pause_s: float = 0.0

    @property
    def bits_per_character(self) -> int:
        """Start bit, eight data bits, parity and stop bits."""
        return 9 + (self.parity != "N") + self.stop_bits


@dataclass(frozen=True)
class AgentConfig:
    """The whole of agent.toml. The order of `lamp_ids` and `circuit_ids` is the order of every array.

    Without `keys`, orders need no signature. `enrolment_server` is where the certificate is renewed; None = nowhere.
    """

    controller: ControllerConfig
    broker: BrokerConfig
    sweep: SweepConfig
    outbox: OutboxConfig
    buses: tuple[BusConfig, ...]
    source: Path
    keys: KeysConfig | None = None
    enrolment_server: str | None = None

    @cached_property
    def lamp_ids(self) -> tuple[str, ...]:
        """Lamps of all buses, in file order."""
        return tuple(lamp.lamp_id for bus in self.buses for lamp in bus.lamps)

    @cached_property
    def circuit_ids(self) -> tuple[str, ...]:
        """Metered circuits of all buses, in file order."""
        return tuple(meter.circuit for bus in self.buses for meter in bus.circuits)

    @property
    def profile_names(self) -> frozenset[str]:
        """Every profile that some meter names."""
        names = {lamp.profile for bus in self.buses for lamp in bus.lamps}
        names |= {meter.profile for bus in self.buses for meter in bus.circuits}
        names |= {device.profile for bus in self.buses for device in (bus.cabinet, bus.io) if device}
        return frozenset(names)
