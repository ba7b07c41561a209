"""The crew's own outbox against the API as a process: its line fails, it is killed, its database is locked.

The phones run in Node (``dashboard_api/web/tests/real_api``): the page's outbox, rows and transport unchanged, over
fake-indexeddb. What they say they have sent and still hold is compared with the city's database, photos and audit log.
``TERANG_SOAK=1`` plays the whole campaign, ``TERANG_SEEDS=1-25`` a part of it.
"""

from __future__ import annotations

import collections
import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import select

from dashboard_api.access.audit_check import check_log
from dashboard_api.context import wall_us
from ingest.schema.access_tables import audit
from ingest.schema.tables import fault_events, faults
from tests.dashboard_api.conftest import Town
from tests.dashboard_api.crew_api_process import ApiProcess, Controls
from tests.dashboard_api.faulty_line import FaultyLine
from tests.dashboard_api.people import PASSWORD, People

WEB = Path(__file__).parents[2] / "dashboard_api" / "web"
IS_WHOLE = os.environ.get("TERANG_SOAK") == "1"
FIRST_SEED, LAST_SEED = (int(n) for n in os.environ.get("TERANG_SEEDS", "1-200" if IS_WHOLE else "1-2").split("-"))
N_REPAIRS = 50 if IS_WHOLE else 12
PER_PROCESS = 20  # seeds over one city
ROUNDED_US = 200_000  # the phone says a report's age in tenths of a second
pytestmark = pytest.mark.timeout(0 if IS_WHOLE else 180)


@pytest.fixture
def vitest():
    program = WEB / "node_modules" / ".bin" / "vitest"
    if not program.exists() or shutil.which("node") is None:
        pytest.skip("vitest is missing: npm ci in dashboard_api/web (make check does it)")
    return [str(program), "run", "--config", "tests/real_api/vitest.config.ts", "--reporter", "dot"]


@pytest.fixture
def photos(tmp_path):
    """Files of photos that differ in every pixel."""
    folder = tmp_path / "photos"
    folder.mkdir()
    chance = np.random.default_rng(7)
    for n in range(N_REPAIRS):
        Image.fromarray(chance.integers(0, 255, (120, 160, 3), np.uint8)).save(folder / f"{n:02d}.jpg", quality=60)
    return folder


@pytest.mark.parametrize("first", range(FIRST_SEED, LAST_SEED + 1, PER_PROCESS))
def test_nothing_is_lost_or_doubled_against_the_real_api(tmp_path, photos, vitest, first, record_property):
    seeds = list(range(first, min(first + PER_PROCESS, LAST_SEED + 1)))
    (tmp_path / "city").mkdir()
    town = Town(tmp_path / "city", n_lamps=N_REPAIRS * len(seeds), n_cabinets=len(seeds))
    town.darken(*range(N_REPAIRS * len(seeds)), at_us=wall_us())
    people = People(town.city, wall_us)
    people.add("budi", "crew", "*")
    people.add("sari", "crew", "*")
    with town.engine.connect() as connection:
        ids = connection.execute(select(faults.c.id).order_by(faults.c.id)).scalars().all()
    path = town.city.folder / "data" / "terang.db"
    api, controls = ApiProcess(town.city.folder), Controls(path)
    line = FaultyLine(api.port, api.kill)
    try:
        told = run_phones(tmp_path, photos, vitest, (api, line, controls), dict(zip(seeds, chunks(ids), strict=True)))
    finally:
        line.close()
        controls.close()
        api.close()
    figures = collections.Counter()
    for campaign in told:
        figures.update(check_campaign(town, campaign, line.longest_ms))
    figures["kills"] = api.n_kills
    check_audit(town, people, told)
    town.engine.dispose()
    print(f"seeds {seeds[0]} to {seeds[-1]}:", dict(figures), "line:", line.counted)
    record_property("figures", dict(figures))


def chunks(ids):
    return [ids[at : at + N_REPAIRS] for at in range(0, len(ids), N_REPAIRS)]


