"""Controllers of the flood that ``bench_ingest`` measures: sweeps encoded once, and patched for each record.

So the generator costs little beside what it measures. A record is what its outbox would hold: its time, its number, and
how many are held with it; sent again it is history.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from edge_agent.wire import BY_NAME, DataType, Metric, Payload, PayloadMessage, encode_payload, pack_strings

FIRST_SEQUENCE = 3_000_000  # any number from 2^21 on: its varint has always four bytes
VARIANTS = 4
DARK_LAMP = 7  # of a controller that has one
_TIME_MARK = 1 << 40  # stands in the frame for the time; six bytes as varint, like today's milliseconds
_SEQUENCE_MARK = (1 << 28) - 1
_MOST_PENDING = 127  # one byte


def varint(value: int) -> bytes:
    """A protobuf and MQTT number."""
    parts = bytearray()
    while value >= 0x80:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    parts.append(value)
    return bytes(parts)


_TIME, _MARK = varint(_TIME_MARK), varint(_SEQUENCE_MARK)
_SEQ_FIELD = [b"\x18" + varint(seq) for seq in range(256)]


@dataclass(frozen=True)
class EncodedSweep:
    """One encoded sweep, and where the number of pending records stands in it."""

    body: bytes
    pending_at: int

    def record(self, at_ms: int, sequence: int, pending: int, seq: int) -> bytes:
        """The payload of a record."""
        body = self.body.replace(_TIME, varint(at_ms)).replace(_MARK, varint(sequence), 1)
        held = bytes((min(pending, _MOST_PENDING),))
        return b"".join((body[: self.pending_at], held, body[self.pending_at + 1 :], _SEQ_FIELD[seq]))


@dataclass
class Controller:
    """One controller: its encoded sweeps, live and as history, and its outbox.

    Attributes:
        sent_ms: by number, when each record that is not acknowledged was made.
    """

    number: int
    n_lamps: int
    topic: bytes
    birth_topic: bytes
    epoch: int
    sweeps: list[EncodedSweep]
    history: list[EncodedSweep]
    birth: bytes
    sequence: int = FIRST_SEQUENCE
    acknowledged: int = FIRST_SEQUENCE
    seq: int = 0
    sent_ms: dict[int, int] = field(default_factory=dict)

    @property
    def n_pending(self) -> int:
        """Records that it holds."""
        return self.sequence - self.acknowledged

    def next_record(self, now_ms: int) -> bytes:
        """A new sweep."""
        self.sequence += 1
        self.sent_ms[self.sequence] = now_ms
        return self._encode(self.sweeps, self.sequence)

    def old_record(self, sequence: int) -> bytes:
        """One that it holds, as history."""
        return self._encode(self.history, sequence)

    def _encode(self, sweeps: list[EncodedSweep], sequence: int) -> bytes:
        self.seq = (self.seq + 1) & 0xFF
        sweep = sweeps[sequence % VARIANTS]
        return sweep.record(self.sent_ms[sequence], sequence, self.n_pending, self.seq)

    def born(self) -> bytes:
        """Its NBIRTH, which begins ``seq`` anew."""
        self.seq = 0
        payload = PayloadMessage.FromString(self.birth.replace(_TIME, varint(int(time.time() * 1000))))
        for metric in payload.metrics:
            if metric.name == "Outbox/Sequence":
                metric.long_value = self.sequence
            elif metric.name == "Outbox/Pending":
                metric.long_value = self.n_pending
        return payload.SerializeToString()

    def hear(self, acknowledged: int) -> int:
        """Records up to this one are stored for good; returns how many more than before."""
        n_new = max(0, acknowledged - self.acknowledged)
        for sequence in range(self.acknowledged + 1, self.acknowledged + n_new + 1):
            del self.sent_ms[sequence]
        self.acknowledged += n_new
        return n_new


def lamp_values(rng: np.random.Generator, n: int, *, has_dark: bool) -> dict[str, bytes]:
    """A lit street with the resolution of a real meter (0.1 V, 1 mA, 0.1 W); one lamp of it may be dark."""
    load = np.ones(n)
    if has_dark:
        load[DARK_LAMP] = 0.004

    def floats(mean: float, spread: float, decimals: int, share: float | np.ndarray = 1.0) -> bytes:
        return (share * rng.normal(mean, spread, n)).round(decimals).astype("<f4").tobytes()

    return {
        "Lamps/Voltage": floats(226, 2.5, 1),
        "Lamps/Current": floats(0.42, 0.006, 3, load),
        "Lamps/Power": floats(90, 1.2, 1, load),
        "Lamps/Power Factor": floats(0.95, 0.006, 2),
        "Lamps/Temperature": floats(46, 4, 1),
        "Lamps/Dim Level": b"\x64" * n,
        "Lamps/Status": b"\x01" * n,
        "Lamps/Quality": b"\x00" * n,
    }


def lamp_counters(rng: np.random.Generator, n: int) -> dict[str, bytes]:
    """Counters that stand still: a minute's energy is below their resolution, and nobody switches."""
    return {
        name: rng.integers(0, most, n).astype("<u4").tobytes()
        for name, most in (("Lamps/Energy", 2_000_000), ("Lamps/Burning Hours", 40_000), ("Lamps/Switch Count", 20_000))
    }


