"""Agents that go by one controller's name, and a session host that hears them all: messages in lists, no broker."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from edge_agent.wire import BY_NAME, decode_payload
from ingest.decode.columns import build_tick
from ingest.metrics import Metrics
from ingest.model.batch import first_lamps
from ingest.model.id_directory import Directory
from ingest.model.received_ranges import ReceivedRangesTable
from ingest.sparkplug.dead_letters import DeadLetters
from ingest.sparkplug.host_application import HostApplication
from tests.ingest.city_stand import GROUP
from tests.ingest.played_agents import PlayedAgent
from tests.ingest.seeded_blocks import town

AT_MS = 1_790_000_000_000
NAME = "PJU-000"
LAMPS = tuple(f"L-{i:06d}" for i in range(8))  # all that the register gives to the controller


def numbered(seed: int) -> dict[str, int]:
    """Aliases of an agent of some make."""
    names = list(BY_NAME)
    random.Random(seed).shuffle(names)
    return {name: alias for alias, name in enumerate(names)}


@dataclass
class Air:
    """What is published, until the host hears it."""

    at_ms: int = AT_MS
    messages: list[tuple[str, bytes]] = field(default_factory=list)

    def publish(self, kind: str, node: str, payload: bytes) -> None:
        self.messages.append((f"spBv1.0/{GROUP}/{kind}/{node}", payload))


class NameStand:
    """One name, its agents, and what the host makes of them.

    Attributes:
        stored: (epoch, sequence) -> (lamp, power) of every record, as they would be written.
        beside: the same of records that came later under the same number, at another time.
        n_rebirths: requests for a rebirth.
    """

    def __init__(self, folder: Path) -> None:
        self.air = Air()
        self.now_s = 0.0
        self.metrics = Metrics()
        self.directory = town(1, len(LAMPS))
        self.agents: list[PlayedAgent] = []
        self.stored: dict[tuple[int, int], list[tuple[str, float]]] = {}
        self.beside: defaultdict[tuple[int, int], list[list[tuple[str, float]]]] = defaultdict(list)
        self._times: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
        self.sent: defaultdict[int, dict[int, list[tuple[str, float]]]] = defaultdict(dict)
        self.touched: dict[tuple[str, int], object] = {}
        self.n_rebirths = 0
        self._power_w = 0.0
        self.host = HostApplication(
            GROUP,
            self.directory,
            received=ReceivedRangesTable(),
            dead_letters=DeadLetters(folder),
            metrics=self.metrics,
            monotonic=lambda: self.now_s,
            wall_ms=lambda: self.air.at_ms,
        )

    def agent(self, epoch: int, lamp_ids: tuple[str, ...], *, make: int = 1, bd_seq: int = 0) -> PlayedAgent:
        agent = PlayedAgent(self.air, 0, len(lamp_ids), numbered(make))  # type: ignore[arg-type]  # it only publishes
        agent.lamp_ids, agent.epoch, agent.bd_seq = lamp_ids, epoch, bd_seq
        self.agents.append(agent)
        return agent

    def sweep(self, agent: PlayedAgent, *, is_sent: bool = True) -> None:
        """A sweep in which no lamp has a power that any other reading has."""
        self.air.at_ms += 1000
        powers = [self._power_w + i for i in range(1, agent.n_lamps + 1)]
        self._power_w = powers[-1]
        values = agent.values(**{"Lamps/Power": np.array(powers, "<f4").tobytes()})
        sequence = agent.sweep(values, is_sent=is_sent)
        self.sent[agent.epoch][sequence] = list(zip(agent.lamp_ids, powers, strict=True))

    def resend(self) -> None:
        for agent in self.agents:
            for sequence in list(agent.outbox):
                agent.send(sequence, is_historical=True)

    def turn(self, *, dt_s: float = 1.0) -> None:
        """Let the host hear what was sent, store it, acknowledge it, and let every agent of the name hear the host."""
        self.now_s += dt_s
        messages, self.air.messages = self.air.messages, []
        intake = self.host.receive(messages, self.air.at_ms * 1000)
        tick = build_tick(intake.rounds, [*intake.history, *intake.unjudged], self.host.directory)
        self._store(tick.block.batch, tick.block.lamp_name, self.host.directory)
        for first, last in tick.rounds:
            assert max(Counter(tick.block.batch.controller[first:last].tolist()).values()) == 1, "twice in one round"
        self.touched = dict(intake.touched)
        for (_, epoch), ranges in intake.touched.items():
            for agent in self.agents:
                agent.hear({"Outbox/Epoch": epoch, "Outbox/Acknowledged": ranges.complete_to})
        for _, payload in self.host.commands.outgoing(self.host.sessions):
            self.n_rebirths += 1
            for agent in self.agents:
                agent.hear({metric.name: metric.value for metric in decode_payload(payload).metrics})

    def _store(self, batch, lamp_name: np.ndarray, directory: Directory) -> None:  # type: ignore[no-untyped-def]
        assert np.array_equal(batch.first_lamp, first_lamps(batch.lamp, batch.lamp_start))
        for i, (epoch, sequence) in enumerate(zip(batch.epoch.tolist(), batch.sequence.tolist(), strict=True)):
            rows = slice(batch.lamp_start[i], batch.lamp_start[i + 1])
            lamps = [directory.lamps[number] for number in lamp_name[rows].tolist()]
            at_us = int(batch.at_us[i])
            assert at_us not in self._times[epoch, sequence], "stored twice"
            self._times[epoch, sequence].append(at_us)
            readings = list(zip(lamps, batch.power_w[rows].tolist(), strict=True))
            if (epoch, sequence) in self.stored:
                self.beside[epoch, sequence].append(readings)
            else:
                self.stored[epoch, sequence] = readings

    def complaints(self, reason: str) -> float:
        sample = self.metrics.registry.get_sample_value("terang_ingest_complaints_total", {"reason": reason})
        return sample or 0.0

    def check_stored(self) -> None:
        """Everything that is stored lies on the lamps that it was measured at."""
        for (epoch, sequence), readings in self.stored.items():
            assert readings == self.sent[epoch][sequence], (epoch, sequence)

    def check_whole(self) -> None:
        """Nothing is lost, nothing waits, and everything lies where it belongs."""
        self.check_stored()
        assert {(e, s) for e, records in self.sent.items() for s in records} == set(self.stored)
        assert not any(agent.outbox for agent in self.agents)
