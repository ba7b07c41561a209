"""Draw a city: its cabinets, and what happens to each of them night by night."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np

from . import cabinet_stories, cable_stories, lamp_stories, meter_stories, quiet_stories
from .daylight import Grid, Night, elevation_deg, nights, sweep_grid
from .stage import Stage
from .street import Habits, Street, draw_street

Story = Callable[[Stage, Night], bool]

_HPS_W: Final = (70, 150, 250)
_LED_W: Final = (40, 60, 90)


@dataclass(frozen=True)
class City:
    """Stages with their stories; `interval_s` of the lit sweep, `lamp_nights` the lamps on stage times nights."""

    name: str
    stages: tuple[Stage, ...]
    interval_s: int
    n_nights: int

    @property
    def streets(self) -> tuple[Street, ...]:
        """The cabinets in the register's order."""
        return tuple(stage.street for stage in self.stages)

    @property
    def lamp_nights(self) -> int:
        """Lamps, metered or not, times nights."""
        return self.n_nights * sum(street.n for street in self.streets)


def _palette(rng: np.random.Generator) -> tuple[Habits, ...]:
    """Cabinets as they are found; a city draws from them."""
    size = int(rng.choice((20, 36, 60, 75)))
    return (
        Habits("six lamps, no cabinet meter", 6, 1, "lamp", "LED", 1.0, False, False),
        Habits("twelve lamps", 12, 1, "contactor", "LED", 1.0, True, False, contacts=False),
        Habits("lamps that switch themselves", size, 3, "lamp", "LED", 1.0, True, False, buses="circuits"),
        Habits("contactor and circuit meters", size, 4, "contactor", "LED", 1.0, True, True, buses="circuits"),
        Habits("sodium with circuit meters", 60, 3, "contactor", "HPS", 1.0, True, True, ratings=_HPS_W),
        Habits("sodium, a phase a circuit", 90, 3, "contactor", "HPS", 1.0, True, False, "single", ratings=_HPS_W),
        Habits("sodium and LED", 48, 4, "contactor", "mixed", 1.0, True, True, ratings=(90, 120), buses="mixed"),
        Habits("one lamp in seven unmetered", 70, 3, "contactor", "LED", 0.86, True, False, buses="mixed"),
        Habits("unmetered among metered, circuit meters", 40, 2, "lamp", "LED", 0.9, True, True, buses="circuits"),
        Habits("circuits metered, lamps not", 59, 2, "contactor", "HPS", 0.0, True, True, ratings=_HPS_W),
        Habits("cabinet metered, nothing else", int(rng.choice((60, 90, 180))), 3, "contactor", "HPS", 0.0, True, False,
               contacts=False, ratings=_HPS_W),
        Habits("cabinet of LED metered as one", 40, 2, "contactor", "LED", 0.0, True, False, contacts=False),
        Habits("nodes with their own supply", 30, 2, "contactor", "LED", 1.0, True, False, own_supply=True),
        Habits("bare meters, dead by day", 45, 3, "contactor", "LED", 1.0, True, True, node=False,
               meters_below_contactor=True, battery=False),
        Habits("no meter but the lamps'", 36, 3, "contactor", "LED", 1.0, False, False, battery=False),
        Habits("order along the cable estimated", 30, 2, "lamp", "LED", 1.0, True, False, surveyed=False),
        Habits("a circuit meter the wrong way round", 40, 3, "lamp", "LED", 1.0, True, True, reversed_circuit=True),
        Habits("one circuit of three by lamp", 60, 3, "contactor", "LED", 1.0, True, True, metered_circuits=1),
        Habits("uneven phases", 45, 2, "contactor", "mixed", 1.0, True, True, "uneven", ratings=(90, 120)),
        Habits("uneven phases, lamps that switch themselves", 30, 1, "lamp", "LED", 1.0, True, False, "uneven"),
        Habits("a great cabinet", 250, 6, "contactor", "LED", 1.0, True, False, buses="mixed"),
        Habits("a great cabinet of sodium", 180, 4, "contactor", "HPS", 1.0, True, True, ratings=(150,),
               buses="circuits"),
    )  # fmt: skip


