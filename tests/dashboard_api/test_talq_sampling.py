"""Moments of the samples of periodic loggers."""

from __future__ import annotations

from dashboard_api.neighbours.talq.sampling import Profile, newest_sample_us


def test_moments_of_samples_are_those_of_the_description():
    hour = 3600 * 10**6
    profile = Profile(10 * hour, 2 * hour, 15 * hour)
    expected = [None] * 10 + [10, 10, 12, 12, 14, 14, 14, 14]
    assert [profile.newest_us(n * hour) for n in range(18)] == [None if n is None else n * hour for n in expected]
    both = (profile, Profile(13 * hour, 24 * hour))
    assert [newest_sample_us(both, n * hour) for n in (9, 13, 14, 37)] == [None, 13 * hour, 14 * hour, 37 * hour]
