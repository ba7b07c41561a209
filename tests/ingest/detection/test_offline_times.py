"""When a controller is offline, where the time of a recording moves on by hours between two looks."""

import numpy as np

from benchmarks.small_town import city_of
from ingest.detection.cabinet.offline import Presence
from ingest.detection.memory.limit_table import LimitTable

T0 = 1_795_438_800_000_000
MINUTE_US = 60_000_000


def presence_of(n):
    presence = Presence(n, LimitTable(city_of().parsed_limits()))
    everyone = np.arange(n)
    presence.hear(everyone, everyone, T0)
    return presence


def test_silence_is_confirmed_after_its_time_however_late_it_is_noticed():
    presence, interval_s = presence_of(2), np.array([60, 300])
    assert presence.tick(T0 + MINUTE_US, interval_s).tolist() == []
    assert presence.tick(T0 + 300 * MINUTE_US, interval_s).tolist() == [0, 1]
    assert ((presence.confirmed_us - T0) / MINUTE_US).tolist() == [5, 15]
    assert (presence.since_us == T0).all()


def test_it_is_not_confirmed_before_the_look_at_which_it_was_not():
    presence, interval_s = presence_of(1), np.array([60])
    presence.tick(T0 + 4 * MINUTE_US, interval_s)
    presence.is_offline[0] = True  # under maintenance: not told
    presence.tick(T0 + 60 * MINUTE_US, interval_s)
    presence.is_offline[0] = False
    assert presence.tick(T0 + 61 * MINUTE_US, interval_s).tolist() == [0]
    assert (presence.confirmed_us[0] - T0) / MINUTE_US == 60


def test_a_death_is_confirmed_after_its_time():
    presence, interval_s = presence_of(1), np.array([60])
    presence.session(0, is_birth=False, at_us=T0 + MINUTE_US, now_us=T0 + MINUTE_US)
    assert presence.tick(T0 + 90 * MINUTE_US, interval_s).tolist() == [0]
    assert (presence.confirmed_us[0] - T0) / MINUTE_US == 6


def test_whose_records_were_read_while_the_time_waited_for_others_is_not_silent_when_it_goes_on():
    presence, interval_s = presence_of(3), np.array([60, 60, 60])
    for minute in range(1, 40):  # the time waits for the third one, of which more is to be read
        both = np.arange(2)
        presence.hear(both, both, T0 + MINUTE_US, np.full(2, T0 + minute * MINUTE_US))
    last = np.array([2])
    presence.hear(last, last, T0 + 40 * MINUTE_US, np.array([T0 + 40 * MINUTE_US]))
    assert presence.tick(T0 + 40 * MINUTE_US, interval_s).tolist() == []
    assert presence.tick(T0 + 46 * MINUTE_US, interval_s).tolist() == [0, 1, 2]


def test_a_clock_that_is_days_ahead_hides_silence_for_some_hours_only():
    presence, interval_s = presence_of(1), np.array([60])
    one = np.array([0])
    presence.hear(one, one, T0, np.array([T0 + 9 * 24 * 60 * MINUTE_US]))
    assert presence.tick(T0 + 7 * 60 * MINUTE_US, interval_s).tolist() == [0]


def test_after_an_absence_of_ours_silence_counts_from_the_first_record_though_the_time_comes_later():
    presence, interval_s = presence_of(3), np.array([60, 60, 300])
    presence.tick(T0 + MINUTE_US, interval_s)
    presence.listening_us = None  # ended, and started again 20 hours later
    back_us = T0 + 1200 * MINUTE_US
    for minute in range(2):  # the time is still that of the last record before, or goes on while others are read
        both = np.arange(2)
        at_us = back_us + minute * MINUTE_US
        presence.hear(both, both, T0 + MINUTE_US, np.full(2, at_us), at_us)
    assert presence.tick(back_us + 6 * MINUTE_US, interval_s).tolist() == [0, 1]
    assert presence.tick(back_us + 14 * MINUTE_US, interval_s).tolist() == []
    assert presence.tick(back_us + 16 * MINUTE_US, interval_s).tolist() == [2]
    assert (presence.since_us[2], presence.confirmed_us[2]) == (T0, back_us + 15 * MINUTE_US)


def test_a_clock_that_is_years_ahead_is_not_what_listening_begins_with():
    presence, interval_s = presence_of(2), np.array([60, 60])
    presence.listening_us = None
    for controller, years in ((0, 20), (1, 0)):
        one = np.array([controller])
        at_us = T0 + (years * 365 * 1440 + 1) * MINUTE_US
        presence.hear(one, one, T0 + MINUTE_US, np.array([at_us]), at_us)
    assert presence.tick(T0 + 8 * MINUTE_US, interval_s).tolist() == [1]
