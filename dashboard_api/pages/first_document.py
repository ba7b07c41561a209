"""The page's document with what its first view shows already in it: one round trip less on a slow line.

Owns how answers and words get into the built ``index.html``; knows nothing of how they are drawn. They stand as text
in a ``<template>``, which a browser neither runs nor shows. A service worker keeps the plain ``index.html``.
"""

from __future__ import annotations

import hashlib
import html
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from dashboard_api.access.principal import Principal
from dashboard_api.access.roles import Role, Rule, Scope
from dashboard_api.context import Context
from dashboard_api.errors import RequestError
from dashboard_api.formats.times import iso
from dashboard_api.store.fault_list import FaultFilter
from languages.catalogue import Catalogue

FIRST_FAULTS: Final = 50
FAULTS_PATH: Final = f"/faults?order=priority&limit={FIRST_FAULTS}"  # as the page asks for it
WORDS_FOLDER: Final = "first-words"  # of the built page: the messages of its first view, one file per language
_READERS: Final = Rule(Role.VIEWER, frozenset((Scope.READ, Scope.DISPLAY)))
_PRELOADS: Final = re.compile(r"\s*<link rel=\"preload\"[^>]*as=\"fetch\"[^>]*>")
_MODULES: Final = re.compile(r"<(?:script|link)[^>]*(?:src|href)=\"(/assets/[^\"]+\.js)\"")
_MOVING: Final = frozenset(("at", "live_at", "live_age_s", "now"))  # change while nothing else does: asked for later


Document = Callable[[Context], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Answers:
    """What the document may carry beside the faults.

    Attributes:
        city: as the API answers it.
        codes: of the fault catalogue what the signs need.
        summary: as the API answers it.
    """

    city: Document
    codes: Document
    summary: Document


@dataclass(frozen=True, slots=True)
class Shell:
    """The built document and the words of its first view.

    Attributes:
        text: ``index.html`` without preloads of answers, which stand in it then.
        words: messages as JSON by language.
        modules: value of a ``Link`` header that names the scripts of the first view: they are asked for as soon as the
            head of the answer is there.
    """

    text: str
    words: Mapping[str, Any]
    modules: str

    @classmethod
    def read(cls, dist: Path) -> Shell:
        """The page as it was built into ``dist``.

        Raises:
            OSError: there is no built page.
        """
        words = {
            path.stem: json.loads(path.read_text(encoding="utf-8")) for path in (dist / WORDS_FOLDER).glob("*.json")
        }
        text = _PRELOADS.sub("", (dist / "index.html").read_text(encoding="utf-8"))
        modules = ", ".join(f"<{path}>; rel=modulepreload" for path in _MODULES.findall(text))
        return cls(text, words, modules)


def first_document(
    shell: Shell, made: Answers, context: Context, principal: Principal, catalogue: Catalogue, *, is_list: bool
) -> tuple[bytes, str] | None:
    """The document for one reader and its entity tag, or None where the database does not answer.

    The tag stays while only the time has passed: what a browser has kept says when it is from.

    Args:
        shell: the built page.
        made: how the answers are made.
        context: the city.
        principal: who asks; one who may not read the faults gets none.
        catalogue: the language of words and faults.
        is_list: the list is the first view, so its faults belong to it.
    """
    try:
        answers: dict[str, Any] = {"/city": made.city(context), "/codes": made.codes(context)}
        if principal.may(_READERS):
            answers["/summary"] = made.summary(context)
            if is_list:
                page = context.faults.page(FaultFilter(), catalogue, order="priority", limit=FIRST_FAULTS)
                answers[FAULTS_PATH] = json.loads(page.document())
        now_us = context.now_us()
        ahead_s = (now_us - context.wall_us()) // 1_000_000
    except RequestError:
        return None
    for answer in answers.values():
        for name in _MOVING.intersection(answer):
            del answer[name]
    answered = {
        "language": catalogue.language,
        "words": shell.words.get(catalogue.language),
        "ahead_s": ahead_s,
        "answers": answers,
    }
    city = context.city.shown_name
    tag = document_tag(_filled(shell.text, answered, catalogue.language, city))
    return _filled(shell.text, {**answered, "now": iso(now_us)}, catalogue.language, city), tag


def _filled(text: str, answered: Mapping[str, Any], language: str, city: str) -> bytes:
    data = html.escape(json.dumps(answered, ensure_ascii=False, separators=(",", ":")), quote=False)
    title = html.escape(f"{city} · Terang", quote=False)
    text = re.sub(r"<html lang=\"[^\"]*\">", lambda _: f'<html lang="{html.escape(language)}">', text, count=1)
    text = re.sub(r"<title>[^<]*</title>", lambda _: f"<title>{title}</title>", text, count=1)
    return text.replace("</body>", f'<template id="first-answers">{data}</template></body>', 1).encode()


def document_tag(body: bytes) -> str:
    """A weak entity tag of a document."""
    return f'W/"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
