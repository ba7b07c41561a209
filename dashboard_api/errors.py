"""What can go wrong in the API, and the one table that says which status each kind has over HTTP.

An error of a request is a code and its parameters; the words stand in the catalogues (``languages``) as
``problem.<code>`` and are put in by whoever answers, in the language of the request.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final


class ApiError(Exception):
    """Root of the API's errors."""


class UnusableError(ApiError):
    """A person has to mend something before the API can start: one line, exit code 2."""


class UnguardedError(ApiError):
    """A route without a rule that says who may call it: a fault of the program, found when the app is made."""


class RequestError(ApiError):
    """A request that cannot be answered as asked.

    Attributes:
        code: ``problem.<code>`` in the catalogues says it in words.
        parameters: by name, for those words and for programs.
        extra: further members of the problem document, such as the fault as it is now.
    """

    def __init__(self, code: str, /, extra: Mapping[str, Any] | None = None, **parameters: Any) -> None:
        """Hold code and parameters."""
        super().__init__(f"{code} {parameters}" if parameters else code)
        self.code = code
        self.parameters: Mapping[str, Any] = parameters
        self.extra: Mapping[str, Any] = extra or {}

    @property
    def headers(self) -> dict[str, str]:
        """What the answer's head says beside the problem document."""
        return {}


class NotFoundError(RequestError):
    """No such fault, lamp, cabinet or command."""


class BadRequestError(RequestError):
    """A parameter with an impossible value; the detail names it."""


class ForbiddenError(RequestError):
    """Whoever asks may not have this; the reason is in the log."""


class StaleError(RequestError):
    """Somebody changed the fault since the client read it; the problem carries the fault as it is now."""


class NotAllowedError(RequestError):
    """The fault's state does not allow this action; the problem carries the fault as it is now."""


class UsedIdError(RequestError):
    """The action id came before with another body; the problem carries the fault as it is now."""


class TooLargeError(RequestError):
    """A body that is larger than this route takes."""


class MediaTypeError(RequestError):
    """A body of a kind that this route does not take, by its content."""


class UnauthorisedError(RequestError):
    """Nobody is signed in, or by a token or password that does not hold."""

    @property
    def headers(self) -> dict[str, str]:
        """How to come in (RFC 9110)."""
        return {"WWW-Authenticate": 'Bearer realm="Terang"'}


class TooManyError(RequestError):
    """Asked too often; ``retry_after_s`` says when to come back."""

    @property
    def headers(self) -> dict[str, str]:
        """When to come back (RFC 9110)."""
        return {"Retry-After": str(self.parameters.get("retry_after_s", 60))}


class UnavailableError(RequestError):
    """A store does not answer, or holds nothing yet; the request may be repeated later."""


STATUS: Final[Mapping[type[RequestError], HTTPStatus]] = {
    NotFoundError: HTTPStatus.NOT_FOUND,
    BadRequestError: HTTPStatus.BAD_REQUEST,
    ForbiddenError: HTTPStatus.FORBIDDEN,
    StaleError: HTTPStatus.CONFLICT,
    NotAllowedError: HTTPStatus.CONFLICT,
    UsedIdError: HTTPStatus.CONFLICT,
    TooLargeError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    MediaTypeError: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    UnauthorisedError: HTTPStatus.UNAUTHORIZED,
    TooManyError: HTTPStatus.TOO_MANY_REQUESTS,
    UnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
}
