"""The server's clock is set forward or back while the API runs: no limit, wait or code lasts for hours by it."""

import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from city_pki.enrolment_records import Code
from city_pki.enrolments import _is_in_time
from dashboard_api.access.principal import PUBLIC
from dashboard_api.access.rate_limits import RateLimits
from dashboard_api.access.throttle import PAIR, SignInThrottle
from dashboard_api.errors import TooManyError
from dashboard_api.live.picture import LivePicture
from dashboard_api.neighbours.ngsi_ld.notifier import _is_due
from dashboard_api.store.engine import Database

HOUR_US = 3_600_000_000


@pytest.mark.parametrize("step_s", [-8 * 3600, -120, 8 * 3600])
def test_a_minute_of_requests_does_not_last_for_hours(monkeypatch, step_s):
    now_s, monotonic_s = 1_790_000_000.0, [500.0]
    monkeypatch.setattr(time, "time", lambda: now_s)
    limits = RateLimits(10, 10, lambda: monotonic_s[0])
    for _ in range(10):
        limits.count(PUBLIC, "203.0.113.1")
    now_s += step_s
    with pytest.raises(TooManyError) as raised:
        limits.count(PUBLIC, "203.0.113.1")
    assert raised.value.parameters["retry_after_s"] <= 60
    monotonic_s[0] += 61
    limits.count(PUBLIC, "203.0.113.1")


def test_who_has_to_wait_before_signing_in_waits_once_after_the_clock_was_set_back(town):
    now_us = [1_790_000_000_000_000]
    throttle = SignInThrottle(Database(town.city), lambda: b"k" * 32, lambda: now_us[0])
    caller = ("203.0.113.77", "budi", None)
    for _ in range(PAIR.n_free + 2):
        now_us[0] += 60_000_000
        throttle.begin(*caller)
    now_us[0] -= 8 * HOUR_US
    with pytest.raises(TooManyError) as raised:
        throttle.begin(*caller)
    now_us[0] += (raised.value.parameters["retry_after_s"] + 1) * 1_000_000
    throttle.begin(*caller)


def test_a_picture_ages_although_the_clock_was_set_back(monkeypatch):
    monotonic_s = [100.0]
    monkeypatch.setattr("dashboard_api.live.picture.time.monotonic", lambda: monotonic_s[0])
    picture = LivePicture(1, 10 * HOUR_US, 10 * HOUR_US, {}, "{}", opened_s=100.0)
    monotonic_s[0] += 300
    assert picture.age_us(2 * HOUR_US) == 300_000_000
    assert picture.age_us(11 * HOUR_US) == HOUR_US


def test_a_code_for_a_controller_does_not_live_longer_by_a_clock_that_was_set_back():
    given = datetime(2026, 11, 30, 12, tzinfo=UTC)
    code = Code("00", "PJU-1", (given + timedelta(minutes=15)).isoformat(), "")
    assert _is_in_time(code, given)
    assert _is_in_time(code, given + timedelta(minutes=15))
    assert not _is_in_time(code, given + timedelta(minutes=16))
    assert not _is_in_time(code, given - timedelta(hours=8))


def test_a_subscriber_is_told_although_the_clock_was_set_back():
    row = SimpleNamespace(created_at_us=0, sent_at_us=10 * HOUR_US, failed_at_us=None, next_at_us=11 * HOUR_US)
    assert not _is_due(row, 10 * HOUR_US + 1)
    assert _is_due(row, 11 * HOUR_US)
    assert _is_due(row, 2 * HOUR_US)
