"""The small town, and readers of what detection said of it, for tests that cannot import a conftest."""

from types import SimpleNamespace

import pytest

from benchmarks.small_town import MINUTE_US, NIGHT_US, Town, city_of
from ingest.model.finding import Cleared, Raised, StillFailing


def raised(changes, code=None):
    """Places of what was raised and stands for itself."""
    return [c for c in changes if isinstance(c, Raised) and c.cause is None and code in {None, c.key.code}]


def cleared(changes, code=None):
    return [c for c in changes if isinstance(c, Cleared) and code in {None, c.key.code}]


def still_failing(changes):
    return [c for c in changes if isinstance(c, StillFailing)]


def open_codes(changes):
    """Codes that stand for themselves at the end, with how many of each."""
    standing = {}
    for change in changes:
        if isinstance(change, Raised):
            standing[change.key] = change
        elif isinstance(change, Cleared):
            standing.pop(change.key, None)
    counts = {}
    for change in standing.values():
        if change.cause is None:
            counts[change.key.code] = counts.get(change.key.code, 0) + 1
    return counts


@pytest.fixture
def kit():
    """The generator and the readers of changes, for tests that cannot import a conftest."""
    return SimpleNamespace(
        Town=Town,
        raised=raised,
        cleared=cleared,
        still_failing=still_failing,
        open_codes=open_codes,
        city_of=city_of,
        NIGHT_US=NIGHT_US,
        MINUTE_US=MINUTE_US,
    )
