"""JSON answers whose words depend on the language that was asked for."""

from __future__ import annotations

from typing import Any

from fastapi.responses import JSONResponse

from languages.catalogue import Catalogue


def language_headers(catalogue: Catalogue) -> dict[str, str]:
    """The headers that say which language an answer is in, and that another caller may get another one."""
    return {"Content-Language": catalogue.language, "Vary": "Accept-Language"}


def answer_in(catalogue: Catalogue, document: Any, status: int = 200) -> JSONResponse:
    """``document``, which holds words of ``catalogue``."""
    return JSONResponse(document, status, headers=language_headers(catalogue))
