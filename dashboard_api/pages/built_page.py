"""Serves the built web page: hashed assets for ever, the page itself and its service worker never from a cache."""

from __future__ import annotations

import mimetypes
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from fastapi import FastAPI
from fastapi.responses import PlainTextResponse, Response
from starlette.requests import Request
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from dashboard_api.http.compression import takes_gzip

DIST: Final = Path(__file__).parents[1] / "web" / "dist"
# address -> its document; the page's own router finds the view
_VIEWS: Final = {"/lamp/{id:path}": "index.html", "/cabinet/{id:path}": "index.html", "/crew": "crew.html"}
_NOT_BUILT: Final = "The web page is not built: run `make page`. The API is at /api/v1, its description at /docs.\n"
# nothing is loaded from anywhere else; MapLibre's worker comes from a blob or from the page's own files
_POLICY: Final = (
    "default-src 'self'; script-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; "
    "worker-src 'self' blob:; connect-src 'self' blob: data:; frame-ancestors 'none'"
)
# the crew's page compiles the decoder of its label scanner
_POLICIES: Final = {"crew.html": _POLICY.replace("script-src 'self'", "script-src 'self' 'wasm-unsafe-eval'")}


class _Page(StaticFiles):
    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await self._packed(path, scope) or await super().get_response(path, scope)
        is_hashed = path.startswith("assets/")
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if is_hashed else "no-cache"
        response.headers["Content-Security-Policy"] = _POLICIES.get(path, _POLICY)
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    async def _packed(self, path: str, scope: Scope) -> Response | None:
        """The file as the page's build packed it, where there is one and the client takes it."""
        if not takes_gzip(Request(scope)) or path.endswith(".gz"):
            return None
        name = "index.html" if path in {"", "."} else path
        packed, _ = self.lookup_path(f"{name}.gz")
        if not packed:
            return None
        response = await super().get_response(f"{name}.gz", scope)
        response.headers["Content-Type"] = mimetypes.guess_type(name)[0] or "application/octet-stream"
        response.headers["Content-Encoding"] = "gzip"
        response.headers["Vary"] = "Accept-Encoding"
        return response


def _view_of(page: StaticFiles, document: str) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        return await page.get_response(document, request.scope)

    return answer


def mount_page(app: FastAPI, dist: Path = DIST) -> None:
    """Serve the page at ``/``, or say how to build it where it is not built."""
    if (dist / "index.html").exists():
        page = _Page(directory=dist, html=True)
        for path, document in _VIEWS.items():
            app.add_route(path, _view_of(page, document), include_in_schema=False)
        app.mount("/", page, name="page")
        return

    @app.get("/", response_class=PlainTextResponse, include_in_schema=False)
    async def say_not_built() -> PlainTextResponse:
        return PlainTextResponse(_NOT_BUILT)
