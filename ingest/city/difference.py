"""What a new register would change in the one that is in force."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from ingest.register.loss import is_large_loss
from ingest.register.register import Cabinets, Lamps
from languages.catalogue import Catalogue

_MOVED_DEGREES: Final = 1e-5  # a metre
_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class Difference:
    """Lamps by what happens to them; ``names_gone`` and ``names_new`` are the first of them."""

    n_old: int
    n_new: int
    n_added: int
    n_gone: int
    n_moved: int
    n_rating: int
    n_cabinet: int
    n_other: int
    n_cabinets_gone: int
    n_cabinets_added: int
    names_gone: tuple[str, ...]
    names_new: tuple[str, ...]

    @property
    def is_large_loss(self) -> bool:
        """Whether so many lamps would vanish that a person has to say so."""
        return is_large_loss(self.n_old, self.n_gone, self.n_new)

    def lines(self, words: Catalogue) -> list[str]:
        """What changes, a line each; nothing where nothing does."""
        counted = (
            (self.n_added, "added", self.names_new),
            (self.n_gone, "gone", self.names_gone),
            (self.n_moved, "moved", ()),
            (self.n_rating, "rating", ()),
            (self.n_cabinet, "cabinet", ()),
            (self.n_other, "properties", ()),
            (self.n_cabinets_added, "cabinets_added", ()),
            (self.n_cabinets_gone, "cabinets_gone", ()),
        )
        return [
            words.say(f"terminal.city.diff.{code}", n=f"{n:,}")
            + (f": {', '.join(names)}{' …' if n > len(names) else ''}" if names else "")
            for n, code, names in counted
            if n
        ]


def difference(old: Lamps, old_cabinets: Cabinets, new: Lamps, new_cabinets: Cabinets) -> Difference:
    """Compare two registers lamp by lamp, by id."""
    row_of = {lamp_id: row for row, lamp_id in enumerate(old.lamp_id)}
    pairs = [(row_of[lamp_id], row) for row, lamp_id in enumerate(new.lamp_id) if lamp_id in row_of]
    before = np.array([pair[0] for pair in pairs], np.int64)
    after = np.array([pair[1] for pair in pairs], np.int64)

    def differs(*names: str) -> Any:
        is_other = np.zeros(len(pairs), np.bool_)
        for name in names:
            is_other |= _differs(getattr(old, name), getattr(new, name), before, after)
        return is_other

    moved = np.maximum(
        np.abs(old.latitude[before] - new.latitude[after]), np.abs(old.longitude[before] - new.longitude[after])
    )
    new_ids = set(new.lamp_id)
    gone = [lamp_id for lamp_id in old.lamp_id if lamp_id not in new_ids]
    added = [lamp_id for lamp_id in new.lamp_id if lamp_id not in row_of]
    count: Callable[[Any], int] = lambda mask: int(mask.sum())  # noqa: E731
    cabinets, cabinets_new = set(old_cabinets.cabinet_id), set(new_cabinets.cabinet_id)
    return Difference(
        n_old=len(old),
        n_new=len(new),
        n_added=len(added),
        n_gone=len(gone),
        n_moved=count(moved > _MOVED_DEGREES),
        n_rating=count(differs("rated_power_w", "technology")),
        n_cabinet=count(differs("cabinet_id", "circuit")),
        n_other=count(
            differs(
                "position", "position_source", "bus", "address", "profile", "phase", "is_dimmable", "street", "extra"
            )
        ),
        n_cabinets_gone=len(cabinets - cabinets_new),
        n_cabinets_added=len(cabinets_new - cabinets),
        names_gone=tuple(gone[:_SHOWN]),
        names_new=tuple(added[:_SHOWN]),
    )


def _differs(old: Any, new: Any, before: Any, after: Any) -> Any:
    if isinstance(old, np.ndarray):
        one, other = old[before], new[after]
        is_other = one != other
        return is_other & ~(np.isnan(one) & np.isnan(other)) if one.dtype.kind == "f" else is_other
    pairs = zip(before.tolist(), after.tolist(), strict=True)
    return np.fromiter((old[a] != new[b] for a, b in pairs), np.bool_, len(before))
