"""Problem documents (RFC 9457)."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from dashboard_api.api.models.answer import Answer, example
from dashboard_api.api.models.fault import FAULT_EXAMPLE, Fault


class Refusal(Answer):
    """One thing that is wrong with a request: where, as a code with parameters, and in words."""

    model_config = example(
        {
            "where": "body.level",
            "code": "value.most",
            "parameters": {"most": 100},
            "detail": "must be at most 100",
        },
    )

    where: str = Field(description="the place in the request, such as `body.level` or `query.limit`")
    code: str
    parameters: dict[str, Any]
    detail: str = Field(description="in the language that the request asks for, else in English")


class Problem(Answer):
    """What is wrong, for a program (`code`, `parameters`) and for a person (`title`, `detail`)."""

    model_config = example(
        {
            "type": "about:blank",
            "title": "Not found",
            "status": 404,
            "detail": "no lamp L-999",
            "code": "no_lamp",
            "parameters": {"lamp_id": "L-999"},
        },
        is_open=True,
    )

    type: str
    title: str
    status: int
    detail: str = Field("", description="in the language that the request asks for, else in English")
    code: str = Field("", description="what is wrong; empty where the status says it all")
    parameters: dict[str, Any] = Field({}, description="what `detail` is filled in with; a reason is a code again")
    errors: list[Refusal] = Field([], description="of a 422: everything that is wrong, 20 at most")


class FaultProblem(Problem):
    """A conflict: the problem, and the fault as it is now."""

    model_config = example(
        {
            "type": "about:blank",
            "title": "Conflict",
            "status": 409,
            "detail": "the fault is at version 3, not 2",
            "code": "stale_version",
            "parameters": {"version": 3, "if_version": 2},
            "fault": FAULT_EXAMPLE,
        },
        is_open=True,
    )

    fault: Fault
