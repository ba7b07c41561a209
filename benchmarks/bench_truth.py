"""``make bench-truth``: seeded cities of two authors, with faults and confounders, through the real pipeline, scored.

Prints, per code: faults scored, precision, recall and F1 with their 95 % intervals, delays in sweeps, exact spans and
false faults per million lamp-nights; last one JSON object. ``--author 2 --seed 7 --cities 3`` repeats some.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from benchmarks import second_author
from benchmarks.scratch import memory_folder
from benchmarks.truth.cities import write_city
from benchmarks.truth.pipeline import Pipeline
from benchmarks.truth.plan import Plan, Slot
from benchmarks.truth.play import DAY_S, NIGHT_S, CityRun
from benchmarks.truth.report import print_report, summary
from benchmarks.truth.score import CODES, Score, Tally
from benchmarks.truth.shown import read_shown
from firmware_sim.fleet.schedule import SimulatedTimetable, parse_schedule
from firmware_sim.fleet.town import read_town
from firmware_sim.fleet.world import World
from firmware_sim.injections import Injections
from firmware_sim.truth import write_truth

#: 2026-11-23 16:00 in Jakarta: before dusk.
START_US = int(datetime(2026, 11, 23, 9, 0, tzinfo=UTC).timestamp() * 1e6)
_MINUTE_US = 60_000_000
_HOUR_US = 3_600_000_000
_DAY_US = 24 * _HOUR_US


_OF_AUTHOR = ("macro_f1", "lowest_f1", "false_per_million_lamp_nights", "exact_spans", "lamp_nights")


@dataclass(frozen=True)
class Job:
    """One city to play: ``n_quiet`` nights with confounders alone, then ``n_nights`` with faults."""

    seed: int
    n_cabinets: int
    n_quiet: int
    n_nights: int
    truth_folder: Path | None = None


@dataclass
class Outcome:
    """What came of one city."""

    tallies: dict[str, Tally]
    lamp_nights: int
    counts: Counter[str]
    n_messages: int
    cpu_s: float
    refused: list[str]


def play_city(job: Job) -> Outcome:
    """Play and score one city."""
    began = time.process_time()
    rng = np.random.default_rng((0x7E22A, job.seed))
    with tempfile.TemporaryDirectory(dir=memory_folder()) as folder:
        city = write_city(Path(folder) / "city", job.n_cabinets, rng)
        town = read_town(city.folder)
        counts: Counter[str] = Counter()
        plan = Plan(town, city.kinds, rng, counts)
        tables = [
            SimulatedTimetable(parse_schedule(town.schedule, town.timezone), float(latitude), float(longitude))
            for latitude, longitude in zip(town.cabinet_latitude, town.cabinet_longitude, strict=True)
        ]
        steps = plan.standing(START_US)
        nights = [START_US + night * _DAY_US for night in range(job.n_quiet + job.n_nights)]
        for night, noon_us in enumerate(nights):
            for cabinet, table in enumerate(tables):
                for slot in _slots(table, noon_us):
                    if night >= job.n_quiet:
                        steps += plan.fill(cabinet, slot)
                    elif rng.random() < 0.3:
                        steps += plan.confound(cabinet, slot)
        world = World(town, rng, START_US)
        injections = Injections(world, steps)
        pipeline = Pipeline(city.folder)
        city_run = CityRun(world, city.kinds, injections, pipeline, rng)
        at_us, end_us = START_US, nights[-1] + 16 * _HOUR_US + (8 * _HOUR_US)
        dark = _dark_time(tables, nights)
        while at_us < end_us:
            interval_s = NIGHT_S if any(first <= at_us < last for first, last in dark) else DAY_S
            city_run.play(at_us, interval_s)
            at_us += interval_s * 1_000_000
        score = Score(
            town,
            injections.truths,
            read_shown(pipeline.engine),
            city_run.sweeps_us,
            city_run.off_voltage,
            f"seed {job.seed}",
        )
        tallies = score.settle()
        if job.truth_folder is not None:
            write_truth(job.truth_folder / f"truth-{job.seed}.jsonl", injections.truths)
        pipeline.close()
        return Outcome(
            tallies,
            town.plant.n_lamps * len(nights),
            counts,
            city_run.n_messages,
            time.process_time() - began,
            [f"{step.code} {step.place}: {reason}" for step, reason in injections.refused],
        )


def _heard(outcome: Outcome | second_author.Outcome) -> Outcome | second_author.Outcome:
    """Tell a person who waits what one city came to."""
    n_false = sum(tally.n_false for tally in outcome.tallies.values())
    n, n_found = (sum(getattr(tally, name) for tally in outcome.tallies.values()) for name in ("n", "n_found"))
    print(f"a city is over: {n_found} of {n} found, {n_false} false, {outcome.cpu_s:.0f} s of CPU", file=sys.stderr)
    for tally in outcome.tallies.values():
        for line in tally.false:
            print(f"false  {line}", file=sys.stderr)
    return outcome


def _slots(table: SimulatedTimetable, noon_us: int) -> list[Slot]:
    """Two slots of the night after an afternoon, and one of the day after it."""
    times = [noon_us + minute * _MINUTE_US for minute in range(0, 24 * 60, 2)]
    lit = [at_us for at_us in times if table.level(at_us) > 0]
    on_us, off_us = lit[0], lit[-1]
    full_us = next(at_us for at_us in lit if table.level(at_us) < 100) - 5 * _MINUTE_US
    middle_us = (on_us + off_us) // 2
    return [
        Slot(False, on_us + 20 * _MINUTE_US, middle_us - 20 * _MINUTE_US, full_us),
        Slot(False, middle_us + 20 * _MINUTE_US, off_us - 30 * _MINUTE_US),
        Slot(True, off_us + 45 * _MINUTE_US, off_us + 9 * _HOUR_US),
    ]


def _dark_time(tables: list[SimulatedTimetable], nights: list[int]) -> list[tuple[int, int]]:
    """From before the first cabinet's dusk to after the last one's dawn, of each night."""
    spans = []
    for noon_us in nights:
        slots = [_slots(table, noon_us) for table in tables]
        first = min(slot[0].from_us for slot in slots) - 40 * _MINUTE_US
        spans.append((first, max(slot[1].until_us for slot in slots) + 50 * _MINUTE_US))
    return spans


def main() -> None:
    """Play, score, print."""
    arguments = _arguments()
    began = time.monotonic()
    first, second = _jobs(arguments)
    outcomes: list[Outcome | second_author.Outcome] = []
    with multiprocessing.get_context("spawn").Pool(min(arguments.processes, len(first) + len(second))) as pool:
        # The long ones first, so that no process is left with one at the end.
        for results in (
            pool.imap_unordered(play_city, first, chunksize=1),
            pool.imap_unordered(second_author.play_city, second, chunksize=1),
        ):
            outcomes += [_heard(outcome) for outcome in results]
    of_first = [outcome for outcome in outcomes if isinstance(outcome, Outcome)]
    of_second = [outcome for outcome in outcomes if isinstance(outcome, second_author.Outcome)]
    tallies = _sum(outcomes)
    lamp_nights = sum(outcome.lamp_nights for outcome in outcomes)
    print_report(tallies, lamp_nights, arguments.errors)
    n_messages = sum(outcome.n_messages for outcome in outcomes)
    for number, own in ((1, of_first), (2, of_second)):
        if own:
            figures = summary(_sum(own), sum(outcome.lamp_nights for outcome in own))
            told = ", ".join(f"{name} {figures[name]}" for name in _OF_AUTHOR)
            print(f"author {number}: {told}")
    for line in [line for outcome in of_first for line in outcome.refused][:5]:
        print(f"not injected: {line}")
    confounders = sum((outcome.counts for outcome in of_first), Counter())
    told = ", ".join(f"{name} {confounders[name]}" for name in sorted(confounders) if name not in CODES)
    print(f"confounders of the first author beside the standing ones: {told or 'none played'}")
    print(
        f"{len(first)} cities of the first author, {len(second)} of the second, {lamp_nights} lamp-nights, "
        f"{n_messages} messages, {time.monotonic() - began:.0f} s wall, "
        f"{sum(outcome.cpu_s for outcome in outcomes):.0f} s of CPU"
    )
    print(json.dumps(summary(tallies, lamp_nights)))


def _sum(outcomes: Sequence[Outcome | second_author.Outcome]) -> dict[str, Tally]:
    tallies: dict[str, Tally] = {code: Tally() for code in second_author.CODES}
    for outcome in outcomes:
        for code, tally in outcome.tallies.items():
            tallies[code].add(tally)
    return tallies


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one small city of each author, about a minute")
    parser.add_argument("--long", action="store_true", help="at least 315,000 lamp-nights, for rare false faults")
    parser.add_argument("--author", type=int, choices=(1, 2), default=None, help="only the cities of this author")
    parser.add_argument("--seed", type=int, default=1, help="of the first city; the others count on from it")
    parser.add_argument("--cities", type=int, default=None)
    parser.add_argument("--cabinets", type=int, default=None, help="of a city of the first author")
    parser.add_argument("--nights", type=int, default=None)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--errors", type=int, default=5, help="how many errors of each code to tell")
    parser.add_argument("--truth", type=Path, default=None, help="a folder for the first author's truth logs")
    return parser.parse_args()


def _jobs(arguments: argparse.Namespace) -> tuple[list[Job], list[second_author.Job]]:
    """Return the cities of both authors."""
    n_first = arguments.cities or (1 if arguments.quick else 30 if arguments.long else 11)
    n_second = arguments.cities or (1 if arguments.quick else 72 if arguments.long else 16)
    n_cabinets = arguments.cabinets or (18 if arguments.quick else 60)
    n_nights = arguments.nights or (1 if arguments.quick else 3)
    first = [Job(arguments.seed + city, n_cabinets, 1, n_nights, arguments.truth) for city in range(n_first)]
    second = [
        second_author.Job(arguments.seed + city, arguments.nights or (3 if arguments.quick else 5))
        for city in range(n_second)
    ]
    return ([] if arguments.author == 2 else first), ([] if arguments.author == 1 else second)


if __name__ == "__main__":
    main()
