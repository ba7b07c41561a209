"""Controllers that ask for a certificate."""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import Field

from dashboard_api.api.models.answer import Answer, example

EnrolmentState = Literal["waiting", "approved", "refused", "expired"]
_ID: Final = "5f0c9c1e6a0b4c8f9d2e7a1b3c4d5e6f"
_WAITING: Final[dict[str, Any]] = {
    "id": _ID,
    "controller_id": "PJU-017",
    "key": "9f86 d081 884c 7d65 9a2f eaa0",
    "asked_at": "2026-11-23T12:03:00Z",
    "age_s": 45.2,
    "until": "2026-11-23T12:05:00Z",
    "is_renewal": False,
    "cabinets": [{"cabinet_id": "C-17", "name": "Panel Jalan Melati"}],
}


class EnrolmentRequest(Answer):
    """A request that was taken; who has its id may ask what became of it."""

    model_config = example({"id": _ID, "state": "waiting"})

    id: str
    state: EnrolmentState


class EnrolmentAnswer(Answer):
    """What became of a request; certificate and authority are PEM, `proof` is the code's MAC over the answer."""

    model_config = example({"state": "waiting", "certificate": None, "ca": None, "agent_toml": None, "proof": None})

    state: EnrolmentState
    certificate: str | None
    ca: str | None
    agent_toml: str | None
    proof: str | None


class EnrolledCabinet(Answer):
    """A cabinet that a controller serves."""

    model_config = example(_WAITING["cabinets"][0])

    cabinet_id: str
    name: str | None


class WaitingEnrolment(Answer):
    """A request that waits for an operator, who compares `key` with what the cabinet shows."""

    model_config = example(_WAITING)

    id: str
    controller_id: str
    key: str
    asked_at: str
    age_s: float = Field(description="seconds since `asked_at`, by the server's clock")
    until: str
    is_renewal: bool
    cabinets: list[EnrolledCabinet]


class EnrolmentList(Answer):
    """Requests that wait."""

    model_config = example({"items": [_WAITING], "next_cursor": None})

    items: list[WaitingEnrolment]
    next_cursor: None
