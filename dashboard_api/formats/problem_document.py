"""Problem documents (RFC 9457): what is wrong as a code with parameters, and in words. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from dashboard_api.errors import STATUS, RequestError
from ingest.schema.validation import place_of, reason_of
from languages.catalogue import Catalogue
from languages.message import Message, document_of

MEDIA_TYPE: Final = "application/problem+json"
_LONGEST: Final = 200  # characters of a value that are sent back
_MOST_ERRORS: Final = 20  # of a request that are named one by one


def problem_document(status: int, catalogue: Catalogue, code: str = "", **parameters: Any) -> dict[str, Any]:
    """The document of a status, and of ``code`` where there is one."""
    title = catalogue.find(f"problem.status.{status}") or catalogue.say("problem.status.other", status=status)
    document: dict[str, Any] = {"type": "about:blank", "title": title, "status": status}
    if code:
        detail = problem_words(code, parameters, catalogue)
        document |= {"detail": detail, "code": code, "parameters": _sendable_members(parameters)}
    return document


def problem_words(code: str, parameters: Mapping[str, Any], catalogue: Catalogue) -> str:
    """A problem's code and parameters in words; a `Message` among them in the same language."""
    return catalogue.say(f"problem.{code}", **{name: _shown(value, catalogue) for name, value in parameters.items()})


def error_document(error: RequestError, catalogue: Catalogue) -> tuple[int, dict[str, Any]]:
    """Status and document of an error."""
    status = int(STATUS.get(type(error), HTTPStatus.INTERNAL_SERVER_ERROR))
    return status, {**problem_document(status, catalogue, error.code, **error.parameters), **error.extra}


def validation_document(found: Sequence[Any], catalogue: Catalogue) -> dict[str, Any]:
    """The document of a request that pydantic refuses: of the first thing wrong, with all of them under ``errors``.

    Args:
        found: pydantic's errors, one at least; 20 are named.
        catalogue: the words.
    """
    errors = []
    for each in found[:_MOST_ERRORS]:
        reason = reason_of(each)
        document = _sendable(reason)
        errors.append({"where": _text(place_of(each)), **document, "detail": reason.say(catalogue)})
    first = found[0]
    document = problem_document(
        HTTPStatus.UNPROCESSABLE_ENTITY, catalogue, "invalid", where=place_of(first), reason=reason_of(first)
    )
    return {**document, "errors": errors}


def _sendable_members(members: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _sendable(value) for name, value in members.items()}


def _sendable(value: Any) -> Any:
    """A parameter as it may be sent: texts cut and fit for UTF-8, a message as code and parameters."""
    if isinstance(value, Message):
        document = document_of(value)
        return {"code": document["code"], "parameters": _sendable_members(document["parameters"])}
    if isinstance(value, Mapping):
        return _sendable_members(value)
    if isinstance(value, list | tuple):
        return [_sendable(each) for each in value]
    return _text(value) if isinstance(value, str) else value


def _shown(value: Any, catalogue: Catalogue) -> Any:
    if isinstance(value, Message):
        return _text(value.say(catalogue), _LONGEST * 2)
    if isinstance(value, list | tuple):
        return ", ".join(str(_sendable(each)) for each in value)
    return _text(value) if isinstance(value, str) else value


def _text(value: str, most: int = _LONGEST) -> str:
    return value[:most].encode("utf-8", "backslashreplace").decode()