def run_phones(folder, photos, vitest, servers, faults_of):
    api, line, controls = (f"http://127.0.0.1:{server.port}" for server in servers)
    asked = [
        {"seed": seed, "faults": [{"id": one, "version": 1, "state": "open", "code": "lampFailure"} for one in ids]}
        for seed, ids in faults_of.items()
    ]
    output = folder / "told.json"
    settings = {"api": api, "proxy": line, "controls": controls, "password": PASSWORD, "photos": str(photos)}
    settings |= {"output": str(output), "seeds": asked}
    (folder / "settings.json").write_text(json.dumps(settings))
    env = {**os.environ, "TERANG_REAL_API": str(folder / "settings.json")}
    done = subprocess.run(
        vitest, cwd=WEB, env=env, capture_output=True, text=True, check=False, timeout=PER_PROCESS * 120
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return json.loads(output.read_text())


def check_campaign(town, campaign, longest_ms):
    """Each report is in the database once, or still on the phone with the reason why; never both, never neither."""
    seed, phones = campaign["seed"], campaign["phones"]
    rows = {(phone["name"], row["n"]): row for phone in phones for row in phone["rows"]}
    reported = [one for phone in phones for one in phone["reported"]]
    discarded = {(phone["name"], n) for phone in phones for n in phone["discarded"]}
    its_faults = {one["faultId"] for one in reported}
    with town.engine.connect() as connection:
        columns = fault_events.c
        query = select(columns.action_id, columns.note, columns.at_us, columns.kind, columns.fault_id, columns.actor)
        query = query.where(columns.fault_id.in_(its_faults), columns.action_id.is_not(None))
        events = connection.execute(query).all()
    by_mark = collections.defaultdict(list)
    for event in events:
        by_mark[event.note].append(event)
    figures = collections.Counter(seeds=1)
    for one in reported:
        key = (one["phone"], one["n"])
        row = rows.get(key)
        where = f"seed {seed}: {one} {row}"
        assert (row is None) == (key in discarded), where
        if one["kind"] == "photo":
            assert row["state"] == "sent", where
            figures["photos"] += 1
            continue
        its = by_mark.pop(one["mark"], [])
        assert len(its) == (1 if row and row["state"] == "sent" else 0), (where, its)
        assert row is None or row["state"] in {"sent", "conflict"} or row["waiting"] == "behind", where
        figures[row["state"] if row else "discarded"] += 1
        if its:
            assert its[0].action_id == row["id"], where
            assert (its[0].fault_id, its[0].actor) == (one["faultId"], one["phone"]), where
            if one["isDateKnown"]:  # the way to the server is what its clock can add
                way_us = round(longest_ms[row["id"]] * 1000)
                early_us, late_us = one["fromMs"] * 1000 - ROUNDED_US, one["toMs"] * 1000 + way_us + ROUNDED_US
                assert early_us <= its[0].at_us <= late_us, (where, its, way_us)
    assert not by_mark, f"seed {seed}: nobody reported {dict(by_mark)}"
    sent = collections.Counter(one["faultId"] for one in reported if one["kind"] == "photo")
    kept = collections.Counter({one: len(photo_files(town, one)) for one in sent})
    assert kept == sent, f"seed {seed}"
    figures["tries"] = sum(row["nTries"] for row in rows.values())
    figures["deaths"] = sum(phone["nDied"] for phone in phones)
    return figures


def photo_files(town, fault_id):
    return list((town.city.data_folder / "photos" / fault_id).glob("*"))


def check_audit(town, people, told):
    """What was done stands in the audit log once, and its chain holds."""
    with town.engine.connect() as connection:
        report = check_log(connection, people.context.key_file.derived("audit"), None, [])
        query = select(audit.c.action, audit.c.target, audit.c.after)
        lines = connection.execute(query).all()
    assert report.problems == []
    rows = [row for campaign in told for phone in campaign["phones"] for row in phone["rows"] if row["state"] == "sent"]
    n_actions = sum(line.action.startswith("fault.") for line in lines)
    assert n_actions == sum(row["kind"] == "action" for row in rows)
    photos = collections.Counter(json_of(line.after)["photo_id"] for line in lines if line.action == "photo.add")
    assert photos == {row["id"]: 1 for row in rows if row["kind"] == "photo"}


def json_of(value):
    return json.loads(value) if isinstance(value, str) else value
