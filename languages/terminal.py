"""The words of a command line: its language is the terminal's, and its help texts are message ids until it starts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from languages.catalogue import FALLBACK, Catalogue, language_codes, load_catalogue
from languages.choice import terminal_language
from languages.errors import CatalogueError

_MARKUP: Final = re.compile(r"\[(?=[a-z#/@])")


def terminal_words(environment: Mapping[str, str]) -> Catalogue:
    """The catalogue in the language of whoever sits at this terminal; messages show as their ids if it is damaged."""
    try:
        return _catalogue(terminal_language(environment, language_codes()))
    except CatalogueError:
        return Catalogue(FALLBACK, {})


@cache
def _catalogue(language: str) -> Catalogue:
    return load_catalogue(language)


def _escaped(text: str) -> str:
    """A help text in which ``[broker]`` is no markup of Rich, which prints it."""
    return _MARKUP.sub(r"\\[", text)


def translate_help(command: Any, words: Catalogue) -> None:
    """Put messages in place of the ids that a Click command, its parameters and its subcommands have as help texts."""
    if command.help:
        command.help = _escaped(words.say(command.help))
    for parameter in command.params:
        if getattr(parameter, "help", None):
            parameter.help = _escaped(words.say(parameter.help))
    for each in getattr(command, "commands", {}).values():
        translate_help(each, words)
