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

# Of each phase, by whether a meter has three: names of voltage, current, power and power factor.
_PHASES: Mapping[bool, tuple[tuple[str, str, str, str], ...]] = MappingProxyType(
    {
        is_three_phase: tuple((f"voltage{p}", f"current{p}", f"power{p}", f"power_factor{p}") for p in phases)
        for is_three_phase, phases in ((False, ("",)), (True, ("_r", "_s", "_t")))
    }
)
_MEASURED: Mapping[bool, frozenset[str]] = MappingProxyType(
    {
        is_three_phase: frozenset(name for names in phases for name in names[:3])
        for is_three_phase, phases in _PHASES.items()
    }
)


def is_plausible(profile: Profile, values: Mapping[str, float]) -> bool:
    """Return whether voltage, current, power, power factor and frequency can be true together.

    Limits come from the profile; beyond them, active power cannot exceed apparent power:
    ``P <= 1.1 V (I + 0.02 A) + 2 W`` for each phase. A NaN is never plausible; a quantity that is missing, because
    the meter gave no finite number, is not judged, but a reading without any voltage, current or power says nothing.
    """
    is_three_phase = profile.is_three_phase
    if _MEASURED[is_three_phase].isdisjoint(values):
        return not profile.is_electrical
    limits = profile.limits
    highest_voltage = 0.0
    for names in _PHASES[is_three_phase]:
        for name in names:
            if name in values and not limits[name][0] <= values[name] <= limits[name][1]:  # not within: NaN, too
                return False
        voltage, current, power = values.get(names[0]), values.get(names[1]), values.get(names[2])
        if voltage is None:
            continue
        highest_voltage = max(highest_voltage, voltage)
        if current is None or power is None:
            continue
        if abs(power) > POWER_TOLERANCE * voltage * (current + START_CURRENT_A) + POWER_SLACK_W:
            return False
    if highest_voltage < COUNTABLE_VOLTAGE_V or "frequency" not in values:
        return True
    return limits["frequency"][0] <= values["frequency"] <= limits["frequency"][1]


def believable(profile: Profile, values: Mapping[str, float]) -> dict[str, float]:
    """Return the values that lie within their own limits: a torn-off sensor spoils no reading."""
    limits = profile.limits
    return {name: value for name, value in values.items() if limits[name][0] <= value <= limits[name][1]}
