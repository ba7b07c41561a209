"""The sign-in page: server-rendered, without any script. Password, one-time link, OpenID provider, signing out."""

from __future__ import annotations

from html import escape
from typing import Final

from fastapi import Request, status
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from dashboard_api.access.cookies import DEVICE, SESSION, drop_cookie, read_cookie, set_cookie
from dashboard_api.access.guard import address_of
from dashboard_api.access.sign_in import DEVICE_LASTS_S, Caller, SignedIn
from dashboard_api.context import CatalogueOf, ContextOf, PrincipalOf
from dashboard_api.errors import STATUS, RequestError
from dashboard_api.formats.look import Look, look_of
from dashboard_api.formats.problem_document import problem_words
from dashboard_api.pages.forms import read_form
from dashboard_api.pages.redirects import safe_path
from languages.catalogue import Catalogue

_POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_HEADERS: Final = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-store"}
STYLE: Final = """\
:root { color-scheme: dark light; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0; min-height: 100vh; display: grid; place-items: center; }
body { background: #060911; color: #e6e8ee; }
main { width: min(22rem, 90vw); padding: 2rem 0; }
h1 { font-size: 1.25rem; margin: 0 0 1rem; }
label { display: block; margin: 0.75rem 0 0.25rem; }
input { box-sizing: border-box; width: 100%; font: inherit; padding: 0.75rem; border: 1px solid #5b6579; }
input, button, .button { border-radius: 0.5rem; }
input { background: #0d1320; color: inherit; }
button, .button { display: block; box-sizing: border-box; width: 100%; min-height: 3rem; margin-top: 1rem; border: 0; }
button, .button { font: inherit; text-align: center; line-height: 3rem; padding: 0; }
button, .button { background: #f4c56a; color: #14100a; text-decoration: none; cursor: pointer; }
button.second { background: #222b3d; color: #e6e8ee; }
:focus-visible { outline: 3px solid #8ab4ff; outline-offset: 2px; }
.refusal { background: #3a1518; padding: 0.75rem; border-radius: 0.5rem; }
nav { margin-top: 1.5rem; } nav a, details { color: #b9c3d8; } details { margin-top: 1.5rem; }
@media (prefers-color-scheme: light) {
  body { background: #fff; color: #1a1d24; } input { background: #fff; }
  .refusal { background: #fde3e4; } nav a, details { color: #4a5160; }
  button.second { background: #e3e7ef; color: #1a1d24; }
}
"""


def caller_of(request: Request) -> Caller:
    """Where a sign-in comes from."""
    scope = request.scope
    return Caller(address_of(scope), read_cookie(scope, DEVICE), read_cookie(scope, SESSION))


def let_in(response: Response, request: Request, signed_in: SignedIn) -> None:
    """Set the cookies of a new session."""
    set_cookie(response, request.scope, SESSION, signed_in.cookie, signed_in.lasts_s)
    if signed_in.device is not None:
        set_cookie(response, request.scope, DEVICE, signed_in.device, DEVICE_LASTS_S)


async def get_style(context: ContextOf) -> PlainTextResponse:
    """The style of the pages here."""
    return PlainTextResponse(
        STYLE + look_of(context.city).style, media_type="text/css", headers={"Cache-Control": "public, max-age=3600"}
    )


async def get_sign_in(
    request: Request,
    context: ContextOf,
    catalogue: CatalogueOf,
    principal: PrincipalOf,
    next: str | None = None,  # noqa: A002  (the parameter's name in the address)
) -> HTMLResponse:
    """The form, or who is signed in."""
    if principal.is_known:
        return _page(request, catalogue, _signed_in_body(catalogue, principal.name))
    return _page(request, catalogue, _form(catalogue, safe_path(next), has_oidc=bool(context.city.oidc.issuer)))


async def post_sign_in(request: Request, context: ContextOf, catalogue: CatalogueOf) -> Response:
    """Sign in by the form; leads back to where the browser came from."""
    form = await read_form(request)
    caller, target = caller_of(request), safe_path(form.get("next"))

    def work() -> SignedIn:
        if form.get("token"):
            return context.sign_in.by_token(form["token"], caller)
        return context.sign_in.by_password(form.get("name", ""), form.get("password", ""), caller)

    try:
        signed_in = await run_in_threadpool(work)
    except RequestError as error:
        body = _form(catalogue, target, refusal=_said(error, catalogue), has_oidc=bool(context.city.oidc.issuer))
        return _page(request, catalogue, body, error)
    response = RedirectResponse(target, status.HTTP_303_SEE_OTHER)
    let_in(response, request, signed_in)
    return response


async def get_link(request: Request, catalogue: CatalogueOf, code: str = "") -> HTMLResponse:
    """The form behind a one-time link; opening it does not use the link up."""
    return _page(request, catalogue, _link_form(catalogue, code))


