"""Rules that are added are judged like those that stand in the list: nothing else in detection knows a rule by name."""

import ast
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import ingest.detection
from benchmarks.small_town import Town, city_of
from ingest.detection.engine import Detection
from ingest.detection.memory.flag_bits import FlagBits
from ingest.detection.rules import DETECTORS
from ingest.detection.rules.quiet import Quiet, no_bounds, only
from ingest.detection.rules.rule import Cause, Detector, Proof
from ingest.detection.rules.rule_set import RuleSet
from ingest.errors import RuleError
from ingest.model.finding import Cleared, Raised, StillFailing
from ingest.schema.codes import CATALOGUE
from tests.ingest.detection.exact_path import ExactDetection, differences
from tests.ingest.detection.test_fast_path import play


def _glows(window, expected, _limits):
    """Draws 90 to 95 % of what it should: inside the band in which the twelve rules are quiet."""
    is_weak = (window.power_w >= 0.90 * expected.power_w) & (window.power_w <= 0.95 * expected.power_w)
    return expected.is_on & expected.is_voltage_ok & is_weak


def _is_lit(window, expected, _limits):
    return expected.is_on & expected.is_voltage_ok & np.isfinite(window.power_w) & np.isfinite(expected.power_w)


def _glow_quiet(kinds):
    return Quiet(least_rated_share=only(kinds.is_on, 0.951 * kinds.share * kinds.high_voltage_share))


def _glow_turns(expected, _limits):
    return [("power_w", np.float32(share) * expected.power_w) for share in (0.90, 0.95)]


GLOW = Detector(
    code="lampGlow",
    name="lampGlow",
    holds=_glows,
    judges=_is_lit,
    quiet=_glow_quiet,
    turns=_glow_turns,
    is_level_dependent=True,
    explained_by=(Cause("lampBuzz", hides=False),),
    evidence=lambda window, _expected, row: {"glow_w": float(window.power_w[row])},
)


def _buzzes(window, _expected, _limits):
    """A power factor between 0.96 and 0.98, which the twelve rules find good."""
    return (window.power_factor > 0.96) & (window.power_factor < 0.98)


def _buzz_turns(expected, _limits):
    n = len(expected.level)
    return [("power_factor", np.full(n, at, np.float32)) for at in (0.96, 0.98)]


BUZZ = Detector(
    code="lampBuzz",
    name="lampBuzz",
    holds=_buzzes,
    judges=lambda window, _expected, _limits: np.isfinite(window.power_factor),
    quiet=lambda _kinds: Quiet(most_power_factor=0.96),
    turns=_buzz_turns,
    proof=Proof.ANY,
    evidence=lambda window, _expected, row: {"hum": float(window.power_factor[row])},
)
FOURTEEN = (*DETECTORS, GLOW, BUZZ)


def town_with(rules):
    town = Town(dims=(), noise=0.001)
    town.detection = Detection(town.fleet, city_of(dims=()), start_us=town.now_us, rules=rules)
    return town


def test_a_thirteenth_and_a_fourteenth_rule_fire_are_explained_and_clear():
    town = town_with(FOURTEEN)
    assert town.play(30) == []
    town.factor[3] = 0.925
    (glow,) = town.play(5)
    assert (glow.key.code, glow.cause, glow.lamp_ids) == ("lampGlow", None, ("L-0003",))
    assert abs(glow.evidence["glow_w"] - 92.5) < 1
    assert glow.evidence["samples"] == 3
    town.power_factor[3] = 0.97
    explained, buzz = town.play(5)
    assert (buzz.key.code, buzz.cause) == ("lampBuzz", None)
    assert abs(buzz.evidence["hum"] - 0.97) < 0.001
    assert (explained.key.code, explained.cause) == ("lampGlow", buzz.key)
    town.factor[3], town.power_factor[3] = 1.0, 0.95
    assert {change.key.code for change in town.play(6) if isinstance(change, Cleared)} == {"lampGlow", "lampBuzz"}


def test_a_claim_that_such_a_fault_is_repaired_is_proved_or_not():
    town = town_with(FOURTEEN)
    town.play(30)
    town.factor[3], town.power_factor[5] = 0.925, 0.97
    keys = {change.key.code: change.key for change in town.play(6)}
    for key in keys.values():
        town.detection.mark_repaired(key)
    told = town.play(25)
    assert {change.key.code for change in told if isinstance(change, StillFailing)} == {"lampGlow", "lampBuzz"}
    for key in keys.values():
        town.detection.mark_repaired(key)
    town.factor[3], town.power_factor[5] = 1.0, 0.95
    assert all(change.is_proof for change in town.play(25) if isinstance(change, Cleared))


def test_a_snapshot_taken_before_the_rules_were_added_is_read_and_they_fire_on_lamps_that_were_quiet():
    """The lamps' readings do not change: no level, status or band of before may keep them from the new rules."""
    town = town_with(DETECTORS)
    town.play(30)
    town.factor[[3, 4]], town.factor[7], town.power_factor[5] = 0.925, 0.004, 0.97
    assert {change.key.code for change in town.play(30)} == {"lampFailure"}
    memory = town.detection.snapshot()
    town.detection = Detection(town.fleet, city_of(dims=()), start_us=town.now_us, rules=FOURTEEN)
    assert town.detection.restore(memory) == []
    town.detection.listen(None)
    told = town.play(6)
    assert sorted((c.key.code, c.key.place.lamp_id) for c in told if isinstance(c, Raised)) == [
        ("lampBuzz", "L-0005"),
        ("lampGlow", "L-0003"),
        ("lampGlow", "L-0004"),
    ]
    town.factor[7] = 1.0
    assert [change.key.code for change in town.play(6)] == ["lampFailure"]  # open before, and closed now


