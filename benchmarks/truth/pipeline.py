"""The real pipeline in one process and in data time: payload bytes to decoded batches, detection, fault book, database.

The same parts as ``terang-ingest`` puts together, without sockets and without the telemetry store.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edge_agent.wire import BY_NAME, NCMD, DataType, Metric, NodeTopic, Payload, encode_payload
from ingest.database import open_database
from ingest.decode.columns import build_tick
from ingest.detection.engine import Detection
from ingest.jobs.faults import open_fault_job
from ingest.metrics import Metrics
from ingest.model.finding import Change
from ingest.model.fleet import Fleet
from ingest.model.id_directory import Directory
from ingest.model.received_ranges import ReceivedRanges, ReceivedRangesTable
from ingest.mqtt.connection import MqttMessage
from ingest.pipeline.clock import DataClock
from ingest.pipeline.ports import judge_tick
from ingest.register.sync import sync_register
from ingest.schema.city import read_city
from ingest.sparkplug.dead_letters import DeadLetters
from ingest.sparkplug.host_application import HostApplication


class Pipeline:
    """One city's ingest."""

    def __init__(self, folder: Path) -> None:
        """Open a new database in the city's folder."""
        city = read_city(folder, {})
        city.data_folder.mkdir(parents=True, exist_ok=True)
        self.engine = open_database(city)
        register, issues = sync_register(self.engine, folder)
        assert not issues, issues[0]
        fleet = Fleet.from_register(register)
        self._detection = Detection(fleet, city, start_us=0)
        self._book = open_fault_job(self.engine, register, city, 0)
        directory = Directory(fleet)
        self._now_s = 0.0
        self._host = HostApplication(
            city.city.group,
            directory,
            received=ReceivedRangesTable(),
            dead_letters=DeadLetters(city.data_folder),
            metrics=Metrics(),
            monotonic=lambda: self._now_s,
            wall_ms=lambda: int(self._now_s * 1000),
        )
        self._clock = DataClock(directory.controllers.n_register)
        self._topics: dict[str, str] = {}
        self.n_changes = 0

    def take(self, messages: Sequence[MqttMessage], at_us: int) -> list[MqttMessage]:
        """Take what came since the last call; returns commands for the agents, acknowledgements among them."""
        self._now_s = at_us / 1e6
        intake = self._host.receive(messages, self._clock.now_us())
        tick = build_tick(intake.rounds, [*intake.history, *intake.unjudged], self._host.directory)
        changes: list[Change] = list(judge_tick(self._detection, self._clock, intake, tick))
        now_us = self._clock.now_us() or at_us
        changes += self._detection.tick(now_us)
        if changes:
            self._book.apply(changes, now_us)
            self.n_changes += len(changes)
        answers = [self._acknowledgement(*key, ranges) for key, ranges in intake.touched.items()]
        answers += [(topic, payload) for topic, payload in self._host.commands.outgoing(self._host.sessions)]
        return answers

    def _acknowledgement(self, controller_id: str, epoch: int, ranges: ReceivedRanges) -> MqttMessage:
        ranges.durable_to = ranges.complete_to
        ranges.acknowledged = ranges.complete_to
        metrics = tuple(
            Metric(value, alias=BY_NAME[name].alias, datatype=DataType.UINT64)
            for name, value in (("Outbox/Epoch", epoch), ("Outbox/Acknowledged", ranges.complete_to))
        )
        topic = self._topics.get(controller_id)
        if topic is None:
            topic = self._topics[controller_id] = str(NodeTopic(self._host.group, NCMD, controller_id))
        return topic, encode_payload(Payload(int(self._now_s * 1000), None, metrics))

    def close(self) -> None:
        """Let go of the database."""
        self.engine.dispose()
