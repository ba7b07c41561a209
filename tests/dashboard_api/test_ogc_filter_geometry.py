"""Spatial functions of CQL2 against exact arithmetic."""

from __future__ import annotations

import itertools
import random
from fractions import Fraction

from sqlalchemy import select, update

from ingest.schema.tables import faults
from tests.dashboard_api.ogc_questions import ask, lamps

WIDTH, HEIGHT = 8, 5  # faults stand on whole degrees, so that edges and corners are met


def on_edge(p, a, b):
    cross = (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0])
    return cross == 0 and min(a[0], b[0]) <= p[0] <= max(a[0], b[0]) and min(a[1], b[1]) <= p[1] <= max(a[1], b[1])


def winding(p, ring):
    """How often a ring goes around a point that is not on it."""
    n = 0
    for a, b in itertools.pairwise(ring):
        side = (b[0] - a[0]) * (p[1] - a[1]) - (p[0] - a[0]) * (b[1] - a[1])
        if a[1] <= p[1] < b[1] and side > 0:
            n += 1
        elif b[1] <= p[1] < a[1] and side < 0:
            n -= 1
    return n


def lies(p, ring, hole):
    """``interior``, ``boundary`` or ``outside`` of a polygon."""
    p = (Fraction(p[0]), Fraction(p[1]))
    for one in (ring, hole):
        if any(on_edge(p, a, b) for a, b in itertools.pairwise(one)):
            return "boundary"
    return "interior" if winding(p, ring) and not (hole and winding(p, hole)) else "outside"


def convex(chance, low, high):
    """A convex ring of corners on halves of degrees, by the gift-wrapping order of their angles."""
    while True:
        points = {
            (Fraction(chance.randint(low * 2, high * 2), 2), Fraction(chance.randint(0, HEIGHT * 2), 2))
            for _ in range(7)
        }
        lower, upper = [], []
        for out, order in ((lower, sorted(points)), (upper, sorted(points, reverse=True))):
            for p in order:
                while len(out) > 1 and (
                    (out[-1][0] - out[-2][0]) * (p[1] - out[-2][1]) - (out[-1][1] - out[-2][1]) * (p[0] - out[-2][0])
                    <= 0
                ):
                    out.pop()
                out.append(p)
        ring = lower[:-1] + upper
        if len(ring) >= 4:
            return ring


def wkt(ring):
    return "(" + ", ".join(f"{float(x)} {float(y)}" for x, y in ring) + ")"


def test_spatial_functions_say_what_exact_arithmetic_says(town, client):
    town.darken(*range(40))
    places = {}
    with town.engine.begin() as connection:
        for index, fault_id in enumerate(connection.execute(select(faults.c.id)).scalars().all()):
            places[fault_id] = (index % WIDTH, index // WIDTH)
            x, y = places[fault_id]
            connection.execute(update(faults).where(faults.c.id == fault_id).values(longitude=x, latitude=y))
    chance = random.Random(22)
    seen = set()
    for _ in range(40):
        ring = convex(chance, 0, WIDTH)
        cx = sum(x for x, _y in ring[:-1]) / (len(ring) - 1)
        cy = sum(y for _x, y in ring[:-1]) / (len(ring) - 1)
        hole = [((x + cx) / 2, (y + cy) / 2) for x, y in ring] if chance.random() < 0.5 else []
        polygon = f"POLYGON({wkt(ring)}{', ' + wkt(hole) if hole else ''})"
        hole = [(Fraction(float(x)), Fraction(float(y))) for x, y in hole]  # as they are written
        for function, wanted in (
            ("S_INTERSECTS", {"interior", "boundary"}),
            ("S_DISJOINT", {"outside"}),
            ("S_WITHIN", {"interior"}),
            ("S_TOUCHES", {"boundary"}),
        ):
            found = {one["id"] for one in ask(client, f"{function}(geometry, {polygon})").json()["features"]}
            expected = {fault_id for fault_id, p in places.items() if lies(p, ring, hole) in wanted}
            assert found == expected, (function, polygon)
            seen |= {lies(p, ring, hole) for p in places.values()}
    assert seen == {"interior", "boundary", "outside"}


def test_a_polygon_of_many_corners_is_answered(town, client):
    town.darken(1)
    ring = [
        (f"{102 + x / 100_000:.5f}", y)
        for x, y in [*((x, "0.7") for x in range(200)), *((x, "0.9") for x in range(199, -1, -1))]
    ]
    corners = ", ".join(f"{x} {y}" for x, y in [*ring, ring[0]])
    assert lamps(client, f"S_INTERSECTS(geometry, POLYGON(({corners})))") == "1"
