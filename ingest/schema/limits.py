"""Every threshold of the fault catalogue by name, with default and unit; ``[limits]`` of ``city.toml`` overrides them.

A limit is a number in its unit; durations may be written ``"10m"``. A limit that is ``per_technology`` may also stand
in ``[limits.HPS]`` and its like, for that technology alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ingest.schema.errors import CityError
from ingest.schema.validation import shown_value
from languages.message import Message, Plain, why

TECHNOLOGIES: Final = ("LED", "HPS", "MH", "CFL", "MV", "IND", "other")
DISCHARGE: Final = frozenset({"HPS", "MH", "CFL", "MV", "IND"})
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|min|h|d)")
_MOST: Final = 1e10  # of any unit: in seconds three centuries
_SECONDS: Final = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True, slots=True)
class Limit:
    """One threshold: default (a number, or one per technology), unit, and what it decides."""

    name: str
    default: float
    unit: str
    text: str
    per_technology: bool = False
    technology_default: Mapping[str, float] | None = None


def parse_duration(text: str) -> float:
    """Seconds of ``"90s"``, ``"10m"``, ``"24h"`` or ``"7d"``.

    Raises:
        CityError: not of that form.
    """
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise CityError(Message("terminal.error.no_duration", text=_shown(text)))
    return float(match[1]) * _SECONDS[match[2]]


def _shown(text: str) -> str:
    """A refused text as a complaint shows it: short, and no address that may hold a password."""
    return "…" if "://" in text or "@" in text else text[:60]


_DISCHARGE_WARM_UP: Final = dict.fromkeys(sorted(DISCHARGE), 600.0)

# k of P ~ (V / 230)^k: 0 for electronic drivers, 2 for reactor ballasts (the usual gear of HPS, MH and MV lamps).
_BALLAST: Final = {"HPS": 2.0, "MH": 2.0, "MV": 2.0}

LIMITS: Final[tuple[Limit, ...]] = (
    # expected state
    Limit("switching_guard", 600, "s", "no verdict on level-dependent codes after a switching, dim step or dusk/dawn"),
    Limit("warm_up", 0, "s", "run-up of a lamp after switching on or a supply dip", True, _DISCHARGE_WARM_UP),
    Limit("reopen_within", 86400, "s", "a fault that comes back within this time reopens the same fault"),
    Limit("ballast_exponent", 0, "1", "k of P ~ (V / nominal_voltage)^k", True, _BALLAST),
    Limit("nominal_voltage", 230, "V", "voltage of the rated power (SPLN 1:1995)"),
    Limit("dip_voltage", 195, "V", "a supply below this may put discharge lamps out: warm-up starts anew"),
    Limit("no_voltage", 50, "V", "a point of the supply below this is dead"),
    Limit("baseline_nights", 3, "1", "lit nights after which a lamp's own healthy median replaces its rating"),
    # samples and times in general
    Limit(
        "confirm_samples", 3, "1", "consecutive good samples that open or clear a fault, unless its own rule says more"
    ),
    Limit("absurd_samples", 5, "1", "impossible samples in a row that are a meterFailure"),
    # lamp
    Limit("lamp_failure_power", 0.20, "1", "lampFailure: power below this share of the expected", True),
    Limit("lamp_failure_clear_power", 0.50, "1", "lampFailure clears from this share of the expected power on", True),
    Limit("unexpected_on_power", 5, "W", "lampUnexpectedOn: power above this while off"),
    Limit("unexpected_on_share", 0.3, "1", "lampUnexpectedOn: and above this share of the rated power"),
    Limit("unexpected_on_time", 900, "s", "lampUnexpectedOn confirms after"),
    Limit("relay_failure_power", 6, "W", "relayFailure: power above this while the relay is open"),
    Limit("cycling_changes", 4, "1", "cyclingFailure: uncommanded changes within cycling_window"),
    Limit("cycling_window", 7200, "s", "cyclingFailure: window of its changes"),
    Limit("cycling_clear", 14400, "s", "cyclingFailure clears after this lit time without a change"),
    Limit("dimming_level", 80, "%", "dimmingFailure: a step down to this level or below must change the power"),
    Limit("dimming_samples", 5, "1", "dimmingFailure confirms and clears after"),
    Limit("lamp_power_low", 0.75, "1", "lampPowerTooLow: power below this share of the expected", True),
    Limit("lamp_power_high", 1.30, "1", "lampPowerTooHigh: power above this share of the expected", True),
    Limit("lamp_power_time", 600, "s", "lampPowerTooLow and lampPowerTooHigh confirm and clear after"),
    Limit("power_factor_75", 0.80, "1", "powerFactorTooLow: limit at levels from 75 % on", True),
    Limit("power_factor_50", 0.65, "1", "powerFactorTooLow: limit at 50 %", True),
    Limit("power_factor_25", 0.50, "1", "powerFactorTooLow: limit at 25 %; below it there is no verdict", True),
    Limit("power_factor_time", 600, "s", "powerFactorTooLow confirms and clears after"),
    Limit("supply_voltage_low", 207, "V", "supplyVoltageTooLow: median of the circuit below this"),
    Limit("supply_voltage_high", 241.5, "V", "supplyVoltageTooHigh: median of the circuit above this"),
    Limit("supply_voltage_time", 600, "s", "supplyVoltageTooLow and supplyVoltageTooHigh confirm and clear after"),
    Limit("temperature_high", 85, "°C", "highTemperature: above this", True),
    Limit("temperature_clear", 80, "°C", "highTemperature clears below this", True),
    Limit("temperature_samples", 5, "1", "highTemperature confirms and clears after"),
    Limit("communication_time", 300, "s", "communicationFailure: and silent for"),
    Limit("frozen_samples", 30, "1", "meterFailure: good lit samples with V, I and P the same to the last digit"),
    Limit(
        "I_start", 0.02, "A", "meterFailure: starting current of a meter, below which it may show power without current"
    ),
    Limit("impossible_power_factor", 1.05, "1", "meterFailure: power factor above this is impossible"),
    Limit("impossible_voltage", 300, "V", "meterFailure: voltage above this is impossible"),
    # circuit and cabinet
    Limit("circuit_lamps", 3, "1", "circuitFailure: least number of metered lamps on the circuit"),
    Limit("cable_lamps", 2, "1", "cableFailure: least number of lamps behind the break"),
    Limit("load_gone", 0.5, "1", "a load is gone when the meter is down by this share of its expected power"),
    Limit("dark_count_share", 0.6, "1", "circuitPowerTooLow: deficit in lamps"),
    Limit("dark_count_time", 600, "s", "circuitPowerTooLow confirms and clears after"),
    Limit("neutral_shift", 10, "V", "neutralFailure: phases off their usual voltage against each other"),
    Limit("neutral_voltage", 450, "V", "neutralFailure: up to this a voltage is one"),
    Limit("contactor_share", 0.5, "1", "contactorFailure: power by day, of one phase's lit share"),
    Limit("contactor_time", 900, "s", "contactorFailure confirms after"),
    Limit("unmetered_power", 50, "W", "unmeteredLoad: residual above this"),
    Limit("unmetered_share", 0.10, "1", "unmeteredLoad: and above this share of the cabinet's power"),
    Limit("unmetered_time", 1800, "s", "unmeteredLoad confirms and clears after"),
    Limit("cable_loss", 0.03, "1", "share of the cabinet's power that its cables may lose"),
    Limit("stale_sweeps", 5, "1", "a lamp's last good power counts in sums for this many sweeps"),
    # controller
    Limit("offline_time", 300, "s", "controllerOffline: dead or silent for at least"),
    Limit("offline_intervals", 3, "1", "controllerOffline: and silent for this many sweep intervals"),
)
BY_NAME: Final[dict[str, Limit]] = {limit.name: limit for limit in LIMITS}


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits in force: ``value(name, technology)``."""

    general: Mapping[str, float]
    by_technology: Mapping[str, Mapping[str, float]]

    def value(self, name: str, technology: str | None = None) -> float:
        """The limit for a technology, in its unit: what the city wrote, most specific first, else the default."""
        if technology is not None and name in self.by_technology.get(technology, {}):
            return self.by_technology[technology][name]
        if name in self.general:
            return self.general[name]
        limit = BY_NAME[name]
        if technology is not None and limit.technology_default is not None:
            return limit.technology_default.get(technology, limit.default)
        return limit.default


