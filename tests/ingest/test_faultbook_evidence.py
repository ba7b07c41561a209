"""What the fault book writes down of evidence that changes: claims at once, figures now and then."""

from __future__ import annotations

import pytest

from tests.ingest.test_faultbook import MINUTE, T0, BookFixture, dark


@pytest.fixture
def fixture(database_url):
    opened = BookFixture(database_url)
    yield opened
    opened.engine.dispose()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"suspected": "pole fuse", "load": "gone", "is_dark": True}, {"power_w": 0.4}),
        ({"suspected": "dimming", "power_w": 51.0}, {"power_w": 51.0}),
        ({"suspected_register_error": True, "power_w": 51.0}, {"power_w": 51.0}),
        ({"ambiguous": True}, {"load": "there", "is_dark": False}),
    ],
)
def test_evidence_that_a_reading_refutes_is_taken_back_at_once(fixture, before, after):
    """Figures may wait for a quarter of an hour; what is no longer true may not, and detection says it once."""
    book = fixture.book
    book.apply([dark(evidence=before)], T0)
    book.apply([dark(at_us=T0 + 2 * MINUTE, evidence=after)], T0 + 2 * MINUTE)
    told = {name: value for name, value in fixture.row().evidence.items() if name not in {"since", "priority"}}
    assert told == after
    assert fixture.kinds() == ["opened", "changed"]


def test_figures_that_wobble_are_not_written_down_with_every_sweep(fixture):
    book = fixture.book
    book.apply([dark(evidence={"power_w": 0.4, "load": "gone"})], T0)
    for minute in range(1, 10):
        at_us = T0 + minute * MINUTE
        book.apply([dark(at_us=at_us, evidence={"power_w": 0.4 + minute / 100, "load": "gone"})], at_us)
    assert fixture.kinds() == ["opened"]
