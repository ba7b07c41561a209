"""Where answers are made: short ones at once, others on a thread; tiles and large lists only when they change."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from dashboard_api import context as desk_module
from dashboard_api.context import Context
from dashboard_api.http import compression
from dashboard_api.store.fault_list import FaultFilter, is_short
from dashboard_api.tiles import tile_cache
from dashboard_api.tiles.layers import lamp_digest, order_lights, place_lamps
from dashboard_api.tiles.places import TileAddress, project, stretches_in
from dashboard_api.tiles.tile_cache import TileCache
from ingest.schema import live

T0 = 1_790_000_000_000_000


def tile_of(latitude, longitude, z):
    x, y = project(np.array([latitude]), np.array([longitude]))
    return TileAddress(z, int(x[0]) >> (30 - z), int(y[0]) >> (30 - z))


NEAR = tile_of(0.79, 102.0, 14)
FAR = tile_of(0.80, 102.0, 14)  # of the second cabinet


@pytest.fixture
def context(town):
    opened = Context(town.city, lambda: T0)
    yield opened
    opened.close()


@pytest.fixture
def drawn(monkeypatch):
    """Addresses of the lamps' tiles that were drawn."""
    seen = []
    draw = tile_cache.lamp_tile

    def note(lamps, lights, here, address):
        seen.append(address)
        time.sleep(0.02)  # as long as a full tile takes
        return draw(lamps, lights, here, address)

    monkeypatch.setattr(tile_cache, "lamp_tile", note)
    return seen


def test_a_new_picture_draws_only_the_tiles_on_which_a_lamp_changed(town, context, drawn):
    cache = TileCache(context)
    town.write_live([live.STATE_LIT] * 40)
    first = [cache.tile("lamps", address, is_packed=True) for address in (NEAR, FAR)]
    town.write_live([live.STATE_DARK] + [live.STATE_LIT] * 39, at_us=T0 + 60_000_000)
    second = [cache.tile("lamps", address, is_packed=True) for address in (NEAR, FAR)]
    assert drawn == [NEAR, FAR, NEAR]
    assert [one.stamp == other.stamp for one, other in zip(first, second, strict=True)] == [False, True]
    assert [one.body == other.body for one, other in zip(first, second, strict=True)] == [False, True]


def test_a_tile_is_another_one_when_a_lamp_on_it_has_another_state_or_level():
    lamps = place_lamps(["L-1", "L-2"], np.array([0.79, 0.79]), np.array([102.0, 102.0001]))
    here = stretches_in(lamps.places, NEAR)

    def digest(state, level):
        return lamp_digest(order_lights(lamps, np.array(state, np.uint8), np.array(level, np.uint8)), here)

    shown = [
        digest((2, 2), (100, 100)),
        digest((2, 3), (100, 100)),
        digest((2, 2), (100, 70)),
        digest((3, 2), (100, 100)),
    ]
    assert len(set(shown)) == 4
    assert digest((2, 2), (100, 100)) == shown[0]


def test_a_tile_that_many_ask_for_is_drawn_once(town, context, drawn, monkeypatch):
    cache = TileCache(context)
    town.write_live([live.STATE_LIT] * 40)
    cache.tile("lamps", FAR, is_packed=True)
    everybody = threading.Barrier(6)

    def ask(_n):
        everybody.wait()
        return cache.tile("lamps", NEAR, is_packed=True)

    with ThreadPoolExecutor(6) as people:
        assert len({tile.packed for tile in people.map(ask, range(6))}) == 1
    assert drawn.count(NEAR) == 1


def test_few_lamps_are_drawn_at_once_and_many_are_left_to_a_thread(town, context, drawn, monkeypatch):
    cache = TileCache(context)
    assert cache.find("lamps", NEAR, is_packed=True) is None  # nothing is loaded
    town.write_live([live.STATE_LIT] * 40)
    assert cache.tile("lamps", FAR, is_packed=True).packed is not None
    found = cache.find("lamps", NEAR, is_packed=True)
    assert found is not None
    assert found == TileCache(context).tile("lamps", NEAR, is_packed=True)
    town.write_live([live.STATE_DARK] * 40, at_us=T0 + 60_000_000)
    assert cache.find("lamps", NEAR, is_packed=True) is None  # of an older picture
    cache.tile("lamps", FAR, is_packed=True)
    with monkeypatch.context() as patched:
        patched.setattr(tile_cache, "_FEW", 19)
        assert cache.find("lamps", NEAR, is_packed=True) is None
    drawn.clear()
    with monkeypatch.context() as patched:
        patched.setattr(tile_cache, "_LITTLE_BYTES", 100)
        assert cache.find("lamps", NEAR, is_packed=True) is None  # drawn, and to be packed on a thread
    dark = cache.tile("lamps", NEAR, is_packed=True)
    assert cache.find("lamps", NEAR, is_packed=True) == dark != found
    assert drawn == [NEAR]


def test_a_large_register_is_left_out_of_collections_of_garbage(context, monkeypatch):
    context.lamps()
    assert gc.get_freeze_count() == 0
    monkeypatch.setattr(desk_module, "_LARGE", 40)
    context._lamps = None
    try:
        context.lamps()
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()


def test_only_short_work_on_a_file_is_done_where_the_loop_runs(town, context):
    async def where(**how):
        return await context.answer(threading.get_ident, **how) == threading.get_ident()

    is_file = town.city.database.url.startswith("sqlite")
    assert asyncio.run(where()) == is_file
    assert not asyncio.run(where(is_short=False))


@pytest.mark.parametrize(
    ("wanted", "order", "limit", "short"),
    [
        (FaultFilter(), "priority", 100, True),
        (FaultFilter(), "-opened_at", 100, True),
        (FaultFilter(district="Siak", bbox=(0, 0, 1, 1), codes=("lampFailure",)), "priority", 100, True),
        (FaultFilter(), "priority", 1000, False),
        (FaultFilter(), "distance", 100, False),
        (FaultFilter(state="closed"), "priority", 100, False),
        (FaultFilter(district="Siak"), "-opened_at", 100, False),
        (FaultFilter(severities=("critical",)), "priority", 100, False),
        (FaultFilter(lamp_id="L-001"), "priority", 100, False),
        (FaultFilter(since_us=0), "priority", 100, False),
    ],
)
def test_a_list_is_short_where_one_index_answers_it(wanted, order, limit, short):
    assert is_short(wanted, order, limit) == short


def test_a_large_list_is_packed_once_until_a_fault_on_it_changes(town, client, monkeypatch):
    packed = []
    monkeypatch.setattr(
        compression.zlib,
        "compressobj",
        lambda *given, make=compression.zlib.compressobj: packed.append(1) or make(*given),
    )
    town.darken(*range(40))
    town.darken(*range(40), code="relayFailure")
    first = client.get("/api/v1/faults")
    assert first.headers["content-encoding"] == "gzip"
    assert first.headers["vary"] == "Accept-Language, Accept-Encoding"
    assert client.get("/api/v1/faults").content == first.content
    assert len(packed) == 1
    plain = client.get("/api/v1/faults", headers={"Accept-Encoding": "identity"})
    assert plain.content == first.content
    assert "content-encoding" not in plain.headers
    town.darken(3, code="meterFailure")
    assert client.get("/api/v1/faults").content != first.content
    assert len(packed) == 2
