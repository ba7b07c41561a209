"""The agent's own session against ingest's: two of one name, and one whose card breaks, lose and mix nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from edge_agent.link.session import BIRTH_GAP_S
from edge_agent.wire import NDATA, Metric, NodeTopic, decode_payload, encode_payload
from ingest.decode.columns import build_tick
from ingest.metrics import Metrics
from ingest.model.received_ranges import ReceivedRangesTable
from ingest.sparkplug.dead_letters import DeadLetters
from ingest.sparkplug.host_application import HostApplication
from tests.edge_agent.played_session import START_MS, Played, values
from tests.edge_agent.stub_meters import lamp_layout
from tests.ingest.seeded_blocks import town

GROUP, NAME = "g", "n"  # as a played session calls itself


class Street:
    """Two agents that both hear whatever the host says to their name, second by second."""

    def __init__(self, folder: Path) -> None:
        whole = lamp_layout(8)
        self.agents = [
            Played(self._folder(folder, f"agent-{seed}"), layout=replace(whole, lamp_ids=lamp_ids), seed=seed)
            for seed, lamp_ids in ((1, whole.lamp_ids[:4]), (2, whole.lamp_ids[4:]))
        ]
        self.lamps_of: dict[int, tuple[str, ...]] = {}
        self.given: set[tuple[int, int]] = set()
        self.stored: dict[tuple[int, int], list[str]] = {}
        self.now_s = 0.0
        self.n_rebirths = 0
        self.metrics = Metrics()
        self.host = HostApplication(
            GROUP,
            town(1, 8, NAME, "L-{:04d}"),
            received=ReceivedRangesTable(),
            dead_letters=DeadLetters(folder),
            metrics=self.metrics,
            monotonic=lambda: self.now_s,
            wall_ms=lambda: START_MS + int(1000 * self.now_s),
        )

    @staticmethod
    def _folder(folder: Path, name: str) -> Path:
        (folder / name).mkdir()
        return folder / name

    def sweep(self, agent: Played) -> None:
        record = agent.sweep()
        self.given.add((record.epoch, record.sequence))
        self.lamps_of[record.epoch] = agent.layout.lamp_ids

    def run(self, seconds: int, *, every_s: int | None = None) -> None:
        for second in range(seconds):
            self.now_s += 1.0
            for agent in self.agents:
                agent.now_s = self.now_s
                if every_s is not None and second % every_s == 0:
                    self.sweep(agent)
                agent.session.pump(self.now_s)
            self._hear()

    def _hear(self) -> None:
        sent = [
            (str(NodeTopic(GROUP, kind, NAME)), encode_payload(payload))
            for agent in self.agents
            for kind, payload, _ in agent.sent
        ]
        for agent in self.agents:
            agent.sent.clear()
        intake = self.host.receive(sent, START_MS * 1000 + int(self.now_s * 1e6))
        block = build_tick(intake.rounds, [*intake.history, *intake.unjudged], self.host.directory).block
        for i, key in enumerate(zip(block.batch.epoch.tolist(), block.batch.sequence.tolist(), strict=True)):
            assert key not in self.stored, "stored twice"
            rows = slice(block.batch.lamp_start[i], block.batch.lamp_start[i + 1])
            self.stored[key] = [self.host.directory.lamps[number] for number in block.lamp_name[rows].tolist()]
        for agent in self.agents:
            for (_, epoch), ranges in intake.touched.items():
                agent.acknowledge(ranges.complete_to, epoch)
        for _, payload in self.host.commands.outgoing(self.host.sessions):
            self.n_rebirths += any(m.name == "Node Control/Rebirth" for m in decode_payload(payload).metrics)
            for agent in self.agents:
                agent.raw(payload)

    def check_whole(self) -> None:
        assert set(self.stored) == self.given
        assert all(lamps == list(self.lamps_of[epoch]) for (epoch, _), lamps in self.stored.items())
        assert [agent.outbox.n_held for agent in self.agents] == [0, 0]

    def complaints(self, reason: str) -> float:
        sample = self.metrics.registry.get_sample_value("terang_ingest_complaints_total", {"reason": reason})
        return sample or 0.0


def test_two_agents_and_a_card_that_breaks_lose_and_mix_nothing(tmp_path: Path) -> None:
    street = Street(tmp_path)
    for agent in street.agents:
        street.sweep(agent)
        agent.connect()
    street.run(300, every_s=10)
    street.run(130)
    street.check_whole()
    assert street.complaints("duplicate_controller") > 0
    n_rebirths = street.n_rebirths

    breaking = street.agents[0]
    breaking.ncmd(Metric(value=True, name="Node Control/Rebirth"))
    street.run(1)
    breaking.break_card()
    street.sweep(breaking)  # its birth has to wait for BIRTH_GAP_S: the data goes first
    before = len(breaking.sent)
    breaking.pump()
    assert {kind for kind, _, _ in breaking.sent[before:]} == {NDATA}
    assert values(breaking.sent[-1][1])["Outbox/Epoch"] == breaking.outbox.epoch
    street.run(int(BIRTH_GAP_S) + 1)
    street.run(100, every_s=10)
    street.run(130)
    street.check_whole()
    assert street.complaints("unborn_epoch") > 0
    assert street.n_rebirths - n_rebirths <= 2
