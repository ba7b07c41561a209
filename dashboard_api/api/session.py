"""Signing in and out, and who is signed in."""

from __future__ import annotations

from typing import Annotated, Any, Self

from fastapi import Query, Request, status
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from dashboard_api.access.cookies import DEVICE, SESSION, drop_cookie
from dashboard_api.access.guard import address_of
from dashboard_api.access.principal import Principal
from dashboard_api.context import ContextOf, PrincipalOf
from dashboard_api.pages.sign_in_page import caller_of, let_in
from languages.message import Message


class SessionRequest(BaseModel):
    """Who wants to come in: a person by name and password, or a display by its token."""

    model_config = ConfigDict(extra="forbid")

    name: str | None = Field(None, min_length=1, max_length=256)
    password: str | None = Field(None, min_length=1, max_length=1024)
    token: str | None = Field(None, min_length=1, max_length=128, description="of scope `display`")

    @model_validator(mode="after")
    def _is_one_way(self) -> Self:
        has_password = self.name is not None and self.password is not None
        if has_password == (self.token is not None) or (self.name is None) != (self.password is None):
            raise ValueError(Message("value.password_or_token"))
        return self


def post_session(context: ContextOf, http_request: Request, request: SessionRequest) -> JSONResponse:
    """Sign in: sets the session cookie. A session that the browser came with ends."""
    caller = caller_of(http_request)
    if request.token is not None:
        signed_in = context.sign_in.by_token(request.token, caller)
    else:
        signed_in = context.sign_in.by_password(request.name or "", request.password or "", caller)
    document = me_document(signed_in.principal, has_accounts=True)
    response = JSONResponse(document, status.HTTP_201_CREATED, headers={"Cache-Control": "no-store"})
    let_in(response, http_request, signed_in)
    return response


def delete_session(
    context: ContextOf,
    request: Request,
    principal: PrincipalOf,
    *,
    everywhere: Annotated[bool, Query(description="end all sessions of the account, on every device")] = False,
) -> Response:
    """Sign out. Without a session nothing happens."""
    context.sign_in.sign_out(principal, address_of(request.scope), everywhere=everywhere)
    response = Response(status_code=status.HTTP_204_NO_CONTENT)
    drop_cookie(response, request.scope, SESSION)
    if everywhere:
        drop_cookie(response, request.scope, DEVICE)
    return response


async def get_me(context: ContextOf, principal: PrincipalOf) -> JSONResponse:
    """Who is signed in, and what they may do."""
    has_accounts = principal.kind != "local" or bool(context.admission.has_accounts_cached())
    return JSONResponse(me_document(principal, has_accounts=has_accounts), headers={"Cache-Control": "no-store"})


def me_document(principal: Principal, *, has_accounts: bool) -> dict[str, Any]:
    """A principal as the API shows it."""
    is_bound = principal.kind == "token" or principal.role == "crew"
    return {
        "kind": principal.kind,
        "name": principal.name,
        "role": None if principal.kind == "token" else str(principal.role),
        "scopes": sorted(str(scope) for scope in principal.scopes),
        "districts": list(principal.districts) if is_bound else ["*"],
        "accounts": has_accounts,
    }
