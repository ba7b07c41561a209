"""What happens to one cabinet over the days of a city, sweep by sweep; the situations write here, the physics reads.

Times are sweeps of the controller's grid. Everything begins in order; a situation sets a stretch of one array.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from .daylight import Grid
from .street import Street
from .verdict import Injected

Bools = npt.NDArray[np.bool_]
Singles = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Absence:
    """A stretch in which the broker hears nothing: the agent keeps records (`is_recording`) or is dead itself."""

    begin_s: float
    end_s: float
    is_recording: bool
    death_after_s: float | None  # the broker publishes the will so long after the beginning; None = no death is heard


@dataclass
class Stage:
    """Arrays over sweeps (t), lamps (n), circuits (c) and phases (3)."""

    street: Street
    grid: Grid
    rng: np.random.Generator
    supply_v: Singles = field(init=False)  # (t, 3) at the transformer
    has_supply: Bools = field(init=False)  # (t, 3)
    contactor: Bools = field(init=False)  # (t,)
    breaker: Bools = field(init=False)  # (t, c, 3)
    cable: Bools = field(init=False)  # (t, n) the phase conductor reaches the lamp
    health: Singles = field(init=False)  # (t, n) share of its power
    stuck_level: npt.NDArray[np.int16] = field(init=False)  # (t, n), -1 = obeys
    is_welded: Bools = field(init=False)  # (t, n) burns whatever it is told
    is_out: Bools = field(init=False)  # (t, n) arc extinguished
    fuse: Bools = field(init=False)  # (t, n)
    node: Bools = field(init=False)  # (t, n) meter answers
    pf_factor: Singles = field(init=False)  # (t, n)
    extra_c: Singles = field(init=False)  # (t, n) degrees above ambient heating
    status: npt.NDArray[np.uint8] = field(init=False)  # (t, n) bits that a situation sets
    relay_open: Bools = field(init=False)  # (t, n) node says so although it burns
    is_frozen: Bools = field(init=False)  # (t, n)
    is_absurd: Bools = field(init=False)  # (t, n) power three times what V and I allow
    is_garbled: Bools = field(init=False)  # (t, n)
    tap_w: Singles = field(init=False)  # (t, 3)
    circuit_meter: Bools = field(init=False)  # (t, c)
    neutral_circuit: Bools = field(init=False)  # (t, c) True = whole
    neutral_cabinet: Bools = field(init=False)  # (t,)
    door: Bools = field(init=False)  # (t,)
    is_synchronised: Bools = field(init=False)  # (t,)
    clock_error_s: Singles = field(init=False)  # (t,)
    counter_jump: npt.NDArray[np.int64] = field(init=False)  # (n,) sweep at which counters restart from 0, -1 = never
    night_on: Bools = field(init=False)  # (t, n) what each lamp is told
    absences: list[Absence] = field(default_factory=list)
    restarts_s: list[float] = field(default_factory=list)
    injected: list[Injected] = field(default_factory=list)
    busy: Bools = field(init=False)  # (t, n) a lamp already has a story then
    extra_guard_s: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Begin with everything in order."""
        t, n, c = len(self.grid.at_s), self.street.n, self.street.habits.n_circuits
        on = self.grid.is_on
        self.supply_v = self._supply(t)
        self.has_supply = np.ones((t, 3), bool)
        self.contactor = on.copy() if self.street.habits.switching == "contactor" else np.ones(t, bool)
        self.breaker = np.ones((t, c, 3), bool)
        self.cable, self.fuse, self.node = (np.ones((t, n), bool) for _ in range(3))
        self.health = np.ones((t, n), np.float32)
        self.health *= np.linspace(1.0, self.rng.choice((1.0, 0.998)), t, dtype=np.float32)[:, None]
        self.pf_factor = np.ones((t, n), np.float32)
        self.extra_c = np.zeros((t, n), np.float32)
        self.stuck_level = np.full((t, n), -1, np.int16)
        self.status = np.zeros((t, n), np.uint8)
        self.is_welded, self.is_out, self.relay_open, self.is_frozen, self.is_absurd, self.is_garbled, self.busy = (
            np.zeros((t, n), bool) for _ in range(7)
        )
        self.tap_w = np.zeros((t, 3), np.float32)
        self.circuit_meter = np.ones((t, c), bool)
        self.neutral_circuit = np.ones((t, c), bool)
        self.neutral_cabinet = np.ones(t, bool)
        self.door = np.zeros(t, bool)
        self.is_synchronised = np.ones(t, bool)
        self.clock_error_s = np.zeros(t, np.float32)
        self.counter_jump = np.full(n, -1, np.int64)
        self.night_on = np.broadcast_to(on[:, None], (t, n)).copy()

    def _supply(self, t: int) -> Singles:
        """Draw the transformer's voltage: evening sag, a slow walk and a fast part, the latter two per phase."""
        hour = (self.grid.at_s / 3600.0 + 7) % 24
        sag = -3.0 * np.exp(-(((hour - 19.5) / 2.2) ** 2))
        walk = np.cumsum(self.rng.normal(0, 0.12, (t, 3)), axis=0)
        walk -= np.linspace(0, 1, t)[:, None] * walk[-1]
        walk = 2.5 * np.tanh(walk / 4.0)
        level = self.rng.uniform(224.5, 230.5) + self.rng.normal(0, 0.7, 3)
        return (level + sag[:, None] + walk + self.rng.normal(0, 0.25, (t, 3))).astype(np.float32)

    def window(self, begin_s: float, end_s: float) -> slice:
        """Return the sweeps in [begin, end)."""
        return self.grid.window(begin_s, end_s)

    def is_free(self, lamps: Iterable[int], begin_s: float, end_s: float) -> bool:
        """Tell whether none of these lamps has a story in the stretch."""
        return not self.busy[self.window(begin_s, end_s)][:, list(lamps)].any()

    def reserve(self, lamps: Iterable[int], begin_s: float, end_s: float) -> None:
        """Keep other situations away from these lamps in the stretch."""
        self.busy[self.window(begin_s, end_s), np.array(list(lamps), int)[:, None]] = True

    def guard_until(self) -> npt.NDArray[np.float64]:
        """Return per sweep the end of the 10 min after the latest switching or dim step (0 = none yet)."""
        last = np.zeros(len(self.grid.at_s))
        for night in self.grid.nights:
            edges = [at for at, _ in night.steps()] + [night.off_s, night.off_s + 600]
            for at in [*edges, night.on_s - 600]:
                inside = self.window(at, at + 600)
                last[inside] = np.maximum(last[inside], at + 600)
        for at in self.extra_guard_s:
            inside = self.window(at, at + 600)
            last[inside] = np.maximum(last[inside], at + 600)
        return last

    def ready_at(
        self,
        begin_s: float,
        end_s: float,
        *,
        samples: int = 1,
        seconds: float = 0.0,
        on: bool | None = True,
        guard: bool = True,
    ) -> float | None:
        """Return when the rule could be confirmed first: enough sweeps and time outside guard, in the right state.

        None where the stretch is too short for it. `on`: lamps commanded on, off, or None for either.
        """
        part = self.window(begin_s, end_s)
        at = self.grid.at_s[part].astype(float)
        valid = np.ones(len(at), bool) if on is None else self.grid.is_on[part] == on
        if guard:
            valid &= at >= self.guard_until()[part]
        kept = at[valid]
        if len(kept) < samples:
            return None
        enough = kept[samples - 1 :]
        enough = enough[enough >= kept[0] + seconds]
        return float(enough[0]) if len(enough) else None
