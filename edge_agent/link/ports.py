"""Interfaces of a session: the connection below it, and what carries out the host's commands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from edge_agent.control.command import Command, DimCommand


@dataclass(frozen=True, slots=True)
class Will:
    """The death certificate that the broker publishes if this connection breaks."""

    topic: str
    payload: bytes
    qos: int = 1


class Transport(Protocol):
    """The MQTT connection as the session sees it."""

    def publish(self, topic: str, payload: bytes, qos: int) -> None:
        """Send, not retained; what cannot be sent is lost, as MQTT does with QoS 0."""

    def disconnect(self) -> None:
        """End the connection on purpose, after what was published has left."""


class Gate(Protocol):
    """Who decides whether an order is the city's."""

    def admit(self, command: Command) -> None:
        """Let a command pass, once.

        Raises:
            BadCommand: it is not the city's, or not new.
        """


class Orders(Protocol):
    """Who carries out what the host commands; called on the link's thread."""

    def dim(self, command: DimCommand) -> None:
        """Hold these levels."""

    def schedule(self, text: str) -> bool:
        """Take a schedule document; False = refused."""

    def held_schedule(self) -> str | None:
        """The document as held."""
