"""Serves the built web page: hashed assets for ever, the page itself and its service worker never unasked.

The document of a view is made for its reader (``first_document``); ``/index.html`` is the plain one.
"""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from fastapi import FastAPI
from fastapi.responses import PlainTextResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from dashboard_api.context import Context, language_wish
from dashboard_api.http.compression import pack, takes_gzip
from dashboard_api.http.entity_tag import not_modified
from dashboard_api.pages.first_document import Answers, Shell, first_document

DIST: Final = Path(__file__).parents[1] / "web" / "dist"
# of the one page, by its own router; and whether the list is the first that is seen of it
_VIEWS: Final = {"/": True, "/lamp/{id:path}": False, "/cabinet/{id:path}": False, "/controllers": False}
# pages of their own: address -> document
_OTHERS: Final = {"/crew": "crew.html", "/live": "wall.html"}
_BUILD: Final = re.compile(r'<meta name="build" content="([0-9a-f]+)"')
_PACKED_AT: Final = 6  # a document is paid for by a phone on a slow line
_NOT_BUILT: Final = "The web page is not built: run `make page`. The API is at /api/v1, its description at /docs.\n"
# nothing is loaded from anywhere else; MapLibre's worker comes from a blob or from the page's own files
_POLICY: Final = (
    "default-src 'self'; script-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; "
    "worker-src 'self' blob:; connect-src 'self' blob: data:; frame-ancestors 'none'"
)
# the crew's page compiles the decoder of its label scanner
_POLICIES: Final = {"crew.html": _POLICY.replace("script-src 'self'", "script-src 'self' 'wasm-unsafe-eval'")}


class WallBuild:
    """Says which build of the wall's page is on disk: walls load themselves anew when it changes."""

    def __init__(self, dist: Path) -> None:
        """Of the page that was built into ``dist``."""
        self._path = dist / "wall.html"
        self._kept: tuple[tuple[int, int], str | None] | None = None

    def __call__(self) -> str | None:
        """The build's digest, None where the page is not built."""
        try:
            state = self._path.stat()
            mark = (state.st_mtime_ns, state.st_size)
            if self._kept is None or self._kept[0] != mark:
                found = _BUILD.search(self._path.read_text(encoding="utf-8"))
                self._kept = (mark, found and found[1])
        except OSError:  # it is being replaced
            return None
        return self._kept[1]


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


def _view_of(
    page: StaticFiles, shell: Shell, answers: Answers, *, is_list: bool
) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        context: Context = request.app.state.context
        catalogue = context.languages[language_wish(request, context) or context.city.city.language]
        principal = request.state.principal

        def make() -> tuple[bytes, str] | None:
            return first_document(shell, answers, context, principal, catalogue, is_list=is_list)

        made = await run_in_threadpool(make)
        if made is None:  # the database does not answer: the page comes, and asks again and again
            return await page.get_response("index.html", request.scope)
        body, tag = made
        headers = {
            "ETag": tag,
            "Cache-Control": "private, no-cache",
            "Content-Language": catalogue.language,
            "Content-Security-Policy": _POLICY,
            "Vary": "Accept-Encoding, Accept-Language, Cookie",
        }
        same = not_modified(request, headers)
        if same is not None:
            return same
        if shell.modules:
            headers["Link"] = shell.modules
        if takes_gzip(request):
            headers["Content-Encoding"] = "gzip"
            body = await run_in_threadpool(pack, body, _PACKED_AT)
        return Response(body, headers=headers, media_type="text/html; charset=utf-8")

    return answer


def _other_page(page: StaticFiles, document: str) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        return await page.get_response(document, request.scope)

    return answer


def mount_page(app: FastAPI, answers: Answers, dist: Path = DIST) -> None:
    """Serve the page at ``/``, or say how to build it where it is not built; ``answers``: what its document carries."""
    if (dist / "index.html").exists():
        page = _Page(directory=dist, html=True)
        shell = Shell.read(dist)
        for path, is_list in _VIEWS.items():
            app.add_route(path, _view_of(page, shell, answers, is_list=is_list), include_in_schema=False)
        for path, document in _OTHERS.items():
            app.add_route(path, _other_page(page, document), include_in_schema=False)
        app.mount("/", page, name="page")
        return

    @app.get("/", response_class=PlainTextResponse, include_in_schema=False)
    async def say_not_built() -> PlainTextResponse:
        return PlainTextResponse(_NOT_BUILT)
