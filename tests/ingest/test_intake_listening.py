"""While the broker is away nobody is judged for silence, and from its return on silence counts anew."""

from types import SimpleNamespace
from unittest.mock import MagicMock

import pytest

from ingest.pipeline.clock import WallClock
from ingest.pipeline.loop import Intake, Pace


@pytest.fixture
def stand():
    broker = SimpleNamespace(
        trouble="not connected yet", n_sessions=0, receive=lambda *_: [], publish=MagicMock(), flush=MagicMock()
    )
    time = SimpleNamespace(us=1_800_000_000_000_000)
    judge = MagicMock()
    judge.tick.return_value = []
    host = MagicMock(group="terang", sessions={})
    host.commands.outgoing.return_value = []
    commit_queue = MagicMock(may_start=True, is_empty=True, is_stalled=False)
    commit_queue.finish.return_value = None
    intake = Intake(
        broker,
        host,
        judge=judge,
        clock=WallClock(lambda: time.us),
        commit_queue=commit_queue,
        dead_letters=MagicMock(),
        metrics=MagicMock(),
        readiness=MagicMock(),
        monotonic=lambda: time.us / 1e6,
        wall_ms=lambda: time.us // 1000,
        pace=Pace(),
    )

    def turn(minutes=1):
        time.us += minutes * 60_000_000
        intake.turn()

    return SimpleNamespace(broker=broker, judge=judge, turn=turn, time=time)


def test_nobody_is_asked_for_silence_while_the_broker_is_away(stand):
    for _ in range(20):
        stand.turn()
    stand.judge.tick.assert_not_called()
    stand.broker.trouble, stand.broker.n_sessions = None, 1
    stand.turn()
    stand.judge.listen.assert_called_once_with(stand.time.us)
    stand.turn()
    assert stand.judge.tick.called


def test_each_new_connection_starts_the_listening_anew(stand):
    stand.broker.trouble, stand.broker.n_sessions = None, 1
    stand.turn()
    stand.broker.trouble = "gone"
    stand.turn(30)
    stand.broker.trouble, stand.broker.n_sessions = None, 2
    stand.turn(30)
    assert [call.args for call in stand.judge.listen.call_args_list] == [
        (stand.time.us - 3_600_000_000,),
        (stand.time.us,),
    ]
