"""Energy by period against a plain loop that walks second by second of the counter's straight lines."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.energy.counters_to_energy import US_PER_H, billed_wh, energy_by_period, lit_hours_by_period

GAP = US_PER_H // 2
EDGES = np.arange(0, 7) * US_PER_H


def spread(rows, edges=EDGES, n_meters=3):
    meter, at_us, counter = (np.array(column) for column in zip(*rows, strict=True))
    return energy_by_period(
        meter.astype(np.int64), at_us.astype(np.int64), counter.astype(float), edges, n_meters=n_meters, max_gap_us=GAP
    )


def loop_oracle(rows, n_meters=3):
    """Every pair of neighbours, every period, by hand."""
    measured = [[0.0] * (len(EDGES) - 1) for _ in range(n_meters)]
    guessed = [[0.0] * (len(EDGES) - 1) for _ in range(n_meters)]
    for meter in range(n_meters):
        mine = sorted((at, value) for which, at, value in rows if which == meter and not math.isnan(value))
        for (t0, v0), (t1, v1) in pairwise(mine):
            if t1 == t0:
                continue
            rise = v1 - v0 if v1 >= v0 else v1
            for period in range(len(EDGES) - 1):
                overlap = min(t1, int(EDGES[period + 1])) - max(t0, int(EDGES[period]))
                if overlap > 0:
                    good = t1 - t0 <= GAP and v1 >= v0
                    (measured if good else guessed)[meter][period] += rise * overlap / (t1 - t0)
    return measured, guessed


READINGS = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.integers(-US_PER_H, 8 * US_PER_H),
        st.one_of(st.integers(0, 10**6).map(float), st.just(float("nan"))),
    ),
    min_size=1,
    max_size=40,
    unique_by=lambda row: (row[0], row[1]),
)


@settings(max_examples=200, deadline=None)
@given(READINGS)
def test_it_equals_the_plain_loop(rows):
    got = spread(rows)
    measured, guessed = loop_oracle(rows)
    np.testing.assert_allclose(got.measured_wh, measured, rtol=1e-9, atol=1e-6)
    np.testing.assert_allclose(got.interpolated_wh, guessed, rtol=1e-9, atol=1e-6)


def test_dense_readings_are_measured_and_a_long_silence_is_interpolated():
    dense = [(0, minute * 60_000_000, minute * 2.0) for minute in range(0, 61, 15)]
    silent = [(0, 4 * US_PER_H, 120.0 + 360.0)]
    got = spread(dense + silent)
    np.testing.assert_allclose(got.measured_wh[0], [120, 0, 0, 0, 0, 0])
    np.testing.assert_allclose(got.interpolated_wh[0], [0, 120, 120, 120, 0, 0])


def test_an_exchanged_meter_starts_from_its_own_zero_and_is_marked():
    got = spread([(1, 0, 9000.0), (1, GAP, 40.0)])
    assert got.measured_wh.sum() == 0
    assert got.interpolated_wh[1, 0] == pytest.approx(40.0)


def test_lit_hours_stop_at_the_next_reading_and_at_the_gap():
    lamp = np.array([0, 0, 0, 1, 1])
    at_us = np.array([0, GAP, 4 * US_PER_H, 0, 5 * US_PER_H])
    is_lit = np.array([True, False, True, True, True])
    hours = lit_hours_by_period(lamp, at_us, is_lit, EDGES, n_lamps=2, max_gap_us=GAP)
    np.testing.assert_allclose(hours.sum(axis=1), [0.5, 0.5])


def test_an_account_without_meter_is_billed_by_contracted_power():
    assert billed_wh(is_metered=False, counted_wh=5.0, supply_va=3500.0, months=1) == pytest.approx(1_312_500)
    assert billed_wh(is_metered=False, counted_wh=5.0, supply_va=None, months=1) is None
    assert billed_wh(is_metered=True, counted_wh=5.0, supply_va=3500.0, months=1) == 5.0
