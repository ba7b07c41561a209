"""One suite over every detector: what holds for all masks, and a plain loop that shares no code with them."""

import math
from itertools import pairwise

import numpy as np
import pytest

from ingest.detection.memory.limit_table import LimitTable
from ingest.detection.rules import DETECTORS, Expected, Window
from ingest.schema.codes import BY_CODE
from ingest.schema.limits import BY_NAME, parse_limits

TABLE = LimitTable(parse_limits({}))
DIMS = (50, 70)
LED = ((0, 0.0), (10, 0.14), (25, 0.28), (50, 0.52), (75, 0.76), (100, 1.0))


def curve(level):
    for (a, low), (b, high) in pairwise(LED):
        if a <= level <= b:
            return low + (high - low) * (level - a) / (b - a)
    raise ValueError(level)


def random_case(seed, n=400):
    """Samples of LED lamps of 100 W, with unknowns and infinities among them."""
    rng = np.random.default_rng(seed)
    f4 = np.float32

    def spoiled(values):
        values = np.asarray(values, f4)
        where = rng.random(n)
        values[where < 0.05] = np.nan
        values[(where >= 0.05) & (where < 0.07)] = np.inf
        return values

    level = rng.choice([0, 10, 25, 40, 50, 70, 80, 90, 100], n).astype(np.uint8)
    share = np.array([curve(int(v)) for v in level])
    own = np.where(rng.random(n) < 0.5, rng.uniform(85, 115, n), np.nan).astype(f4)
    full = np.where(np.isnan(own), 100, own).astype(f4)
    power = spoiled(share * full * rng.choice([0.0, 0.1, 0.5, 0.72, 1.0, 1.0, 1.0, 1.4, 1.9], n) + rng.normal(0, 1, n))
    voltage = spoiled(rng.choice([0, 200, 225, 230, 245, 310], n, p=[0.05, 0.1, 0.35, 0.35, 0.1, 0.05]))
    told = rng.random(n) < 0.9
    window = Window(
        voltage_v=voltage,
        current_a=spoiled(rng.uniform(0, 1, n)),
        power_w=power,
        power_factor=spoiled(rng.uniform(-1.1, 1.1, n)),
        temperature_c=spoiled(rng.uniform(20, 110, n)),
        status=rng.integers(0, 32, n).astype(np.uint8),
        is_status_reported=rng.random(n) < 0.8,
        is_relay_reported=rng.random(n) < 0.8,
        has_temperature=rng.random(n) < 0.7,
        switch_count=rng.integers(0, 9, n).astype(np.uint32),
        is_frozen=rng.random(n) < 0.3,
        is_comparable=rng.random(n) < 0.9,
        is_change=rng.random(n) < 0.1,
        n_changes=rng.integers(0, 6, n).astype(np.uint8),
    )
    expected = Expected(
        is_on=told & (level > 0),
        is_off=told & (level == 0),
        level=level,
        power_w=np.where(rng.random(n) < 0.9, 100 * share, np.nan).astype(f4),
        rated_w=np.where(rng.random(n) < 0.9, 100.0, np.nan).astype(f4),
        is_voltage_ok=~((voltage < 207) | (voltage > 241.5)),
        voltage_share=np.ones(n, f4),
        own_level_w=(full * share).astype(f4),
        own_full_w=full,
        is_own_known=np.isfinite(own),
        own_dim_w=np.array([full * curve(d) for d in DIMS], f4),
        before_w=np.where(rng.random(n) < 0.4, 70 * rng.uniform(0.9, 1.1, n), np.nan).astype(f4),
        is_dimming=rng.random(n) < 0.8,
        step_share=rng.choice([np.nan, 0.4, 0.7, 0.9, 1.0, 1.4, 1.92], n).astype(f4),
    )
    return window, expected, TABLE.of(np.zeros(n, np.uint8))


def take(record, rows):
    values = {name: getattr(record, name) for name in record.__dataclass_fields__}
    return type(record)(**{name: value[..., rows] for name, value in values.items()})


def masks(detector, window, expected, limits):
    found = [detector.holds(window, expected, limits), detector.judges(window, expected, limits)]
    if detector.heals is not None:
        found.append(detector.heals(window, expected, limits))
    return found


@pytest.fixture(params=DETECTORS, ids=lambda detector: detector.name)
def detector(request):
    return request.param


def test_mask_has_one_bool_per_lamp(detector):
    window, expected, limits = random_case(1)
    for mask in masks(detector, window, expected, limits):
        assert mask.shape == window.power_w.shape
        assert mask.dtype == np.bool_


def test_nothing_warns_and_no_input_changes(detector):
    window, expected, limits = random_case(2)
    columns = [getattr(r, name) for r in (window, expected) for name in r.__dataclass_fields__]
    before = [column.copy() for column in columns]
    for column in columns:
        column.flags.writeable = False
    with np.errstate(invalid="ignore", over="ignore"):
        masks(detector, window, expected, limits)
    for old, new in zip(before, columns, strict=True):
        np.testing.assert_array_equal(old, new)


