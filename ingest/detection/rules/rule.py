"""What a lamp rule says about itself: everything that is particular to it, so that nothing else has to name it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

from ingest.detection.rules.quiet import Kinds, Quiet
from ingest.detection.rules.window import Bool, Expected, Float32, RowLimits, Window

Evidence = Mapping[str, Any]
Mask = Callable[[Window, Expected, RowLimits], Bool]


class Proof(Enum):
    """In which commanded state of a lamp a sweep can show whether a fault is still there."""

    LIT = "lit"  # settled and commanded on
    OFF = "off"  # settled and commanded off
    ANY = "any"


@dataclass(frozen=True, slots=True)
class Cause:
    """A fault that explains this rule's on the same lamp, or one of a group of lamps that it is in.

    Attributes:
        code: of the fault that explains.
        hides: while that fault is open on the lamp, this rule opens nothing. Else it opens, explained.
        explains: for the evidence of the cause and that of this rule's fault, whether it does; None = always.
    """

    code: str
    hides: bool = True
    explains: Callable[[Evidence, Evidence], bool] | None = None


class Circumstances(Protocol):
    """What else is known of the n lamps at hand; bool (n,) each."""

    @property
    def has_fitted(self) -> Bool:
        """The lamp has drawn what its register entry says."""
        ...

    @property
    def is_register_suspect(self) -> Bool:
        """An open fault of it is put down to its register entry."""
        ...

    @property
    def is_contactor_suspect(self) -> Bool:
        """Its cabinet's contactor may be stuck closed."""
        ...

    @property
    def has_followed(self) -> Bool:
        """It drew another power after its newest step than before."""
        ...

    @property
    def is_weather_dark(self) -> Bool:
        """It switches itself, and may burn by day: the weather is dark, or may be."""
        ...

    @property
    def is_overvoltage_shared(self) -> Bool:
        """It shows a voltage that a broken neutral brings about, and so does another lamp of its circuit."""
        ...

    def is_running(self, name: str) -> Bool:
        """Another rule's counters run, or it is open."""
        ...

    def is_open(self, name: str) -> Bool:
        """Another rule is open."""
        ...


class Runs(Protocol):
    """This rule's counters of the n lamps at hand, this sample's step included."""

    @property
    def count(self) -> Any:
        """Consecutive samples of the run; int (n,)."""
        ...

    @property
    def is_open(self) -> Bool:
        """The rule is open; bool (n,)."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Detector:
    """One lamp rule. Masks are bool (n,) over n lamps, and none depends on another lamp.

    Attributes:
        code: fault code; two rules may share one (either opens it, both must be gone to clear it).
        name: unique among the rules; snapshots store counters under it.
        holds: the condition holds in this sample.
        judges: the sample says anything about it; one that does not neither counts nor resets.
        heals: the sample proves it gone; None = whenever it is judged and does not hold.
        samples: names of limits, or a number: consecutive samples to open; ``seconds`` data time to open (0 = none);
            ``clear_samples`` and ``clear_seconds`` likewise.
        is_repetition: the run's first sample shows nothing by itself: n samples are n - 1 repetitions.
        begins_with_change: its fault is there since the first change that it counts.
        is_level_dependent: no verdict within the switching guard or warm-up; samples count there if the lamp has no
            warm-up and its level is reported.

        quiet: readings at which it can never begin to hold.
        attends: statuses with which it may hold inside those bounds: such lamps are judged in every sweep.
        is_time_dependent: its masks change with time, or from sample to sample of the same values.
        turns: ``(quantity, float32 (n,))`` values of ``power_w``, ``voltage_v``, ``power_factor`` or ``temperature_c``
            at which its masks may change though they are the same a little below and above: the ends of bands of less
            than 3 % of the full power, or of any band of another quantity.
        exceeds_current: power, voltage, current [float32 (n,)]: it may hold because of the current.

        spoils: samples that are no measurement: no other rule, counter or learning takes them.
        withholds: samples that the rules after this one in the list do not judge, while its counters are so.
        refused_quality: a ``Lamps/Quality`` that counts as a sample in which it holds.

        explained_by: what explains its fault, the strongest first.
        waits: lamps on which a new verdict is left to another fault that may come, or to another rule.
        closes_with_cause: when what explains it on the same lamp clears, it is closed without proof and judged anew.
        closes_with_neutral: the same when a broken neutral that explains it is whole again.

        evidence: what it tells beside the measured and expected power: sample, expected, row.
        suspects_register: on a lamp that never fitted its register entry, that entry is suspected.
        is_new_lamp_when_clear: its clearing may mean another lamp: what was learned of the old one is dropped.
        proof: when a claim of repair can be proved.
    """

    code: str
    name: str
    holds: Mask
    judges: Mask
    quiet: Callable[[Kinds], Quiet]
    heals: Mask | None = None
    samples: str | int = "confirm_samples"
    seconds: str | int = 0
    clear_samples: str | int = "confirm_samples"
    clear_seconds: str | int = 0
    is_repetition: bool = False
    begins_with_change: bool = False
    is_level_dependent: bool = False

    attends: Callable[[Window, Expected], Bool] | None = None
    is_time_dependent: bool = False
    turns: Callable[[Expected, RowLimits], Sequence[tuple[str, Float32]]] | None = None
    exceeds_current: Callable[[Float32, Float32, Float32, RowLimits], Bool] | None = None

    spoils: Mask | None = None
    withholds: Callable[[Window, Runs], Bool] | None = None
    refused_quality: int | None = None

    explained_by: tuple[Cause, ...] = ()
    waits: Callable[[Window, Expected, Circumstances], Bool] | None = None
    closes_with_cause: bool = False
    closes_with_neutral: bool = False

    evidence: Callable[[Window, Expected, int], dict[str, Any]] | None = None
    suspects_register: bool = False
    is_new_lamp_when_clear: bool = False
    proof: Proof = Proof.LIT
