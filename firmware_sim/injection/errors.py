"""Errors of injections."""

from __future__ import annotations

from firmware_sim.errors import SimError
from languages.message import Message


class InjectionError(SimError):
    """Unknown code, place or parameter, or a cause that makes no sense there: nothing was changed.

    Attributes:
        message: why.
    """

    def __init__(self, message: Message) -> None:
        """Hold why."""
        super().__init__(message)
        self.message = message
