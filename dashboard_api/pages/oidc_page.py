"""To the OpenID provider and back."""

from __future__ import annotations

from html import escape
from typing import Final

from fastapi import Request, status
from fastapi.responses import RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from dashboard_api.access.cookies import OIDC, drop_cookie, read_cookie, set_cookie
from dashboard_api.access.sign_in import SignedIn
from dashboard_api.context import CatalogueOf, ContextOf
from dashboard_api.errors import STATUS, RequestError
from dashboard_api.formats.look import Look, look_of
from dashboard_api.formats.problem_document import problem_words
from dashboard_api.pages.redirects import safe_path
from dashboard_api.pages.sign_in_page import caller_of, let_in, refusal_html, sign_in_html
from languages.catalogue import Catalogue

CALLBACK: Final = "/sign-in/oidc/callback"
_LASTS_S: Final = 600
_LONGEST: Final = 4_096  # characters of a parameter


def _redirect_uri(request: Request) -> str:
    """Where the provider sends the browser back to; the host's name has been checked."""
    return f"{request.url.scheme}://{request.headers.get('host', '')}{CALLBACK}"


async def get_oidc(
    request: Request,
    context: ContextOf,
    catalogue: CatalogueOf,
    next: str | None = None,  # noqa: A002  (the parameter's name in the address)
) -> Response:
    """Send the browser to the provider."""
    try:
        target = safe_path(next)
        url, browser = await run_in_threadpool(context.oidc.begin, _redirect_uri(request), target)
    except RequestError as error:
        return _refused(look_of(context.city), catalogue, error)
    response = RedirectResponse(url, status.HTTP_303_SEE_OTHER, headers={"Cache-Control": "no-store"})
    set_cookie(response, request.scope, OIDC, browser, _LASTS_S)
    return response


async def get_callback(request: Request, context: ContextOf, catalogue: CatalogueOf) -> Response:
    """Take the provider's answer, and sign in whom it confirms."""
    answer = {name: value for name, value in request.query_params.items() if len(value) <= _LONGEST}
    browser, caller = read_cookie(request.scope, OIDC), caller_of(request)

    def work() -> tuple[SignedIn, str]:
        subject = context.oidc.finish(answer, browser, _redirect_uri(request))
        return context.sign_in.by_subject(subject, caller), subject.target

    response: Response
    try:
        signed_in, target = await run_in_threadpool(work)
    except RequestError as error:
        context.refusals.count("openid", caller.address)
        response = _refused(look_of(context.city), catalogue, error)
    else:
        response = RedirectResponse(target, status.HTTP_303_SEE_OTHER, headers={"Cache-Control": "no-store"})
        let_in(response, request, signed_in)
    drop_cookie(response, request.scope, OIDC)
    return response


def _refused(look: Look, catalogue: Catalogue, error: RequestError) -> Response:
    words = problem_words(error.code, error.parameters, catalogue)
    again = f'<a class="button" href="/sign-in">{escape(catalogue.say("sign_in.again"))}</a>'
    code = int(STATUS.get(type(error), status.HTTP_400_BAD_REQUEST))
    return sign_in_html(look, catalogue, refusal_html(words) + again, code, error)
