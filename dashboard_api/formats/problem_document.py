"""Problem documents (RFC 9457): what is wrong as a code with parameters, and in words. Pure."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from dashboard_api.errors import STATUS, RequestError
from languages.catalogue import Catalogue

MEDIA_TYPE: Final = "application/problem+json"
_LONGEST: Final = 200  # characters of a value that are sent back


def problem_document(status: int, catalogue: Catalogue, code: str = "", **parameters: Any) -> dict[str, Any]:
    """The document of a status, and of ``code`` where there is one."""
    title = catalogue.find(f"problem.status.{status}") or HTTPStatus(status).phrase
    document: dict[str, Any] = {"type": "about:blank", "title": title, "status": status}
    if code:
        sendable = {name: _sendable(value) for name, value in parameters.items()}
        words = {
            name: ", ".join(map(str, value)) if isinstance(value, list) else value for name, value in sendable.items()
        }
        detail = catalogue.say(f"problem.{code}", **words)
        document |= {"detail": detail, "code": code, "parameters": sendable}
    return document


def error_document(error: RequestError, catalogue: Catalogue) -> tuple[int, dict[str, Any]]:
    """Status and document of an error."""
    status = int(STATUS.get(type(error), HTTPStatus.INTERNAL_SERVER_ERROR))
    return status, {**problem_document(status, catalogue, error.code, **error.parameters), **error.extra}


def _sendable(value: Any) -> Any:
    """A parameter as it may be sent: texts cut, and without what UTF-8 cannot hold."""
    if isinstance(value, list | tuple):
        return [_sendable(each) for each in value]
    if isinstance(value, str):
        return value[:_LONGEST].encode("utf-8", "backslashreplace").decode()
    return value