def sizes_of(text: str, n_controllers: int) -> list[int]:
    """Lamps of each controller: ``200`` for all, or ``29-213`` for every size between, spread evenly."""
    low, _, high = text.partition("-")
    least, most = int(low), int(high or low)
    return [least + number * 97 % (most - least + 1) for number in range(n_controllers)]


def make_controller(
    group: str, number: int, n_lamps: int, rng: np.random.Generator, *, has_dark: bool, has_agent_metrics: bool = True
) -> Controller:
    """Encode a controller once; one of its lamps may be dark, and it may leave out what an agent says of itself."""
    node = f"PJU-{number:05d}"
    epoch = 1 << 62 | number
    scalars = {
        "Clock/Synchronised": True,
        "Sweep/Interval": 60,
        "Outbox/Epoch": epoch,
        "Outbox/Sequence": _SEQUENCE_MARK,
        "Outbox/Pending": 1,
        "Cabinet/Door Open": False,
        "Cabinet/Contactor Closed": True,
        "Cabinet/Supply Present": True,
        "Cabinet/Energy": 123_456_789,
        "Cabinet/Voltage": np.array([226, 226, 226], "<f4").tobytes(),
        "Cabinet/Current": np.full(3, n_lamps * 0.14, "<f4").tobytes(),
        "Cabinet/Power": np.full(3, n_lamps * 30.3, "<f4").tobytes(),
    }
    counters = lamp_counters(rng, n_lamps)
    scalars |= (
        {  # what an agent says of itself, which ingest has no use for
            "Agent/Sweep Duration": 41.5,
            "Agent/Commands Refused": 0,
            "Outbox/Dropped": 0,
            "Outbox/Waiting": 0,
            "Lamps/Poll Errors": rng.integers(0, 50, n_lamps).astype("<u4").tobytes(),
        }
        if has_agent_metrics
        else {}
    )
    variants = [{**scalars, **lamp_values(rng, n_lamps, has_dark=has_dark), **counters} for _ in range(VARIANTS)]
    lamp_ids = tuple(f"L-{number:05d}-{i:03d}" for i in range(n_lamps))
    named = {**variants[0], "Outbox/Sequence": FIRST_SEQUENCE, "Outbox/Pending": 0, "Lamps/Id": pack_strings(lamp_ids)}
    metrics = tuple(
        Metric(v, name=k, alias=BY_NAME[k].alias, datatype=BY_NAME[k].datatype, timestamp_ms=_TIME_MARK)
        for k, v in named.items()
    )
    rebirth = Metric(None, name="Node Control/Rebirth", datatype=DataType.BOOLEAN, timestamp_ms=_TIME_MARK)
    prefix = f"spBv1.0/{group}"
    return Controller(
        number,
        n_lamps,
        f"{prefix}/NDATA/{node}".encode(),
        f"{prefix}/NBIRTH/{node}".encode(),
        epoch,
        [_encode_sweep(values, is_historical=False) for values in variants],
        [_encode_sweep(values, is_historical=True) for values in variants],
        encode_payload(Payload(_TIME_MARK, 0, (*metrics, rebirth, Metric(0, name="bdSeq", datatype=DataType.INT64)))),
    )


def _encode_sweep(values: dict[str, Any], *, is_historical: bool) -> EncodedSweep:
    def encode(pending: int) -> bytes:
        metrics = tuple(
            Metric(
                v,
                alias=BY_NAME[k].alias,
                datatype=BY_NAME[k].datatype,
                timestamp_ms=_TIME_MARK,
                is_historical=is_historical,
            )
            for k, v in {**values, "Outbox/Pending": pending}.items()
        )
        return encode_payload(Payload(_TIME_MARK, None, metrics))

    one, other = encode(1), encode(2)
    (pending_at,) = (i for i, (a, b) in enumerate(zip(one, other, strict=True)) if a != b)
    return EncodedSweep(one, pending_at)