def test_rules_in_another_order_go_on_with_their_own_counters():
    town = town_with(FOURTEEN)
    town.play(30)
    town.factor[3], town.power_factor[5], town.temperature[6] = 0.925, 0.97, 95.0
    town.play(6)
    memory = town.detection.snapshot()
    mixed = (*DETECTORS[:2], BUZZ, GLOW, *DETECTORS[:1:-1])
    town.detection = Detection(town.fleet, city_of(dims=()), start_us=town.now_us, rules=mixed)
    town.detection.restore(memory)
    town.detection.listen(None)
    assert town.play(10) == []
    town.factor[:], town.power_factor[:], town.temperature[:] = 1.0, 0.95, 45.0
    cleared = {change.key.code for change in town.play(10) if isinstance(change, Cleared)}
    assert cleared == {"lampGlow", "lampBuzz", "highTemperature"}


@pytest.mark.parametrize("seed", [3, 5])
def test_the_fast_path_is_exact_for_them_too(seed):
    assert play(seed, 150, FOURTEEN) is not None


def play_calm(rules, quantity, value):
    """A calm town in which one lamp changes in one quantity, judged by the fast path and by all rules."""
    town = Town(dims=(), noise=0.001)
    start = {"start_us": town.now_us, "rules": rules}
    fast, exact = (kind(town.fleet, city_of(dims=()), **start) for kind in (Detection, ExactDetection))
    for sweep in range(45):
        if sweep == 30:
            getattr(town, quantity)[3] = value
        town.now_us += town.interval_s * 1_000_000
        batch = town.sweep()
        assert fast.judge(batch, town.now_us) == exact.judge(batch, town.now_us)
        assert differences(fast, exact) == []


@pytest.mark.parametrize(
    ("undeclared", "quantity", "value"),
    [
        ({"lampPowerTooHigh", "dimmingFailure"}, "factor", 1.5),
        ({"lampFailure", "lampPowerTooLow", "cyclingFailure", "dimmingFailure", "lampGlow"}, "factor", 0.004),
        ({"lampGlow"}, "factor", 0.925),
        ({"powerFactorTooLow"}, "power_factor", 0.5),
        ({"lampBuzz"}, "power_factor", 0.97),
        ({"highTemperature"}, "temperature", 95.0),
        ({"impossible"}, "power_factor", 1.2),
    ],
)
def test_the_comparison_fails_where_a_bound_is_wrong(undeclared, quantity, value):
    """Rules that declare no bounds are missed by the screen; with all rules on all readings they are not."""
    if undeclared == {"impossible"}:
        undeclared = {"impossible", "lampBuzz"}  # whose bound holds it too
    play_calm(FOURTEEN, quantity, value)
    wrong = tuple(replace(rule, quiet=no_bounds) if rule.name in undeclared else rule for rule in FOURTEEN)
    with pytest.raises(AssertionError):
        play_calm(wrong, quantity, value)


def test_more_rules_than_32_bits_hold_take_64_and_too_many_are_refused_in_words():
    assert FlagBits(15).dtype == np.uint32
    assert FlagBits(16).dtype == np.uint64
    many = [replace(BUZZ, name=f"buzz-{i}") for i in range(31 - len(DETECTORS))]
    town = town_with((*DETECTORS, *many))
    town.play(30)
    town.power_factor[5], town.factor[7] = 0.97, 0.004
    told = town.play(6)
    assert sorted(change.key.code for change in told) == ["lampBuzz", "lampFailure"]
    memory = town.detection.snapshot()
    fewer = Detection(town.fleet, city_of(dims=()), start_us=town.now_us)
    fewer.restore(memory)
    with pytest.raises(RuleError, match=r"32 lamp rules.*room for 31"):
        town_with((*DETECTORS, *many, GLOW))


def test_rules_that_do_not_fit_together_are_refused_in_words():
    with pytest.raises(RuleError, match="two lamp rules are named lampGlow"):
        RuleSet([GLOW, GLOW])
    with pytest.raises(RuleError, match="lampGlow: its own code"):
        RuleSet([replace(GLOW, explained_by=(Cause("lampGlow"),))])


def test_every_lamp_rule_has_its_row_in_the_catalogue():
    lamp_codes = {code.code for code in CATALOGUE if code.level == "lamp"}
    assert {rule.code for rule in DETECTORS} == lamp_codes - {"communicationFailure"}


def test_no_module_outside_the_rules_names_a_lamp_rule():
    names = {rule.code for rule in DETECTORS} | {rule.name for rule in DETECTORS}
    folder = Path(ingest.detection.__file__).parent
    for path in folder.rglob("*.py"):
        if path.parent.name == "rules":
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        named = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)} & names
        imported = {
            alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ingest.detection.rules")
            for alias in node.names
        }
        assert not named, f"{path.name} names {sorted(named)}"
        assert "DETECTORS" not in imported or path.name == "engine.py", path.name
