"""One row of the route table: path, who may call it, what it answers, which problems it has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel

from dashboard_api.access.roles import Role, Rule, Scope

_SCOPES: Final[Mapping[Role, frozenset[Scope]]] = {
    Role.PUBLIC: frozenset(),
    Role.VIEWER: frozenset({Scope.READ}),
    Role.CREW: frozenset({Scope.ACT}),
    Role.OPERATOR: frozenset({Scope.OPERATE}),
    Role.ADMINISTRATOR: frozenset(),
}
WALL: Final = frozenset({Scope.READ, Scope.DISPLAY})
SAME: Final = {304: "the caller's copy still holds"}


@dataclass(frozen=True, slots=True)
class Route:
    """One row of the table.

    Attributes:
        role: the lowest role that may call it.
        scopes: of API tokens, any of which is enough.
        is_for_anyone_known: whoever is signed in may call it.
        is_stream: the answer may last for hours.
        is_of_process: it goes on while the database is unreadable, see `Rule`.
        answer: model of the JSON answer, None = another format.
        others: further formats of the answer: media type -> model, None = no JSON.
        problems: status -> what it means here, beside those that every route may answer.
        response_class: of an answer that is no JSON.
        error_types: further media types of its problems.
        reads_query: the route itself looks at names in the query that it does not declare.
        is_plain: the endpoint takes the request alone, without FastAPI's dependencies, which cost more time than an
            answer that is at hand; ``query`` then names the parameters that it reads.
    """

    method: str
    path: str
    endpoint: Callable[..., Any]
    tag: str
    role: Role
    answer: type[BaseModel] | None = None
    status: int = 200
    others: Mapping[str, type[BaseModel] | None] | None = None
    problems: Mapping[int, str] | None = None
    also: Mapping[int, str] | None = None  # further statuses without a body
    response_class: type[Response] = JSONResponse
    error_types: tuple[str, ...] = ()
    reads_query: bool = False
    body: Mapping[str, Any] | None = None  # of a request whose body is no JSON, as OpenAPI describes it
    scopes: frozenset[Scope] | None = None  # of tokens; None = what goes with the role
    is_for_anyone_known: bool = False
    is_stream: bool = False
    is_of_process: bool = False
    is_plain: bool = False
    query: tuple[str, ...] = ()

    @property
    def rule(self) -> Rule:
        """Who may call it."""
        scopes = _SCOPES[self.role] if self.scopes is None else self.scopes
        return Rule(self.role, scopes, self.is_for_anyone_known, self.is_stream, self.is_of_process)
