"""The embedded broker with rules about topics: who may publish, subscribe to and receive what."""

from __future__ import annotations

from typing import Any

from amqtt.contexts import Action, BrokerConfig  # type: ignore[import-untyped]  # amqtt ships no types

from ingest.mqtt.bounded_broker import BoundedBroker
from ingest.mqtt.topic_rules import TopicRules


class RuledBroker(BoundedBroker):
    """Holds every message and subscription against the rules, if there are any; a will too."""

    def __init__(self, config: BrokerConfig, max_connections: int, rules: TopicRules | None) -> None:
        """``rules``: None = everybody everything."""
        super().__init__(config, max_connections)
        self._rules = rules

    async def _topic_filtering(self, session: Any, topic: str, action: Action) -> bool:
        """Whether a client may publish, subscribe to or receive a topic."""
        if self._rules is None:
            return bool(await super()._topic_filtering(session, topic, action))
        if action is Action.PUBLISH:
            return self._rules.may_write(session.username, topic)
        return self._rules.may_read(session.username, topic)

    def _may_speak(self, session: Any, topic: str | None) -> bool:
        """Whether a message may go out: amqtt asks nobody about a will. None = the broker's own message."""
        return self._rules is None or session is None or self._rules.may_write(session.username, topic or "")

    async def _broadcast_message(self, session: Any, topic: str | None, *message: Any, **more: Any) -> None:
        if self._may_speak(session, topic):
            await super()._broadcast_message(session, topic, *message, **more)

    async def retain_message(self, source_session: Any, topic_name: str, data: Any, qos: int | None = None) -> None:
        """Keep a retained message of somebody who may write there."""
        if self._may_speak(source_session, topic_name):
            await super().retain_message(source_session, topic_name, data, qos)
