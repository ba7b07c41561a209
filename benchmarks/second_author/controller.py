"""A controller's side of the wire: births, sweeps, history after an absence, deaths; in order of arrival."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from . import sparkplug as sp
from .meters import Shown
from .stage import Stage

GROUP: Final = "lain"
_HISTORY_PER_SWEEP: Final = 25
_NAN3: Final = sp.floats((float("nan"),) * 3)


@dataclass(frozen=True)
class Message:
    """One publication as the broker hands it on: when, on which topic, which bytes."""

    at_s: float
    topic: str
    body: bytes


@dataclass(frozen=True)
class _Metric:
    name: str
    alias: int
    datatype: int
    is_slow: bool = False


class Controller:
    """Turns one cabinet's readings into messages."""

    def __init__(self, stage: Stage, shown: Shown) -> None:
        """Lay out the metrics that this cabinet's meters have."""
        self._stage, self._shown = stage, shown
        self._habits = stage.street.habits
        self._arrays = self._arrays_of()
        self._epoch = int(stage.rng.integers(1, 2**62))
        self._bd = int(stage.rng.integers(0, 250))
        self._seq = 0
        self._metrics = [_Metric(name, k + 1, kind, slow) for k, (name, kind, slow) in enumerate(self._layout())]
        at = stage.grid.at_s + stage.clock_error_s.astype(np.int64)
        self._stamp_ms = at * 1000

    def _layout(self) -> list[tuple[str, int, bool]]:
        out = [
            ("Clock/Synchronised", sp.BOOLEAN, False), ("Sweep/Interval", sp.UINT32, False),
            ("Outbox/Epoch", sp.UINT64, False), ("Outbox/Sequence", sp.UINT64, False),
            ("Outbox/Pending", sp.UINT64, False),
        ]  # fmt: skip
        if len(self._stage.street.metered):
            floats = ["Voltage", "Current", "Power", "Power Factor"] + ["Temperature"] * self._habits.node
            out += [(f"Lamps/{name}", sp.FLOAT_ARRAY, False) for name in floats]
            counts = ["Energy"] + ["Burning Hours", "Switch Count"] * self._habits.node
            out += [(f"Lamps/{name}", sp.UINT32_ARRAY, True) for name in counts]
            small = ["Dim Level", "Quality"] + ["Status"] * self._habits.node
            out += [(f"Lamps/{name}", sp.UINT8_ARRAY, False) for name in small]
        if self._habits.cabinet_meter:
            out += [(f"Cabinet/{name}", sp.FLOAT_ARRAY, False) for name in ("Voltage", "Current", "Power")]
            out.append(("Cabinet/Energy", sp.UINT64, True))
        if self._habits.circuit_meters:
            out += [(f"Circuits/{name}", sp.FLOAT_ARRAY, False) for name in ("Voltage", "Current", "Power")]
            out.append(("Circuits/Energy", sp.UINT32_ARRAY, True))
        if self._habits.contacts:
            out += [(f"Cabinet/{n}", sp.BOOLEAN, False) for n in ("Door Open", "Contactor Closed", "Supply Present")]
        return out

    def _arrays_of(self) -> dict[str, npt.NDArray[Any]]:
        """Return what meters show, by metric; the first axis is over the sweeps."""
        shown = self._shown
        return {
            "Lamps/Voltage": shown.volt, "Lamps/Current": shown.amp, "Lamps/Power": shown.watt,
            "Lamps/Power Factor": shown.factor, "Lamps/Temperature": shown.celsius, "Lamps/Energy": shown.energy_wh,
            "Lamps/Burning Hours": shown.hours, "Lamps/Switch Count": shown.switchings, "Lamps/Dim Level": shown.level,
            "Lamps/Quality": shown.quality, "Lamps/Status": shown.status, "Cabinet/Voltage": shown.cabinet_v,
            "Cabinet/Current": shown.cabinet_a, "Cabinet/Power": shown.cabinet_w, "Circuits/Voltage": shown.circuit_v,
            "Circuits/Current": shown.circuit_a, "Circuits/Power": shown.circuit_w, "Circuits/Energy": shown.circuit_wh,
        }  # fmt: skip

    def _scalars(self, i: int, sequence: int, pending: int) -> dict[str, sp.Value]:
        """Return the other metrics of one record."""
        stage, shown = self._stage, self._shown
        is_live = bool(stage.has_supply[i].any())
        return {
            "Clock/Synchronised": bool(stage.is_synchronised[i]),
            "Sweep/Interval": stage.grid.interval_s if stage.grid.is_on[i] else max(300, stage.grid.interval_s),
            "Outbox/Epoch": self._epoch, "Outbox/Sequence": sequence, "Outbox/Pending": pending,
            "Cabinet/Energy": int(shown.cabinet_wh[i]) if is_live else None, "Cabinet/Door Open": bool(stage.door[i]),
            "Cabinet/Contactor Closed": bool(stage.contactor[i]) and is_live, "Cabinet/Supply Present": is_live,
        }  # fmt: skip

    def _value(self, name: str, i: int, scalars: dict[str, sp.Value]) -> sp.Value:
        values = self._arrays.get(name)
        return scalars[name] if values is None else values[i].tobytes()

    def _data(self, i: int, sequence: int, pending: int, *, historical: bool) -> bytes:
        ms = int(self._stamp_ms[i])
        stamp = sp.varint(ms)
        slow = bool(self._shown.is_slow[i])
        self._seq = (self._seq + 1) % 256
        scalars = self._scalars(i, sequence, pending)
        return sp.payload(ms, self._seq, (
            sp.data_metric(m.alias, stamp, m.datatype, self._value(m.name, i, scalars), historical=historical)
            for m in self._metrics if slow or not m.is_slow
        ))  # fmt: skip

    def _birth(self, i: int, sequence: int, pending: int) -> bytes:
        ms = int(self._stamp_ms[i])
        street = self._stage.street
        self._seq = 0
        top = len(self._metrics) + 1
        out = [
            sp.born_metric("bdSeq", None, ms, sp.INT64, self._bd),
            sp.born_metric("Node Control/Rebirth", None, ms, sp.BOOLEAN, False),
            sp.born_metric("Agent/Version", top, ms, sp.STRING, "2.1-stranger"),
        ]
        if len(street.metered):
            ids = sp.texts(street.lamp_ids[k] for k in street.metered)
            out.append(sp.born_metric("Lamps/Id", top + 1, ms, sp.STRING_ARRAY, ids))
        if self._habits.circuit_meters:
            names = sp.texts(street.circuit_name(c) for c in range(self._habits.n_circuits))
            out.append(sp.born_metric("Circuits/Id", top + 2, ms, sp.STRING_ARRAY, names))
        scalars = self._scalars(i, sequence, pending)
        out += [sp.born_metric(m.name, m.alias, ms, m.datatype, self._value(m.name, i, scalars)) for m in self._metrics]
        return sp.payload(ms, 0, out)

    def _death(self, ms: int) -> bytes:
        return sp.payload(ms, None, [sp.born_metric("bdSeq", None, ms, sp.INT64, self._bd)])

    def messages(self) -> Iterator[Message]:
        """Yield every message in the order of its arrival."""
        at_s = self._stage.grid.at_s
        topic = f"spBv1.0/{GROUP}/%s/{self._stage.street.controller_id}"
        is_away, is_dead, deaths, latency = self._links()
        held: list[tuple[int, int]] = []
        sequence, connected = 0, False
        for i in range(len(at_s)):
            now = float(at_s[i]) + float(latency[i])
            while deaths and deaths[0] <= now:
                at = deaths.pop(0)
                if connected:
                    yield Message(at, topic % "NDEATH", self._death(int(at * 1000)))
                    self._bd = (self._bd + 1) % 256
                    connected = False
            if is_dead[i]:
                continue
            sequence += 1
            if is_away[i]:
                held.append((i, sequence))
                continue
            if not connected or (i and is_away[i - 1]):
                if connected:
                    self._bd = (self._bd + 1) % 256  # the broker had not missed it yet: a takeover
                yield Message(now - 0.05, topic % "NBIRTH", self._birth(i, sequence, len(held) + 1))
                connected = True
            yield Message(now, topic % "NDATA", self._data(i, sequence, len(held) + 1, historical=False))
            for k in range(min(_HISTORY_PER_SWEEP, len(held))):
                j, number = held.pop(0)
                late = now + 0.3 * (k + 1)
                yield Message(late, topic % "NDATA", self._data(j, number, len(held) + 2, historical=True))

    def _links(self) -> tuple[np.ndarray, np.ndarray, list[float], np.ndarray]:
        stage = self._stage
        at_s = stage.grid.at_s
        away, dead = np.zeros(len(at_s), bool), np.zeros(len(at_s), bool)
        deaths: list[float] = []
        for absence in stage.absences:
            part = stage.window(absence.begin_s, absence.end_s)
            (away if absence.is_recording else dead)[part] = True
            if absence.death_after_s is not None:
                deaths.append(absence.begin_s + absence.death_after_s)
        for at in stage.restarts_s:
            dead[stage.window(at, at + 45)] = True
            deaths.append(at)
        return away, dead, sorted(deaths), stage.rng.uniform(0.1, 1.4, len(at_s))