def draw_city(seed: int, *, n_nights: int = 5, lamps: int = 420, is_eventful: bool = True) -> City:
    """Draw the city of a seed: about `lamps` lamps, `n_nights` nights of which the first is without stories.

    `is_eventful` false leaves only the confounders, for counting false faults.
    """
    rng = np.random.default_rng((seed, 7102))
    interval = int(rng.choice((60, 120, 120, 300, 300)))
    latitude, longitude = float(rng.uniform(-7.5, 3.5)), float(rng.uniform(97, 107))
    lit = nights(date(2026, int(rng.integers(1, 12)), int(rng.integers(1, 28))), n_nights, latitude, longitude)
    chosen: list[Habits] = []
    if seed % 5 == 4:
        chosen = [Habits("photocells", 8, 1, "lamp", "LED", 1.0, True, False, photocell=True)] * 7
    palette = _palette(rng)
    if seed % 5 == 3:
        palette = (
            Habits("small and uneven, sodium", 12, 1, "contactor", "HPS", 1.0, True, False, "uneven", ratings=_HPS_W),
            Habits("small and uneven, LED", 18, 2, "lamp", "LED", 1.0, True, True, "uneven", buses="circuits"),
            Habits("small, a phase each", 18, 3, "contactor", "LED", 1.0, True, False, "single"),
        )
    while sum(h.n_lamps for h in chosen) < lamps:
        fitting = [h for h in palette if h.n_lamps <= max(lamps - sum(c.n_lamps for c in chosen), 60)]
        chosen.append(fitting[int(rng.integers(len(fitting)))])
    stages = []
    for index, habits in enumerate(chosen):
        own = np.random.default_rng((seed, 7102, index))
        street = draw_street(habits, index, own, latitude, longitude)
        grid = sweep_grid(lit, interval, max(300, interval), int(own.integers(0, interval)))
        stages.append(Stage(street, grid, own))
    dark_day = int(rng.integers(1, n_nights - 1)) if n_nights > 2 else -1
    for stage in stages:
        if stage.street.habits.photocell:
            _photocells(stage, dark_day)
        _play_stories(stage, is_eventful=is_eventful)
    return City(f"Kota Lain {seed}", tuple(stages), interval, n_nights)


def _photocells(stage: Stage, dark_day: int) -> None:
    """Switch every lamp by its own threshold; a storm keeps the day after night `dark_day` dark from 9 to 15 h."""
    street, grid = stage.street, stage.grid
    height = elevation_deg(grid.at_s, street.latitude, street.longitude)
    threshold = stage.rng.uniform(-2.5, 0.5, street.n)
    stage.night_on[:] = height[:, None] < threshold
    if dark_day >= 0:
        night = grid.nights[dark_day]
        begin = night.midnight_s + 86400 + 9 * 3600
        for k in range(street.n):
            part = stage.window(begin + stage.rng.uniform(0, 600), begin + 6 * 3600 - stage.rng.uniform(0, 600))
            stage.night_on[part, k] = True


def _some(stage: Stage, night: Night, stories: Sequence[Story], count: int) -> None:
    tries = 0
    while count > 0 and tries < 12:
        tries += 1
        count -= stories[int(stage.rng.integers(len(stories)))](stage, night)


def _play_stories(stage: Stage, *, is_eventful: bool) -> None:
    rng, street = stage.rng, stage.street
    is_photocell = street.habits.photocell
    for number, night in enumerate(stage.grid.nights):
        if number == 0:
            continue
        if is_eventful and street.n <= 20 and len({*street.phase}) == 3 and stage.street.habits.phases != "three":
            # The only cabinets where a lost neutral shows for certain: small streets with uneven phases.
            _some(stage, night, (cable_stories.neutral_of_circuit, cabinet_stories.neutral_of_supply), 1)
        is_whole = rng.random() < 0.45
        if is_eventful and not is_photocell:
            if is_whole and number >= 1:
                _some(stage, night, cabinet_stories.STORIES, 1)
            _some(stage, night, cable_stories.STORIES, int(rng.random() < (0.25 if is_whole else 0.8)))
            _some(
                stage, night, (*lamp_stories.STORIES, *meter_stories.STORIES), int(rng.poisson(min(4.0, street.n / 15)))
            )
        is_busy = stage.busy[stage.window(night.on_s, night.off_s)].all(axis=1).any()
        if rng.random() < 0.5 and not is_busy:
            _some(stage, night, quiet_stories.STORIES, 1)


__all__ = ["City", "Grid", "draw_city"]
