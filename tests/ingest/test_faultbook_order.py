"""Many words in one load: what a load of hours says is what its words say one after the other."""

import numpy as np
import pytest
from sqlalchemy import create_engine, select

from ingest.faultbook import FaultBook, FaultLocator
from ingest.model.finding import Cleared, Key, Place, Raised
from ingest.schema.tables import faults, metadata
from tests.ingest.test_faultbook import HOUR, MINUTE, T0, tiny_register

NEUTRAL = Key("neutralFailure", Place(cabinet_id="C-1"))
VOLTAGE = Key("supplyVoltageTooLow", Place(cabinet_id="C-1", circuit="1"))
LAMPS = [Key("lampFailure", Place(lamp_id=f"L-{i}")) for i in range(3)]
CYCLING = [Key("cyclingFailure", Place(lamp_id=f"L-{i}")) for i in range(3)]
EVERYONE = tuple(f"L-{i}" for i in range(12))


def raised(key, at_us, cause=None):
    lamps = EVERYONE if key.place.lamp_id is None else (key.place.lamp_id,)
    return Raised(key, at_us, at_us - MINUTE, lamps, {"samples": 3}, cause=cause)


def told(loads):
    """What a fresh database holds after these loads, by place: state, and the code and state of the cause."""
    engine = create_engine("sqlite://")
    metadata.create_all(engine)
    register = tiny_register()
    locator = FaultLocator(register, {lamp_id: row for row, lamp_id in enumerate(register.lamps.lamp_id)})
    numbers = iter(range(10**6))
    book = FaultBook(
        engine, locator, reopen_within_us=24 * HOUR, new_id=lambda _at_us: f"{next(numbers):026d}", now_us=T0
    )
    for load in loads:
        book.apply(load, max(word.at_us for word in load))
    with engine.connect() as connection:
        rows = {row.id: row for row in connection.execute(select(faults))}
    engine.dispose()
    causes = {row.place: None if row.caused_by is None else rows[row.caused_by].place for row in rows.values()}
    return {row.place: (row.state, row.opened_at_us, row.closed_at_us, causes[row.place]) for row in rows.values()}


def test_a_child_that_opens_and_ends_in_the_load_of_its_cause_is_closed():
    load = [
        raised(NEUTRAL, T0),
        raised(VOLTAGE, T0 + 9 * MINUTE, NEUTRAL),
        Cleared(NEUTRAL, T0 + HOUR),
        Cleared(VOLTAGE, T0 + HOUR, is_proof=False),
    ]
    assert {state for state, *_ in told([load]).values()} == {"closed"}
    assert told([load]) == told([[word] for word in load])


def test_a_cause_that_is_raised_after_its_child_in_one_sweep_explains_it():
    load = [raised(LAMPS[0], T0, CYCLING[0]), raised(CYCLING[0], T0)]
    (lamp, _) = sorted(told([load]).items(), key=lambda item: "cycling" in item[0])
    assert "cyclingFailure" in lamp[1][3]


@pytest.mark.parametrize("seed", range(12))
def test_a_load_of_many_words_says_what_they_say_one_by_one(seed):
    """Random lives of causes and children, a cause always raised before what it explains."""
    rng = np.random.default_rng(seed)
    words, standing = [], {}
    parents = {VOLTAGE: [NEUTRAL], **{lamp: [NEUTRAL, cycling] for lamp, cycling in zip(LAMPS, CYCLING, strict=True)}}
    keys = [NEUTRAL, VOLTAGE, *LAMPS, *CYCLING]
    for step in range(60):
        key = keys[rng.integers(len(keys))]
        at_us = T0 + step * MINUTE
        if key in standing and rng.random() < 0.7:
            del standing[key]
            words.append(Cleared(key, at_us))
            for child, cause in list(standing.items()):
                if cause == key:
                    standing[child] = None
                    words.append(raised(child, at_us))
        else:
            cause = next((parent for parent in parents.get(key, []) if parent in standing), None)
            standing[key] = cause
            words.append(raised(key, at_us, cause))
    one_by_one = told([[word] for word in words])
    assert told([words]) == one_by_one
    assert told([words[:30], words[30:]]) == one_by_one
