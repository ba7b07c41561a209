"""How a lamp's flags are laid out in one number: which rules run and are open on it, and why else it is looked at.

From the lowest bit on: one bit for each rule whose counters run, one for each rule that is open, then two for lamps
whose every sample is judged. The width follows from the number of rules. Snapshots do not store it: see ``Marks``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ingest.errors import RuleError

Bool = npt.NDArray[np.bool_]
Flags = npt.NDArray[Any]  # uint32 or uint64

_OTHERS: Final = 2  # learning, attention
_WIDTHS: Final[tuple[tuple[int, type[np.unsignedinteger[Any]]], ...]] = ((32, np.uint32), (64, np.uint64))


class FlagBits:
    """The layout for a number of rules.

    Attributes:
        n_rules: how many; dtype the unsigned integers that hold them.
        rules: as many ones as there are rules, int.
        running: a lamp's bit of each rule whose counters run; ``open`` of each that is open.
        learning: its own power is not known yet: every sample is judged.
        attention: its status is one that some rule attends to: every sample is judged.

    Raises:
        RuleError: more rules than the widest integer has bits for.
    """

    def __init__(self, n_rules: int) -> None:
        """Choose the width."""
        needed = 2 * n_rules + _OTHERS
        fitting = [kind for width, kind in _WIDTHS if width >= needed]
        if not fitting:
            widest = (_WIDTHS[-1][0] - _OTHERS) // 2
            raise RuleError(f"{n_rules} lamp rules: a lamp's flags have room for {widest}")
        kind = fitting[0]
        self.n_rules, self.dtype = n_rules, np.dtype(kind)
        self.rules = (1 << n_rules) - 1
        self.running = tuple(kind(1 << rule) for rule in range(n_rules))
        self.open = tuple(kind(1 << (n_rules + rule)) for rule in range(n_rules))
        self.learning, self.attention = kind(1 << (2 * n_rules)), kind(1 << (2 * n_rules + 1))
        self._kind, self._shift = kind, kind(n_rules)
        self._of_rules = kind((1 << (2 * n_rules)) - 1)

    def of(self, rules: Any) -> Any:
        """A number, or a mask of rules, in the flags' own type."""
        return self._kind(rules)

    def running_any(self, rules: Iterable[int]) -> Any:
        """The bits of some rules, by their numbers, whose counters may run: a mask in the flags' own type."""
        return self._kind(sum(1 << rule for rule in rules))

    def running_rules(self, flags: Flags) -> Flags:
        """The rules that run, one bit for each by its number; (n,)."""
        rules: Flags = flags & self._kind(self.rules)
        return rules

    def open_rules(self, flags: Flags) -> Flags:
        """The rules that are open, one bit for each by its number; (n,)."""
        rules: Flags = (flags >> self._shift) & self._kind(self.rules)
        return rules

    def with_rules(self, flags: Flags, judged: Flags) -> Flags:
        """Flags (n,) with the rules' bits of others, (n,), and their own learning and attention."""
        both: Flags = (flags & ~self._of_rules) | (judged & self._of_rules)
        return both

    def only_open(self, flags: Flags) -> Flags:
        """The same lamps with no run but those of open rules; (n,)."""
        opened = self.open_rules(flags)
        only: Flags = (opened << self._shift) | opened | (flags & (self.learning | self.attention))
        return only


def put_bit(flags: Flags, bit: Any, mask: Bool) -> Flags:
    """Flags (n,) with one bit set where the mask is true, and cleared elsewhere."""
    result: Flags = np.where(mask, flags | bit, flags & ~bit)
    return result


@dataclass(frozen=True, slots=False)
class Marks:
    """What flags say beside the rules, by name, as snapshots store it: bool (L,) each."""

    is_learning: Bool
    is_attended: Bool