async def post_link(request: Request, context: ContextOf, catalogue: CatalogueOf) -> Response:
    """Set the password that a one-time link allows to set, and sign in."""
    form = await read_form(request)
    code, password = form.get("code", ""), form.get("password", "")
    try:
        signed_in = await run_in_threadpool(context.sign_in.by_link, code, password, caller_of(request))
    except RequestError as error:
        return _page(request, catalogue, _link_form(catalogue, code, _said(error, catalogue)), error)
    response = RedirectResponse("/", status.HTTP_303_SEE_OTHER)
    let_in(response, request, signed_in)
    return response


async def post_sign_out(request: Request, context: ContextOf, principal: PrincipalOf) -> Response:
    """Sign out, here or everywhere."""
    form = await read_form(request)
    everywhere = form.get("everywhere") == "yes"
    address = address_of(request.scope)
    await run_in_threadpool(lambda: context.sign_in.sign_out(principal, address, everywhere=everywhere))
    response = RedirectResponse(
        "/sign-in", status.HTTP_303_SEE_OTHER, headers={"Clear-Site-Data": '"cache", "storage"'}
    )
    drop_cookie(response, request.scope, SESSION)
    return response


def _said(error: RequestError, catalogue: Catalogue) -> str:
    return problem_words(error.code, error.parameters, catalogue)


def _page(request: Request, catalogue: Catalogue, body: str, error: RequestError | None = None) -> HTMLResponse:
    code = status.HTTP_200_OK if error is None else int(STATUS.get(type(error), status.HTTP_400_BAD_REQUEST))
    return sign_in_html(look_of(request.app.state.context.city), catalogue, body, code, error)


def sign_in_html(
    look: Look, catalogue: Catalogue, body: str, code: int, error: RequestError | None = None
) -> HTMLResponse:
    """A page of this kind around ``body``, which is HTML."""
    title = f"{escape(look.title)} · Terang"
    text = (
        f'<!doctype html><html lang="{escape(catalogue.language)}"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{title}</title><link rel="icon" href="/icon.svg" type="image/svg+xml">'
        f'<link rel="stylesheet" href="/sign-in/style.css"><main>{look.logo}<h1>{title}</h1>{body}</main></html>\n'
    )
    headers = {**_HEADERS, "Content-Language": catalogue.language, "Vary": "Accept-Language, Cookie"}
    return HTMLResponse(text, code, headers={**headers, **(error.headers if error else {})})


def _field(catalogue: Catalogue, name: str, kind: str, complete: str) -> str:
    return (
        f'<label for="{name}">{escape(catalogue.say(f"sign_in.{name}"))}</label>'
        f'<input id="{name}" name="{name}" type="{kind}" autocomplete="{complete}" maxlength="256" required>'
    )


def _hidden(name: str, value: str) -> str:
    return f'<input type="hidden" name="{name}" value="{escape(value, quote=True)}">'


def refusal_html(text: str) -> str:
    """A refusal above a form; empty = none."""
    return f'<p class="refusal" role="alert">{escape(text)}</p>' if text else ""


def _form(catalogue: Catalogue, target: str, refusal: str = "", *, has_oidc: bool = False) -> str:
    say = catalogue.say
    button = f"<button>{escape(say('sign_in.submit'))}</button>"
    parts = [
        refusal_html(refusal),
        '<form method="post" action="/sign-in">',
        _hidden("next", target) + _field(catalogue, "name", "text", "username"),
        _field(catalogue, "password", "password", "current-password") + button + "</form>",
    ]
    if has_oidc:
        parts.append(f'<a class="button" href="/sign-in/oidc">{escape(say("sign_in.by_oidc"))}</a>')
    parts += [
        f'<details><summary>{escape(say("sign_in.display"))}</summary><form method="post" action="/sign-in">',
        _hidden("next", target) + _field(catalogue, "token", "password", "off") + button + "</form></details>",
    ]
    return "".join(parts)


def _link_form(catalogue: Catalogue, code: str, refusal: str = "") -> str:
    say = catalogue.say
    return (
        f"{refusal_html(refusal)}<p>{escape(say('sign_in.choose_password'))}</p>"
        '<form method="post" action="/sign-in/link">'
        f"{_hidden('code', code[:128])}{_field(catalogue, 'password', 'password', 'new-password')}"
        f"<button>{escape(say('sign_in.submit'))}</button></form>"
    )


def _signed_in_body(catalogue: Catalogue, name: str) -> str:
    say = catalogue.say
    return (
        f"<p>{escape(say('sign_in.signed_in_as', name=name))}</p>"
        f'<a class="button" href="/">{escape(say("sign_in.to_map"))}</a>'
        '<form method="post" action="/sign-out">'
        f'<button class="second">{escape(say("sign_in.sign_out"))}</button></form>'
        f'<form method="post" action="/sign-out">{_hidden("everywhere", "yes")}'
        f'<button class="second">{escape(say("sign_in.sign_out_everywhere"))}</button></form>'
    )
