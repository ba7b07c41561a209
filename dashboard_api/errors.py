"""What can go wrong in the API, and the one table that says how each is told over HTTP (RFC 9457 problem documents)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

MEDIA_TYPE: Final = "application/problem+json"


class ApiError(Exception):
    """Root of the API's errors; ``detail`` is for a person, ``extra`` stands beside it in the problem document."""

    def __init__(self, detail: str, **extra: Any) -> None:
        """Say what is wrong."""
        super().__init__(detail)
        self.detail = detail
        self.extra: Mapping[str, Any] = extra


class UnusableError(ApiError):
    """A person has to mend something before the API can start: one line, exit code 2."""


class NotFoundError(ApiError):
    """No such fault, lamp, cabinet or command."""


class BadRequestError(ApiError):
    """A parameter that cannot be; the detail names it."""


class StaleError(ApiError):
    """Somebody changed the fault since the client read it; the problem carries the fault as it is now."""


class NotAllowedError(ApiError):
    """The fault's state does not allow this action; the problem carries the fault as it is now."""


class UnavailableError(ApiError):
    """A store does not answer, or nothing is there yet: come again."""


@dataclass(frozen=True, slots=True)
class Told:
    """How a kind of error is told."""

    status: HTTPStatus
    title: str


TOLD: Final[Mapping[type[ApiError], Told]] = {
    NotFoundError: Told(HTTPStatus.NOT_FOUND, "Not found"),
    BadRequestError: Told(HTTPStatus.BAD_REQUEST, "Bad request"),
    StaleError: Told(HTTPStatus.CONFLICT, "Changed meanwhile"),
    NotAllowedError: Told(HTTPStatus.CONFLICT, "Not allowed in this state"),
    UnavailableError: Told(HTTPStatus.SERVICE_UNAVAILABLE, "Not available now"),
}


def problem(error: ApiError) -> tuple[int, dict[str, Any]]:
    """Status and problem document of an error."""
    told = TOLD.get(type(error), Told(HTTPStatus.INTERNAL_SERVER_ERROR, "Internal error"))
    document = {"type": "about:blank", "title": told.title, "status": int(told.status), "detail": error.detail}
    return int(told.status), {**document, **error.extra}