def test_lamps_do_not_see_each_other(detector):
    window, expected, limits = random_case(3)
    order = np.random.default_rng(4).permutation(len(window.power_w))
    shuffled = masks(detector, take(window, order), take(expected, order), limits)
    for plain, mixed in zip(masks(detector, window, expected, limits), shuffled, strict=True):
        np.testing.assert_array_equal(plain[order], mixed)


def test_empty_batch_is_silent(detector):
    window, expected, _ = random_case(5)
    none = np.zeros(0, np.int64)
    limits = TABLE.of(np.zeros(0, np.uint8))
    for mask in masks(detector, take(window, none), take(expected, none), limits):
        assert mask.shape == (0,)


def test_lamp_of_which_nothing_is_known_never_holds(detector):
    window, expected, limits = random_case(6)
    n = len(window.power_w)
    blank = {name: np.full(n, np.nan, np.float32) for name in ("voltage_v", "current_a", "power_w", "power_factor")}
    blank |= {"temperature_c": np.full(n, np.nan, np.float32), "status": np.zeros(n, np.uint8)}
    values = {name: getattr(window, name) for name in window.__dataclass_fields__} | blank
    values |= {"n_changes": np.zeros(n, np.uint8), "is_frozen": np.zeros(n, np.bool_)}
    assert not (
        detector.holds(Window(**values), expected, limits) & detector.judges(Window(**values), expected, limits)
    ).any()


def test_codes_and_limits_exist(detector):
    assert detector.code in BY_CODE
    for limit in (detector.samples, detector.seconds, detector.clear_samples, detector.clear_seconds):
        assert not isinstance(limit, str) or limit in BY_NAME


def oracle(name, w, e, i):
    """One lamp's condition in plain Python, from the catalogue's words."""
    p, v, a, pf, t = (float(x[i]) for x in (w.power_w, w.voltage_v, w.current_a, w.power_factor, w.temperature_c))
    on, off, level = bool(e.is_on[i]), bool(e.is_off[i]), int(e.level[i])
    pe, rated, status = float(e.power_w[i]), float(e.rated_w[i]), int(w.status[i])
    ok = not (v < 207 or v > 241.5)
    if name == "lampFailure":
        return on and ok and p < 0.20 * pe
    if name == "lampUnexpectedOn":
        return off and not math.isnan(rated) and p > max(5.0, 0.3 * rated)
    if name == "relayFailure":
        return not status & 1 and p > 6
    if name == "cyclingFailure":
        return int(w.n_changes[i]) >= 4
    if name == "lampPowerTooLow":
        return on and ok and 0.20 * pe <= p < 0.75 * pe
    if name == "lampPowerTooHigh":
        return on and ok and p > 1.30 * pe
    if name == "powerFactorTooLow":
        lit = p >= (0.2 * pe if not math.isnan(pe) else 6)
        least = (
            0.80 if level >= 75 else 0.65 + 0.15 * (level - 50) / 25 if level >= 50 else 0.5 + 0.15 * (level - 25) / 25
        )
        return on and ok and lit and level >= 25 and math.isfinite(pf) and abs(pf) < least
    if name == "highTemperature":
        return t > 85 or bool(w.is_status_reported[i] and status & 8)
    if name == "controlGearFailure":
        return bool(w.is_status_reported[i] and status & 2)
    if name == "impossible":
        return (
            math.isinf(p)
            or math.isinf(v)
            or math.isinf(a)
            or p > 1.1 * v * (a + 0.02) + 2
            or p < -2
            or abs(pf) > 1.05
            or v > 300
            or v < 0
        )
    if name == "frozen":
        return on and bool(w.is_frozen[i]) and p > 0
    own = float(e.own_level_w[i])
    if not (on and e.is_dimming[i] and p >= 0.2 * own):
        return False
    before, change = float(e.before_w[i]), abs(float(e.step_share[i]) - 1)
    own_before = own / float(e.step_share[i])
    if not (abs(p - own) > 0.08 * own or abs(before - own_before) > 0.08 * own_before):
        return False
    if e.step_share[i] < 1 and e.level[i] > 80:  # a step down that ends above the dimming level
        return False
    return change > 0.12 and abs(p - before) <= max(0.5, min(0.025, 0.25 * change) * before)


@pytest.mark.parametrize("seed", [11, 12, 13])
def test_mask_equals_the_plain_loop(detector, seed):
    window, expected, limits = random_case(seed, 2000)
    found = detector.holds(window, expected, limits)
    wanted = np.array([oracle(detector.name, window, expected, i) for i in range(len(found))])
    np.testing.assert_array_equal(found, wanted)
    assert wanted.any()
