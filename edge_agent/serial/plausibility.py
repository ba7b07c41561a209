"""Checks whether a reading is physically possible; a valid checksum does not show that.

Another device at the same address, a meter wired to the wrong profile, a corrupted register: all of them
answer with valid frames. Pure functions over decoded quantities.
"""

from collections.abc import Mapping
from types import MappingProxyType

from edge_agent.serial.profile import Profile

# Start-up current of the meter's input and its share of error: below it a meter shows power without current.
START_CURRENT_A = 0.02
POWER_SLACK_W = 2.0
POWER_TOLERANCE = 1.1
# Below this voltage a frequency counter sees no zero crossings and shows anything.
COUNTABLE_VOLTAGE_V = 50.0

_ELECTRICAL = ("voltage", "current", "power", "power_factor")
_MEASURED = ("voltage", "current", "power")
_PHASES: Mapping[bool, tuple[str, ...]] = MappingProxyType({False: ("",), True: ("_r", "_s", "_t")})


def is_plausible(profile: Profile, values: Mapping[str, float]) -> bool:
    """Return whether voltage, current, power, power factor and frequency can be true together.

    Limits come from the profile; beyond them, active power cannot exceed apparent power:
    ``P <= 1.1 V (I + 0.02 A) + 2 W`` for each phase. A NaN is never plausible; a quantity that is missing, because
    the meter gave no finite number, is not judged, but a reading without any voltage, current or power says nothing.
    """
    if not any(f"{name}{phase}" in values for name in _MEASURED for phase in _PHASES[profile.is_three_phase]):
        return not profile.is_electrical
    highest_voltage = 0.0
    for phase in _PHASES[profile.is_three_phase]:
        for name in _ELECTRICAL:
            if not _is_within(profile, values, name + phase):
                return False
        voltage, current, power = (values.get(name + phase) for name in ("voltage", "current", "power"))
        if voltage is None:
            continue
        highest_voltage = max(highest_voltage, voltage)
        if current is None or power is None:
            continue
        if abs(power) > POWER_TOLERANCE * voltage * (current + START_CURRENT_A) + POWER_SLACK_W:
            return False
    return highest_voltage < COUNTABLE_VOLTAGE_V or _is_within(profile, values, "frequency")


def believable(profile: Profile, values: Mapping[str, float]) -> dict[str, float]:
    """Return the values that lie within their own limits: a torn-off sensor spoils no reading."""
    return {name: value for name, value in values.items() if _is_within(profile, values, name)}


def _is_within(profile: Profile, values: Mapping[str, float], name: str) -> bool:
    value = values.get(name)
    if value is None:
        return True
    quantity = profile.quantities[name]
    return quantity.minimum <= value <= quantity.maximum  # False for NaN
