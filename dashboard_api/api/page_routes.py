"""Rows of the route table: documents and pictures for people that the built page does not hold."""

from __future__ import annotations

from typing import Final

from fastapi.responses import Response

from dashboard_api.access.roles import Role
from dashboard_api.api import (
    labels,
)
from dashboard_api.api.route import SAME, Route
from dashboard_api.pages import branding, oidc_page, sign_in_page

_BRANDING: Final = Route(
    "GET",
    "/branding/logo.png",
    branding.get_logo,
    "city",
    Role.PUBLIC,
    others={branding.PNG: None},
    also=SAME,
    problems={404: "the city has no logo"},
    response_class=Response,
)
_SIGN_IN: Final[tuple[Route, ...]] = tuple(
    # for people: not in the OpenAPI document; what a provider adds to the query of its answer is its own choice
    Route(method, path, endpoint, "", Role.PUBLIC, response_class=Response, reads_query=True)
    for method, path, endpoint in (
        ("GET", "/sign-in", sign_in_page.get_sign_in),
        ("POST", "/sign-in", sign_in_page.post_sign_in),
        ("GET", "/sign-in/link", sign_in_page.get_link),
        ("POST", "/sign-in/link", sign_in_page.post_link),
        ("GET", "/sign-in/style.css", sign_in_page.get_style),
        ("GET", "/sign-in/oidc", oidc_page.get_oidc),
        ("GET", oidc_page.CALLBACK, oidc_page.get_callback),
        ("POST", "/sign-out", sign_in_page.post_sign_out),
    )
)
# for people as well, and guarded: what stands on a pole says where the city's lamps are
_LABELS: Final = Route("GET", "/labels", labels.get_labels, "", Role.CREW, response_class=Response)
PAGES: Final = (_BRANDING, _LABELS, *_SIGN_IN)
