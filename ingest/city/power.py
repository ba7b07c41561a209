"""A lamp's power or a supply's capacity in whatever words a register has for it, in watts or volt-amperes.

Pure. ``90``, ``90 W``, ``0,25 kW``, ``1.250 W``, ``286(LED)``, ``2 x 70 W``, ``250/85``, ``LED 36 watt``. A unit in the
text counts before the one that the mapping names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from ingest.register.check import MAX_POWER_W, MAX_SUPPLY_VA
from ingest.register.issue import shown
from ingest.register.number_format import decimal_mark, plain_text, read_number

Several = Literal["sum", "first", "largest"]

UNITS: Final = {"W": 1.0, "kW": 1e3, "MW": 1e6, "VA": 1.0, "kVA": 1e3, "MVA": 1e6}
_UNIT_WORDS: Final = {
    **{unit.casefold(): unit for unit in UNITS},
    **dict.fromkeys(
        ("watt", "watts", "wat", "vatios", "vatio", "w.", "вт", "ватт", "와트", "ワット", "瓦", "วัตต์"), "W"
    ),
    **dict.fromkeys(("kilowatt", "kilowatts", "квт", "千瓦"), "kW"),
    **dict.fromkeys(("ва", "voltampere"), "VA"),
    "ква": "kVA",
}
_WORDS: Final = "|".join(sorted(map(re.escape, _UNIT_WORDS), key=len, reverse=True))
_NUMBER: Final = r"(?:(?<![^\W\d_])\d{1,3}(?:[ ']\d{3})+(?:[.,]\d+)?|\d[\d.,]*|[.,]\d+)"
_TOKEN: Final = re.compile(
    rf"(?P<letter>[^\W\d_])?(?P<number>{_NUMBER})(?:\s*(?P<unit>{_WORDS})(?![^\W\d_]))?", re.IGNORECASE
)
_TIMES: Final = re.compile(
    rf"(?<![\w.,])(?:(?P<before>\d{{1,2}})\s*[x×*х]\s*)?(?P<amount>{_NUMBER}\s*(?:{_WORDS})?)"
    rf"(?(before)|\s*[x×*х]\s*(?P<after>\d{{1,2}}))(?![^\W\d_])",
    re.IGNORECASE,
)
_OTHER_UNIT: Final = re.compile(
    r"\s*(?:lm|lumens?|k|kelvin|v|vac|vdc|volts?|a|ma|amps?|hz|mm|cm|m|ft|kg|°|º|%|в|лм|к)(?![^\W_])", re.IGNORECASE
)  # what follows a number that is no power
_SCIENTIFIC: Final = re.compile(r"(\d+(?:[.,]\d+)?[eE][+-]?\d{1,2})\s*(\D*)")
_LETTER_FOR_DIGIT: Final = re.compile(r"\d[OoIl](?![^\W\d_])")  # 7O W
_LEAST_W: Final = 1.0  # no street light takes less: another unit is meant
_LEAST_GROUPED_W: Final = 5.0  # 1.000 in a column with decimal points is hardly one watt


@dataclass(frozen=True, slots=True)
class Reading:
    """What a text says: a number in the base unit (None = unknown), and what a person should know about it."""

    value: float | None
    remark: str = ""


@dataclass(frozen=True, slots=True)
class _Amount:
    number: str
    unit: str
    is_glued: bool  # to a letter before it: T8, E27, SON70


def power_mark(texts: Iterable[str]) -> str:
    """The decimal mark of a column of powers, see `ingest.register.number_format.decimal_mark`."""
    return decimal_mark(_digits(match["number"]) for text in texts for match in _TOKEN.finditer(plain_text(text)))


def read_power(
    text: str, mark: str, unit: str, several: Several | None, *, is_apparent: bool = False, is_exact: bool = False
) -> Reading:
    """The power that a text names.

    Args:
        text: as the register has it; "" = unknown.
        mark: the column's decimal mark, "" = not known.
        unit: of numbers that name none.
        several: what several numbers in one text mean.
        is_apparent: volt-amperes are asked for, else watts.
        is_exact: the source kept a number as a number.
    """
    if not text:
        return Reading(None)
    plain = plain_text(text).strip()
    amounts, is_whole = _amounts(plain)
    scientific = _SCIENTIFIC.fullmatch(plain)
    if scientific is not None and scientific[2].strip().casefold() in {"", *_UNIT_WORDS}:
        unit_word = _UNIT_WORDS.get(scientific[2].strip().casefold(), "")
        amounts, is_whole = [_Amount(repr(float(scientific[1].replace(",", "."))), unit_word, False)], is_exact
        is_exact = True
    what = "capacity" if is_apparent else "power"
    left = "left empty" if is_apparent else "rating left empty"
    if not amounts or plain.startswith("-") or _LETTER_FOR_DIGIT.search(plain):
        return Reading(None, f"{shown(text)} is no {what}; {left}")
    if len(amounts) > 1 and several is None:
        return Reading(None, f"{shown(text)} is ambiguous: {len(amounts)} numbers; {left}")
    common = next((amount.unit for amount in reversed(amounts) if amount.unit), "")
    values = []
    for amount in amounts:
        named = amount.unit or common
        is_va = (named or unit).upper().endswith("VA")
        if is_va != is_apparent and (named or not is_apparent):
            kind = "an apparent power, not watts" if is_va else "a power, not volt-amperes"
            return Reading(None, f"{shown(text)} is {kind}; {left}")
        found = _possible(
            amount.number, "." if is_exact else mark, UNITS[named or unit], is_apparent=is_apparent, is_exact=is_exact
        )
        if len(found) != 1:
            both = " or ".join(f"{value:g}" for value in found)
            why = f"is ambiguous: {both} {'VA' if is_apparent else 'W'}" if found else "is no number"
            return Reading(None, f"{shown(text)} {why}; {left}")
        values.append(found[0])
    value = {"sum": sum(values), "largest": max(values)}.get(several or "", values[0])
    if not is_apparent and 0 < value < _LEAST_W:
        return Reading(None, f"{shown(text)} would be {value:g} W: is it in kW? {left}")
    is_remarkable = not is_whole or len(values) > 1
    return Reading(
        value, f"{shown(text)} was read as {value:g} {'VA' if is_apparent else 'W'}" if is_remarkable else ""
    )


def _amounts(text: str) -> tuple[list[_Amount], bool]:
    """The amounts that a text names, and whether it names nothing else; ``2 x 70 W`` is 70 W twice."""
    times = _TIMES.fullmatch(text) or _TIMES.search(text)
    if times is not None and 1 <= (n_times := int(times["before"] or times["after"])) <= 12:
        only, _is_whole = _amounts(times["amount"])
        others, _is_whole = _amounts(f"{text[: times.start()]} ; {text[times.end() :]}")  # FL 2x40W + 18W
        return [*only * n_times, *(other for other in others if not other.is_glued or other.unit)], False
    matches = list(_TOKEN.finditer(text))
    amounts = [
        _Amount(_digits(m["number"]), _UNIT_WORDS.get((m["unit"] or "").casefold(), ""), m["letter"] is not None)
        for m in matches
    ]
    is_whole = len(matches) == 1 and matches[0].span() == (0, len(text))
    powers = [bool(m["unit"]) or _OTHER_UNIT.match(text, m.end()) is None for m in matches]
    amounts = [amount for amount, is_power in zip(amounts, powers, strict=True) if is_power]
    free = [amount for amount in amounts if not amount.is_glued or amount.unit]
    return free or amounts, is_whole and len(free) == len(amounts)


def _digits(number: str) -> str:
    return number.rstrip(".,") if number[-1:] in ".," else number


def _possible(number: str, mark: str, factor: float, *, is_apparent: bool, is_exact: bool) -> list[float]:
    """What a number may be in the base unit; of two readings those that a lamp or a supply can have."""
    found = [value * factor for value in read_number(number, mark)]
    both = [value * factor for value in read_number(number, "")]
    if len(found) == 1 and (is_exact or len(both) == 1 or is_apparent or found[0] >= _LEAST_GROUPED_W):
        return found
    found = both
    least, most = (100.0, MAX_SUPPLY_VA) if is_apparent else (_LEAST_W, MAX_POWER_W)
    return [value for value in found if least <= value <= most] or found[:1]
