"""A register that cannot be put in force everywhere is in force nowhere, and is tried again."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from edge_agent.wire import BY_NAME, Metric, Payload, encode_payload, pack_strings
from ingest.database import open_database
from ingest.detection.engine import Detection
from ingest.jobs.faults import open_fault_job
from ingest.jobs.register_swap import RegisterSwap
from ingest.jobs.register_watch import RegisterWatch
from ingest.metrics import Metrics
from ingest.model.fleet import Fleet
from ingest.model.id_directory import Directory
from ingest.model.received_ranges import ReceivedRangesTable
from ingest.pipeline.clock import DataClock
from ingest.register.sync import sync_register
from ingest.schema.city import read_city
from ingest.sparkplug.dead_letters import DeadLetters
from ingest.sparkplug.host_application import HostApplication
from tests.ingest.city_stand import GROUP, lamp_name, write_city

AT_MS = 1_764_000_000_000
Step = Callable[[Any], tuple[object, str]]
STEPS: dict[str, Step] = {
    "host": lambda s: (s.host, "replace_directory"),
    "one birth": lambda s: (s.host._other_births, "replace_directory"),
    "places": lambda s: (s.book, "replace_locator"),
    "commands": lambda s: (s.users[0], "replace_fleet"),
    "energy": lambda s: (s.users[1], "replace_fleet"),
    "detection": lambda s: (s.detection, "replace_fleet"),
    "detection's parts": lambda s: (s.detection, "_set_up"),
    "detection's memory": lambda s: (s.detection, "restore"),
    "open faults": lambda s: (s.detection, "adopt"),
    "clock": lambda s: (s.clock, "replace_fleet"),
}


class User:
    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet

    def replace_fleet(self, fleet: Fleet) -> None:
        self.fleet = fleet


@pytest.fixture
def stand(tmp_path: Path) -> SimpleNamespace:
    write_city(tmp_path, n_controllers=3, n_lamps=4, broker_port=1)
    city = read_city(tmp_path, {})
    city.data_folder.mkdir(parents=True, exist_ok=True)
    engine = open_database(city)
    register, _ = sync_register(engine, tmp_path)
    fleet = Fleet.from_register(register)
    metrics = Metrics()
    host = HostApplication(
        GROUP,
        Directory(fleet),
        received=ReceivedRangesTable(),
        dead_letters=DeadLetters(tmp_path),
        metrics=metrics,
        monotonic=lambda: 0.0,
        wall_ms=lambda: AT_MS,
    )
    values = {
        "Outbox/Epoch": 7,
        "Outbox/Sequence": 1,
        "Outbox/Pending": 0,
        "Lamps/Id": pack_strings(tuple(lamp_name(2, i) for i in range(4))),
    }
    birth = encode_payload(
        Payload(
            AT_MS,
            0,
            tuple(Metric(v, name=k, alias=BY_NAME[k].alias, datatype=BY_NAME[k].datatype) for k, v in values.items()),
        )
    )
    host.receive([(f"spBv1.0/{GROUP}/NBIRTH/PJU-002", birth)], AT_MS * 1000)
    stand = SimpleNamespace(
        host=host,
        clock=DataClock(fleet.n_controllers),
        book=open_fault_job(engine, register, city, 0, metrics).book,
        detection=Detection(fleet, city, start_us=AT_MS * 1000),
        users=(User(fleet), User(fleet)),
        live=SimpleNamespace(register_version=register.version),
        reported=[],
        engine=engine,
        folder=tmp_path,
        first=register,
        now_s=0.0,
    )
    stand.swap = RegisterSwap(
        register,
        fleet,
        host=host,
        clock=stand.clock,
        book=stand.book,
        detection=stand.detection,
        fleet_users=stand.users,
        live=stand.live,
        tell=stand.reported.append,
    )
    stand.watch = RegisterWatch(engine, tmp_path, register.version, stand.swap.replace, lambda: stand.now_s)
    write_city(tmp_path, n_controllers=2, n_lamps=5, broker_port=1)  # another register: a cabinet less, lamps more
    return stand


def in_force(stand: SimpleNamespace) -> dict[str, object]:
    """What each part goes by."""
    host, detection = stand.host, stand.detection
    return {
        "host": len(host.directory.lamps),
        "session": [(s.controller, s.lamps, s.circuits) for s in host.sessions.values()],
        "by topic": [(s.controller, s.lamps) for s in host._by_topic.values()],
        "clock": len(stand.clock._is_online),
        "places": len(stand.book._fault_locator._row_of),
        "users": [user.fleet.n_lamps for user in stand.users],
        "live": stand.live.register_version,
        "detection": {name: repr(np.asarray(value).tolist()) for name, value in detection.snapshot().items()},
        "picture": len(next(iter(detection.live_picture().values()))),
    }


def breaking(real: Callable[..., Any], *, is_after: bool) -> Callable[..., Any]:
    """Raises at its first call, before or after it did its work."""
    state = SimpleNamespace(is_broken=True)

    def call(*args: Any) -> Any:
        was_broken, state.is_broken = state.is_broken, False
        if was_broken and not is_after:
            raise MemoryError("injected")
        found = real(*args)
        if was_broken:
            raise MemoryError("injected")
        return found

    return call


@pytest.mark.parametrize(
    ("step", "is_after"),
    # after the clock, the last of all, nothing can fail
    [(step, is_after) for step in STEPS for is_after in (False, True) if (step, is_after) != ("clock", True)],
)
def test_an_error_at_any_step_leaves_the_old_register_in_force(
    step: str, stand: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, *, is_after: bool
) -> None:
    part, name = STEPS[step](stand)
    monkeypatch.setattr(part, name, breaking(getattr(part, name), is_after=is_after))
    before = in_force(stand)
    stand.now_s = 10.0
    stand.watch.run(0)  # the files have changed: they are read once they stand still
    stand.now_s = 12.0
    with pytest.raises(MemoryError):
        stand.watch.run(0)
    assert in_force(stand) == before
    assert not stand.reported
    stand.now_s = 20.0
    stand.watch.run(0)
    after = in_force(stand)
    assert after["users"] == [10, 10]
    assert after["places"] == after["picture"] == 10
    assert after["host"] == 10 + 4, "the lamps of a session that the register does not know any more are numbered too"
    assert after["clock"] == 2
    assert after["live"] != before["live"]
    assert len(stand.reported) == 1
