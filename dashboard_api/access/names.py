"""Names of accounts and tokens: one form for what looks the same. Pure."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

LONGEST: Final = 64
_NAME: Final = re.compile(r"[\w][\w.@+ -]{0,63}", re.UNICODE)


def folded(name: str) -> str:
    """The form that names are stored and compared in; cut where it is longer than any name."""
    return unicodedata.normalize("NFKC", name[: 4 * LONGEST]).strip().casefold()[: LONGEST + 1]


def is_name(name: str) -> bool:
    """Whether it can name an account: letters, digits and ``. _ @ + -`` and blanks, up to 64, folded."""
    return _NAME.fullmatch(name) is not None
