"""Streets that have learned their balance, and what is open in them."""

import pytest

INTERVALS = pytest.mark.parametrize("interval_s", [60, 300])


def learned(street, minutes=None):
    """The street after a healthy hour, or as many sweeps."""
    street.play(minutes or (60 if street.interval_s == 60 else 150))
    assert street.changes == []
    return street


def sweeps(street, n):
    return street.play(n * street.interval_s / 60)


def only(street, code):
    """The one fault that stands, of this code; no other ever stood."""
    assert street.ever() == {code}
    ((key, fault),) = street.standing().items()
    return key, fault
