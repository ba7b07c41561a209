"""Play a drawn city through the real pipeline: payload bytes in the order of their arrival."""

import heapq
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path

from benchmarks.scratch import memory_folder
from benchmarks.truth.pipeline import Pipeline
from benchmarks.truth.score import Tally
from benchmarks.truth.shown import Shown, read_shown

from .city import City, draw_city
from .controller import Controller, Message
from .meters import read
from .physics import solve
from .score import settle
from .street import write_city

_BATCH_S = 60
"""Messages of so long are handed to ingest at once, as on a busy broker."""


@dataclass(frozen=True)
class Job:
    """One city to play."""

    seed: int
    n_nights: int = 5
    lamps: int = 420
    is_eventful: bool = True


@dataclass(frozen=True)
class Outcome:
    """What came of one city."""

    tallies: dict[str, Tally]
    lamp_nights: int
    n_messages: int
    n_rebirths: int
    cpu_s: float
    generate_s: float


def _messages(city: City) -> Iterator[Message]:
    streams = []
    for stage in city.stages:
        shown = read(stage, solve(stage))
        streams.append(Controller(stage, shown).messages())
    return heapq.merge(*streams, key=attrgetter("at_s"))


def play_city(job: Job) -> Outcome:
    """Draw, play and score one city."""
    began = time.process_time()
    city = draw_city(job.seed, n_nights=job.n_nights, lamps=job.lamps, is_eventful=job.is_eventful)
    with tempfile.TemporaryDirectory(dir=memory_folder()) as folder:
        write_city(Path(folder) / "city", city.name, city.streets)
        messages = _messages(city)
        generated = time.process_time() - began
        pipeline = Pipeline(Path(folder) / "city")
        try:
            n_messages, n_rebirths = _feed(pipeline, messages)
            shown: list[Shown] = read_shown(pipeline.engine)
        finally:
            pipeline.close()
    tallies = settle(city, shown, f"author 2 seed {job.seed}")
    return Outcome(tallies, city.lamp_nights, n_messages, n_rebirths, time.process_time() - began, generated)


def _feed(pipeline: Pipeline, messages: Iterator[Message]) -> tuple[int, int]:
    count = rebirths = 0
    batch: list[tuple[str, bytes]] = []
    until = 0.0
    for message in messages:
        if not until:
            until = message.at_s + _BATCH_S
        while message.at_s >= until:
            answers = pipeline.take(batch, int(until * 1e6))
            rebirths += sum(b"Node Control/Rebirth" in body for _, body in answers)
            batch = []
            until += _BATCH_S
        batch.append((message.topic, message.body))
        count += 1
    pipeline.take(batch, int(until * 1e6))
    return count, rebirths
