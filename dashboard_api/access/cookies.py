"""Names and attributes of the cookies: ``__Host-`` behind TLS, so that no neighbouring host can set or read them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from starlette.requests import cookie_parser
from starlette.responses import Response
from starlette.types import Scope

SESSION: Final = "terang-session"
DEVICE: Final = "terang-device"  # tells a device that its owner signed in on from a stranger's
OIDC: Final = "terang-oidc"  # binds a sign-in at the OpenID provider to the browser that began it


def is_secure(scope: Scope) -> bool:
    """Whether the request came by TLS, here or at a trusted proxy."""
    return bool(scope.get("scheme") == "https")


def cookie_name(name: str, scope: Scope) -> str:
    """The cookie's name on this connection."""
    return f"__Host-{name}" if is_secure(scope) else name


def read_cookies(scope: Scope) -> Mapping[str, str]:
    """The request's cookies."""
    found: dict[str, str] = {}
    for name, value in scope["headers"]:
        if name == b"cookie":
            found |= cookie_parser(value.decode("latin-1"))
    return found


def read_cookie(scope: Scope, name: str) -> str | None:
    """One cookie; behind TLS only the one that TLS protects."""
    return read_cookies(scope).get(cookie_name(name, scope))


def set_cookie(response: Response, scope: Scope, name: str, value: str, max_age_s: int) -> None:
    """Set a cookie that scripts cannot read and that other sites' requests do not carry."""
    response.set_cookie(
        cookie_name(name, scope),
        value,
        max_age=max_age_s,
        path="/",
        secure=is_secure(scope),
        httponly=True,
        samesite="lax",  # a link in a message opens the page signed in; what changes anything is checked by its origin
    )


def drop_cookie(response: Response, scope: Scope, name: str) -> None:
    """Remove a cookie."""
    response.delete_cookie(cookie_name(name, scope), path="/", secure=is_secure(scope), httponly=True, samesite="lax")
