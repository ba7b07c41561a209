"""What this gateway refuses though TALQ's description allows it."""

from __future__ import annotations

from dashboard_api.errors import BadRequestError
from languages.message import Message


class RefusedError(BadRequestError):
    """A request that is well formed and cannot be followed (422).

    Attributes:
        key: TALQ's word for the reason.
    """

    def __init__(self, key: str, where: str, reason: Message) -> None:
        """``where`` names the member, ``reason`` says why."""
        super().__init__("talq_refused", where=where, reason=reason)
        self.key = key
