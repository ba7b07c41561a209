"""What a rule looks at: one good sample of n lamps, and what was expected of them. Pure data."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]
UInt8 = npt.NDArray[np.uint8]
UInt32 = npt.NDArray[np.uint32]
Bool = npt.NDArray[np.bool_]

STATUS_RELAY_CLOSED = 1 << 0
STATUS_DRIVER_FAULT = 1 << 1
STATUS_DERATING = 1 << 2
STATUS_THERMAL_SHUTDOWN = 1 << 3
STATUS_RESTARTED = 1 << 4
QUALITY_IMPLAUSIBLE = 4  # Lamps/Quality: the agent read values that cannot be


@dataclass(frozen=True, slots=True)
class Window:
    """Measurements of one sample; float32 (n,) with NaN unknown unless said otherwise.

    Attributes:
        status: uint8 (n,) status bits; ``is_status_reported`` bool (n,) this lamp's node has them.
        is_relay_reported: bool (n,) the relay bit can be trusted: a node of the record says closed, or the lamp is off.
        has_temperature: bool (n,) the lamp has ever reported its temperature.
        switch_count: uint32 (n,) switchings on by the node's own count, 0xFFFFFFFF unknown.
        is_frozen: bool (n,) V, I and P equal the last sample's to the last digit; is_comparable bool (n,) that was
            good.
        is_change: bool (n,) an uncommanded on/off change was seen in this sample.
        n_changes: uint8 (n,) such changes within the cycling window, this sample's included.
    """

    voltage_v: Float32
    current_a: Float32
    power_w: Float32
    power_factor: Float32
    temperature_c: Float32
    status: UInt8
    is_status_reported: Bool
    is_relay_reported: Bool
    has_temperature: Bool
    switch_count: UInt32
    is_frozen: Bool
    is_comparable: Bool
    is_change: Bool
    n_changes: UInt8


@dataclass(frozen=True, slots=True)
class Expected:
    """What the same lamps should do; bool or float32 (n,) unless said otherwise, NaN unknown.

    Attributes:
        is_on: commanded on; ``is_off`` commanded off; neither = unknown in this sample.
        level: uint8 (n,) commanded %.
        voltage_share: (V / nominal)^k.
        power_w: Pe at level and voltage; ``rated_w`` at 100 % and nominal voltage (learned or rated).
        is_voltage_ok: voltage within limits, or not reported by a lamp that answers.
        own_level_w: what the lamp itself is known to draw at this level (Pe where it is not known yet).
        own_full_w: the same at 100 %; ``is_own_known`` it was seen, not reckoned from the rating.
        own_dim_w: float32 (D, n) the same at each scheduled dim level.
        before_w: what it drew, settled, before the level last changed.
        was_wrong: a power fault of it stood then and stands, and it has not moved since.
        step_share: its power at this level over that at the level of ``before_w``, if it follows.
        is_dimming: the lamp can dim and its technology's power follows the level.
    """

    is_on: Bool
    is_off: Bool
    level: UInt8
    power_w: Float32
    rated_w: Float32
    is_voltage_ok: Bool
    voltage_share: Float32
    own_level_w: Float32
    own_full_w: Float32
    is_own_known: Bool
    own_dim_w: Float32
    before_w: Float32
    was_wrong: Bool
    step_share: Float32
    is_dimming: Bool


class RowLimits(Protocol):
    """Thresholds of the same lamps by name: one number, or float32 (n,)."""

    def __getitem__(self, name: str) -> Float32 | np.float32:
        """The limit in its unit."""
        ...


def number(value: Any, digits: int = 1) -> float | None:
    """A measured value as a JSON number, None where it is unknown or no number."""
    plain = float(value)
    return round(plain, digits) if math.isfinite(plain) else None
