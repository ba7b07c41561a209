"""The embedded broker with rules about topics: who may publish, subscribe to and receive what.

Whoever came by TLS goes by the name on the certificate, whatever name CONNECT gives, and needs no password.
"""

from __future__ import annotations

import ssl
from typing import Any, Final

from amqtt.contexts import Action, BrokerConfig  # type: ignore[import-untyped]  # amqtt ships no types

from ingest.mqtt.bounded_broker import BoundedBroker
from ingest.mqtt.topic_rules import TopicRules

_CERTIFIED: Final = "terang.certificate"  # attribute of a session: the name on the certificate, None without one


class RuledBroker(BoundedBroker):
    """Holds every message and subscription against the rules, if there are any; a will too."""

    def __init__(
        self,
        config: BrokerConfig,
        max_connections: int,
        rules: TopicRules | None,
        tls: ssl.SSLContext | None = None,
        named: TopicRules | None = None,
    ) -> None:
        """Nothing is started yet.

        Args:
            config: of amqtt.
            max_connections: that stand at once.
            rules: None = everybody everything.
            tls: of the listener that asks for certificates.
            named: the rules there.
        """
        super().__init__(config, max_connections, tls)
        self._rules = rules
        self._named = named

    async def _handle_client_session(self, reader: Any, writer: Any, client_session: Any, *more: Any) -> None:
        client_session.attributes[_CERTIFIED] = _name_on_certificate(writer.get_ssl_info())
        await super()._handle_client_session(reader, writer, client_session, *more)

    async def _authenticate(self, session: Any, listener: Any) -> bool:
        name = session.attributes.get(_CERTIFIED)
        if name is None:
            return bool(await super()._authenticate(session, listener))
        session.username = name
        return self._named is not None

    def _rules_of(self, session: Any) -> TopicRules | None:
        return self._rules if session.attributes.get(_CERTIFIED) is None else self._named

    async def _topic_filtering(self, session: Any, topic: str, action: Action) -> bool:
        """Whether a client may publish, subscribe to or receive a topic."""
        rules = self._rules_of(session)
        if rules is None:
            return bool(await super()._topic_filtering(session, topic, action))
        if action is Action.PUBLISH:
            return rules.may_write(session.username, topic)
        return rules.may_read(session.username, topic)

    def _may_speak(self, session: Any, topic: str | None) -> bool:
        """Whether a message may go out: amqtt asks nobody about a will. None = the broker's own message."""
        rules = None if session is None else self._rules_of(session)
        return rules is None or rules.may_write(session.username, topic or "")

    async def _broadcast_message(self, session: Any, topic: str | None, *message: Any, **more: Any) -> None:
        if self._may_speak(session, topic):
            await super()._broadcast_message(session, topic, *message, **more)

    async def retain_message(self, source_session: Any, topic_name: str, data: Any, qos: int | None = None) -> None:
        """Keep a retained message of somebody who may write there."""
        if self._may_speak(source_session, topic_name):
            await super().retain_message(source_session, topic_name, data, qos)


def _name_on_certificate(connection: Any) -> str | None:
    """The common name of a peer's certificate; None = no TLS. TLS without a name is nobody's: an empty one."""
    if connection is None:
        return None
    subject = (connection.getpeercert() or {}).get("subject", ())
    names = [value for part in subject for key, value in part if key == "commonName"]
    return names[0] if len(names) == 1 else ""
