"""The feed of fault changes: every change once, resumed after a cut, none passed over."""

from __future__ import annotations

import asyncio
import json
import threading

from sqlalchemy import delete, insert, select
from sqlalchemy import event as sqlalchemy_event
from ulid import ULID

from dashboard_api.events.feed import Feed
from dashboard_api.store.feed import events_after
from ingest.schema.tables import fault_events


def in_frame(frame):
    """The fields of one event as it is sent, its data read as JSON."""
    fields = dict(line.split(": ", 1) for line in frame.decode().splitlines() if line)
    return {**fields, "data": json.loads(fields["data"])}


def test_the_feed_tells_every_change_once_and_resumes(town, client):
    town.darken(1)

    async def collect(last_seq, count):
        feed = Feed(client.app.state.context)
        poller = asyncio.create_task(feed.run())
        found = []
        async with asyncio.timeout(10):
            async for event in feed.stream(last_seq):
                found.append(event)
                if len(found) == 1 and last_seq == 0:
                    await asyncio.to_thread(town.darken, 2)
                if len(found) == count:
                    break
        poller.cancel()
        return found

    first, second = map(in_frame, asyncio.run(collect(0, 2)))
    assert (first["event"], first["data"]["kind"]) == ("opened", "opened")
    assert second["data"]["fault"]["lamp_id"] == "L-002"
    (resumed,) = map(in_frame, asyncio.run(collect(int(first["id"]), 1)))
    assert resumed == second


def test_what_happens_before_the_poller_has_begun_is_not_passed_over(town, client):
    town.darken(1)

    async def collect():
        feed = Feed(client.app.state.context)
        async with asyncio.timeout(10):
            stream = feed.stream(0)
            first = await anext(stream)
            await asyncio.to_thread(town.darken, 2)
            poller = asyncio.create_task(feed.run())
            second = await anext(stream)
        poller.cancel()
        return [in_frame(frame)["data"]["fault"]["lamp_id"] for frame in (first, second)]

    assert asyncio.run(collect()) == ["L-001", "L-002"]


def test_the_feed_goes_on_when_the_numbers_of_events_began_again(town, client):
    for row in range(1, 4):
        town.darken(row)

    async def collect():
        feed = Feed(client.app.state.context)
        poller = asyncio.create_task(feed.run())
        async with asyncio.timeout(10):
            standing = feed.stream(3)
            waiting = asyncio.ensure_future(anext(standing, None))
            await asyncio.sleep(0.6)  # the poller has found its place
            with town.engine.begin() as connection:  # as a database that was restored from a backup
                connection.execute(delete(fault_events).where(fault_events.c.seq > 1))
            assert await waiting is None, "a stream of before ends, so that its reader loads anew"
            fresh = feed.stream(3)
            waiting = asyncio.ensure_future(anext(fresh))
            await asyncio.sleep(0.1)
            with town.engine.begin() as connection:
                row = connection.execute(select(fault_events)).one()
                connection.execute(insert(fault_events).values({**row._mapping, "seq": 2, "kind": "closed"}))
            frame = await waiting
        poller.cancel()
        return in_frame(frame)

    assert (asyncio.run(collect())["id"]) == "2"


def test_a_change_that_is_committed_late_is_not_passed_over(town, client):
    town.darken(1)
    database = client.app.state.context.database
    (seen, _kind, fault) = events_after(database, 0, 10)[0]
    is_holding, may_commit = threading.Event(), threading.Event()

    def hold(_connection):
        is_holding.set()
        assert may_commit.wait(20)

    sqlalchemy_event.listen(database._engine, "commit", hold)
    body = {"action_id": str(ULID()), "action": "acknowledge"}
    person = threading.Thread(target=client.post, args=(f"/api/v1/faults/{fault.id}/actions",), kwargs={"json": body})
    person.start()
    assert is_holding.wait(20), "the action is written and not committed yet"
    ingest = threading.Thread(target=town.darken, args=(30,))  # in another cabinet: no row of the first fault is locked
    ingest.start()
    ingest.join(1.0)
    told = events_after(database, seen, 10)
    may_commit.set()
    person.join(20)
    ingest.join(20)
    told += events_after(database, told[-1][0] if told else seen, 10)
    assert sorted(kind for _seq, kind, _fault in told) == ["acknowledge", "opened"]
