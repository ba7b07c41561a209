"""The levels of one night by a control program, minute by minute. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

DAY: Final = 1440  # minutes, from noon to noon


@dataclass(frozen=True, slots=True)
class Sun:
    """Sunset and sunrise of one night, in minutes from noon."""

    sunset: int
    sunrise: int


@dataclass(frozen=True, slots=True)
class Control:
    """From a minute of the night on, an operation with a level [%]; it is finished ``ramp`` minutes later."""

    minute: int
    level: int
    ramp: int = 0
    operation: str = "Set"


_OPERATIONS: Final[Mapping[str, Callable[[int, int], int]]] = {
    "Set": lambda _now, level: level,
    "Max": max,
    "Min": min,
    "Add": lambda now, level: min(100, now + level),
    "Sub": lambda now, level: max(0, now - level),
}
OPERATIONS: Final = frozenset(_OPERATIONS)


def levels_of_night(
    fixed: Sequence[Control], by_sun: Sequence[Control], periods: Sequence[tuple[int, int]]
) -> list[int]:
    """The level [%] at each minute, (1440,).

    Args:
        fixed: controls at times of day, in the order of their minutes.
        by_sun: controls by the sun, in the order of their minutes: each is applied over the level of the fixed ones, up
            to the next one.
        periods: first minute and minute after the last one of each active period; none = the whole day.
    """
    levels = _followed([0] * DAY, fixed) if fixed else [0] * DAY
    if by_sun:
        levels = _followed(levels, by_sun)
    if not periods:
        return levels
    is_active = bytearray(DAY)
    for begin, end in periods:
        for minute in range(begin, begin + ((end - begin) % DAY or DAY)):
            is_active[minute % DAY] = 1
    return [level if active else 0 for level, active in zip(levels, is_active, strict=True)]


def _followed(under: Sequence[int], controls: Sequence[Control]) -> list[int]:
    """The levels over ``under``; before the first control the last one of the night before holds, without its ramp."""
    found: list[int] = []
    last = controls[-1]
    level = _OPERATIONS[last.operation](under[0], last.level)
    upcoming = list(controls)
    now, begun_at = Control(-DAY, last.level, 0, last.operation), level
    for minute in range(DAY):
        while upcoming and upcoming[0].minute <= minute:
            now, begun_at = upcoming.pop(0), level
        target = _OPERATIONS[now.operation](under[minute], now.level)
        passed = minute - now.minute + 1
        is_ramping = passed < now.ramp
        level = round(begun_at + (target - begun_at) * passed / now.ramp) if is_ramping else target
        found.append(level)
    return found
