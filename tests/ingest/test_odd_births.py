"""Births and data of sound protobuf that no agent sends: nothing breaks, and the agent itself is heard afterwards."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge_agent.wire.sparkplug_pb2 import Payload as PayloadMessage
from ingest.decode.columns import build_tick
from tests.ingest.name_stand import LAMPS, NameStand

N_SEEDS = 250
ODD_NUMBERS = (0, 1, 2**31, 2**32 - 1, 2**63, 2**64 - 1)
ODD_FLOATS = (float("nan"), float("inf"), -0.0, 1e-45, 3.4e38)
ODD_TEXTS = ("", "\0", "\u202e", "\ud7ff", "x" * 70_000, "é", "e\u0301")


def null(metric: Any, rng: random.Random) -> None:
    """Null, with its value still beside it or without."""
    metric.is_null = True
    if rng.random() < 0.5:
        metric.ClearField(metric.WhichOneof("value") or "name")


def other_value(metric: Any, rng: random.Random) -> None:
    kind = rng.randrange(8)
    if kind == 0:
        metric.int_value = rng.choice(ODD_NUMBERS) % 2**32
    elif kind == 1:
        metric.long_value = rng.choice(ODD_NUMBERS)
    elif kind == 2:
        metric.float_value = rng.choice(ODD_FLOATS)
    elif kind == 3:
        metric.double_value = rng.choice(ODD_FLOATS)
    elif kind == 4:
        metric.boolean_value = rng.random() < 0.5
    elif kind == 5:
        metric.string_value = rng.choice(ODD_TEXTS)
    elif kind == 6:
        metric.bytes_value = rng.randbytes(rng.choice((0, 1, 7, 32, 4096)))
    else:
        metric.bytes_value = b"\xff\xc0\0" * 20


def other_datatype(metric: Any, rng: random.Random) -> None:
    metric.datatype = rng.choice((0, 1, 8, 12, 16, 19, 22, 34, 35, 1000, 2**32 - 1))


def other_alias(metric: Any, rng: random.Random) -> None:
    metric.alias = rng.choice(ODD_NUMBERS)


def no_alias(metric: Any, _rng: random.Random) -> None:
    metric.ClearField("alias")


def other_name(metric: Any, rng: random.Random) -> None:
    metric.name = rng.choice((*ODD_TEXTS, "Lamps/Id", "Outbox/Epoch", "Agent/Version", "lamps/power", "bdSeq"))


def other_time(metric: Any, rng: random.Random) -> None:
    metric.timestamp = rng.choice(ODD_NUMBERS)


def history(metric: Any, _rng: random.Random) -> None:
    metric.is_historical = True


CHANGES: tuple[Callable[[Any, random.Random], None], ...] = (
    null, other_value, other_datatype, other_alias, no_alias, other_name, other_time, history,
)  # fmt: skip  # a list of words


def changed(payload: bytes, rng: random.Random) -> bytes:
    message = PayloadMessage()
    message.ParseFromString(payload)
    for _ in range(rng.randint(1, 4)):
        rng.choice(CHANGES)(rng.choice(message.metrics), rng)
    kind = rng.randrange(6)
    if kind == 0:
        message.metrics.add().CopyFrom(rng.choice(message.metrics))  # twice
    elif kind == 1:
        del message.metrics[rng.randrange(len(message.metrics))]
    elif kind == 2:
        message.seq = rng.choice(ODD_NUMBERS)
    elif kind == 3:
        message.timestamp = rng.choice(ODD_NUMBERS)
    return bytes(message.SerializeToString())


def hear(stand: NameStand) -> None:
    """As ``NameStand.turn``, without holding what comes against what a sound agent said."""
    stand.now_s += 700.0
    messages, stand.air.messages = stand.air.messages, []
    intake = stand.host.receive(messages, stand.air.at_ms * 1000)
    build_tick(intake.rounds, [*intake.history, *intake.unjudged], stand.host.directory)
    list(stand.host.commands.outgoing(stand.host.sessions))
    stand.host.presence()


@pytest.mark.parametrize("what", ["birth", "data", "both"])
def test_odd_messages_break_nothing(tmp_path: Path, what: str) -> None:
    stand = NameStand(tmp_path)
    for seed in range(N_SEEDS):
        rng = random.Random(seed)
        agent = stand.agent(10_000 + seed, LAMPS)
        agent.birth()
        stand.sweep(agent)
        stand.air.messages = [
            (topic, changed(payload, rng) if what == "both" or (what == "birth") == ("/NBIRTH/" in topic) else payload)
            for topic, payload in stand.air.messages
        ]
        hear(stand)
    assert stand.complaints("broke_down") == 0
    stand.agents, stand.stored = [], {}
    stand.sent.clear()
    sound = stand.agent(5, LAMPS)
    sound.birth()
    stand.turn(dt_s=1000.0)
    for _ in range(5):
        stand.sweep(sound)
        stand.turn()
    stand.resend()
    stand.turn()
    stand.check_whole()
