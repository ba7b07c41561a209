"""The language that a request asks for, before there is a route."""

from __future__ import annotations

from starlette.requests import HTTPConnection
from starlette.types import Scope

from languages.catalogue import FALLBACK, Catalogue, Languages
from languages.choice import accepted_language


def asked_language(scope: Scope, languages: Languages) -> str | None:
    """The language that a request asks for and that there is: ``?lang=``, else ``Accept-Language``, else None."""
    request = HTTPConnection(scope)
    lang = request.query_params.get("lang")
    if lang in languages:
        return lang
    header = request.headers.get("accept-language")
    return None if header is None else accepted_language(header, languages.codes)


def problem_words(scope: Scope, languages: Languages) -> Catalogue:
    """The words of a problem document: the language that the request asks for, else English, for programmers."""
    return languages[asked_language(scope, languages) or FALLBACK]