def parse_limits(document: Mapping[str, object]) -> Limits:
    """Read the ``[limits]`` table.

    Raises:
        CityError: an unknown limit or technology, or a value that is no number; the text names the key.
    """
    general: dict[str, float] = {}
    by_technology: dict[str, dict[str, float]] = {}
    for key, value in document.items():
        if isinstance(value, Mapping):
            if key not in TECHNOLOGIES:
                raise CityError(
                    Message(
                        "terminal.error.no_limit_technology",
                        key=Plain(key),
                        technologies=Plain(", ".join(TECHNOLOGIES)),
                    )
                )
            for name, inner in value.items():
                if not _limit(name, f"limits.{key}").per_technology:
                    raise CityError(Message("terminal.error.limit_not_by_technology", key=Plain(key), name=Plain(name)))
                by_technology.setdefault(key, {})[name] = _number(name, inner, f"limits.{key}")
        else:
            general[key] = _number(key, value, "limits")
    return Limits(general, by_technology)


def _limit(name: str, where: str) -> Limit:
    limit = BY_NAME.get(name)
    if limit is None:
        raise CityError(Message("terminal.error.no_limit", where=Plain(where), name=Plain(name)))
    return limit


def _number(name: str, value: object, where: str) -> float:
    limit = _limit(name, where)
    if isinstance(value, str) and limit.unit == "s":
        try:
            value = parse_duration(value)
        except CityError as error:
            raise CityError(
                Message("terminal.error.limit_at", where=Plain(where), name=Plain(name), reason=why(error))
            ) from error
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _MOST:
        raise CityError(
            Message(
                "terminal.error.no_limit_number",
                where=Plain(where),
                name=Plain(name),
                value=_shown(value) if isinstance(value, str) else Plain(shown_value(value)),
                unit=Plain(limit.unit),
            )
        )
    return float(value)
